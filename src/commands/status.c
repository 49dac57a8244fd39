/* What stands on the board: what the workers do now, counters, breakers, the watcher. Asks no
 * database, so that it works when none answers. */
#include "base.h"
#include "commands/commands.h"
#include "core/clock.h"

#define TOP 20 /* tenants that people are shown */

static const char *const counter_names[] = {
    [BC_REQUESTS] = "requests",
    [BC_ERRORS_4XX] = "refused",
    [BC_ERRORS_5XX] = "failed",
    [BC_REGISTRY_HIT] = "registry_hits",
    [BC_REGISTRY_MISS] = "registry_misses",
    [BC_CLIENT_HIT] = "client_hits",
    [BC_CLIENT_MISS] = "client_misses",
    [BC_CLIENT_EVICT] = "client_evictions",
    [BC_DB_ROUND_TRIPS] = "db_round_trips",
    [BC_TIME_US] = "time_us",
    [BC_MS_5] = "within_5_ms",
    [BC_MS_25] = "within_25_ms",
    [BC_MS_100] = "within_100_ms",
    [BC_MS_500] = "within_500_ms",
    [BC_MS_2500] = "within_2500_ms",
};
static_assert(ARRAY_LEN(counter_names) == BC_COUNT, "a counter lacks its name");

static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *slot_json(const struct board_slot_info *slot)
{
    bool busy = slot->state == BOARD_BUSY;

    return json_pack("{s:i, s:s, s:s, s:s?, s:s?, s:I, s:I}", "pid", (int)slot->pid, "pool",
                     slot->pool, "state", busy ? "busy" : "idle", "route",
                     busy ? slot->route : NULL, "tenant",
                     busy && slot->tenant[0] ? slot->tenant : NULL, "busy_ms",
                     (json_int_t)(busy ? clock_ms() - slot->started_ms : 0), "requests",
                     (json_int_t)slot->counters[BC_REQUESTS]);
}

static json_t *workers_json(const struct board *board)
{
    struct board_slot_info slot;
    json_t *out = json_array();

    for (size_t i = 0; i < BOARD_SLOTS; i++)
        if (board_slot(board, i, &slot))
            json_array_append_new(out, slot_json(&slot));
    return out;
}

static json_t *sums_json(const uint64_t sums[static BC_COUNT])
{
    json_t *out = json_object();

    for (size_t i = 0; i < BC_COUNT; i++)
        json_object_set_new(out, counter_names[i], number(sums[i]));
    return out;
}

/* Null when nobody asked. */
static json_t *rate(uint64_t hits, uint64_t misses)
{
    return hits + misses ? json_real((double)hits / (double)(hits + misses)) : json_null();
}

static json_t *caches_json(const uint64_t sums[static BC_COUNT])
{
    return json_pack("{s:o, s:o}", "registry_hit_rate",
                     rate(sums[BC_REGISTRY_HIT], sums[BC_REGISTRY_MISS]), "client_hit_rate",
                     rate(sums[BC_CLIENT_HIT], sums[BC_CLIENT_MISS]));
}

/* ---- tenants ---- */

static json_t *tenant_json(const struct board_tenant_info *row)
{
    const uint64_t *n = row->counters;
    char cluster[20];

    snprintf(cluster, sizeof cluster, "%016" PRIx64, row->cluster);
    return json_pack("{s:s?, s:o, s:o, s:o, s:o, s:f, s:f, s:s?}", "tenant",
                     row->slug[0] ? row->slug : NULL, "requests", number(n[BT_REQUESTS]), "refused",
                     number(n[BT_ERRORS_4XX]), "failed", number(n[BT_ERRORS_5XX]), "db_round_trips",
                     number(n[BT_ROUND_TRIPS]), "ms", (double)n[BT_TIME_US] / 1000, "db_ms",
                     (double)n[BT_DB_US] / 1000, "cluster", row->cluster ? cluster : NULL);
}

/* Who took most of the workers' time first. */
static int by_time(const void *a, const void *b)
{
    uint64_t x = ((const struct board_tenant_info *)a)->counters[BT_TIME_US];
    uint64_t y = ((const struct board_tenant_info *)b)->counters[BT_TIME_US];

    return x < y ? 1 : x > y ? -1 : 0;
}

static size_t read_tenants(struct ctl *ctl, struct board_tenant_info **rows)
{
    size_t n = 0;

    *rows = arena_alloc(ctl->arena, (BOARD_TENANTS + 1) * sizeof **rows);
    for (size_t i = 0; i <= BOARD_TENANTS; i++)
        n += board_tenant_row(ctl->board, i, &(*rows)[n]);
    qsort(*rows, n, sizeof **rows, by_time);
    return n;
}

/* ---- breakers ---- */

