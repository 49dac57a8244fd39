/* What every report shares: its days, the sales that count, and how a pipeline is put together. */
#include "base.h"
#include "trade/report_priv.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "trade/zone.h"

/* ---- pipelines ---- */

void pipe_begin(struct pipe *pipe, struct req *req, const bson_t *match)
{
    *pipe = (struct pipe){.req = req, .stages = own_bson(req->arena), .let = own_bson(req->arena)};
    pipe_add(pipe, "$match", match);
}

void pipe_add(struct pipe *pipe, const char *name, const bson_t *value)
{
    char key[12];
    bson_t stage;

    snprintf(key, sizeof key, "%u", pipe->n++);
    BSON_APPEND_DOCUMENT_BEGIN(pipe->stages, key, &stage);
    BSON_APPEND_DOCUMENT(&stage, name, value);
    bson_append_document_end(pipe->stages, &stage);
}

void pipe_documents(struct pipe *pipe, const bson_t *stages)
{
    bson_iter_t it;
    char key[12];

    bson_iter_init(&it, stages);
    while (bson_iter_next(&it)) {
        snprintf(key, sizeof key, "%u", pipe->n++);
        bson_append_iter(pipe->stages, key, -1, &it);
    }
}

void pipe_text(struct pipe *pipe, const char *json)
{
    bson_error_t error;
    bson_t stages;

    if (!bson_init_from_json(&stages, json, -1, &error))
        die("stages of a report: %s", error.message);
    pipe_documents(pipe, &stages);
    bson_destroy(&stages);
}

void pipe_join(struct pipe *pipe, const char *collection, const struct pipe *other)
{
    bson_t *with = own_bson(pipe->req->arena);

    BSON_APPEND_UTF8(with, "coll", collection);
    BSON_APPEND_ARRAY(with, "pipeline", other->stages);
    pipe_add(pipe, "$unionWith", with);
}

void pipe_union(struct pipe *pipe, const char *collection, const bson_t *match, const char *json)
{
    struct pipe inner;

    pipe_begin(&inner, pipe->req, match);
    pipe_text(&inner, json);
    pipe_join(pipe, collection, &inner);
}

void pipe_lookup(struct pipe *pipe, const struct pipe_link *link, const char *json)
{
    bson_t *lookup = own_bson(pipe->req->arena);
    struct pipe inner;

    pipe_begin(&inner, pipe->req, match_tenant(pipe->req));
    pipe_text(&inner, json);
    BSON_APPEND_UTF8(lookup, "from", link->collection);
    if (link->local != NULL) {
        BSON_APPEND_UTF8(lookup, "localField", link->local);
        BSON_APPEND_UTF8(lookup, "foreignField", link->foreign);
    }
    BSON_APPEND_ARRAY(lookup, "pipeline", inner.stages);
    BSON_APPEND_UTF8(lookup, "as", link->as);
    pipe_add(pipe, "$lookup", lookup);
}

bool pipe_run(struct pipe *pipe, const char *collection, const bson_t **docs, size_t max,
              size_t *n)
{
    struct scope *scope = &pipe->req->scope;
    bson_t *opts = own_bson(pipe->req->arena);
    mongoc_cursor_t *cursor;
    const bson_t *doc;

    *n = 0;
    BSON_APPEND_DOCUMENT(opts, "let", pipe->let);
    BSON_APPEND_INT32(opts, "batchSize", REPORT_ROWS_MAX);
    cursor = scope_aggregate(scope, collection, pipe->stages, opts);
    while (*n < max) {
        if (!scope_next(scope, cursor, &doc, pipe->req->err))
            return false;
        if (doc == NULL)
            break;
        docs[(*n)++] = own_bson_copy(pipe->req->arena, bson_get_data(doc), doc->len);
    }
    return true;
}

bool pipe_run_one(struct pipe *pipe, const char *collection, const bson_t **doc)
{
    size_t n;

    *doc = NULL;
    return pipe_run(pipe, collection, doc, 1, &n);
}

/* ---- whose ---- */

bson_t *match_tenant(const struct req *req)
{
    bson_t *match = own_bson(req->arena);

    scope_filter(&req->scope, NULL, match);
    return match;
}

bson_t *report_sales(const struct req *req, int64_t from, int64_t to)
{
    bson_t *match = own_bson(req->arena);
    bson_t range;

    sales_counted(&req->scope, match);
    if (from == REPORT_OPEN && to == REPORT_OPEN)
        return match;
    BSON_APPEND_DOCUMENT_BEGIN(match, "created_at", &range);
    if (from != REPORT_OPEN)
        BSON_APPEND_DATE_TIME(&range, "$gte", from);
    if (to != REPORT_OPEN)
        BSON_APPEND_DATE_TIME(&range, "$lt", to);
    bson_append_document_end(match, &range);
    return match;
}

