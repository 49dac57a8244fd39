/* The slots of the workers. All workers that map one board must see each other's process ids. The
 * file is in board_file.c, epochs and breakers in board_shared.c. */
#include "base.h"
#include "core/board.h"
#include "core/board_map.h"
#include "core/clock.h"
#include "core/id.h"

#include <sys/mman.h>

/* An owner word: the process id below, the start time (clock ticks since boot) above, so that a
 * process that got the id of a dead worker is not taken for it. */
#define PID_BITS 24

/* A request that has run for longer is suspicious enough for a look into /proc. */
#define SUSPICIOUS_MS 60000

/* State and start time from /proc/PID/stat (proc(5)): false when it cannot be read. */
static bool process_stat(int32_t pid, char *state, uint64_t *start)
{
    char path[32], text[1024];
    const char *p;
    ssize_t n;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    /* The name in parentheses may contain anything; the state, field 3, follows the last one. */
    p = strrchr(text, ')');
    if (!p || p[1] != ' ')
        return false;
    *state = p[2];
    for (int field = 2; field < 22 && p; field++)
        p = strchr(p + 1, ' ');
    if (!p)
        return false;
    *start = strtoull(p + 1, NULL, 10);
    return true;
}

static int32_t owner_pid(uint64_t owner)
{
    return (int32_t)(owner & ((1u << PID_BITS) - 1));
}

static uint64_t own_owner(void)
{
    uint64_t start = 0;
    char state;

    if (!process_stat((int32_t)getpid(), &state, &start))
        start = 0;
    return (uint64_t)getpid() | start << PID_BITS;
}

bool board_alive(uint64_t owner, bool thorough)
{
    uint64_t start;
    char state;

    if (owner == 0 || (kill(owner_pid(owner), 0) < 0 && errno == ESRCH))
        return false;
    if (!thorough || owner >> PID_BITS == 0 || !process_stat(owner_pid(owner), &state, &start))
        return true;
    return state != 'Z' && state != 'X' && start << PID_BITS >> PID_BITS == owner >> PID_BITS;
}

/* Moves the counters of a slot to the total of those that are gone, so that sums never fall. */
static void retire_counters(struct board *board)
{
    for (int i = 0; i < BC_COUNT; i++)
        atomic_fetch_add(&board->map->retired[i], atomic_exchange(&board->slot->counters[i], 0));
}

void board_close(struct board *board)
{
    if (!board)
        return;
    /* A child of the owner has the handle, but not the slot. */
    if (board->slot && owner_pid(board->owner) == (int32_t)getpid()) {
        board_idle(board);
        retire_counters(board);
        atomic_store(&board->slot->owner, 0);
    }
    munmap(board->map, sizeof *board->map);
    close(board->fd);
    free(board);
}

void board_store_text(_Atomic uint64_t *words, size_t n, const char *text)
{
    char bytes[sizeof(uint64_t) * BOARD_ROUTE_WORDS] = "";
    uint64_t word;

    snprintf(bytes, n * sizeof word, "%s", text);
    for (size_t i = 0; i < n; i++) {
        memcpy(&word, bytes + i * sizeof word, sizeof word);
        atomic_store_explicit(&words[i], word, memory_order_relaxed);
    }
}

void board_load_text(char *out, size_t cap, _Atomic uint64_t *words, size_t n)
{
    char bytes[sizeof(uint64_t) * BOARD_ROUTE_WORDS + 1] = "";

    for (size_t i = 0; i < n; i++) {
        uint64_t word = atomic_load_explicit(&words[i], memory_order_relaxed);

        memcpy(bytes + i * sizeof word, &word, sizeof word);
    }
    bytes[n * sizeof(uint64_t)] = '\0';
    memcpy(out, bytes, cap);
    out[cap - 1] = '\0';
}

static_assert(sizeof((struct board_slot_info *)0)->tenant <= 8 * BOARD_TENANT_WORDS, "tenant");
static_assert(sizeof((struct board_slot_info *)0)->route <= 8 * BOARD_ROUTE_WORDS, "route");
static_assert(sizeof((struct board_slot_info *)0)->pool <= 8 * BOARD_POOL_WORDS, "pool");

uint64_t board_slug_hash(const char *slug)
{
    uint64_t hash = hash64(slug, strlen(slug));

    return hash ? hash : 1;
}

/* A sequence lock with one writer; a writer killed inside leaves it odd, and the next owner of
 * the slot goes on from there. */
