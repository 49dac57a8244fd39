/* Which businesses are due, what is done for one, and when the next time is. The database knows
 * what hour it is where. */
#include "base.h"
#include "trade/daily.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "db/txn.h"
#include "platform/entry.h"
#include "tenant/schema.h"
#include "tenant/standing.h"
#include "trade/reminders.h"
#include "trade/sale.h"
#include "trade/stock.h"
#include "trade/zone.h"

#define LIST_MAX  100000
#define HOUR_MS   INT64_C(3600000)
#define USUAL_MS  (6 * HOUR_MS) /* ZONE_USUAL is so much before UTC, in every season */
#define ARENA_MAX ((size_t)64 * 1024 * 1024)
#define READ_MS   10000
#define ALL_US    INT64_C(60000000)

/* ---- who ---- */

static bool list(struct job *job, const char ***slugs, size_t *n)
{
    bson_t *stages = own_bson(job->arena), *opts = own_bson(job->arena);
    mongoc_cursor_t *cursor;
    const bson_t *doc = NULL;
    struct scope scope;
    bool ok = job_registry(job, &scope);

    *n = 0;
    *slugs = arena_alloc(job->arena, LIST_MAX * sizeof **slugs);
    BCON_APPEND(stages, "0", "{", "$match", "{", "status",
                BCON_UTF8(tenant_status_name(TENANT_ACTIVE)), "tenant_id", "{", "$gt",
                BCON_UTF8(""), "}", "}", "}", "1", "{", "$lookup", "{", "from",
                BCON_UTF8(DAILY_RUNS), "localField", "tenant_id", "foreignField", "_id", "as",
                "run", "}", "}", "2", "{", "$match", "{", "run.next", "{", "$not", "{", "$gt",
                BCON_DATE_TIME(job_now(job)), "}", "}", "}", "}", "3", "{", "$project", "{",
                "slug", BCON_INT32(1), "}", "}", "4", "{", "$limit", BCON_INT64(LIST_MAX), "}");
    cursor = ok ? scope_aggregate(&scope, ENTRIES, stages, opts) : NULL;
    while (ok && (ok = scope_next(&scope, cursor, &doc, job->err)) && doc)
        if (doc_text(doc, "slug"))
            (*slugs)[(*n)++] = arena_strdup(job->arena, doc_text(doc, "slug"));
    return ok;
}

/* ---- when ---- */

/* The morning of the day on which `now` is where the business is, or of the day after. */
static bson_t *morning(struct scope *scope, int64_t now_ms, int32_t days)
{
    bson_t *zone = BCON_NEW("$ifNull", "[", "$" ZONE_FIELD, BCON_UTF8(ZONE_USUAL), "]");
    bson_t *at = BCON_NEW("date", BCON_DATE_TIME(now_ms), "timezone", BCON_DOCUMENT(zone));
    bson_t *out = own_bson(scope->arena);

    BCON_APPEND(out, "$dateFromParts", "{", "year", "{", "$year", BCON_DOCUMENT(at), "}", "month",
                "{", "$month", BCON_DOCUMENT(at), "}", "day", "{", "$add", "[", "{",
                "$dayOfMonth", BCON_DOCUMENT(at), "}", BCON_INT32(days), "]", "}", "hour",
                BCON_INT32(DAILY_HOUR), "timezone", BCON_DOCUMENT(zone), "}");
    bson_destroy(zone);
    bson_destroy(at);
    return out;
}

/* Is it nine already? *next_ms is when it will be, today or tomorrow. */
static bool is_due(struct scope *scope, int64_t now_ms, bool *due, int64_t *next_ms,
                   struct err *err)
{
    bson_t *match = own_bson(scope->arena), *stages = own_bson(scope->arena);
    int64_t day_ms = (now_ms + USUAL_MS) / DAY_MS * DAY_MS - USUAL_MS;
    int64_t today_ms = day_ms + DAILY_HOUR * HOUR_MS, tomorrow_ms = today_ms + DAY_MS;
    const bson_t *doc;

