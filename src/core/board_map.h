/* Layout of the board's file, for board*.c only.
 *
 * Everything that changes is one atomic word. Raise BOARD_VERSION with any change here.
 */
#ifndef ERP_CORE_BOARD_MAP_H
#define ERP_CORE_BOARD_MAP_H

#include "base.h"
#include "core/board.h"

#include <stdatomic.h>

#define BOARD_MAGIC   "ERPBOARD"
#define BOARD_VERSION 3

#define BOARD_TENANT_WORDS 6
#define BOARD_ROUTE_WORDS  8
#define BOARD_POOL_WORDS   2
#define BOARD_LEFTS        64

struct board_slot {
    _Alignas(64) _Atomic uint64_t owner; /* pid and start time of its process; 0 = free */
    _Atomic uint32_t version;            /* odd while the owner writes what follows */
    _Atomic uint32_t state;
    _Atomic int64_t started_ms;
    _Atomic uint64_t tenant_hash; /* 0 = no tenant */
    _Atomic uint64_t pool_hash;   /* 0 = none was named */
    _Atomic uint64_t waits_for;   /* cluster; 0 = nothing */
    _Atomic int64_t waits_since_us;
    _Atomic uint64_t answered_by; /* the last cluster that answered, and when */
    _Atomic int64_t answered_us;
    _Atomic uint64_t txn_client; /* of the transaction under way; 0 = none */
    _Atomic uint64_t txn_session[2];
    _Atomic uint64_t pool[BOARD_POOL_WORDS];
    _Atomic uint64_t tenant[BOARD_TENANT_WORDS];
    _Atomic uint64_t route[BOARD_ROUTE_WORDS];
    _Atomic uint64_t counters[BC_COUNT];
};

/* Breakers are an open-addressed table: a cluster that never failed has no row. */
struct board_breaker {
    _Atomic uint64_t cluster; /* 0 = unused; never changes afterwards */
    _Atomic uint64_t word;    /* see board_shared.c; 0 = closed */
};

/* Open-addressed too. Whoever finds a row without its text writes it: the one who took the row may
 * have been killed before that, and all write the same. */
struct board_tenant_slot {
    _Atomic uint64_t hash; /* of the slug; 0 = unused; never changes afterwards */
    _Atomic uint64_t cluster;
    _Atomic uint64_t slug[BOARD_TENANT_WORDS];
    _Atomic uint64_t counters[BT_COUNT];
};

struct board_debug {
    _Atomic uint64_t hash;    /* of the slug; 0 = never used */
    _Atomic int64_t until_ms; /* past: free */
    _Atomic uint64_t slug[BOARD_TENANT_WORDS];
};

/* A transaction whose worker died and whose slot another has now; a ring, the oldest goes. */
struct board_left {
    _Atomic uint64_t client; /* 0 = none */
    _Atomic uint64_t session[2];
    _Atomic int64_t since_us;
};

struct board_head {
    char magic[8];
    uint32_t version;
    uint32_t size; /* of the whole file */
};

struct board_map {
    struct board_head head;
    _Atomic uint32_t slots_used; /* no slot at or beyond this index was ever taken */
    _Atomic int64_t heartbeat_us;
    _Atomic uint64_t epoch_all;
    _Atomic uint64_t retired[BC_COUNT]; /* counters of the former owners of slots */
    struct board_slot slots[BOARD_SLOTS];
    _Atomic uint64_t epochs[BOARD_EPOCHS];
    struct board_breaker breakers[BOARD_BREAKERS];
    struct board_tenant_slot tenants[BOARD_TENANTS + 1]; /* the last: all others */
    struct board_debug debugs[BOARD_DEBUGS];
    _Atomic uint32_t lefts_made;
    struct board_left lefts[BOARD_LEFTS];
};

static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2,
              "words shared between processes must need no lock");

struct board {
    struct board_map *map;
    struct board_slot *slot; /* ours, NULL before board_claim */
    uint64_t owner;          /* what stands in it */
    int fd;                  /* of the file: board_turn locks bytes of it */
};

/* Text in words, cut to what fits; `out` is always ended. board.c */
void board_store_text(_Atomic uint64_t *words, size_t n, const char *text);
void board_load_text(char *out, size_t cap, _Atomic uint64_t *words, size_t n);
uint64_t board_slug_hash(const char *slug); /* never 0 */
/* Does the process that an owner word names live? `thorough` also asks whether it is still the
 * same. */
bool board_alive(uint64_t owner, bool thorough);
/* Keeps the transaction that the former owner of a slot left. board_txn.c */
void board_txn_inherit(struct board_map *map, struct board_slot *slot);

#endif
