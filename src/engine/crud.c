/* Reading: list, views, one record, the singleton; and the rows for all operations. */
#include "base.h"
#include "engine/crud.h"
#include "engine/bulk.h"
#include "engine/crud_write.h"
#include "engine/expand.h"
#include "engine/export.h"
#include "engine/branches.h"
#include "engine/import.h"
#include "engine/index.h"
#include "engine/render.h"
#include "engine/write.h"
#include "tenant/audit.h"
#include "db/own.h"

static struct kind_env env_of(const struct req *req)
{
    return (struct kind_env){.decimals = req->tenant->decimals};
}

/* --- lists ----------------------------------------------------------------------------------- */

/* After the reply: what was read here the first time gets its indexes. An error has been logged
 * and the next read tries again. */
static void ensure_later(struct req *req)
{
    struct err err;

    err_init(&err);
    index_ensure(req->app->indexes, req->after_arg, &req->scope, &err);
    err_release(&err);
}

static void want_indexes(struct req *req, const struct resource *resource)
{
    if (index_known(req->app->indexes, resource, req->scope.db_name))
        return;
    req->after_reply = ensure_later;
    req->after_arg = resource;
}

static bool add_total(struct req *req, const struct resource *resource,
                      const struct list_query *query)
{
    int64_t total = 0;

    if (!branches_count(req, resource, query, 0, &total, req->err))
        return false;
    resp_header(req, "X-Total-Count", arena_printf(req->arena, "%" PRId64, total));
    return true;
}

/* A page whose records are shown with what branches have of them, or what their references name:
 * read whole, then shown. */
static bool add_page(struct req *req, const struct resource *resource,
                     const struct list_query *query, struct expand *expand)
{
    mongoc_cursor_t *cursor = resource->branches != NULL
                                  ? branches_find(req, resource, query)
                                  : scope_find(&req->scope, resource->collection, query->filter,
                                               query->opts);
    const bson_t **docs = arena_alloc(req->arena, (size_t)query->limit * sizeof(*docs));
    const bson_t *doc, *last = NULL;
    size_t n = 0;

    while ((int64_t)n < query->limit) {
        if (!scope_next(&req->scope, cursor, &doc, req->err))
            return false;
        if (doc == NULL)
            break;
        docs[n++] = last = own_bson_copy(req->arena, bson_get_data(doc), doc->len);
    }
    if (resource->branches != NULL && branches_wanted(req, resource, query) &&
        !branches_show(req, resource, docs, n, NULL, req->err))
        return false;
    if (!expand_page(req, query, expand, docs, n))
        return false;
    if ((int64_t)n == query->limit)
        query_link_next(req, resource, query, last);
    if (n > 0)
        want_indexes(req, resource);
    return true;
}

static bool list_whole(struct req *req, const struct resource *resource,
                       const struct list_query *query, struct expand *expand)
{
    struct str *out = resp_body(req);

    str_addc(out, '[');
    if (!add_page(req, resource, query, expand))
        return false;
    str_addc(out, ']');
    return !req->count_exact || add_total(req, resource, query);
}

static bool list(struct req *req, const struct view *view)
{
    const struct resource *resource = req->route->resource;
    const struct kind_env env = env_of(req);
    struct str *out = resp_body(req);
    char beside[AUDIT_DB_SIZE];
    struct list_query query;
    struct expand expand;
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    int64_t n = 0;

    if (resource->audit) {
        audit_db_name(req->scope.db_name, beside);
        req->scope.db_name = arena_strdup(req->arena, beside);
    }
    if (!expand_read(req, resource, &expand, req->err))
        return false;
    if (req_wants(req, EXPORT_TYPE))
        return expand.n == 0 ? export_list(req, view)
                             : err_set(req->err, ERR_BAD_QUERY,
                                       "expand: a table has no room for other records");
    if (!query_list(req, resource, view, expand_fields(&expand, resource), &query, req->err))
        return false;
    if (resource->branches != NULL || expand.n > 0)
        return list_whole(req, resource, &query, &expand);
    cursor = scope_find(&req->scope, resource->collection, query.filter, query.opts);
    str_addc(out, '[');
    for (;;) {
        if (!scope_next(&req->scope, cursor, &doc, req->err))
            return false;
        if (doc == NULL)
            break;
        if (n > 0)
            str_addc(out, ',');
        render_record(resource, &env, doc, &query, out);
        if (++n == query.limit)
            query_link_next(req, resource, &query, doc);
    }
    str_addc(out, ']');
    if (n > 0 && !resource->audit)
        want_indexes(req, resource);
    return !req->count_exact || add_total(req, resource, &query);
}

