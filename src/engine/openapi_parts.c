/* Parameters of the rows, and the headers and refusals that many operations share. */
#include "base.h"
#include "engine/openapi_schema.h"
#include "engine/expand.h"
#include "engine/idem.h"
#include "engine/query.h"

/* --- shared parameters ------------------------------------------------------------------------ */

static const struct {
    const char *key, *name, *text;
} shared_params[] = {
    {"IfMatch", "If-Match", "An ETag: refused with 412 when the record has changed since"},
    {"IfNoneMatch", "If-None-Match", "An ETag: 304 when the record is still the same"},
    {"IdempotencyKey", "Idempotency-Key",
     "1 to 255 visible characters: the same request again gives the first reply"},
    {"PreferCount", "Prefer", "count=exact asks for X-Total-Count"},
    {"PreferStrict", "Prefer", "handling=strict refuses members that would be ignored"},
};

json_t *openapi_parameters(void)
{
    json_t *out = json_object();

    for (size_t i = 0; i < ARRAY_LEN(shared_params); i++)
        json_object_set_new(out, shared_params[i].key,
                            json_pack("{s:s,s:s,s:s,s:{s:s}}", "name", shared_params[i].name, "in",
                                      "header", "description", shared_params[i].text, "schema",
                                      "type", "string"));
    return out;
}

/* --- parameters of a row ---------------------------------------------------------------------- */

enum openapi_op openapi_row_op(const struct route *row)
{
    const struct resource *resource = row->resource;
    size_t len;
    bool item, whole;

    if (resource == NULL || strncmp(row->path, resource->path, strlen(resource->path)) != 0)
        return OPENAPI_ACTION;
    len = strlen(resource->path);
    if (strcmp(row->path + len, "/bulk") == 0)
        return OPENAPI_BULK;
    whole = row->path[len] == '\0';
    item = resource->singleton ? whole
                               : strncmp(row->path + len, "/{", 2) == 0 &&
                                     strchr(row->path + len + 1, '/') == NULL;
    if (strcmp(row->method, "GET") == 0 && row->out_list)
        return whole ? OPENAPI_LIST : item ? OPENAPI_ACTION : OPENAPI_VIEW;
    if (strcmp(row->method, "POST") == 0)
        return whole ? OPENAPI_CREATE : OPENAPI_ACTION;
    if (!item)
        return OPENAPI_ACTION;
    return strcmp(row->method, "GET") == 0     ? OPENAPI_GET
           : strcmp(row->method, "PUT") == 0   ? OPENAPI_REPLACE
           : strcmp(row->method, "PATCH") == 0 ? OPENAPI_PATCH
                                               : OPENAPI_DELETE;
}

bool openapi_moves(const struct route *row)
{
    return row->resource != NULL && row->writes && openapi_row_op(row) == OPENAPI_ACTION &&
           row->out != NULL && strcmp(row->out, row->resource->schema) == 0;
}

bool openapi_versioned(const struct route *row)
{
    enum openapi_op op = openapi_row_op(row);

    return op == OPENAPI_REPLACE || op == OPENAPI_PATCH || op == OPENAPI_DELETE ||
           openapi_moves(row) || row->versioned;
}

static void add_param(json_t *params, const char *name, const char *in, const char *text,
                      json_t *schema, bool required)
{
    json_t *param = json_pack("{s:s,s:s,s:o}", "name", name, "in", in, "schema", schema);

    if (text != NULL)
        json_object_set_new(param, "description", json_string(text));
    if (required)
        json_object_set_new(param, "required", json_true());
    json_array_append_new(params, param);
}

static void add_shared(json_t *params, const char *key)
{
    json_array_append_new(params, openapi_ref("parameters", key));
}

static void add_path_params(const struct route *row, json_t *params)
{
    for (const char *p = strchr(row->path, '{'); p != NULL; p = strchr(p, '{')) {
        size_t len = strcspn(++p, "}");
        char name[64];

        snprintf(name, sizeof(name), "%.*s", (int)len, p);
        add_param(params, name, "path", NULL,
                  json_pack("{s:s,s:i}", "type", "string", "minLength", 1), true);
    }
}

