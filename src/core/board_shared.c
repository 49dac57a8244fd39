/* What belongs to no worker: cache epochs, the watcher's heartbeat, breakers. Each is one word
 * that is changed by one atomic operation. */
#include "base.h"
#include "core/board.h"
#include "core/board_map.h"
#include "core/clock.h"
#include "core/id.h"

#define HEARTBEAT_US INT64_C(5000000)

#define FAILS_TO_OPEN  3
#define PAUSE_MS       1000 /* doubled with each failed probe … */
#define LEVEL_MAX      3    /* … up to … */
#define PAUSE_MAX_MS   3000 /* … so that who comes back is seen soon */
#define HANGS_US       INT64_C(500000)
#define HANGS_WORKERS  2
#define PROBE_LEASE_MS 10000 /* a probe whose worker died is given away again after this */
#define PROBE_STEPS    16

static _Atomic uint64_t *epoch_of(const struct board *board, const char *key)
{
    return &board->map->epochs[hash64(key, strlen(key)) % BOARD_EPOCHS];
}

uint64_t board_epoch(const struct board *board, const char *key)
{
    /* Both parts only grow, so a bump of either always changes the sum. Never 0. */
    return 1 + atomic_load(epoch_of(board, key)) + atomic_load(&board->map->epoch_all);
}

void board_bump(struct board *board, const char *key)
{
    atomic_fetch_add(epoch_of(board, key), 1);
}

void board_bump_all(struct board *board)
{
    atomic_fetch_add(&board->map->epoch_all, 1);
}

void board_heartbeat(struct board *board)
{
    atomic_store(&board->map->heartbeat_us, clock_mono_us());
}

int64_t board_watcher_age_ms(const struct board *board)
{
    int64_t beat = atomic_load(&board->map->heartbeat_us);
    int64_t age = clock_mono_us() - beat;

    /* A beat from the future was left by an earlier boot. */
    return beat != 0 && age >= 0 ? age / 1000 : -1;
}

bool board_watcher_alive(const struct board *board)
{
    int64_t age = board_watcher_age_ms(board);

    return age >= 0 && age * 1000 <= HEARTBEAT_US;
}

/* A breaker's word: bits 0–7 consecutive failures while closed, and 1 while open on a suspicion
 * alone, 8–11 the level (0 = closed, else
 * the pause is pause_ms(level)), 12 a probe is under way, 16–63 the end of the pause or
 * of the probe's lease in milliseconds of the monotonic clock. */
struct breaker {
    unsigned fails;
    unsigned level;
    bool probing;
    int64_t until_ms;
};

static struct breaker unpack(uint64_t word)
{
    return (struct breaker){.fails = word & 0xff,
                            .level = word >> 8 & 0xf,
                            .probing = word >> 12 & 1,
                            .until_ms = (int64_t)(word >> 16)};
}

static uint64_t pack(struct breaker b)
{
    return (uint64_t)b.until_ms << 16 | (uint64_t)b.probing << 12 | b.level << 8 | b.fails;
}

/* The cluster's row, NULL when it has none. With `make`, one is taken; in a table that is full
 * around its place it stays NULL: without a breaker a cluster costs time, but sharing one with
 * another would cost that one its requests. */
static struct board_breaker *row_of(const struct board *board, uint64_t cluster, bool make)
{
    if (cluster == 0)
        cluster = 1;
    for (uint64_t i = 0; i < PROBE_STEPS; i++) {
        struct board_breaker *row = &board->map->breakers[(cluster + i) % BOARD_BREAKERS];
        uint64_t there = atomic_load(&row->cluster);

        if (there == 0 && !make)
            return NULL;
        if (there == 0 && atomic_compare_exchange_strong(&row->cluster, &there, cluster))
            return row;
        /* Also when another process just took it for the same cluster. */
        if (there == cluster)
            return row;
    }
    return NULL;
}

bool board_breaker_allow(struct board *board, uint64_t cluster, int *retry_after)
{
    struct board_breaker *row = row_of(board, cluster, false);
    uint64_t word = row ? atomic_load(&row->word) : 0;
    int64_t now;

    if (word == 0)
        return true;
    now = clock_mono_us() / 1000;
    for (;;) {
        struct breaker b = unpack(word);
        int64_t left = b.until_ms - now;

        if (b.level == 0)
            return true;
        /* Longer than any pause: left by an earlier boot. */
        if (left > 0 && left <= PROBE_LEASE_MS) {
            *retry_after = b.probing ? 1 : (int)((left + 999) / 1000);
            return false;
        }
        b.probing = true;
        b.until_ms = now + PROBE_LEASE_MS;
        if (atomic_compare_exchange_weak(&row->word, &word, pack(b)))
            return true;
    }
}

