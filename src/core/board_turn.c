/* Turns: a lock a key, on bytes far beyond the end of the board's file, so that nothing of the
 * layout is needed and the kernel gives back what a killed worker held. Called by db/txn.c. */
#include "base.h"
#include "core/board_map.h"
#include "core/clock.h"

#define TURNS_AT    ((off_t)1 << 40)
#define TURNS       65536
#define PAUSE_FIRST 100000 /* ns */
#define PAUSE_MOST  300000

/* The lock belongs to the descriptor that this process opened, not to the process. */
static bool set(const struct board *board, uint64_t key, short type)
{
    struct flock lock = {.l_type = type,
                         .l_whence = SEEK_SET,
                         .l_start = TURNS_AT + (off_t)(key % TURNS),
                         .l_len = 1};

    return fcntl(board->fd, F_OFD_SETLK, &lock) == 0;
}

bool board_turn(const struct board *board, uint64_t key, int64_t wait_us)
{
    int64_t until_us = clock_mono_us() + wait_us;
    struct timespec pause = {.tv_nsec = PAUSE_FIRST};

    while (!set(board, key, F_WRLCK)) {
        if (clock_mono_us() >= until_us)
            return false;
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < PAUSE_MOST)
            pause.tv_nsec *= 2;
    }
    return true;
}

void board_turn_end(const struct board *board, uint64_t key)
{
    set(board, key, F_UNLCK);
}