static bool crud_list(struct req *req)
{
    return list(req, req->route->resource->list_view);
}

static bool crud_view(struct req *req)
{
    return list(req, req->route->arg);
}

/* --- one record ------------------------------------------------------------------------------ */

/* True when one of the listed entity tags (or *) is this one; weak tags compare as strong ones. */
static bool etag_listed(const char *list_text, const char *etag)
{
    return strcmp(list_text, "*") == 0 || strstr(list_text, etag) != NULL;
}

/* The record with what branches have of it: *doc NULL when the caller's branch does not have it. A
 * new record of the whole business is in none yet. */
static bool with_branches(struct req *req, const bson_t **doc, const char **etag)
{
    const struct resource *resource = req->route->resource;
    const bson_t *whole = *doc;
    uint64_t tag;

    if (!branches_bound(resource, &req->scope) && strcmp(req->method, "POST") == 0)
        return true;
    if (!branches_show(req, resource, doc, 1, &tag, req->err))
        return false;
    if (*doc == NULL && req->route->writes)
        *doc = whole;
    if (tag != 0)
        *etag = arena_printf(req->arena, "%.*s.%" PRIx64 "\"", (int)strlen(*etag) - 1, *etag, tag);
    return true;
}

/* With an `expand` that was asked for never 304: the tag says nothing of the records shown beside
 * this one. */
static bool reply(struct req *req, const bson_t *doc, struct expand *expand)
{
    const struct resource *resource = req->route->resource;
    const struct kind_env env = env_of(req);
    const char *etag = render_etag(doc, req->arena);

    if (resource->branches != NULL && !with_branches(req, &doc, &etag))
        return false;
    if (doc == NULL)
        return crud_not_found(req);
    resp_header(req, "ETag", etag);
    if (expand->n == 0 && strcmp(req->method, "GET") == 0 && req->if_none_match != NULL &&
        etag_listed(req->if_none_match, etag)) {
        req->resp.status = 304;
        return true;
    }
    if (!expand_load(req, expand, &doc, 1, req->err))
        return false;
    render_record(resource, &env, doc, NULL, resp_body(req));
    expand_render(expand, &env, doc, resp_body(req));
    return true;
}

bool crud_reply(struct req *req, const bson_t *doc)
{
    struct expand none = {.n = 0};

    return reply(req, doc, &none);
}

bool crud_filter(struct req *req, bson_t *filter)
{
    const struct resource *resource = req->route->resource;
    const char *id = req_param(req, "id");

    scope_filter(&req->scope, resource->branch_field, filter);
    if (!resource->singleton)
        bson_append_utf8(filter, "id", 2, id, -1);
    resource_filter_own(resource, req, filter);
    return true;
}

bool crud_not_found(struct req *req)
{
    const struct resource *resource = req->route->resource;
    bool have = false;

    if (req->route->writes && branches_bound(resource, &req->scope) &&
        !branches_have(&req->scope, resource, req_param(req, "id"), &have, req->err))
        return false;
    if (have) /* they see it */
        return err_set(req->err, ERR_FORBIDDEN,
                       "It is not your branch's own: only the office changes it");
    return write_not_found(resource, req->err);
}

static bool crud_get(struct req *req)
{
    bson_t filter = BSON_INITIALIZER;
    struct expand expand;
    const bson_t *doc;
    bool ok;

    if (!expand_read(req, req->route->resource, &expand, req->err))
        return false;
    if (branches_bound(req->route->resource, &req->scope)) {
        scope_filter(&req->scope, NULL, &filter);
        bson_append_utf8(&filter, "id", 2, req_param(req, "id"), -1);
    } else {
        crud_filter(req, &filter);
    }
    ok = scope_find_one(&req->scope, req->route->resource->collection, &filter, NULL, &doc,
                        req->err);
    bson_destroy(&filter);
    if (!ok)
        return false;
    if (doc == NULL)
        return crud_not_found(req);
    want_indexes(req, req->route->resource);
    return reply(req, doc, &expand);
}

/* --- rows ------------------------------------------------------------------------------------ */

static const struct route_param list_params[] = {
    {"limit", "integer", "At most this many records (1 to 1000, default 1000)", false},
    {"after", "string", "Cursor of the Link header: the next page", false},
    {"sort", "string", "Field to sort by; a leading - turns the order", false},
    {"fields", "string", "Fields to show, separated by commas", false},
    {"q", "string", "Words that the searchable fields begin with", false},
    {"search", "string", "Another name of q", false},
    {"expand", "string", "References whose records are shown in `expanded`, at most 5", false},
    {NULL, NULL, NULL, false}};