void board_breaker_ok(struct board *board, uint64_t cluster)
{
    struct board_breaker *row = row_of(board, cluster, false);

    if (row && atomic_load(&row->word) != 0)
        atomic_store(&row->word, 0);
}

static int64_t pause_ms(unsigned level)
{
    int64_t pause = (int64_t)PAUSE_MS << (level - 1);

    return pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS;
}

static void count_fail(struct board *board, uint64_t cluster, unsigned fails_to_open)
{
    struct board_breaker *row = row_of(board, cluster, true);
    int64_t now = clock_mono_us() / 1000;
    uint64_t word;

    if (!row)
        return;
    word = atomic_load(&row->word);
    for (;;) {
        struct breaker b = unpack(word);

        /* Requests that were under way when it opened fail late and say nothing new. */
        if (b.level > 0 && !b.probing)
            return;
        if (b.level > 0 || ++b.fails >= fails_to_open) {
            b.fails = 0;
            b.probing = false;
            b.level = b.level < LEVEL_MAX ? b.level + 1 : LEVEL_MAX;
            b.until_ms = now + pause_ms(b.level);
        }
        if (atomic_compare_exchange_weak(&row->word, &word, pack(b)))
            return;
    }
}

void board_breaker_fail(struct board *board, uint64_t cluster)
{
    count_fail(board, cluster, FAILS_TO_OPEN);
}

void board_breaker_trip(struct board *board, uint64_t cluster)
{
    count_fail(board, cluster, 1);
}

bool board_breaker_row(const struct board *board, size_t i, struct board_breaker_info *out)
{
    const struct board_breaker *row = &board->map->breakers[i];
    struct breaker b;
    int64_t left;

    if (i >= BOARD_BREAKERS || atomic_load(&row->word) == 0)
        return false;
    b = unpack(atomic_load(&row->word));
    left = b.until_ms - clock_mono_us() / 1000;
    *out = (struct board_breaker_info){
        .cluster = atomic_load(&row->cluster),
        .open = b.level > 0,
        .probing = b.level > 0 && b.probing,
        .fails = b.fails,
        .left_ms = b.level > 0 && left > 0 ? left : 0,
    };
    return true;
}

/* ---- waiting ---- */

void board_waits(struct board *board, uint64_t cluster, int64_t since_us)
{
    struct board_slot *slot = board->slot;

    if (!slot)
        return;
    if (cluster)
        atomic_store_explicit(&slot->waits_since_us, since_us, memory_order_relaxed);
    atomic_store_explicit(&slot->waits_for, cluster, memory_order_release);
}

void board_answered(struct board *board, uint64_t cluster)
{
    struct board_slot *slot = board->slot;

    if (!slot)
        return;
    atomic_store_explicit(&slot->answered_us, clock_mono_us(), memory_order_relaxed);
    atomic_store_explicit(&slot->answered_by, cluster, memory_order_release);
}

bool board_cluster_hangs(const struct board *board, uint64_t cluster)
{
    uint32_t used = atomic_load(&board->map->slots_used);
    int64_t since_us = clock_mono_us() - HANGS_US;
    int waiting = 0;

    for (uint32_t i = 0; i < used; i++) {
        struct board_slot *slot = &board->map->slots[i];

        if (atomic_load_explicit(&slot->answered_by, memory_order_acquire) == cluster &&
            atomic_load_explicit(&slot->answered_us, memory_order_relaxed) > since_us)
            return false;
        if (atomic_load_explicit(&slot->waits_for, memory_order_acquire) == cluster &&
            atomic_load_explicit(&slot->waits_since_us, memory_order_relaxed) < since_us)
            waiting += board_alive(atomic_load(&slot->owner), true);
    }
    return waiting >= HANGS_WORKERS;
}

bool board_breaker_suspect(struct board *board, uint64_t cluster)
{
    struct board_breaker *row = row_of(board, cluster, true);
    uint64_t word = row ? atomic_load(&row->word) : 0;
    struct breaker b = unpack(word);

    if (!row || b.level > 0)
        return false;
    b = (struct breaker){.fails = 1,
                         .level = 1,
                         .probing = true,
                         .until_ms = clock_mono_us() / 1000 + PROBE_LEASE_MS};
    return atomic_compare_exchange_strong(&row->word, &word, pack(b));
}

bool board_breaker_suspected(const struct board *board, uint64_t cluster)
{
    struct board_breaker *row = row_of(board, cluster, false);
    struct breaker b = unpack(row ? atomic_load(&row->word) : 0);

    return b.level > 0 && b.fails > 0;
}