static void write_begin(struct board_slot *slot)
{
    uint32_t version = atomic_load_explicit(&slot->version, memory_order_relaxed);

    atomic_store_explicit(&slot->version, version | 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

static void write_end(struct board_slot *slot)
{
    uint32_t version = atomic_load_explicit(&slot->version, memory_order_relaxed);

    atomic_store_explicit(&slot->version, version + 1, memory_order_release);
}

static void write_slot(struct board *board, enum board_state state, const char *route,
                       int64_t started_ms)
{
    struct board_slot *slot = board->slot;

    if (!slot)
        return;
    write_begin(slot);
    atomic_store_explicit(&slot->state, state, memory_order_relaxed);
    atomic_store_explicit(&slot->started_ms, started_ms, memory_order_relaxed);
    atomic_store_explicit(&slot->tenant_hash, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->waits_for, 0, memory_order_relaxed);
    board_store_text(slot->tenant, BOARD_TENANT_WORDS, "");
    board_store_text(slot->route, BOARD_ROUTE_WORDS, route);
    write_end(slot);
}

bool board_claim(struct board *board)
{
    uint64_t me = own_owner();

    if (board->slot && board->owner == me)
        return true;
    board->slot = NULL;
    for (uint32_t i = 0; i < BOARD_SLOTS; i++) {
        struct board_slot *slot = &board->map->slots[i];
        uint64_t owner = atomic_load(&slot->owner);
        uint32_t used = atomic_load(&board->map->slots_used);

        if (board_alive(owner, true) || !atomic_compare_exchange_strong(&slot->owner, &owner, me))
            continue;
        board->slot = slot;
        board->owner = me;
        retire_counters(board);
        board_txn_inherit(board->map, slot);
        atomic_store(&slot->answered_by, 0);
        write_slot(board, BOARD_IDLE, "", 0);
        board_pool(board, "");
        while (used <= i && !atomic_compare_exchange_weak(&board->map->slots_used, &used, i + 1))
            ;
        return true;
    }
    return false;
}

void board_pool(struct board *board, const char *name)
{
    struct board_slot *slot = board->slot;

    if (!slot)
        return;
    write_begin(slot);
    board_store_text(slot->pool, BOARD_POOL_WORDS, name);
    atomic_store_explicit(&slot->pool_hash, name[0] ? board_slug_hash(name) : 0,
                          memory_order_relaxed);
    write_end(slot);
}

void board_busy(struct board *board, const char *route)
{
    write_slot(board, BOARD_BUSY, route, clock_ms());
}

void board_idle(struct board *board)
{
    write_slot(board, BOARD_IDLE, "", 0);
}

void board_tenant(struct board *board, const char *tenant)
{
    struct board_slot *slot = board->slot;

    if (!slot)
        return;
    write_begin(slot);
    board_store_text(slot->tenant, BOARD_TENANT_WORDS, tenant ? tenant : "");
    atomic_store_explicit(&slot->tenant_hash, tenant ? board_slug_hash(tenant) : 0,
                          memory_order_relaxed);
    write_end(slot);
}

void board_count(struct board *board, enum board_counter counter, uint64_t n)
{
    if (board->slot)
        atomic_fetch_add_explicit(&board->slot->counters[counter], n, memory_order_relaxed);
}

static uint64_t own_pool(const struct board *board)
{
    return board->slot ? atomic_load_explicit(&board->slot->pool_hash, memory_order_relaxed) : 0;
}

int board_tenant_busy(const struct board *board, const char *tenant)
{
    uint32_t used = atomic_load(&board->map->slots_used);
    uint64_t hash = board_slug_hash(tenant), pool = own_pool(board);
    int64_t now = clock_ms();
    int n = 0;

    for (uint32_t i = 0; i < used; i++) {
        struct board_slot *slot = &board->map->slots[i];

        if (atomic_load_explicit(&slot->tenant_hash, memory_order_relaxed) == hash &&
            atomic_load_explicit(&slot->pool_hash, memory_order_relaxed) == pool)
            n += board_alive(atomic_load(&slot->owner),
                             now - atomic_load(&slot->started_ms) > SUSPICIOUS_MS);
    }
    return n;
}

int board_pool_workers(const struct board *board)
{
    uint32_t used = atomic_load(&board->map->slots_used);
    uint64_t pool = own_pool(board);
    int n = 0;

    for (uint32_t i = 0; i < used; i++)
        if (atomic_load_explicit(&board->map->slots[i].pool_hash, memory_order_relaxed) == pool)
            n += board_alive(atomic_load(&board->map->slots[i].owner), false);
    return n;
}

int board_workers(const struct board *board)
{
    uint32_t used = atomic_load(&board->map->slots_used);
    int n = 0;

    for (uint32_t i = 0; i < used; i++)
        n += board_alive(atomic_load(&board->map->slots[i].owner), false);
    return n;
}

bool board_slot(const struct board *board, size_t i, struct board_slot_info *out)
{
    struct board_slot *slot;
    uint64_t owner;

    if (i >= BOARD_SLOTS)
        return false;
    slot = &board->map->slots[i];
    owner = atomic_load(&slot->owner);
    if (!board_alive(owner, true))
        return false;
    /* Bounded, in case the owner is killed while it writes; with pauses, in case it only waits
     * for a processor. */
    for (int attempt = 1; attempt <= 1000; attempt++) {
        uint32_t version = atomic_load_explicit(&slot->version, memory_order_acquire);

        out->pid = owner_pid(owner);
        out->state = (enum board_state)atomic_load_explicit(&slot->state, memory_order_relaxed);
        out->started_ms = atomic_load_explicit(&slot->started_ms, memory_order_relaxed);
        board_load_text(out->pool, sizeof out->pool, slot->pool, BOARD_POOL_WORDS);
        board_load_text(out->tenant, sizeof out->tenant, slot->tenant, BOARD_TENANT_WORDS);
        board_load_text(out->route, sizeof out->route, slot->route, BOARD_ROUTE_WORDS);
        for (int k = 0; k < BC_COUNT; k++)
            out->counters[k] = atomic_load_explicit(&slot->counters[k], memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire);
        if (version % 2 == 0 && version == atomic_load(&slot->version) &&
            owner == atomic_load(&slot->owner))
            return true;
        if (attempt % 100 == 0)
            usleep(1000);
    }
    return false;
}

void board_sum(const struct board *board, uint64_t out[static BC_COUNT])
{
    uint32_t used = atomic_load(&board->map->slots_used);

    for (int k = 0; k < BC_COUNT; k++) {
        out[k] = atomic_load(&board->map->retired[k]);
        for (uint32_t i = 0; i < used; i++)
            out[k] += atomic_load_explicit(&board->map->slots[i].counters[k], memory_order_relaxed);
    }
}
