/* OpenAPI 3.1: one operation a row of the handler table; openapi_schema.c describes the bodies. */
#include "base.h"
#include "engine/openapi.h"
#include "engine/idem.h"
#include "engine/openapi_schema.h"

#define NAME_SIZE 256

struct doc {
    json_t *paths, *tags, *schemas;
};

static bool has_body(const struct route *row)
{
    return row->body != BODY_NONE;
}

/* --- names ------------------------------------------------------------------------------------ */

/* "/api/products/{id}/low-stock" -> "ProductsIdLowStock". */
static void camel(const char *path, char out[static NAME_SIZE])
{
    bool up = true;
    size_t n = 0;

    if (strncmp(path, "/api/", 5) == 0)
        path += 5;
    for (; *path != '\0' && n < NAME_SIZE - 1; path++) {
        if (!isalnum((unsigned char)*path)) {
            up = true;
            continue;
        }
        out[n++] = up ? (char)toupper((unsigned char)*path) : *path;
        up = false;
    }
    out[n] = '\0';
}

static json_t *operation_id(const struct route *row)
{
    static const char *const verbs[] = {
        [OPENAPI_GET] = "get",     [OPENAPI_CREATE] = "create", [OPENAPI_REPLACE] = "replace",
        [OPENAPI_PATCH] = "patch", [OPENAPI_DELETE] = "delete",
    };
    enum openapi_op op = openapi_row_op(row);
    char name[NAME_SIZE], method[16];
    size_t n = 0;

    camel(row->path, name);
    if (op == OPENAPI_LIST || op == OPENAPI_VIEW)
        return json_sprintf("list%s", name);
    if (op != OPENAPI_ACTION && op != OPENAPI_BULK)
        return json_sprintf("%s%s", verbs[op], row->resource->schema);
    for (; row->method[n] != '\0' && n < sizeof(method) - 1; n++)
        method[n] = (char)tolower((unsigned char)row->method[n]);
    method[n] = '\0';
    return json_sprintf("%s%s", method, name);
}

/* The first segment after /api; the tag list names each once, in the order of the table. */
static json_t *tag_of(const struct route *row, json_t *tags)
{
    const char *start = row->path + (strncmp(row->path, "/api/", 5) == 0 ? 5 : 1);
    json_t *tag = json_stringn(start, strcspn(start, "/")), *known;
    size_t i;

    json_array_foreach (tags, i, known)
        if (json_equal(json_object_get(known, "name"), tag))
            return tag;
    json_array_append_new(tags, json_pack("{s:O}", "name", tag));
    return tag;
}

static json_t *description(const struct route *row)
{
    struct str text;
    json_t *out;

    str_init(&text);
    if (row->auth == AUTH_PUBLIC) {
        str_addz(&text, "No token is needed.");
    } else {
        str_addz(&text, "Roles:");
        for (int role = 0; role < ROLE_COUNT; role++)
            if (route_roles(row) & R(role))
                str_addf(&text, " %s", role_name((enum role)role));
        str_addc(&text, '.');
    }
    if (row->module != NULL)
        str_addf(&text, " Module: %s.", row->module);
    out = json_stringn(text.p, text.len);
    str_release(&text);
    return out;
}

/* --- bodies ----------------------------------------------------------------------------------- */

static json_t *schema_ref(const struct doc *doc, const struct route *row, const char *name)
{
    if (json_object_get(doc->schemas, name) == NULL)
        die("%s %s names the schema %s, which nobody describes", row->method, row->path, name);
    return openapi_ref("schemas", name);
}

static json_t *input_schema(const struct doc *doc, const struct route *row)
{
    return row->in != NULL ? schema_ref(doc, row, row->in) : json_pack("{s:s}", "type", "object");
}

static json_t *output_schema(const struct doc *doc, const struct route *row)
{
    json_t *schema;

    if (row->out != NULL)
        schema = schema_ref(doc, row, row->out);
    else if (openapi_row_op(row) != OPENAPI_ACTION && openapi_row_op(row) != OPENAPI_DELETE)
        schema = schema_ref(doc, row, row->resource->schema);
    else
        schema = json_pack("{s:s}", "type", "object");
    return row->out_list ? json_pack("{s:s,s:o}", "type", "array", "items", schema) : schema;
}

