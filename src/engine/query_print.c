/* Requests that nobody sent go through the same function as those that somebody did. */
#include "base.h"
#include "engine/query_print.h"
#include "engine/query.h"
#include "db/own.h"

#define PAGE 100

/* A value of each kind, as in a query string. */
static const char *const samples[K_COUNT] = {
    [K_TEXT] = "text 7",
    [K_NOTE] = "text 7",
    [K_EMAIL] = "p7@sample.example",
    [K_PHONE] = "0170000007",
    [K_URL] = "/7",
    [K_REF] = "ref 7",
    [K_INT] = "7",
    [K_BOOL] = "true",
    [K_MONEY] = "7",
    [K_DECIMAL] = "7",
    [K_DAY] = "2026-01-07",
    [K_CLOCK] = "10:07",
    [K_INSTANT] = "2026-01-07T00:00:00Z",
    [K_TEXT_LIST] = "text 7",
};

struct printer {
    FILE *out;
    struct req *req;
    const struct resource *resource;
};

static const char *sample_of(const struct field *f)
{
    return f->kind == K_ENUM ? f->values[0] : samples[f->kind];
}

static json_t *values_of(const struct field *f)
{
    json_t *values = json_array();

    for (const char *const *v = f->values; v != NULL && *v != NULL; v++)
        json_array_append_new(values, json_string(*v));
    return values;
}

static void print_resource(const struct printer *p)
{
    const struct resource *r = p->resource;
    json_auto_t *fields = json_array();
    json_auto_t *line = NULL;

    for (const struct field *f = r->fields; f->name != NULL; f++)
        json_array_append_new(fields, json_pack("{s:s,s:s,s:o,s:b}", "name", f->name, "kind",
                                                kind_of(f)->name, "values", values_of(f), "unique",
                                                (f->flags & F_UNIQUE) != 0));
    line = json_pack("{s:s,s:s,s:b,s:O}", "resource", r->noun, "collection", r->collection, "audit",
                     (int)r->audit, "fields", fields);
    json_dumpf(line, p->out, JSON_COMPACT);
    fputc('\n', p->out);
}

static void print_command(const struct printer *p, const struct list_query *query,
                          const char *kind, const char *what)
{
    bson_t command = BSON_INITIALIZER;
    bson_iter_t it;
    char *text;

    BSON_APPEND_UTF8(&command, "find", p->resource->collection);
    BSON_APPEND_DOCUMENT(&command, "filter", query->filter);
    if (bson_iter_init_find(&it, query->opts, "sort"))
        bson_append_iter(&command, "sort", 4, &it);
    if (bson_iter_init_find(&it, query->opts, "limit"))
        bson_append_iter(&command, "limit", 5, &it);
    text = bson_as_canonical_extended_json(&command, NULL);
    if (text == NULL)
        die("a query of %s is no document", p->resource->noun);
    fprintf(p->out, "{\"resource\":\"%s\",\"kind\":\"%s\",\"what\":\"%s\",\"command\":%s}\n",
            p->resource->noun, kind, what, text);
    bson_free(text);
    bson_destroy(&command);
}

/* A parameter beside the limit; NULL: none. */
static void ask(const struct printer *p, const char *name, const char *value)
{
    p->req->query[0] = (struct pair){"limit", arena_printf(p->req->arena, "%d", PAGE)};
    p->req->query[1] = (struct pair){name, value};
    p->req->n_query = name != NULL ? 2 : 1;
}

static void print(const struct printer *p, const struct view *view, const char *kind,
                  const char *what, struct list_query *query)
{
    struct req *req = p->req;

    if (!query_list(req, p->resource, view, 0, query, req->err))
        die("%s of %s: %s", what, p->resource->noun, req->err->detail);
    print_command(p, query, kind, what);
}

static void print_param(const struct printer *p, const char *kind, const char *name,
                        const char *value)
{
    struct list_query query;

    ask(p, name, value);
    print(p, NULL, kind, name != NULL ? arena_printf(p->req->arena, "%s=%s", name, value) : "list",
          &query);
}

