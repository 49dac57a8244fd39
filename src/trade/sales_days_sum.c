/* Adding days up: their sales are read and their records written in one transaction. */
#include "base.h"
#include "trade/sales_days_priv.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/many.h"
#include "db/own.h"
#include "db/txn.h"
#include "tenant/audit.h"
#include "trade/sales_figures.h"

#define SALES_AT_ONCE 20000
#define DAYS_AT_ONCE  32 /* of open ones; begins with one and doubles while that is fast */
#define FAST_US       INT64_C(100000)
#define DOCS_MAX      (SALES_AT_ONCE + DAYS_AT_ONCE + 2)

struct summing {
    int decimals;
    const char *actor, *request_id;
    size_t days; /* open ones at once */
    bool done;
    struct sales_cover cover;
    /* what this attempt adds up */
    bool undated;
    int64_t from, to; /* or else, with from == to, the first `n_open` open days */
    size_t n_open;
};

/* ---- which days ---- */

static void append_after(bson_t *opts, int64_t skip)
{
    BCON_APPEND(opts, "sort", "{", "created_at", BCON_INT32(1), "id", BCON_INT32(1), "}", "skip",
                BCON_INT64(skip), "projection", "{", "_id", BCON_BOOL(false), "created_at",
                BCON_BOOL(true), "}");
}

/* Until the day that the SALES_AT_ONCE-th sale from here on is of, or that day itself. */
static bool find_end(struct scope *scope, struct summing *s, struct err *err)
{
    bson_t *filter = own_bson(scope->arena), *opts = own_bson(scope->arena);
    int64_t at, over = days_over();
    const bson_t *sale;

    s->to = over;
    scope_filter(scope, NULL, filter);
    append_range(filter, "created_at", s->from, over);
    append_after(opts, SALES_AT_ONCE);
    if (!scope_find_one(scope, SALES, filter, opts, &sale, err))
        return false;
    if (sale == NULL || !doc_instant(sale, "created_at", &at))
        return true;
    s->to = day_begin(at);
    if (s->from != TIME_OPEN && s->to <= s->from)
        s->to = s->from + DAY_MS;
    return true;
}

static bool choose(struct scope *scope, struct summing *s, struct err *err)
{
    const struct sales_cover *cover = &s->cover;

    s->from = s->to = 0;
    s->undated = !cover->summed || !cover->undated;
    s->n_open = cover->summed ? cover->n_open : 0;
    if (s->n_open > s->days)
        s->n_open = s->days;
    if (cover->summed && (s->n_open > 0 || s->undated))
        return true;
    s->from = cover->summed ? cover->upto : TIME_OPEN;
    return find_end(scope, s, err);
}

/* Alternatives for the chosen days, by the time of a sale or by the `day` of a record. */
static void append_days(const struct summing *s, bson_t *match, bool sales)
{
    const char *name = sales ? "created_at" : "day";
    bson_t any, one;
    char key[12];
    int n = 0;

    BSON_APPEND_ARRAY_BEGIN(match, "$or", &any);
    for (size_t i = 0; i < s->n_open || (i == 0 && s->from != s->to); i++) {
        snprintf(key, sizeof key, "%d", n++);
        BSON_APPEND_DOCUMENT_BEGIN(&any, key, &one);
        if (s->from != s->to)
            append_range(&one, name, s->from, s->to);
        else
            append_range(&one, name, s->cover.open[i], s->cover.open[i] + DAY_MS);
        bson_append_document_end(&any, &one);
    }
    if (s->undated && sales) {
        append_undated(&any, &n);
    } else if (s->undated) {
        snprintf(key, sizeof key, "%d", n++);
        BCON_APPEND(&any, key, "{", "day", DAY_UNDATED, "}");
    }
    bson_append_array_end(match, &any);
}

/* ---- their sums ---- */

static const char sum_stages[] =
    "[{\"$group\": {\"_id\": {"
    "   \"day\": {\"$cond\": [{\"$eq\": [{\"$type\": \"$created_at\"}, \"date\"]},"
    "     {\"$dateTrunc\": {\"date\": \"$created_at\", \"unit\": \"day\"}}, \"" DAY_UNDATED "\"]},"
    "   \"branch_id\": {\"$ifNull\": [\"$branch_id\", null]}},"
    "   " FIGURES_OF_SALES "}},"
    " {\"$set\": {\"branch_id\": \"$_id.branch_id\"}},"
    " {\"$group\": {\"_id\": \"$_id.day\", \"branches\": {\"$push\": \"$$ROOT\"}}},"
    " {\"$unset\": \"branches._id\"}]";

static const bson_t *pipeline(struct scope *scope, const struct summing *s)
{
    bson_t *match = own_bson(scope->arena), *stages = own_bson(scope->arena), first, rest;
    bson_error_t error;
    bson_iter_t it;
    char key[12];
    int n = 1;

    sales_counted(scope, match);
    append_days(s, match, true);
    BSON_APPEND_DOCUMENT_BEGIN(stages, "0", &first);
    BSON_APPEND_DOCUMENT(&first, "$match", match);
    bson_append_document_end(stages, &first);
    if (!bson_init_from_json(&rest, sum_stages, -1, &error) || !bson_iter_init(&it, &rest))
        die("stages of the sums of days: %s", error.message);
    while (bson_iter_next(&it)) {
        snprintf(key, sizeof key, "%d", n++);
        bson_append_iter(stages, key, -1, &it);
    }
    bson_destroy(&rest);
    return stages;
}