/* The fields of the form, and the file. */
static json_t *form_schema(const struct doc *doc, const struct route *row)
{
    json_t *schema = json_deep_copy(json_object_get(doc->schemas, row->in));
    json_t *properties = json_object_get(schema, "properties");
    json_t *required = json_object_get(schema, "required");

    if (properties == NULL)
        die("%s %s takes a form whose fields nobody describes", row->method, row->path);
    json_object_set_new(properties, row->form->file,
                        json_pack("{s:s,s:s}", "type", "string", "format", "binary"));
    if (!row->form->required)
        return schema;
    if (required == NULL)
        json_object_set_new(schema, "required", required = json_array());
    json_array_append_new(required, json_string(row->form->file));
    return schema;
}

static json_t *request_body(const struct doc *doc, const struct route *row)
{
    json_t *schema, *content;

    if (row->body == BODY_FORM) {
        content = json_pack("{s:{s:o}}", "multipart/form-data", "schema", form_schema(doc, row));
        if (row->form->json)
            json_object_set_new(content, "application/json",
                                json_pack("{s:o}", "schema", input_schema(doc, row)));
        return json_pack("{s:b,s:o}", "required", 1, "content", content);
    }
    if (row->body == BODY_CSV)
        return json_pack("{s:b,s:{s:{s:{s:s}}}}", "required", 1, "content", "text/csv", "schema",
                         "type", "string");
    schema = input_schema(doc, row);
    content = json_object();
    json_object_set_new(content, "application/json", json_pack("{s:O}", "schema", schema));
    if (strcmp(row->method, "PATCH") == 0 && openapi_row_op(row) != OPENAPI_BULK)
        json_object_set_new(content, "application/merge-patch+json",
                            json_pack("{s:O}", "schema", schema));
    json_decref(schema);
    return json_pack("{s:b,s:o}", "required", row->body == BODY_JSON, "content", content);
}

/* --- replies ---------------------------------------------------------------------------------- */

static void add_header(json_t *headers, const char *name)
{
    json_object_set_new(headers, name, openapi_ref("headers", name));
}

static json_t *success(const struct doc *doc, const struct route *row)
{
    enum openapi_op op = openapi_row_op(row);
    json_t *headers = json_object(), *out;

    add_header(headers, "X-Request-Id");
    if (op == OPENAPI_LIST || op == OPENAPI_VIEW) {
        add_header(headers, "Link");
        add_header(headers, "X-Total-Count");
    }
    if (op == OPENAPI_GET || op == OPENAPI_CREATE || op == OPENAPI_REPLACE ||
        op == OPENAPI_PATCH || openapi_moves(row))
        add_header(headers, "ETag");
    if (op == OPENAPI_CREATE)
        add_header(headers, "Location");
    if (op == OPENAPI_CREATE || op == OPENAPI_REPLACE || op == OPENAPI_PATCH)
        add_header(headers, "X-Ignored-Fields");
    if (idem_offered(row))
        add_header(headers, "Idempotency-Replayed");
    out = json_pack("{s:s,s:o,s:{s:{s:o}}}", "description", "Done", "headers", headers, "content",
                    "application/json", "schema", output_schema(doc, row));
    if (op == OPENAPI_LIST || op == OPENAPI_VIEW || row->csv)
        json_object_set_new(json_object_get(out, "content"), "text/csv",
                            json_pack("{s:{s:s}}", "schema", "type", "string"));
    for (const char *const *type = row->types; type != NULL && *type != NULL; type++)
        json_object_set_new(json_object_get(out, "content"), *type,
                            json_pack("{s:{s:s,s:s}}", "schema", "type", "string", "format",
                                      "binary"));
    return out;
}

/* Only a unique value can be taken. */
static bool has_unique(const struct resource *resource)
{
    for (const struct field *f = resource->fields; f->name != NULL; f++)
        if (f->flags & F_UNIQUE)
            return true;
    for (size_t i = 0; i < resource->n_indexes; i++)
        if (resource->indexes[i].unique)
            return true;
    return false;
}

static bool may_conflict(const struct route *row)
{
    switch (openapi_row_op(row)) {
    case OPENAPI_CREATE:
    case OPENAPI_REPLACE:
    case OPENAPI_PATCH:
        return has_unique(row->resource);
    case OPENAPI_DELETE:
        return true; /* it may still be referred to */
    case OPENAPI_ACTION:
        return row->writes;
    default:
        return false;
    }
}

static bool has_day(const struct route *row)
{
    for (const struct route_param *p = row->query; p != NULL && p->name != NULL; p++)
        if (strcmp(p->type, PARAM_DAY) == 0)
            return true;
    return false;
}