/* The cursor that a page ending with this record would give. */
static const char *next_page(const struct printer *p, const struct list_query *query)
{
    bson_t *last = own_bson(p->req->arena);
    const char *link, *start;

    BSON_APPEND_UTF8(last, "id", "id 10000100");
    if (query->sort != NULL &&
        !kind_of(query->sort)->query(&(struct kind_env){.decimals = 2}, query->sort,
                                     sample_of(query->sort), query->sort_name, last))
        die("%s of %s: the sample is no value", query->sort_name, p->resource->noun);
    if (strcmp(query->sort_name, "created_at") == 0)
        BSON_APPEND_DATE_TIME(last, "created_at", INT64_C(1767744000000));
    p->req->resp.n_headers = 0;
    query_link_next(p->req, p->resource, query, last);
    link = p->req->resp.headers[0].value;
    start = strstr(link, "after=") + 6;
    return arena_strndup(p->req->arena, start, strcspn(start, ">"));
}

static void print_sort(const struct printer *p, const char *name, bool down)
{
    const char *value = arena_printf(p->req->arena, "%s%s", down ? "-" : "", name);
    const char *what = arena_printf(p->req->arena, "sort=%s", value);
    struct list_query query;

    ask(p, "sort", value);
    print(p, NULL, "sort", what, &query);
    p->req->query[2] = (struct pair){"after", next_page(p, &query)};
    p->req->n_query = 3;
    print(p, NULL, "page", what, &query);
}

static void print_field(const struct printer *p, const struct field *f)
{
    const struct lapse *lapse = p->resource->lapse;
    struct arena *arena = p->req->arena;

    if (f->flags & F_SORT) {
        print_sort(p, f->name, false);
        print_sort(p, f->name, true);
    }
    if (f->flags & F_FILTER)
        print_param(p, "filter", f->name,
                    lapse != NULL && strcmp(lapse->field, f->name) == 0 ? lapse->to : sample_of(f));
    if (f->flags & F_RANGE) {
        print_param(p, "range", arena_printf(arena, "%s.gte", f->name), sample_of(f));
        print_param(p, "range", arena_printf(arena, "%s.lte", f->name), sample_of(f));
    }
}

/* One record, as GET, PATCH and the like find it. */
static void print_one(const struct printer *p)
{
    struct list_query query = {.filter = own_bson(p->req->arena), .opts = own_bson(p->req->arena)};

    scope_filter(&p->req->scope, NULL, query.filter);
    BSON_APPEND_UTF8(query.filter, "id", "id 10000042");
    BSON_APPEND_INT64(query.opts, "limit", 1);
    print_command(p, &query, "one", "id");
}

static void print_queries(const struct printer *p)
{
    const struct resource *r = p->resource;
    struct list_query query;
    bool searched = false;

    print_param(p, "list", NULL, NULL);
    for (size_t i = 0; i < STD_FIELDS; i++)
        if (resource_std_sorts(r) >> i & 1) {
            print_sort(p, std_field_names[i], false);
            print_sort(p, std_field_names[i], true);
        }
    for (const struct field *f = r->fields; f->name != NULL; f++) {
        print_field(p, f);
        searched |= (f->flags & F_SEARCH) != 0;
    }
    if ((r->ops & ~(unsigned)OP_LIST) != 0 && !r->singleton)
        print_one(p);
    if (searched)
        print_param(p, "search", "q", "word7");
    for (size_t i = 0; i < r->n_views; i++) {
        ask(p, NULL, NULL);
        print(p, &r->views[i], "view", r->views[i].path, &query);
    }
    if (r->own_field != NULL) {
        p->req->principal.role = ROLE_STAFF;
        p->req->principal.user_id = sample_of(resource_field(r, r->own_field));
        print_param(p, "own", NULL, NULL);
        p->req->principal = (struct principal){.role = ROLE_SUPER_ADMIN};
    }
    if (r->branch_field != NULL && r->branches == NULL) {
        p->req->scope.branch_id = sample_of(resource_field(r, r->branch_field));
        print_param(p, "branch", NULL, NULL);
        p->req->scope.branch_id = NULL;
    }
}

void query_print(struct app *app, FILE *out)
{
    static const struct tenant tenant = {.decimals = 2};
    struct req *req = calloc(1, sizeof(*req));
    struct err err;

    if (req == NULL)
        die("out of memory");
    err_init(&err);
    req->app = app;
    req->err = &err;
    req->tenant = &tenant;
    req->path = "/";
    for (size_t i = 0; i < resource_count(); i++) {
        struct printer p = {.out = out, .req = req, .resource = resource_at(i)};

        if (!(p.resource->ops & OP_LIST))
            continue;
        req->arena = arena_new(8 << 20);
        req->scope = (struct scope){.db_name = "-", .tenant_id = QUERY_PRINT_TENANT,
                                    .arena = req->arena};
        print_resource(&p);
        print_queries(&p);
        arena_free(req->arena);
    }
    err_release(&err);
    free(req);
}
