/* The board's file: found, or made once, however many workers start at the same time. A file that
 * is no board is never touched. */
#include "base.h"
#include "core/board.h"
#include "core/board_map.h"

#include <sys/file.h>
#include <sys/mman.h>

/* 1: a board of this version; 0: an old board or an empty file, to be replaced; -1: neither. */
static int inspect(int fd)
{
    struct board_head head;
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -1;
    errno = EEXIST;
    if (!S_ISREG(st.st_mode))
        return -1;
    if (st.st_size == 0)
        return 0;
    if (pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head ||
        memcmp(head.magic, BOARD_MAGIC, sizeof head.magic) != 0) {
        errno = EEXIST;
        return -1;
    }
    return head.version == BOARD_VERSION && head.size == sizeof(struct board_map) &&
           st.st_size == (off_t)sizeof(struct board_map);
}

/* A descriptor of the board at `path`; -1 with *absent when there is none of this version. */
static int open_existing(const char *path, bool *absent)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW), kind, error;

    *absent = fd < 0 && errno == ENOENT;
    if (fd < 0)
        return -1;
    kind = inspect(fd);
    if (kind == 1)
        return fd;
    *absent = kind == 0;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* Whoever opens it first makes it: a command of root's must not shut the workers out. */
static bool give_to_owner(int fd, int folder)
{
    struct stat st;

    return geteuid() != 0 ||
           (fstat(folder, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0);
}

/* Written beside the path and renamed, so that nobody ever maps half a board. */
static int create(const char *path, int folder)
{
    struct board_head head = {.version = BOARD_VERSION, .size = sizeof(struct board_map)};
    char fresh[PATH_MAX];
    int fd, error;

    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh) {
        errno = ENAMETOOLONG;
        return -1;
    }
    unlink(fresh);
    fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0660);
    if (fd < 0)
        return -1;
    memcpy(head.magic, BOARD_MAGIC, sizeof head.magic);
    /* Reserved now: a full file system would otherwise be a SIGBUS later. */
    errno = posix_fallocate(fd, 0, sizeof(struct board_map));
    if (errno == 0 && pwrite(fd, &head, sizeof head, 0) == (ssize_t)sizeof head &&
        fchmod(fd, 0660) == 0 && give_to_owner(fd, folder) && rename(fresh, path) == 0)
        return fd;
    error = errno;
    close(fd);
    unlink(fresh);
    errno = error;
    return -1;
}

/* A lock on the folder, which the kernel drops with its holder; -1 with errno. */
static int lock_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX];
    int fd;

    if (snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
                 slash ? path : ".") >= (int)sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && flock(fd, LOCK_EX) < 0)
        if (errno != EINTR) {
            close(fd);
            return -1;
        }
    return fd;
}

static int open_or_create(const char *path)
{
    bool absent;
    int fd = open_existing(path, &absent), lock, error;

    if (fd >= 0 || !absent)
        return fd;
    lock = lock_folder(path);
    if (lock < 0)
        return -1;
    fd = open_existing(path, &absent);
    if (fd < 0 && absent)
        fd = create(path, lock);
    error = errno;
    close(lock);
    errno = error;
    return fd;
}

struct board *board_open(const char *path)
{
    struct board *board = calloc(1, sizeof *board);
    int fd, error;

    if (!board)
        return NULL;
    fd = open_or_create(path);
    if (fd < 0) {
        free(board);
        return NULL;
    }
    board->map = mmap(NULL, sizeof *board->map, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    board->fd = fd;
    if (board->map == MAP_FAILED) {
        error = errno;
        close(fd);
        free(board);
        errno = error;
        return NULL;
    }
    return board;
}
