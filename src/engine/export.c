/* The export of a list. Its records are sent in pieces of some 64 KiB, so a failure in the middle
 * can only break the reply off (resp_flush). */
#include "base.h"
#include "engine/export.h"
#include "engine/branches.h"
#include "engine/render.h"
#include "core/clock.h"
#include "db/own.h"

#define PIECE (64u << 10)
#define BATCH_MAX ((size_t)256 << 20)

static bool count_all(struct req *req, const struct list_query *query)
{
    const struct resource *resource = req->route->resource;
    int64_t most = req->count_exact ? 0 : EXPORT_ROWS_MAX + 1, total;

    if (!req->count_exact && query->limit <= EXPORT_ROWS_MAX)
        return true;
    if (!branches_count(req, resource, query, most, &total, req->err))
        return false;
    if (req->count_exact)
        resp_header(req, "X-Total-Count", arena_printf(req->arena, "%" PRId64, total));
    if (query->limit > EXPORT_ROWS_MAX && total > EXPORT_ROWS_MAX)
        return err_set(req->err, ERR_TOO_LARGE,
                       "There are more than %d records; narrow the list, or name a limit",
                       EXPORT_ROWS_MAX);
    return true;
}

void export_head(struct req *req)
{
    const char *path = req->route->path, *name = strrchr(path, '/') + 1;

    req->resp.content_type = "text/csv; charset=utf-8; header=present";
    resp_header(req, "Content-Disposition",
                arena_printf(req->arena, "attachment; filename=\"%s.csv\"", name));
}

/* Reads up to a thousand records, into `batch`; fewer: there are no more. */
static bool read_batch(struct req *req, mongoc_cursor_t *cursor, struct arena *batch,
                       const bson_t **docs, size_t *n)
{
    const bson_t *doc;

    for (*n = 0; *n < LIST_LIMIT_MAX; ++*n) {
        if (!scope_next(&req->scope, cursor, &doc, req->err))
            return false;
        if (doc == NULL)
            return true;
        docs[*n] = own_bson_copy(batch, bson_get_data(doc), doc->len);
    }
    return true;
}

/* What branches have of a thousand records at a time; each thousand has memory of its own. */
static bool send_batches(struct req *req, const struct list_query *query, struct arena *batch)
{
    const struct resource *resource = req->route->resource;
    const struct kind_env env = {.decimals = req->tenant->decimals};
    mongoc_cursor_t *cursor = branches_find(req, resource, query);
    const bson_t *docs[LIST_LIMIT_MAX];
    struct arena *own = req->scope.arena;
    size_t n = LIST_LIMIT_MAX;
    int64_t sent = 0;
    bool ok = true;

    while (ok && n == LIST_LIMIT_MAX) {
        arena_reset(batch);
        req->scope.arena = batch;
        ok = read_batch(req, cursor, batch, docs, &n) &&
             (!branches_wanted(req, resource, query) ||
              branches_show(req, resource, docs, n, NULL, req->err));
        req->scope.arena = own;
        if (ok && (sent += (int64_t)n) > EXPORT_ROWS_MAX)
            return err_set(req->err, ERR_TOO_LARGE, "There are more than %d records now",
                           EXPORT_ROWS_MAX);
        for (size_t i = 0; ok && i < n; i++)
            if (docs[i] != NULL)
                render_csv(resource, &env, docs[i], query, resp_body(req));
        ok = ok && resp_flush(req);
    }
    return ok;
}

static bool send_with_branches(struct req *req, const struct list_query *query)
{
    struct arena *batch = arena_new(BATCH_MAX);
    bool ok = send_batches(req, query, batch);

    arena_free(batch);
    return ok;
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

    if (req_query(req, "expand"))
        return err_set(req->err, ERR_BAD_QUERY, "expand: a table has no room for other records");
    req->deadline_us = req->started_us + EXPORT_TIME_US;
    req->scope.deadline_us = req->deadline_us;
    req->scope.max_time_ms = EXPORT_TIME_US / 1000;
    if (!query_export(req, req->route->resource, view, &query, req->err) ||
        !count_all(req, &query))
        return false;
    export_head(req);
    render_csv_head(req->route->resource, &query, resp_body(req));
    if (strcmp(req->method, "HEAD") == 0)
        return true;
    return req->route->resource->branches != NULL ? send_with_branches(req, &query)
                                                  : send_rows(req, &query);
}