static bson_t *record(struct scope *scope, const bson_t *sums)
{
    bson_t *doc = own_bson(scope->arena);
    bson_iter_t it;

    BSON_APPEND_UTF8(doc, "tenant_id", scope->tenant_id);
    if (bson_iter_init_find(&it, sums, "_id"))
        bson_append_iter(doc, "day", -1, &it);
    BSON_APPEND_BOOL(doc, "open", false);
    if (bson_iter_init_find(&it, sums, "branches"))
        bson_append_iter(doc, "branches", -1, &it);
    return doc;
}

static bool add_up(struct scope *scope, const struct summing *s, const bson_t **docs, size_t *n,
                   struct err *err)
{
    bson_t *opts = own_bson(scope->arena), let;
    mongoc_cursor_t *cursor;
    const bson_t *sums;

    *n = 0;
    BSON_APPEND_DOCUMENT_BEGIN(opts, "let", &let);
    sales_unit(s->decimals, &let);
    bson_append_document_end(opts, &let);
    BSON_APPEND_INT32(opts, "batchSize", DOCS_MAX);
    cursor = scope_aggregate(scope, SALES, pipeline(scope, s), opts);
    while (scope_next(scope, cursor, &sums, err)) {
        if (sums == NULL)
            return true;
        if (*n == DOCS_MAX)
            return err_set(err, ERR_INTERNAL, "More days than sales were added up");
        docs[(*n)++] = record(scope, sums);
    }
    return false;
}

/* ---- their records ---- */

static bool store_upto(struct scope *scope, const struct summing *s, struct err *err)
{
    bson_t *filter = own_bson(scope->arena), *update = own_bson(scope->arena);
    bson_t opts = BSON_INITIALIZER;
    int64_t matched;
    bool ok;

    if (s->from == s->to)
        return true;
    scope_filter(scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "day", DAY_UPTO);
    BCON_APPEND(update, "$set", "{", "open", BCON_BOOL(true), "upto", BCON_DATE_TIME(s->to), "}");
    BSON_APPEND_BOOL(&opts, "upsert", true);
    ok = scope_update_one(scope, SALES_DAYS, filter, update, &opts, &matched, err);
    bson_destroy(&opts);
    return ok;
}

static bool audit(struct scope *scope, const struct summing *s, const char *action,
                  struct err *err)
{
    return audit_add(scope,
                     &(struct audit_entry){.kind = AUDIT_SERVICE,
                                           .action = action,
                                           .collection = SALES_DAYS,
                                           .actor = s->actor,
                                           .request_id = s->request_id},
                     err);
}

static bool store(struct scope *scope, const struct summing *s, const bson_t **docs, size_t n,
                  struct err *err)
{
    bson_t *old = own_bson(scope->arena);
    int64_t deleted;

    scope_filter(scope, NULL, old);
    append_days(s, old, false);
    return scope_delete_all(scope, SALES_DAYS, old, &deleted, err) &&
           scope_insert_all(scope, SALES_DAYS, docs, n, err) && store_upto(scope, s, err) &&
           audit(scope, s, "add_up", err);
}

static bool sum_some(struct scope *scope, void *data, struct err *err)
{
    struct summing *s = data;
    const bson_t **docs;
    size_t n;

    if (!sales_days_look(scope, &s->cover, err))
        return false;
    s->done = !sales_days_due(&s->cover);
    if (s->done)
        return true;
    docs = arena_alloc(scope->arena, DOCS_MAX * sizeof *docs);
    if (!choose(scope, s, err) || !add_up(scope, s, docs, &n, err) ||
        !store(scope, s, docs, n, err)) {
        if (err->code == ERR_DUPLICATE)
            scope->transient = true; /* another one opened, or added up, a day meanwhile */
        return false;
    }
    return true;
}

bool sales_days_sum(struct scope *scope, int decimals, const char *actor, const char *request_id,
                    int64_t budget_ms, struct err *err)
{
    struct summing s = {
        .decimals = decimals, .actor = actor, .request_id = request_id, .days = 1};
    int64_t end_us = clock_mono_us() + budget_ms * 1000, began_us;
    const char *branch_id = scope->branch_id;
    bool ok = true;

    scope->branch_id = NULL; /* the sums are those of all */
    while (ok && !s.done && (began_us = clock_mono_us()) < end_us) {
        ok = txn_run(scope, sum_some, &s, err);
        if (clock_mono_us() - began_us < FAST_US && s.days < DAYS_AT_ONCE)
            s.days *= 2;
    }
    scope->branch_id = branch_id;
    return ok;
}

static bool forget(struct scope *scope, void *data, struct err *err)
{
    bson_t *all = own_bson(scope->arena);
    int64_t deleted;

    scope_filter(scope, NULL, all);
    return scope_delete_all(scope, SALES_DAYS, all, &deleted, err) &&
           audit(scope, data, "forget", err);
}

bool sales_days_forget(struct scope *scope, const char *actor, struct err *err)
{
    struct summing s = {.actor = actor};

    return txn_run(scope, forget, &s, err);
}

bool sales_days_count(struct scope *scope, int64_t *days, struct err *err)
{
    bson_t *filter = own_bson(scope->arena);

    scope_filter(scope, NULL, filter);
    BSON_APPEND_BOOL(filter, "open", false);
    return scope_count(scope, SALES_DAYS, filter, 0, days, err);
}