static json_t *sort_schema(const struct resource *resource)
{
    json_t *values = json_array();

    for (size_t i = 0; i < STD_FIELDS; i++)
        if (resource_std_sorts(resource) >> i & 1) {
            json_array_append_new(values, json_string(std_field_names[i]));
            json_array_append_new(values, json_sprintf("-%s", std_field_names[i]));
        }
    for (const struct field *f = resource->fields; f->name != NULL; f++)
        if (f->flags & F_SORT) {
            json_array_append_new(values, json_string(f->name));
            json_array_append_new(values, json_sprintf("-%s", f->name));
        }
    return json_pack("{s:s,s:o}", "type", "string", "enum", values);
}

static json_t *fields_schema(const struct resource *resource)
{
    json_t *values = json_pack("[s,s,s,s]", "id", "tenant_id", "created_at", "updated_at");

    for (const struct field *f = resource->fields; f->name != NULL; f++)
        json_array_append_new(values, json_string(f->name));
    return json_pack("{s:s,s:{s:s,s:o}}", "type", "array", "items", "type", "string", "enum",
                     values);
}

/* NULL: it refers to nothing. */
static json_t *expand_schema(const struct resource *resource)
{
    json_t *values;

    if (!expand_offered(resource))
        return NULL;
    values = json_array();
    for (const struct field *f = resource->fields; f->name != NULL; f++)
        if (f->kind == K_REF)
            json_array_append_new(values, json_string(f->name));
    return json_pack("{s:s,s:{s:s,s:o}}", "type", "array", "items",
                     "type", "string", "enum", values);
}

static json_t *plain_schema(const struct route_param *param)
{
    if (strcmp(param->type, PARAM_DAY) == 0)
        return json_pack("{s:s,s:s}", "type", "string", "format", "date");
    return json_pack("{s:s}", "type", param->type);
}

/* What the descriptor adds to the plain type of a list's own parameter; NULL: it has none. */
static json_t *query_schema(const struct route *row, const struct route_param *param)
{
    const char *name = param->name;
    enum openapi_op op = openapi_row_op(row);

    if (row->resource != NULL && strcmp(name, "expand") == 0)
        return expand_schema(row->resource);
    if (op != OPENAPI_LIST && op != OPENAPI_VIEW)
        return plain_schema(param);
    if (strcmp(name, "limit") == 0)
        return json_pack("{s:s,s:i,s:i,s:i}", "type", "integer", "minimum", 1, "maximum",
                         LIST_LIMIT_MAX, "default", LIST_LIMIT_MAX);
    if (strcmp(name, "sort") == 0)
        return sort_schema(row->resource);
    if (strcmp(name, "fields") == 0)
        return fields_schema(row->resource);
    if (strcmp(name, "q") == 0 || strcmp(name, "search") == 0)
        return resource_searchable(row->resource)
                   ? json_pack("{s:s,s:i}", "type", "string", "maxLength", LIST_SEARCH_MAX)
                   : NULL;
    if (strcmp(name, "after") == 0)
        return json_pack("{s:s,s:i}", "type", "string", "minLength", 1);
    return plain_schema(param);
}

static void add_query_params(const struct route *row, json_t *params)
{
    for (const struct route_param *q = row->query; q != NULL && q->name != NULL; q++) {
        json_t *schema = query_schema(row, q);

        if (schema == NULL)
            continue;
        add_param(params, q->name, "query", q->summary, schema, q->required);
        if (json_object_get(schema, "items") != NULL)
            json_object_set_new(json_array_get(params, json_array_size(params) - 1), "explode",
                                json_false());
    }
}

/* A filter may ask for values that no record can have; then there are none. */
static json_t *filter_schema(const struct field *field)
{
    json_t *schema = openapi_field_schema(field);

    if (field->kind == K_TEXT_LIST) { /* one of its texts */
        json_decref(schema);
        return json_pack("{s:s,s:i,s:i}", "type", "string", "minLength", 1, "maxLength", 200);
    }
    json_object_del(schema, "minimum");
    json_object_del(schema, "maximum");
    json_object_del(schema, "minLength");
    if (field->kind <= K_REF) {
        json_object_del(schema, "pattern");
        json_object_set_new(schema, "minLength", json_integer(1));
    }
    return schema;
}

static void add_filter(const struct field *field, const char *op, const char *text, json_t *params)
{
    char name[128];

    snprintf(name, sizeof(name), "%s%s", field->name, op);
    add_param(params, name, "query", text, filter_schema(field), false);
}

