/* The board: a small shared-memory file that all workers of a host map.
 *
 * It holds a slot a worker, cache epochs and breakers by hash, counters a tenant, the tenants whose
 * requests are logged in detail, the transactions of workers that died in one, and the watcher's
 * heartbeat. A slot is written only by its owner, everything else is a single atomic word, so a
 * worker killed at any instruction leaves nothing locked here. The layout has a version; a file of
 * another version is replaced, never interpreted. Uses C11 atomics on the mapping.
 */
#ifndef ERP_CORE_BOARD_H
#define ERP_CORE_BOARD_H

#include "base.h"

#define BOARD_SLOTS    512
#define BOARD_EPOCHS   8192
#define BOARD_BREAKERS 1024
#define BOARD_TENANTS  2048 /* with counters of their own; further ones are counted together */
#define BOARD_DEBUGS   32   /* tenants that may be logged in detail at a time */
#define BOARD_SESSION  16   /* bytes of a session id of the database */

#define BOARD_DEBUG_MAX_MS INT64_C(86400000)

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
    BC_TIME_US, /* of all requests */
    BC_MS_5,    /* requests that took up to 5 ms; the next ones: longer, up to … */
    BC_MS_25,
    BC_MS_100,
    BC_MS_500,
    BC_MS_2500,
    BC_COUNT
};

/* Counters of a tenant since the board was made, by whichever worker, dead or alive. */
enum board_tenant_counter {
    BT_REQUESTS,
    BT_ERRORS_4XX,
    BT_ERRORS_5XX,
    BT_ROUND_TRIPS,
    BT_TIME_US, /* in the workers */
    BT_DB_US,   /* of which waiting for the database */
    BT_COUNT
};

struct board_tenant_info {
    char slug[41];    /* "" for the row of all that found no room */
    uint64_t cluster; /* where its database was last looked for; 0 unknown */
    uint64_t counters[BT_COUNT];
};

struct board_breaker_info {
    uint64_t cluster;
    bool open;    /* else closed, with `fails` failures in a row */
    bool probing; /* open, and one worker is trying */
    unsigned fails;
    int64_t left_ms; /* of the pause, 0 when it is over */
};

struct board_debug_info {
    char slug[41];
    int64_t until_ms; /* wall clock */
};

struct board_slot_info {
    int32_t pid;
    enum board_state state;
    char tenant[41];    /* slug in hand, "" when none */
    char pool[16];      /* name of the socket that it serves, "" unknown */
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

/* Says which pool this process belongs to, after board_claim; longer names are cut. */
void board_pool(struct board *board, const char *name);

/* The owner's writes. `tenant` may be NULL. */
void board_busy(struct board *board, const char *route);
void board_tenant(struct board *board, const char *tenant);
void board_idle(struct board *board);
void board_count(struct board *board, enum board_counter counter, uint64_t n);

/* How many living workers of this one's pool are busy with this tenant now, this one included. */
int board_tenant_busy(const struct board *board, const char *tenant);
/* How many living workers hold a slot; and how many of them in the pool of this process. */
int board_workers(const struct board *board);
int board_pool_workers(const struct board *board);

/* Adds to the counters of a tenant. `cluster` 0: not known. */
void board_tenant_count(struct board *board, const char *slug, uint64_t cluster,
                        const uint64_t n[static BT_COUNT]);
/* Row `i` of 0 … BOARD_TENANTS, of which the last is that of all others; false when unused. */
bool board_tenant_row(const struct board *board, size_t i, struct board_tenant_info *out);
/* Where a tenant's database was last looked for; 0 unknown. */
uint64_t board_tenant_cluster(const struct board *board, const char *slug);

/* Logs the requests of a tenant in detail until then (wall clock, at most BOARD_DEBUG_MAX_MS from
 * now), or no more with 0. False when BOARD_DEBUGS others are on. */
bool board_debug_set(struct board *board, const char *slug, int64_t until_ms);
bool board_debug_on(const struct board *board, const char *slug);
/* Row `i` below BOARD_DEBUGS; false when it is not on. */
bool board_debug_row(const struct board *board, size_t i, struct board_debug_info *out);

/* Cache epochs, by hash of any text (a slug, "user:" and an id). board_epoch also covers
 * board_bump_all and is never 0. A cached thing is stale when its epoch differs from the one it
 * was read at. */
uint64_t board_epoch(const struct board *board, const char *key);
void board_bump(struct board *board, const char *key);
void board_bump_all(struct board *board);

/* The watcher's sign of life: board_watcher_alive is true when it is at most 5 s old. */
void board_heartbeat(struct board *board);
bool board_watcher_alive(const struct board *board);
int64_t board_watcher_age_ms(const struct board *board); /* -1: there was none */

/* Breaker of a cluster, by hash of its URI. `allow` is false while open; when the pause is over,
 * exactly one caller of all workers gets true (the probe), and reports by `ok` or `fail`. Three
 * failures in a row open it, for 1 s, then 2 and 3 s while probes fail; `ok` closes it.
 * `retry_after` in seconds, ≥ 1, is written only with false. */
bool board_breaker_allow(struct board *board, uint64_t cluster, int *retry_after);
void board_breaker_ok(struct board *board, uint64_t cluster);
void board_breaker_fail(struct board *board, uint64_t cluster);
/* A failure that needs no second witness (nobody answered within the driver's patience): opens at
 * once. */
void board_breaker_trip(struct board *board, uint64_t cluster);

/* The worker waits for an answer of this cluster since then (clock_mono_us); or, with 0, no more.
 * `answered` says that there was one. */
void board_waits(struct board *board, uint64_t cluster, int64_t since_us);
void board_answered(struct board *board, uint64_t cluster);
/* Two workers have waited for this cluster for half a second, and nobody had an answer meanwhile:
 * too early for a breaker, but no reason to send it a third. */
bool board_cluster_hangs(const struct board *board, uint64_t cluster);
/* Opens the breaker of such a cluster for a probe: true for the one caller who makes it. */
bool board_breaker_suspect(struct board *board, uint64_t cluster);
/* Is that probe under way? It takes a moment where the cluster was only slow. */
bool board_breaker_suspected(const struct board *board, uint64_t cluster);
/* Row `i` below BOARD_BREAKERS; false when it has nothing to tell. */
bool board_breaker_row(const struct board *board, size_t i, struct board_breaker_info *out);

/* One process of the host at a time has the turn of a key; it ends with the process. Waits at most
 * `wait_us`; false when it is another's still. For work that would meet in the database and begin
 * again: right it is without. */
bool board_turn(const struct board *board, uint64_t key, int64_t wait_us);
void board_turn_end(const struct board *board, uint64_t key);

/* The worker is in a transaction of this session, or no more; of two at a time the first counts.
 * `client` is a hash, not 0, of server and account: a session is its account's. */
void board_txn_begin(struct board *board, uint64_t client,
                     const uint8_t session[static BOARD_SESSION]);
void board_txn_end(struct board *board, const uint8_t session[static BOARD_SESSION]);
/* The session of a worker that died inside a transaction of such a client: told to one caller,
 * once. False when there is none. */
bool board_txn_left(struct board *board, uint64_t client, uint8_t session[static BOARD_SESSION]);

/* Reading by others (erpctl): slot `i` as a consistent copy; false when it is free or its process
 * is gone. */
bool board_slot(const struct board *board, size_t i, struct board_slot_info *out);
void board_sum(const struct board *board, uint64_t out[static BC_COUNT]);

#endif
