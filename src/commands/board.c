/* What stands on the board: clearing caches, and what the workers do now. */
#include "base.h"
#include "commands/commands.h"
#include "core/clock.h"

static int run_clear(struct ctl *ctl)
{
    const char *slug = ctl->n_args > 0 ? ctl->args[0] : NULL;

    if (slug != NULL)
        board_bump(ctl->board, slug);
    else
        board_bump_all(ctl->board);
    print_result(ctl, json_pack("{s:s?, s:i}", "slug", slug, "workers", board_workers(ctl->board)),
                 "%s: forgotten by all %d workers of this host at their next request",
                 slug != NULL ? slug : "every tenant and user", board_workers(ctl->board));
    return EXIT_OK;
}

const struct command cmd_cache_clear = {
    .name = "cache clear",
    .args = "[SLUG]",
    .max_args = 1,
    .summary = "make every worker of this host read the registry entry of a tenant anew, or "
               "everything that is cached",
    .needs = NEEDS_BOARD,
    .run = run_clear,
};

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
};
static_assert(ARRAY_LEN(counter_names) == BC_COUNT, "a counter lacks its name");

static json_t *slot_json(const struct board_slot_info *slot)
{
    bool busy = slot->state == BOARD_BUSY;

    return json_pack("{s:i, s:s, s:s?, s:s?, s:I, s:I}", "pid", (int)slot->pid, "state",
                     busy ? "busy" : "idle", "route", busy ? slot->route : NULL, "tenant",
                     busy && slot->tenant[0] ? slot->tenant : NULL, "busy_ms",
                     (json_int_t)(busy ? clock_ms() - slot->started_ms : 0), "requests",
                     (json_int_t)slot->counters[BC_REQUESTS]);
}

static json_t *sums_json(const struct board *board)
{
    uint64_t sums[BC_COUNT];
    json_t *out = json_object();

    board_sum(board, sums);
    for (size_t i = 0; i < BC_COUNT; i++)
        json_object_set_new(out, counter_names[i], json_integer((json_int_t)sums[i]));
    return out;
}

static int run_status(struct ctl *ctl)
{
    static const struct print_column columns[] = {
        {"pid", "PID"},    {"state", "STATE"},       {"tenant", "TENANT"}, {"route", "ROUTE"},
        {"busy_ms", "MS"}, {"requests", "REQUESTS"}, {NULL, NULL}};
    json_auto_t *workers = json_array();
    json_auto_t *sums = sums_json(ctl->board);
    bool watched = board_watcher_alive(ctl->board);
    json_auto_t *all = NULL;
    struct board_slot_info slot;

    for (size_t i = 0; i < BOARD_SLOTS; i++)
        if (board_slot(ctl->board, i, &slot))
            json_array_append_new(workers, slot_json(&slot));
    if (ctl->json) {
        all = json_pack("{s:O, s:O, s:b}", "workers", workers, "counters", sums, "watcher_alive",
                        (int)watched);
        print_record(ctl, all);
        return EXIT_OK;
    }
    print_rows(ctl, workers, columns);
    putchar('\n');
    print_record(ctl, sums);
    printf("\nThe watcher %s.\n",
           watched ? "lives: changes are seen at once" : "is away: caches last 5 s at most");
    return EXIT_OK;
}

const struct command cmd_status = {
    .name = "status",
    .summary = "show the workers of this host, what each does now, and counters since they began",
    .needs = NEEDS_BOARD,
    .run = run_status,
};
