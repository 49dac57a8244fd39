/* THE handler table. A row is the whole policy of an operation; plain records bring their own
 * rows from their descriptors (src/resources, engine/crud.c).
 *
 * To add one: 1. write the handler in src/actions/<verb>.c; 2. add its row here; 3. run
 * `erpd --routes`. The checks of route.c, the isolation tests and OpenAPI follow by themselves.
 */
#include "base.h"
#include "routes.h"
#include "actions/actions.h"
#include "engine/crud.h"

#define LOGIN_BODY_MAX 4096

/* clang-format off */
static const struct route rows[] = {
    /* ---- signing in ---- */
    {
        .method = "POST", .path = "/api/auth/login", .handler = action_login,
        .auth = AUTH_PUBLIC, .tenancy = TENANCY_NONE, .pool = POOL_LOGIN,
        .body = BODY_JSON, .body_limit = LOGIN_BODY_MAX,
        .in = "LoginRequest", .out = "TokenResponse", .writes = true,
        .summary = "Sign in with email and password",
    },
    {
        .method = "GET", .path = "/api/auth/me", .handler = action_me,
        .roles = ROLES_ANY, .tenancy = TENANCY_OPTIONAL,
        .out = "User",
        .summary = "The signed-in user",
    },
    {
        .method = "POST", .path = "/api/auth/change-password", .handler = action_change_password,
        .roles = ROLES_ANY, .tenancy = TENANCY_NONE, .pool = POOL_LOGIN,
        .body = BODY_JSON, .body_limit = LOGIN_BODY_MAX,
        .in = "ChangePasswordRequest", .out = "ChangePasswordResponse", .writes = true,
        .summary = "Change one's own password; all older tokens end",
    },
    {
        .method = "POST", .path = "/api/auth/logout", .handler = action_logout,
        .roles = ROLES_ANY, .tenancy = TENANCY_NONE,
        .body = BODY_OPTIONAL, .body_limit = LOGIN_BODY_MAX,
        .in = "LogoutRequest", .out = "Message", .writes = true,
        .summary = "End this token, or with {\"everywhere\": true} all tokens of the user",
    },

    /* ---- health ---- */
    {
        .method = "GET", .path = "/api/health/live", .handler = action_health_live,
        .auth = AUTH_PUBLIC, .tenancy = TENANCY_NONE,
        .out = "Status",
        .summary = "A worker answers",
    },
    {
        .method = "GET", .path = "/api/health/ready", .handler = action_health_ready,
        .auth = AUTH_PUBLIC, .tenancy = TENANCY_NONE,
        .out = "Status",
        .summary = "The tenant registry's database answers too",
    },
    {
        .method = "GET", .path = "/api/health/tenant", .handler = action_health_tenant,
        .tenancy = TENANCY_REPORTED,
        .out = "TenantHealth",
        .summary = "Is the caller's database there, and when was it last written",
    },
    {
        .method = "GET", .path = "/api/health/tenant/collections",
        .handler = action_health_collections,
        .out = "TenantCollections",
        .summary = "The collections of the caller's database",
    },

    /* ---- the interface itself ---- */
    {
        .method = "GET", .path = "/api/openapi.json", .handler = action_openapi,
        .auth = AUTH_PUBLIC, .tenancy = TENANCY_NONE,
        .summary = "This interface as OpenAPI 3.1",
    },
};
/* clang-format on */

struct route_table *routes_build(void)
{
    size_t n = ARRAY_LEN(rows);
    struct route *all = calloc(n + resource_count() * CRUD_ROWS_MAX, sizeof *all);
    struct arena *texts = arena_new(1 << 20);
    struct route_table *table;

    if (!all)
        die("out of memory");
    memcpy(all, rows, sizeof rows);
    for (size_t i = 0; i < resource_count(); i++)
        n += crud_routes(resource_at(i), texts, all + n);
    table = route_table_new(all, n, texts);
    free(all);
    return table;
}

/* ---- the table as text ---- */

static const char *auth_name(const struct route *row)
{
    return row->auth == AUTH_PUBLIC ? "public" : "token";
}

static const char *tenancy_name(const struct route *row)
{
    static const char *const names[] = {
        [TENANCY_REQUIRED] = "required",
        [TENANCY_OPTIONAL] = "optional",
        [TENANCY_NONE] = "none",
        [TENANCY_REPORTED] = "reported",
    };

    return names[row->tenancy];
}

static const char *body_name(const struct route *row)
{
    static const char *const names[] = {
        [BODY_NONE] = "none",
        [BODY_JSON] = "json",
        [BODY_OPTIONAL] = "optional",
    };

    return names[row->body];
}

static const char *pool_name(const struct route *row)
{
    return row->pool == POOL_LOGIN ? "login" : "main";
}

static const char *kind_name(const struct route *row)
{
    return row->resource ? "record" : "action";
}

static void print_roles(const struct route *row, FILE *out)
{
    unsigned roles = route_roles(row);
    const char *comma = "";

    if (!roles)
        fputc('-', out);
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        if (!(roles & R(i)))
            continue;
        fprintf(out, "%s%s", comma, role_name((enum role)i));
        comma = ",";
    }
}

void routes_print(const struct route_table *table, FILE *out)
{
    for (size_t i = 0; i < route_count(table); i++) {
        const struct route *row = route_at(table, i);

        fprintf(out, "%s\t%s\t%s\t", row->method, row->path, auth_name(row));
        print_roles(row, out);
        fprintf(out, "\t%s\t%s\t%s\t%s\t%s\n", tenancy_name(row),
                row->module ? row->module : "core", pool_name(row), body_name(row), kind_name(row));
    }
}

static json_t *json_roles(const struct route *row)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < ROLE_COUNT; i++)
        if (route_roles(row) & R(i))
            json_array_append_new(list, json_string(role_name((enum role)i)));
    return list;
}

static json_t *json_path_params(const struct route *row)
{
    json_t *list = json_array();

    for (const char *p = row->path; (p = strchr(p, '{')); p++)
        json_array_append_new(list, json_stringn(p + 1, strcspn(p + 1, "}")));
    return list;
}

static json_t *json_query(const struct route *row)
{
    json_t *list = json_array();

    for (const struct route_param *param = row->query; param && param->name; param++)
        json_array_append_new(list, json_pack("{s:s, s:s?, s:b}", "name", param->name, "type",
                                              param->type, "required", (int)param->required));
    return list;
}

static json_t *json_row(const struct route *row)
{
    return json_pack(
        "{s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:I, s:s, s:b, s:b, s:s?, s:s?, s:s?,"
        " s:b, s:o, s:o, s:s}",
        "method", row->method, "path", row->path, "auth", auth_name(row), "roles", json_roles(row),
        "tenancy", tenancy_name(row), "module", row->module ? row->module : "core", "pool",
        pool_name(row), "body", body_name(row), "body_limit", (json_int_t)row->body_limit, "kind",
        kind_name(row), "writes", (int)row->writes, "by_branch", (int)row->by_branch, "resource",
        row->resource ? row->resource->noun : NULL, "in", row->in, "out", row->out, "out_list",
        (int)row->out_list, "params", json_path_params(row), "query", json_query(row), "summary",
        row->summary);
}

void routes_print_json(const struct route_table *table, FILE *out)
{
    json_auto_t *list = json_array();

    for (size_t i = 0; i < route_count(table); i++)
        json_array_append_new(list, json_row(route_at(table, i)));
    json_dumpf(list, out, JSON_INDENT(1) | JSON_ENSURE_ASCII);
    fputc('\n', out);
}