static const struct route_param item_params[] = {
    {"expand", "string", "References whose records are shown in `expanded`, at most 5", false},
    {NULL, NULL, NULL, false}};

static const struct {
    enum resource_ops op;
    const char *method;
    bool item; /* under {id}; a singleton has none */
    bool (*handler)(struct req *req);
    const char *verb;
} operations[] = {
    {OP_LIST, "GET", false, crud_list, "List"},
    {OP_CREATE, "POST", false, crud_create, "Create"},
    {OP_GET, "GET", true, crud_get, "Get"},
    {OP_REPLACE, "PUT", true, crud_replace, "Replace"},
    {OP_PATCH, "PATCH", true, crud_patch, "Change"},
    {OP_DELETE, "DELETE", true, crud_delete, "Delete"},
};

static void fill_row(const struct resource *resource, enum resource_ops op, struct arena *texts,
                     struct route *row)
{
    bool sends = (op & (OP_CREATE | OP_REPLACE | OP_PATCH)) != 0;

    row->resource = resource;
    row->module = resource->module;
    row->by_branch = resource->branch_field != NULL;
    row->writes = (op & OP_READ) == 0;
    row->roles = row->writes ? resource_write_roles(resource) : resource_read_roles(resource);
    if (op == OP_DELETE && resource->delete_roles)
        row->roles = resource->delete_roles;
    row->body = sends ? BODY_JSON : BODY_NONE;
    row->out_list = op == OP_LIST;
    row->out = op == OP_DELETE ? "Message" : resource->schema;
    if (sends)
        row->in = arena_printf(texts, "%s%s", resource->schema,
                               op == OP_PATCH                                 ? "Patch"
                               : op == OP_REPLACE && resource_keeps(resource) ? "Replacement"
                                                                              : "Input");
    if (op == OP_LIST) {
        row->query = list_params;
        row->open_query = true;
    }
    if (op == OP_GET && !resource->singleton)
        row->query = item_params;
}

static size_t add_views(const struct resource *resource, struct arena *texts, struct route *rows)
{
    for (size_t i = 0; i < resource->n_views; i++) {
        const struct view *view = &resource->views[i];

        rows[i] = (struct route){.method = "GET",
                                 .path = arena_printf(texts, "%s/%s", resource->path, view->path),
                                 .handler = crud_view,
                                 .arg = view,
                                 .summary = view->summary};
        fill_row(resource, OP_LIST, texts, &rows[i]);
    }
    return resource->n_views;
}

/* Many at once where one can be: by the policy of the single operation. */
static size_t add_bulk(const struct resource *resource, struct arena *texts, struct route *rows)
{
    static const enum resource_ops ops[] = {OP_CREATE, OP_PATCH, OP_DELETE};
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(ops) && !resource->singleton; i++) {
        if (!(resource->ops & ops[i]) || !bulk_offered(resource, ops[i]))
            continue;
        rows[n] = (struct route){.method = NULL};
        fill_row(resource, ops[i], texts, &rows[n]);
        bulk_route(resource, ops[i], texts, &rows[n++]);
    }
    return n;
}

size_t crud_routes(const struct resource *resource, struct arena *texts, struct route *rows)
{
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        bool item = operations[i].item && !resource->singleton;

        if (!(resource->ops & operations[i].op))
            continue;
        rows[n] = (struct route){.method = operations[i].method,
                                 .path = arena_printf(texts, "%s%s", resource->path,
                                                      item ? "/{id}" : ""),
                                 .handler = operations[i].handler,
                                 .summary = arena_printf(texts, "%s %s", operations[i].verb,
                                                         resource->summary)};
        if (resource->singleton && operations[i].op == OP_GET)
            rows[n].handler = crud_singleton;
        fill_row(resource, operations[i].op, texts, &rows[n++]);
    }
    n += add_views(resource, texts, rows + n);
    if (import_offered(resource))
        import_route(resource, texts, &rows[n++]);
    n += add_bulk(resource, texts, rows + n);
    if (resource->states != NULL)
        state_route(resource, texts, &rows[n++]);
    for (size_t i = 0; i < resource->n_appends; i++)
        append_route(resource, &resource->appends[i], texts, &rows[n++]);
    if (resource->toggle != NULL)
        state_toggle_route(resource, texts, &rows[n++]);
    return n;
}