    scope_filter(scope, NULL, match);
    BCON_APPEND(stages, "0", "{", "$match", BCON_DOCUMENT(match), "}", "1", "{", "$limit",
                BCON_INT32(1), "}", "2", "{", "$project", "{", "today",
                BCON_DOCUMENT(morning(scope, now_ms, 0)), "tomorrow",
                BCON_DOCUMENT(morning(scope, now_ms, 1)), "}", "}");
    if (!scope_next(scope, scope_aggregate(scope, "settings", stages, NULL), &doc, err))
        return false;
    if (doc) {
        doc_instant(doc, "today", &today_ms);
        doc_instant(doc, "tomorrow", &tomorrow_ms);
    }
    *due = now_ms >= today_ms;
    *next_ms = *due ? tomorrow_ms : today_ms;
    return true;
}

static bool note(struct job *job, const struct tenant *tenant, int64_t next_ms)
{
    bson_t *filter = own_bson(job->arena), *update = own_bson(job->arena);
    const bson_t *doc;
    struct scope scope;

    BSON_APPEND_UTF8(filter, "_id", tenant->tenant_id);
    BCON_APPEND(update, "$set", "{", "next", BCON_DATE_TIME(next_ms), "}");
    return job_registry(job, &scope) &&
           scope_find_and_update(&scope, DAILY_RUNS, filter, update, true, true, NULL, &doc,
                                 job->err);
}

/* ---- what ---- */

struct look {
    const struct job *job;
    const struct tenant *tenant;
    struct reminded done;
};

static bool look_body(struct scope *scope, void *data, struct err *err)
{
    struct look *look = data;
    const struct audit_entry who = {.kind = AUDIT_SERVICE, .actor = look->job->actor};

    return reminders_run(scope, look->tenant, job_now(look->job), &who, &look->done, err);
}

/* Of what was never used there is nothing to tell, and no collection is made. */
static bool is_used(struct scope *scope, bool *used, struct err *err)
{
    static const char *const collections[] = {STOCK_PRODUCTS, SALES};
    bson_t *filter = own_bson(scope->arena);
    int64_t count = 0;

    scope_filter(scope, NULL, filter);
    for (size_t i = 0; i < ARRAY_LEN(collections) && count == 0; i++)
        if (!scope_count(scope, collections[i], filter, 1, &count, err))
            return false;
    *used = count > 0;
    return true;
}

static bool look_at(struct job *job, const struct tenant *tenant, struct scope *scope,
                    const char **outcome)
{
    struct look look = {.job = job, .tenant = tenant};
    bool used;

    if (!is_used(scope, &used, job->err))
        return false;
    if (!used)
        return true;
    if (!reminders_prepare(job->indexes, scope, job->err) ||
        !txn_run(scope, look_body, &look, job->err))
        return false;
    if (look.done.created)
        *outcome = arena_printf(job->arena, "%" PRId64 " reminders", look.done.created);
    return true;
}

static bool look_now(struct job *job, const struct tenant *tenant, struct scope *scope, bool dry,
                     const char **outcome)
{
    int64_t next_ms;
    bool due;

    if (!is_due(scope, job_now(job), &due, &next_ms, job->err))
        return false;
    if (dry) {
        *outcome = due ? "reminders" : NULL;
        return true;
    }
    if (due && !look_at(job, tenant, scope, outcome))
        return false;
    job_step(job, "daily");
    return note(job, tenant, next_ms);
}

static bool one(struct job *job, const struct tenant *tenant, bool dry, const char **outcome)
{
    struct arena *arena;
    struct scope scope;
    bool ok;

    *outcome = NULL;
    if (tenant->status != TENANT_ACTIVE || !standing_at(tenant, job_now(job)).allowed ||
        tenant->write_hold[0] || tenant->schema_version > schema_current())
        return true;
    if (!job_tenant(job, tenant, &scope))
        return false;
    arena = arena_new(ARENA_MAX);
    scope.arena = arena;
    scope.max_time_ms = READ_MS;
    scope.deadline_us = clock_mono_us() + ALL_US;
    ok = look_now(job, tenant, &scope, dry, outcome);
    arena_free(arena);
    return ok;
}

const struct jobs_more daily_jobs = {.name = "daily", .list = list, .one = one};