static void add_filters(const struct resource *resource, json_t *params)
{
    for (const struct field *f = resource->fields; f->name != NULL; f++) {
        if (f->flags & F_FILTER)
            add_filter(f, "", "Only records with this value", params);
        if (f->flags & F_RANGE) {
            add_filter(f, ".gte", "Only records with this value or a greater one", params);
            add_filter(f, ".lte", "Only records with this value or a smaller one", params);
        }
    }
}

json_t *openapi_row_parameters(const struct route *row)
{
    enum openapi_op op = openapi_row_op(row);
    json_t *params = json_array();

    add_path_params(row, params);
    add_query_params(row, params);
    if (op == OPENAPI_LIST || op == OPENAPI_VIEW) {
        add_filters(row->resource, params);
        add_shared(params, "PreferCount");
    }
    if (op == OPENAPI_GET)
        add_shared(params, "IfNoneMatch");
    if (openapi_versioned(row))
        add_shared(params, "IfMatch");
    if (op == OPENAPI_CREATE || op == OPENAPI_REPLACE || op == OPENAPI_PATCH ||
        (op == OPENAPI_BULK && strcmp(row->method, "DELETE") != 0))
        add_shared(params, "PreferStrict");
    if (idem_offered(row))
        add_shared(params, "IdempotencyKey");
    return params;
}

/* --- headers ---------------------------------------------------------------------------------- */

static const struct {
    const char *name, *type, *text;
} shared_headers[] = {
    {"X-Request-Id", "string", "Names this request in the server's log"},
    {"ETag", "string", "The version of the record, for If-Match and If-None-Match"},
    {"Location", "string", "The path of the new record"},
    {"Link", "string", "<...>; rel=\"next\": where the next page is, when there is one"},
    {"X-Total-Count", "integer", "How many records match, when asked with Prefer: count=exact"},
    {"X-Ignored-Fields", "string", "Names of members that were sent and not stored"},
    {"Idempotency-Replayed", "string", "true: this is the reply to an earlier request"},
    {"Retry-After", "integer", "Seconds to wait before the next try"},
    {"WWW-Authenticate", "string", "The scheme to authenticate with"},
};

json_t *openapi_headers(void)
{
    json_t *out = json_object();

    for (size_t i = 0; i < ARRAY_LEN(shared_headers); i++)
        json_object_set_new(out, shared_headers[i].name,
                            json_pack("{s:s,s:{s:s}}", "description", shared_headers[i].text,
                                      "schema", "type", shared_headers[i].type));
    return out;
}

/* --- refusals --------------------------------------------------------------------------------- */

void openapi_problem_name(int status, char *out, size_t size)
{
    snprintf(out, size, "Problem%d", status);
}

static void add_header(json_t *problem, const char *name)
{
    json_object_set_new(json_object_get(problem, "headers"), name, openapi_ref("headers", name));
}

/* The titles of every error with this status: what may be behind it. */
static json_t *titles(int status)
{
    struct str text;
    json_t *out;

    str_init(&text);
    for (int i = ERR_NONE + 1; i < ERR_COUNT; i++) {
        const struct err_info *info = err_info((enum err_code)i);

        if (info->status == status)
            str_addf(&text, "%s%s (%s)", text.len > 0 ? "; " : "", info->title, info->name);
    }
    out = json_stringn(text.p, text.len);
    str_release(&text);
    return out;
}

json_t *openapi_problems(void)
{
    json_t *out = json_object();
    char name[16];

    for (int i = ERR_NONE + 1; i < ERR_COUNT; i++) {
        int status = err_info((enum err_code)i)->status;
        json_t *problem;

        openapi_problem_name(status, name, sizeof(name));
        if (json_object_get(out, name) != NULL)
            continue;
        problem = json_pack("{s:o,s:{},s:{s:{s:o}}}", "description", titles(status), "headers",
                            "content", "application/problem+json", "schema",
                            openapi_ref("schemas", "Problem"));
        add_header(problem, "X-Request-Id");
        if (status == 401)
            add_header(problem, "WWW-Authenticate");
        if (status == 429 || status == 503)
            add_header(problem, "Retry-After");
        json_object_set_new(out, name, problem);
    }
    return out;
}
