/* The export of a list. Its records are sent in pieces of some 64 KiB, so a failure in the middle
 * can only break the reply off (resp_flush). */
#include "base.h"
#include "engine/export.h"
#include "engine/render.h"
#include "core/clock.h"

#define PIECE (64u << 10)

static bool count_all(struct req *req, const struct list_query *query)
{
    int64_t most = req->count_exact ? 0 : EXPORT_ROWS_MAX + 1, total;

    if (!req->count_exact && query->limit <= EXPORT_ROWS_MAX)
        return true;
    if (!scope_count(&req->scope, req->route->resource->collection, query->count_filter, most,
                     &total, req->err))
        return false;
    if (req->count_exact)
        resp_header(req, "X-Total-Count", arena_printf(req->arena, "%" PRId64, total));
    if (query->limit > EXPORT_ROWS_MAX && total > EXPORT_ROWS_MAX)
        return err_set(req->err, ERR_TOO_LARGE,
                       "There are more than %d records; narrow the list, or name a limit",
                       EXPORT_ROWS_MAX);
    return true;
}

static void set_head(struct req *req)
{
    const char *path = req->route->path, *name = strrchr(path, '/') + 1;

    req->resp.content_type = "text/csv; charset=utf-8; header=present";
    resp_header(req, "Content-Disposition",
                arena_printf(req->arena, "attachment; filename=\"%s.csv\"", name));
}

/* More may have come since they were counted. */
static bool send_rows(struct req *req, const struct list_query *query)
{
    const struct resource *resource = req->route->resource;
    const struct kind_env env = {.decimals = req->tenant->decimals};
    mongoc_cursor_t *cursor = scope_find(&req->scope, resource->collection, query->filter,
                                         query->opts);
    struct str *out = resp_body(req);
    const bson_t *doc;

    for (int64_t n = 0;; n++) {
        if (!scope_next(&req->scope, cursor, &doc, req->err))
            return false;
        if (doc == NULL)
            return true;
        if (n == EXPORT_ROWS_MAX)
            return err_set(req->err, ERR_TOO_LARGE, "There are more than %d records now", (int)n);
        render_csv(resource, &env, doc, query, out);
        if (out->len >= PIECE && !resp_flush(req))
            return false;
    }
}

bool export_list(struct req *req, const struct view *view)
{
    struct list_query query;

    req->deadline_us = req->started_us + EXPORT_TIME_US;
    req->scope.deadline_us = req->deadline_us;
    req->scope.max_time_ms = EXPORT_TIME_US / 1000;
    if (!query_export(req, req->route->resource, view, &query, req->err) ||
        !count_all(req, &query))
        return false;
    set_head(req);
    render_csv_head(req->route->resource, &query, resp_body(req));
    if (strcmp(req->method, "HEAD") == 0)
        return true;
    return send_rows(req, &query);
}