/* Whether the gate, the engine or nginx before them can answer this row with such a problem. */
static bool may_answer(const struct route *row, int status)
{
    bool token = row->auth == AUTH_TOKEN, login = row->pool == POOL_LOGIN;
    bool enters = !token && row->module; /* gate_enter */
    enum openapi_op op = openapi_row_op(row);

    switch (status) {
    case 400:
    case 408:
    case 413:
    case 414:
    case 429:
    case 431:
    case 500:
    case 502:
    case 503:
    case 504:
        return true;
    case 401:
    case 403:
        return token || login || (enters && status == 403);
    case 402:
        return enters || (token && (row->tenancy == TENANCY_REQUIRED || row->module));
    case 404:
        return login || enters || (token && row->tenancy != TENANCY_NONE);
    case 409:
        return row->by_state || may_conflict(row) || idem_offered(row);
    case 412:
        return openapi_versioned(row);
    case 415:
        return has_body(row);
    case 422:
        return has_body(row) || idem_offered(row) || has_day(row) || op == OPENAPI_GET ||
               op == OPENAPI_LIST || op == OPENAPI_VIEW;
    default:
        return false;
    }
}

static void add_problem(const struct route *row, int status, json_t *replies)
{
    char key[16], name[16];

    snprintf(key, sizeof(key), "%d", status);
    openapi_problem_name(status, name, sizeof(name));
    if (may_answer(row, status) && json_object_get(replies, key) == NULL)
        json_object_set_new(replies, key, openapi_ref("responses", name));
}

/* A handler that reports the database being away itself answers 503 with its own shape. */
static json_t *reported(const struct doc *doc, const struct route *row)
{
    return json_pack("{s:s,s:{s:{s:o},s:{s:o}}}", "description", "The database is away", "content",
                     "application/json", "schema", output_schema(doc, row),
                     "application/problem+json", "schema", openapi_ref("schemas", "Problem"));
}

static json_t *replies(const struct doc *doc, const struct route *row)
{
    json_t *out = json_object();

    json_object_set_new(out, "200", success(doc, row));
    if (openapi_row_op(row) == OPENAPI_GET)
        json_object_set_new(out, "304", json_pack("{s:s}", "description", "Still the same"));
    if (row->tenancy == TENANCY_REPORTED)
        json_object_set_new(out, "503", reported(doc, row));
    for (int i = ERR_NONE + 1; i < ERR_COUNT; i++)
        add_problem(row, err_info((enum err_code)i)->status, out);
    return out;
}

/* --- the document ----------------------------------------------------------------------------- */

static void add_row(struct doc *doc, const struct route *row)
{
    json_t *item = json_object_get(doc->paths, row->path), *op;
    json_t *params = openapi_row_parameters(row);
    char method[16];
    size_t n = 0;

    for (; row->method[n] != '\0' && n < sizeof(method) - 1; n++)
        method[n] = (char)tolower((unsigned char)row->method[n]);
    method[n] = '\0';
    if (item == NULL) {
        item = json_object();
        json_object_set_new(doc->paths, row->path, item);
    }
    op = json_pack("{s:o,s:[o],s:s,s:o}", "operationId", operation_id(row), "tags",
                   tag_of(row, doc->tags), "summary", row->summary, "description",
                   description(row));
    if (json_array_size(params) > 0)
        json_object_set(op, "parameters", params);
    json_decref(params);
    if (has_body(row))
        json_object_set_new(op, "requestBody", request_body(doc, row));
    json_object_set_new(op, "responses", replies(doc, row));
    if (row->auth == AUTH_PUBLIC)
        json_object_set_new(op, "security", json_array());
    json_object_set_new(item, method, op);
}

void openapi_write(const struct route_table *table, struct str *out)
{
    struct doc doc = {json_object(), json_array(), openapi_schemas()};
    json_auto_t *root = NULL;
    char *text;

    for (size_t i = 0; i < route_count(table); i++)
        add_row(&doc, route_at(table, i));
    root = json_pack(
        "{s:s,s:{s:s,s:s},s:[{s:s}],s:[{s:[]}],s:o,s:o,s:{s:{s:{s:s,s:s,s:s}},s:o,s:o,s:o,s:o}}",
        "openapi", "3.1.0", "info", "title", "ERP API", "version", PACKAGE_VERSION, "servers",
        "url", "/", "security", "bearer", "tags", doc.tags, "paths", doc.paths, "components",
        "securitySchemes", "bearer", "type", "http", "scheme", "bearer", "bearerFormat", "JWT",
        "schemas", doc.schemas, "responses", openapi_problems(), "parameters",
        openapi_parameters(), "headers", openapi_headers());
    text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    if (text == NULL)
        die("the OpenAPI document cannot be built");
    str_addz(out, text);
    free(text);
}
