/* Which days have sums: the records that say so, and how a time is made of them and of sales. */
#include "base.h"
#include "trade/sales_days_priv.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/many.h"
#include "db/own.h"
#include "engine/index.h"

static const struct field no_fields[] = {{.name = NULL}};
static const struct index_def indexes[] = {
    {.keys = {"tenant_id", "day"}, .unique = true}, /* two who make one record at once meet here */
    {.keys = {"tenant_id", "open", "day"}},
};
static const struct resource records = {
    .noun = "sales_day",
    .collection = SALES_DAYS,
    .fields = no_fields,
    .indexes = indexes,
    .n_indexes = ARRAY_LEN(indexes),
};

bool sales_days_prepare(struct index_cache *cache, struct scope *scope, struct err *err)
{
    return index_ensure(cache, &records, scope, err);
}

int64_t day_begin(int64_t ms)
{
    int64_t past = ms % DAY_MS;

    return ms - (past < 0 ? past + DAY_MS : past);
}

void sales_counted(const struct scope *scope, bson_t *match)
{
    scope_filter(scope, "branch_id", match);
    BCON_APPEND(match, "status", "{", "$nin", "[", "cancelled", "draft", "]", "}");
}

void sales_unit(int decimals, bson_t *let)
{
    int64_t unit = 1;

    for (int i = 0; i < decimals; i++)
        unit *= 10;
    BSON_APPEND_INT64(let, "unit", unit);
}

/* ---- opening a day ---- */

/* False: nobody has added up this sale's day, and nobody will before its change is there. */
static bool append_day(const bson_t *sale, bson_t *filter)
{
    int64_t at;

    if (!doc_instant(sale, "created_at", &at)) {
        BSON_APPEND_UTF8(filter, "day", DAY_UNDATED);
        return true;
    }
    BSON_APPEND_DATE_TIME(filter, "day", day_begin(at));
    return clock_ms() >= day_begin(at) + DAY_MS + OPENED_AFTER_MS;
}

/* The number makes it a change in every case, which whoever adds up meanwhile runs into. */
static void append_opened(bson_t *update)
{
    BCON_APPEND(update, "$set", "{", "open", BCON_BOOL(true), "}", "$unset", "{", "branches",
                BCON_BOOL(true), "}", "$inc", "{", "changes", BCON_INT64(1), "}");
}

/* Two members `day`: dates, or texts. */
static bool same_day(const bson_iter_t *a, const bson_iter_t *b)
{
    if (BSON_ITER_HOLDS_DATE_TIME(a) && BSON_ITER_HOLDS_DATE_TIME(b))
        return bson_iter_date_time(a) == bson_iter_date_time(b);
    return BSON_ITER_HOLDS_UTF8(a) && BSON_ITER_HOLDS_UTF8(b) &&
           strcmp(bson_iter_utf8(a, NULL), bson_iter_utf8(b, NULL)) == 0;
}

bool sales_days_touch(struct scope *scope, const bson_t *sale, struct err *err)
{
    bson_t *filter = own_bson(scope->arena), *update = own_bson(scope->arena);
    bson_t opts = BSON_INITIALIZER;
    int64_t matched;
    bool ok;

    scope_filter(scope, NULL, filter);
    if (!append_day(sale, filter))
        return true;
    append_opened(update);
    BSON_APPEND_BOOL(&opts, "upsert", true);
    ok = scope_update_one(scope, SALES_DAYS, filter, update, &opts, &matched, err);
    bson_destroy(&opts);
    if (!ok && err->code == ERR_DUPLICATE)
        scope->transient = true; /* another one made the record meanwhile: again, with it there */
    return ok;
}

/* Opens the records of the distinct `days` that are there; `there` gets which. */
static bool open_known(struct scope *scope, const bson_t **days, size_t n, bool *there,
                       struct err *err)
{
    bson_t *filter = own_bson(scope->arena), *update = own_bson(scope->arena), child, list;
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    bson_iter_t day, other;
    int64_t changed;
    char key[24];

