/* What the board knows of tenants: their counters, and whose requests are logged in detail. Rows
 * are shared by all workers; each word is changed by one atomic operation, so that a worker killed
 * anywhere loses nothing but what it was about to add. */
#include "base.h"
#include "core/board.h"
#include "core/board_map.h"
#include "core/clock.h"

#define PROBE_STEPS 64 /* beyond that the table is as good as full */

static_assert(sizeof((struct board_tenant_info *)0)->slug <= 8 * BOARD_TENANT_WORDS, "slug");
static_assert(sizeof((struct board_debug_info *)0)->slug <= 8 * BOARD_TENANT_WORDS, "slug");

/* The row of a tenant; NULL when it has none and, with `make`, there is no room. */
static struct board_tenant_slot *row_of(const struct board *board, const char *slug, bool make)
{
    uint64_t hash = board_slug_hash(slug);

    for (uint64_t i = 0; i < PROBE_STEPS; i++) {
        struct board_tenant_slot *row = &board->map->tenants[(hash + i) % BOARD_TENANTS];
        uint64_t there = atomic_load(&row->hash);

        if (there == 0 && !make)
            return NULL;
        /* Also when another process just took it for the same tenant. */
        if ((there == 0 && atomic_compare_exchange_strong(&row->hash, &there, hash)) ||
            there == hash) {
            if (atomic_load_explicit(&row->slug[0], memory_order_relaxed) == 0)
                board_store_text(row->slug, BOARD_TENANT_WORDS, slug);
            return row;
        }
    }
    return NULL;
}

void board_tenant_count(struct board *board, const char *slug, uint64_t cluster,
                        const uint64_t n[static BT_COUNT])
{
    struct board_tenant_slot *row = row_of(board, slug, true);

    if (!row)
        row = &board->map->tenants[BOARD_TENANTS];
    else if (cluster)
        atomic_store_explicit(&row->cluster, cluster, memory_order_relaxed);
    for (int i = 0; i < BT_COUNT; i++)
        if (n[i])
            atomic_fetch_add_explicit(&row->counters[i], n[i], memory_order_relaxed);
}

bool board_tenant_row(const struct board *board, size_t i, struct board_tenant_info *out)
{
    struct board_tenant_slot *row;
    uint64_t used = 0;

    if (i > BOARD_TENANTS)
        return false;
    row = &board->map->tenants[i];
    board_load_text(out->slug, sizeof out->slug, row->slug, BOARD_TENANT_WORDS);
    out->cluster = atomic_load_explicit(&row->cluster, memory_order_relaxed);
    for (int k = 0; k < BT_COUNT; k++)
        used |= out->counters[k] = atomic_load_explicit(&row->counters[k], memory_order_relaxed);
    return used != 0 && (out->slug[0] || i == BOARD_TENANTS);
}

uint64_t board_tenant_cluster(const struct board *board, const char *slug)
{
    struct board_tenant_slot *row = row_of(board, slug, false);

    return row ? atomic_load_explicit(&row->cluster, memory_order_relaxed) : 0;
}

/* ---- logged in detail ---- */

static bool runs(int64_t until_ms, int64_t now_ms)
{
    /* Later than anyone may ask for: the clock was set back. */
    return until_ms > now_ms && until_ms <= now_ms + BOARD_DEBUG_MAX_MS;
}

/* The row that already is this tenant's, else one that can be taken. */
static struct board_debug *debug_row(const struct board *board, uint64_t hash, bool take)
{
    int64_t now = clock_ms();

    for (size_t i = 0; i < BOARD_DEBUGS; i++)
        if (atomic_load_explicit(&board->map->debugs[i].hash, memory_order_acquire) == hash)
            return &board->map->debugs[i];
    for (size_t i = 0; take && i < BOARD_DEBUGS; i++) {
        struct board_debug *row = &board->map->debugs[i];
        uint64_t there = atomic_load(&row->hash);

        if (!runs(atomic_load(&row->until_ms), now) &&
            atomic_compare_exchange_strong(&row->hash, &there, hash))
            return row;
    }
    return NULL;
}

bool board_debug_set(struct board *board, const char *slug, int64_t until_ms)
{
    struct board_debug *row = debug_row(board, board_slug_hash(slug), until_ms != 0);

    if (!row)
        return until_ms == 0;
    board_store_text(row->slug, BOARD_TENANT_WORDS, slug);
    atomic_store(&row->until_ms, until_ms);
    return true;
}

bool board_debug_on(const struct board *board, const char *slug)
{
    struct board_debug *row = debug_row(board, board_slug_hash(slug), false);

    return row && runs(atomic_load(&row->until_ms), clock_ms());
}

bool board_debug_row(const struct board *board, size_t i, struct board_debug_info *out)
{
    struct board_debug *row;

    if (i >= BOARD_DEBUGS)
        return false;
    row = &board->map->debugs[i];
    out->until_ms = atomic_load(&row->until_ms);
    board_load_text(out->slug, sizeof out->slug, row->slug, BOARD_TENANT_WORDS);
    return out->slug[0] && runs(out->until_ms, clock_ms());
}
