/* The board: a small shared-memory file that all workers of a host map.
 *
 * It holds a slot a worker, cache epochs and breakers by hash, and the watcher's heartbeat.
 * A slot is written only by its owner, everything else is a single atomic word, so a worker
 * killed at any instruction leaves nothing locked. The layout has a version; a file of another
 * version is replaced, never interpreted. Uses C11 atomics on the mapping.
 */
#ifndef ERP_CORE_BOARD_H
#define ERP_CORE_BOARD_H

#include "base.h"

#define BOARD_SLOTS    512
#define BOARD_EPOCHS   8192
#define BOARD_BREAKERS 1024

struct board;

enum board_state { BOARD_FREE, BOARD_IDLE, BOARD_BUSY };

/* Counters of a slot; board_sum adds those of former workers, so that its sums never fall. */
enum board_counter {
    BC_REQUESTS,
    BC_ERRORS_4XX,
    BC_ERRORS_5XX,
    BC_REGISTRY_HIT,
    BC_REGISTRY_MISS,
    BC_CLIENT_HIT,
    BC_CLIENT_MISS,
    BC_CLIENT_EVICT,
    BC_DB_ROUND_TRIPS,
    BC_COUNT
};

struct board_slot_info {
    int32_t pid;
    enum board_state state;
    char tenant[41];    /* slug in hand, "" when none */
    char route[64];     /* "GET /api/products" while busy */
    int64_t started_ms; /* of the request in hand, wall clock */
    uint64_t counters[BC_COUNT];
};

/* Maps the file, creating it when absent: mode 0660, and made by root it is the folder's owner's.
 * NULL on failure, errno set: EEXIST when the path holds something that is no board. */
struct board *board_open(const char *path);
void board_close(struct board *board);

/* Takes a free slot, or that of a process that is gone, for this process; its counters go on
 * from zero. False when all slots are held by living processes. */
bool board_claim(struct board *board);

/* The owner's writes. `tenant` may be NULL. */
void board_busy(struct board *board, const char *route);
void board_tenant(struct board *board, const char *tenant);
void board_idle(struct board *board);
void board_count(struct board *board, enum board_counter counter, uint64_t n);

/* How many living workers are busy with this tenant now, this one included. */
int board_tenant_busy(const struct board *board, const char *tenant);
/* How many living workers hold a slot. */
int board_workers(const struct board *board);

/* Cache epochs, by hash of any text (a slug, "user:" and an id). board_epoch also covers
 * board_bump_all and is never 0. A cached thing is stale when its epoch differs from the one it
 * was read at. */
uint64_t board_epoch(const struct board *board, const char *key);
void board_bump(struct board *board, const char *key);
void board_bump_all(struct board *board);

/* The watcher's sign of life: board_watcher_alive is true when it is at most 5 s old. */
void board_heartbeat(struct board *board);
bool board_watcher_alive(const struct board *board);

/* Breaker of a cluster, by hash of its URI. `allow` is false while open; when the pause is over,
 * exactly one caller of all workers gets true (the probe), and reports by `ok` or `fail`. Three
 * failures in a row open it, for 1 s, doubled up to 8 s by failing probes; `ok` closes it.
 * `retry_after` in seconds, ≥ 1, is written only with false. */
bool board_breaker_allow(struct board *board, uint64_t cluster, int *retry_after);
void board_breaker_ok(struct board *board, uint64_t cluster);
void board_breaker_fail(struct board *board, uint64_t cluster);
/* A failure that needs no second witness (nobody answered within the driver's patience): opens at
 * once. */
void board_breaker_trip(struct board *board, uint64_t cluster);

/* Reading by others (erpctl): slot `i` as a consistent copy; false when it is free or its process
 * is gone. */
bool board_slot(const struct board *board, size_t i, struct board_slot_info *out);
void board_sum(const struct board *board, uint64_t out[static BC_COUNT]);

#endif
