/* Stock as an operator checks it: does every product have what its ledger adds up to? */
#include "base.h"
#include "commands/platform.h"
#include "core/clock.h"
#include "trade/stock_ledger.h"

#define ARENA_LIMIT ((size_t)256 * 1024 * 1024)
#define READ_MS     600000

static const struct print_column columns[] = {{"product_id", "PRODUCT"}, {"branch_id", "BRANCH"},
                                              {"stock", "STOCK"},        {"ledger", "LEDGER"},
                                              {"detail", "WHAT"},        {NULL, NULL}};

static json_t *fault_rows(const struct stock_report *report)
{
    json_t *rows = json_array();
    int64_t shown = report->n_faults < STOCK_FAULTS_MAX ? report->n_faults : STOCK_FAULTS_MAX;

    for (int64_t i = 0; i < shown; i++) {
        const struct stock_fault *f = &report->faults[i];

        json_array_append_new(
            rows, json_pack("{s:s, s:s?, s:I, s:I, s:s}", "product_id", f->product_id, "branch_id",
                            f->branch_id, "stock", (json_int_t)f->stock, "ledger",
                            (json_int_t)f->ledger, "detail",
                            f->gone ? "the record is gone, its rows do not add up to 0"
                                    : "the rows do not add up to the stock"));
    }
    return rows;
}

static int say(struct ctl *ctl, const char *slug, const struct stock_report *report)
{
    json_t *rows = fault_rows(report);

    if (!ctl->json && report->n_faults > 0)
        print_rows(ctl, rows, columns);
    print_result(ctl,
                 json_pack("{s:s, s:I, s:I, s:I, s:I, s:o}", "slug", slug, "places",
                           (json_int_t)report->places, "rows", (json_int_t)report->rows, "unopened",
                           (json_int_t)report->unopened, "faults", (json_int_t)report->n_faults,
                           "found", rows),
                 "%s: %" PRId64 " places, %" PRId64 " rows, %" PRId64
                 " not in the ledger yet, %" PRId64 " faults",
                 slug, report->places, report->rows, report->unopened, report->n_faults);
    return report->n_faults > 0 ? EXIT_FAILED : ctl_done(ctl);
}

static int run_reconcile(struct ctl *ctl)
{
    const char *slug = ctl->args[0];
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct stock_report report;
    struct tenant *tenant;
    struct scope scope;
    bool ok;
    int status;

    ok = platform_tenant(ctl, slug, &tenant);
    if (ok && !tenant->tenant_id[0])
        ok = err_set(&ctl->err, ERR_STATE, "%s has no tenant_id yet, and so no stock", slug);
    ok = ok && platform_tenant_scope(ctl, tenant, &scope);
    if (ok) {
        scope.arena = arena;
        scope.max_time_ms = READ_MS;
        scope.deadline_us = clock_mono_us() + READ_MS * INT64_C(1000);
        ok = stock_reconcile(&scope, &report, &ctl->err);
    }
    status = ok ? say(ctl, slug, &report) : ctl_fail(ctl);
    arena_free(arena);
    return status;
}

const struct command cmd_stock_reconcile = {
    .name = "stock reconcile",
    .args = "SLUG",
    .min_args = 1,
    .max_args = 1,
    .summary = "compare the stock of every product and branch with the stock ledger",
    .details = "The rows of each place must add up to what it has; all is read at one moment, so "
               "the business may work meanwhile. Records from before there was a ledger are "
               "counted as unopened: they get a row with what they had when they are next written "
               "or moved. Ends with 1 when there are faults.",
    .needs = NEEDS_PLATFORM,
    .run = run_reconcile,
};