static json_t *breakers_json(const struct board *board, const struct board_tenant_info *rows,
                             size_t n)
{
    struct board_breaker_info b;
    json_t *out = json_array();
    char cluster[20];

    for (size_t i = 0; i < BOARD_BREAKERS; i++) {
        json_t *tenants;

        if (!board_breaker_row(board, i, &b))
            continue;
        tenants = json_array();
        for (size_t k = 0; k < n; k++)
            if (rows[k].cluster == b.cluster && rows[k].slug[0])
                json_array_append_new(tenants, json_string(rows[k].slug));
        snprintf(cluster, sizeof cluster, "%016" PRIx64, b.cluster);
        json_array_append_new(out,
                              json_pack("{s:s, s:s, s:i, s:I, s:o}", "cluster", cluster, "state",
                                        !b.open     ? "failing"
                                        : b.probing ? "probing"
                                                    : "open",
                                        "fails", (int)b.fails, "left_ms", (json_int_t)b.left_ms,
                                        "tenants", tenants));
    }
    return out;
}

/* ---- for people ---- */

static void print_breakers(const struct ctl *ctl, const json_t *breakers)
{
    const json_t *row, *tenant;
    size_t i, k;

    json_array_foreach(breakers, i, row)
    {
        printf("\nCluster %s is %s (%" JSON_INTEGER_FORMAT " ms left); its tenants:",
               json_string_value(json_object_get(row, "cluster")),
               json_string_value(json_object_get(row, "state")),
               json_integer_value(json_object_get(row, "left_ms")));
        json_array_foreach(json_object_get(row, "tenants"), k, tenant)
            printf(" %s", print_clean(ctl, json_string_value(tenant)));
        putchar('\n');
    }
}

static void print_caches(const uint64_t sums[static BC_COUNT])
{
    static const struct {
        const char *name;
        enum board_counter hit, miss;
    } caches[] = {
        {"registry", BC_REGISTRY_HIT, BC_REGISTRY_MISS},
        {"client", BC_CLIENT_HIT, BC_CLIENT_MISS},
    };

    for (size_t i = 0; i < ARRAY_LEN(caches); i++) {
        uint64_t hits = sums[caches[i].hit], all = hits + sums[caches[i].miss];

        if (all)
            printf("%s cache: %.2f %% of %" PRIu64 " look-ups were hits\n", caches[i].name,
                   100.0 * (double)hits / (double)all, all);
    }
}

static void print_text(struct ctl *ctl, const json_t *all, const uint64_t sums[static BC_COUNT],
                       size_t n_tenants)
{
    static const struct print_column workers[] = {
        {"pid", "PID"},     {"pool", "POOL"},  {"state", "STATE"},       {"tenant", "TENANT"},
        {"route", "ROUTE"}, {"busy_ms", "MS"}, {"requests", "REQUESTS"}, {NULL, NULL}};
    static const struct print_column tenants[] = {{"tenant", "TENANT"},
                                                  {"requests", "REQUESTS"},
                                                  {"refused", "REFUSED"},
                                                  {"failed", "FAILED"},
                                                  {"db_round_trips", "DB COMMANDS"},
                                                  {"ms", "MS"},
                                                  {"db_ms", "DB MS"},
                                                  {NULL, NULL}};
    json_auto_t *top = json_array();
    bool watched = board_watcher_alive(ctl->board);

    print_rows(ctl, json_object_get(all, "workers"), workers);
    putchar('\n');
    print_record(ctl, json_object_get(all, "counters"));
    putchar('\n');
    print_caches(sums);
    if (n_tenants > 0)
        printf("\n%zu tenants; those that took most time:\n", n_tenants);
    for (size_t i = 0; i < n_tenants && i < TOP; i++)
        json_array_append(top, json_array_get(json_object_get(all, "tenants"), i));
    if (n_tenants > 0)
        print_rows(ctl, top, tenants);
    print_breakers(ctl, json_object_get(all, "breakers"));
    printf("\nThe watcher %s.\n",
           watched ? "lives: changes are seen at once" : "is away: caches last 5 s at most");
}

static int run_status(struct ctl *ctl)
{
    struct board_tenant_info *rows;
    size_t n = read_tenants(ctl, &rows);
    json_auto_t *all = json_object();
    json_t *tenants = json_array();
    uint64_t sums[BC_COUNT];

    board_sum(ctl->board, sums);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(tenants, tenant_json(&rows[i]));
    json_object_set_new(all, "workers", workers_json(ctl->board));
    json_object_set_new(all, "counters", sums_json(sums));
    json_object_set_new(all, "caches", caches_json(sums));
    json_object_set_new(all, "tenants", tenants);
    json_object_set_new(all, "breakers", breakers_json(ctl->board, rows, n));
    json_object_set_new(all, "watcher_alive", json_boolean(board_watcher_alive(ctl->board)));
    json_object_set_new(all, "watcher_age_ms",
                        json_integer((json_int_t)board_watcher_age_ms(ctl->board)));
    if (ctl->json)
        print_record(ctl, all);
    else
        print_text(ctl, all, sums, n);
    return EXIT_OK;
}

const struct command cmd_status = {
    .name = "status",
    .summary = "show the workers of this host and what each does now, counters by tenant, "
               "breakers, cache hit rates and the watcher",
    .details = "Everything comes from the board: no database is asked. Counters run since the "
               "board was made, which is at the start of the host; those of workers that ended "
               "count on. Tenants beyond the 2,048th are counted together.",
    .needs = NEEDS_BOARD,
    .run = run_status,
};