    scope_filter(scope, NULL, filter);
    BSON_APPEND_DOCUMENT_BEGIN(filter, "day", &child);
    BSON_APPEND_ARRAY_BEGIN(&child, "$in", &list);
    for (size_t i = 0; i < n; i++) {
        snprintf(key, sizeof key, "%zu", i);
        if (bson_iter_init_find(&day, days[i], "day"))
            bson_append_iter(&list, key, -1, &day);
    }
    bson_append_array_end(&child, &list);
    bson_append_document_end(filter, &child);
    cursor = scope_find(scope, SALES_DAYS, filter, NULL);
    do {
        if (!scope_next(scope, cursor, &doc, err))
            return false;
        for (size_t i = 0; doc != NULL && i < n; i++)
            there[i] |= bson_iter_init_find(&day, doc, "day") &&
                        bson_iter_init_find(&other, days[i], "day") && same_day(&day, &other);
    } while (doc != NULL);
    append_opened(update);
    return scope_update_all(scope, SALES_DAYS, filter, update, &changed, err);
}

/* What is left out of `days` by `there` is made, open. */
static bool open_new(struct scope *scope, const bson_t **days, size_t n, const bool *there,
                     struct err *err)
{
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        bson_t *doc = own_bson(scope->arena);

        if (there[i])
            continue;
        bson_concat(doc, days[i]);
        BSON_APPEND_BOOL(doc, "open", true);
        BSON_APPEND_INT64(doc, "changes", 1);
        days[used++] = doc;
    }
    if (scope_insert_all(scope, SALES_DAYS, days, used, err))
        return true;
    if (err->code == ERR_DUPLICATE)
        scope->transient = true;
    return false;
}

bool sales_days_touch_all(struct scope *scope, const bson_t **sales, size_t n, struct err *err)
{
    const bson_t **days = arena_alloc(scope->arena, (n + 1) * sizeof *days);
    bool *there = arena_alloc(scope->arena, (n + 1) * sizeof *there);
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        bson_t *day = own_bson(scope->arena);
        bson_iter_t it, other;
        bool known = false;

        scope_filter(scope, NULL, day);
        if (!append_day(sales[i], day))
            continue;
        bson_iter_init_find(&it, day, "day");
        for (size_t k = 0; k < used && !known; k++)
            known = bson_iter_init_find(&other, days[k], "day") && same_day(&it, &other);
        if (!known)
            days[used++] = day;
    }
    return used == 0 || (open_known(scope, days, used, there, err) &&
                         open_new(scope, days, used, there, err));
}

/* ---- what there is ---- */

/* In the order of the index: texts come before dates. */
static bool take(struct sales_cover *cover, const bson_t *doc)
{
    const char *name = doc_text(doc, "day");
    int64_t day;

    if (name != NULL && strcmp(name, DAY_UPTO) == 0) {
        cover->summed = doc_instant(doc, "upto", &cover->upto);
    } else if (name != NULL) {
        cover->undated = false;
    } else if (doc_instant(doc, "day", &day) && day < cover->upto) {
        if (cover->n_open == SALES_DAYS_OPEN_MAX) {
            cover->upto = day;
            return false;
        }
        cover->open[cover->n_open++] = day;
    }
    return true;
}

bool sales_days_look(struct scope *scope, struct sales_cover *cover, struct err *err)
{
    bson_t *filter = own_bson(scope->arena), *opts = own_bson(scope->arena);
    mongoc_cursor_t *cursor;
    const bson_t *doc;

    *cover = (struct sales_cover){.undated = true};
    scope_filter(scope, NULL, filter);
    BSON_APPEND_BOOL(filter, "open", true);
    BCON_APPEND(opts, "sort", "{", "open", BCON_INT32(1), "day", BCON_INT32(1), "}", "limit",
                BCON_INT64(SALES_DAYS_OPEN_MAX + 3), "batchSize",
                BCON_INT64(SALES_DAYS_OPEN_MAX + 4));
    cursor = scope_find(scope, SALES_DAYS, filter, opts);
    do {
        if (!scope_next(scope, cursor, &doc, err))
            return false;
    } while (doc != NULL && take(cover, doc));
    return true;
}

int64_t days_over(void)
{
    return day_begin(clock_ms() - SUMMED_AFTER_MS);
}

bool sales_days_due(const struct sales_cover *cover)
{
    return !cover->summed || cover->n_open > 0 || !cover->undated || cover->upto < days_over();
}

/* ---- a time, made of both ---- */

