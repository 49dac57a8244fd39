/* Sums of past days as an operator makes them: anew, after sales were written past the service. */
#include "base.h"
#include "commands/platform.h"
#include "core/clock.h"
#include "engine/index.h"
#include "trade/sales_days.h"

#define ARENA_LIMIT ((size_t)1024 * 1024 * 1024)
#define ALL_MS      3600000
#define COMMAND_MS  60000

static bool add_up(struct ctl *ctl, const struct tenant *tenant, struct scope *scope,
                   int64_t *days)
{
    struct index_cache *indexes = index_cache_new();
    bool ok = sales_days_prepare(indexes, scope, &ctl->err) &&
              sales_days_forget(scope, "erpctl", &ctl->err) &&
              sales_days_sum(scope, tenant->decimals, "erpctl", NULL, ALL_MS, &ctl->err) &&
              sales_days_count(scope, days, &ctl->err);

    index_cache_free(indexes);
    return ok;
}

static int run_totals(struct ctl *ctl)
{
    const char *slug = ctl->args[0];
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct tenant *tenant;
    struct scope scope;
    int64_t days = 0;
    bool ok;
    int status;

    ok = platform_tenant(ctl, slug, &tenant);
    if (ok && !tenant->tenant_id[0])
        ok = err_set(&ctl->err, ERR_STATE, "%s has no tenant_id yet, and so no sales", slug);
    ok = ok && platform_tenant_scope(ctl, tenant, &scope);
    if (ok) {
        scope.arena = arena;
        scope.max_time_ms = COMMAND_MS;
        scope.deadline_us = clock_mono_us() + ALL_MS * INT64_C(1000);
        ok = add_up(ctl, tenant, &scope, &days);
    }
    if (ok)
        print_result(ctl, json_pack("{s:s, s:I}", "slug", slug, "days", (json_int_t)days),
                     "%s: the sums of %" PRId64 " days", slug, days);
    status = ok ? ctl_done(ctl) : ctl_fail(ctl);
    arena_free(arena);
    return status;
}

const struct command cmd_sales_totals = {
    .name = "sales totals",
    .args = "SLUG",
    .min_args = 1,
    .max_args = 1,
    .summary = "add up the past days of a business's sales anew",
    .details = "Reports take the sums of past days from the collection sales_days, which the "
               "service keeps right by itself. What is written into the sales by other means, with "
               "a time that is past, is not in them before this command has run. The business may "
               "work meanwhile.",
    .needs = NEEDS_PLATFORM,
    .run = run_totals,
};