/* ---- when ---- */

/* A facet gives its one document even where no settings are stored yet. */
static const char days_stages[] =
    "[{\"$limit\": 1}, {\"$facet\": {\"found\": [{\"$project\": {\"time_zone\": 1}}]}},"
    " {\"$set\": {\"zone\": {\"$ifNull\": [{\"$first\": \"$found.time_zone\"}, \"$$usual\"]}}},"
    " {\"$set\": {"
    "   \"today\": {\"$dateTrunc\":"
    "     {\"date\": \"$$at\", \"unit\": \"day\", \"timezone\": \"$zone\"}},"
    "   \"month\": {\"$dateTrunc\":"
    "     {\"date\": \"$$at\", \"unit\": \"month\", \"timezone\": \"$zone\"}},"
    "   \"from\": {\"$dateFromString\":"
    "     {\"dateString\": \"$$start\", \"timezone\": \"$zone\"}},"
    "   \"to\": {\"$dateAdd\": {\"unit\": \"day\", \"amount\": 1, \"timezone\": \"$zone\","
    "     \"startDate\": {\"$dateFromString\":"
    "       {\"dateString\": \"$$end\", \"timezone\": \"$zone\"}}}}}},"
    " {\"$set\": {"
    "   \"past\": {\"$dateToString\":"
    "     {\"date\": \"$to\", \"format\": \"%Y-%m-%d\", \"timezone\": \"$zone\"}},"
    "   \"days\": {\"$map\": {\"input\": {\"$range\": [-6, 2]}, \"as\": \"n\", \"in\":"
    "     {\"$dateAdd\": {\"startDate\": \"$today\", \"unit\": \"day\", \"amount\": \"$$n\","
    "       \"timezone\": \"$zone\"}}}}}},"
    " {\"$set\": {\"dates\": {\"$map\": {\"input\": \"$days\", \"as\": \"d\", \"in\":"
    "   {\"$dateToString\": {\"date\": \"$$d\", \"format\": \"%Y-%m-%d\","
    "     \"timezone\": \"$zone\"}}}}}}]";

static bool read_day(struct req *req, const char *name, const char **day)
{
    int64_t ms;

    *day = req_query(req, name);
    return *day == NULL ||
           (strlen(*day) == 10 && clock_parse(*day, 10, &ms) && strcmp(*day, "1900") > 0 &&
            strcmp(*day, "3000") < 0) ||
           err_field(req->err, name, "format",
                     "Must be a day that exists, from 1900 to 2999, as in 2026-01-31");
}

static bool read_range(struct req *req, struct report_days *days)
{
    bool ok = read_day(req, "start_date", &days->start_date);

    if (!read_day(req, "end_date", &days->end_date) || !ok)
        return false;
    return days->start_date == NULL || days->end_date == NULL ||
           strcmp(days->start_date, days->end_date) <= 0 ||
           err_field(req->err, "end_date", "range", "Must not be before start_date");
}

static void let_text(struct pipe *pipe, const char *name, const char *text)
{
    if (text != NULL)
        bson_append_utf8(pipe->let, name, -1, text, -1);
    else
        bson_append_null(pipe->let, name, -1);
}

static void take_days(const bson_t *doc, struct report_days *days)
{
    char path[24];

    days->from = days->to = REPORT_OPEN;
    doc_instant(doc, "today", &days->today);
    doc_instant(doc, "month", &days->month);
    doc_instant(doc, "from", &days->from);
    doc_instant(doc, "to", &days->to);
    days->past = doc_text(doc, "past");
    for (int i = 0; i <= REPORT_WEEK; i++) {
        snprintf(path, sizeof path, "days.%d", i);
        doc_instant(doc, path, &days->begins[i]);
        snprintf(path, sizeof path, "dates.%d", i);
        days->dates[i] = doc_text(doc, path);
    }
}

bool report_days(struct req *req, struct report_days *days)
{
    struct pipe pipe;
    const bson_t *doc;

    *days = (struct report_days){0};
    if (!read_range(req, days))
        return false;
    pipe_begin(&pipe, req, match_tenant(req));
    pipe_text(&pipe, days_stages);
    BSON_APPEND_DATE_TIME(pipe.let, "at", clock_ms());
    BSON_APPEND_UTF8(pipe.let, "usual", ZONE_USUAL);
    let_text(&pipe, "start", days->start_date);
    let_text(&pipe, "end", days->end_date);
    if (!pipe_run_one(&pipe, "settings", &doc))
        return false;
    if (doc == NULL)
        return err_set(req->err, ERR_TRY_AGAIN, "The settings of the business were not there.");
    take_days(doc, days);
    return true;
}