void append_range(bson_t *match, const char *name, int64_t from, int64_t to)
{
    bson_t range;

    BSON_APPEND_DOCUMENT_BEGIN(match, name, &range);
    if (from != TIME_OPEN)
        BSON_APPEND_DATE_TIME(&range, "$gte", from);
    if (to != TIME_OPEN)
        BSON_APPEND_DATE_TIME(&range, "$lt", to);
    bson_append_document_end(match, &range);
}

/* An index has what is no date before and after the dates. */
void append_undated(bson_t *any, int *n)
{
    char key[2][12];

    snprintf(key[0], sizeof key[0], "%d", (*n)++);
    snprintf(key[1], sizeof key[1], "%d", (*n)++);
    BCON_APPEND(any, key[0], "{", "$expr", "{", "$lt", "[", "$created_at",
                BCON_DATE_TIME(INT64_MIN), "]", "}", "}", key[1], "{", "$expr", "{", "$gt", "[",
                "$created_at", BCON_DATE_TIME(INT64_MAX), "]", "}", "}");
}

/* The whole days of it that are before `upto`: [*first, *past), the first maybe TIME_OPEN. */
static bool whole_days(const struct sales_cover *cover, int64_t from, int64_t to, int64_t *first,
                       int64_t *past)
{
    if (!cover->summed)
        return false;
    *first = from == TIME_OPEN ? TIME_OPEN : day_begin(from + DAY_MS - 1);
    *past = to == TIME_OPEN ? cover->upto : day_begin(to);
    if (*past > cover->upto)
        *past = cover->upto;
    return *first < *past;
}

bson_t *sales_days_rows(const struct scope *scope, const struct sales_cover *cover, int64_t from,
                        int64_t to)
{
    bson_t *match = own_bson(scope->arena), any, one;
    int64_t first, past;

    if (!whole_days(cover, from, to, &first, &past))
        return NULL;
    scope_filter(scope, NULL, match);
    BSON_APPEND_BOOL(match, "open", false);
    if (from != TIME_OPEN || to != TIME_OPEN) {
        append_range(match, "day", first, past);
        return match;
    }
    BSON_APPEND_ARRAY_BEGIN(match, "$or", &any);
    BCON_APPEND(&any, "0", "{", "day", DAY_UNDATED, "}");
    BSON_APPEND_DOCUMENT_BEGIN(&any, "1", &one);
    append_range(&one, "day", first, past);
    bson_append_document_end(&any, &one);
    bson_append_array_end(match, &any);
    return match;
}

static void add_range(bson_t *any, int *n, int64_t from, int64_t to)
{
    char key[12];
    bson_t one;

    if (from == to && from != TIME_OPEN)
        return;
    snprintf(key, sizeof key, "%d", (*n)++);
    BSON_APPEND_DOCUMENT_BEGIN(any, key, &one);
    append_range(&one, "created_at", from, to);
    bson_append_document_end(any, &one);
}

/* Open days, those that follow each other as one. */
static void add_open(bson_t *any, int *n, const struct sales_cover *cover, int64_t first,
                     int64_t past)
{
    for (size_t i = 0; i < cover->n_open;) {
        int64_t from = cover->open[i], to = from + DAY_MS;

        for (i++; i < cover->n_open && cover->open[i] == to; i++)
            to += DAY_MS;
        if (from < first)
            from = first;
        if (to > past)
            to = past;
        if (from < to)
            add_range(any, n, from, to);
    }
}

bson_t *sales_days_rest(const struct scope *scope, const struct sales_cover *cover, int64_t from,
                        int64_t to)
{
    bson_t *match = own_bson(scope->arena), any = BSON_INITIALIZER;
    bool always = from == TIME_OPEN && to == TIME_OPEN;
    int64_t first, past;
    int n = 0;

    sales_counted(scope, match);
    if (whole_days(cover, from, to, &first, &past)) {
        if (from != TIME_OPEN)
            add_range(&any, &n, from, first);
        add_open(&any, &n, cover, first, past);
        add_range(&any, &n, past, to);
        if (always && !cover->undated)
            append_undated(&any, &n);
    } else if (!always) {
        add_range(&any, &n, from, to);
    }
    if (n > 0)
        BSON_APPEND_ARRAY(match, "$or", &any);
    bson_destroy(&any);
    return n > 0 || (always && !cover->summed) ? match : NULL;
}
