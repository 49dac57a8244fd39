/* The handler table as text and as JSON, for people and for tests. */
#include "base.h"
#include "routes.h"
#include "engine/resource.h"
#include "tenant/modules.h"

static const char *auth_name(const struct route *row)
{
    return row->auth == AUTH_PUBLIC ? "public" : "token";
}

static const char *module_name(const struct route *row)
{
    return row->module ? row->module : MODULE_CORE;
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
        [BODY_CSV] = "csv",
        [BODY_FORM] = "form",
    };

    return names[row->body];
}

static const char *pool_name(const struct route *row)
{
    return row->pool == POOL_LOGIN ? "login" : "main";
}

static const char *acting_name(const struct route *row)
{
    static const char *const names[] = {
        [ACTING_AS_USER] = "as_user",
        [ACTING_NEVER] = "never",
        [ACTING_ALWAYS] = "always",
    };

    return names[row->acting];
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
                module_name(row), pool_name(row), body_name(row), kind_name(row));
    }
}

static json_t *json_roles(unsigned roles)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < ROLE_COUNT; i++)
        if (roles & R(i))
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
        " s:b, s:o, s:o, s:s, s:s, s:s?, s:s?, s:o}",
        "method", row->method, "path", row->path, "auth", auth_name(row), "roles",
        json_roles(route_roles(row)), "tenancy", tenancy_name(row), "module", module_name(row),
        "pool", pool_name(row), "body", body_name(row), "body_limit", (json_int_t)row->body_limit,
        "kind", kind_name(row), "writes", (int)row->writes, "by_branch", (int)row->by_branch,
        "resource", row->resource ? row->resource->noun : NULL, "in", row->in, "out", row->out,
        "out_list",
        (int)row->out_list, "params", json_path_params(row), "query", json_query(row), "summary",
        row->summary, "acting", acting_name(row), "collection",
        row->resource ? row->resource->collection : NULL, "branch_field",
        row->resource ? row->resource->branch_field : NULL, "own_roles",
        json_roles(row->resource ? row->resource->own_roles : ROLES_NONE));
}

void routes_print_json(const struct route_table *table, FILE *out)
{
    json_auto_t *list = json_array();

    for (size_t i = 0; i < route_count(table); i++)
        json_array_append_new(list, json_row(route_at(table, i)));
    json_dumpf(list, out, JSON_INDENT(1) | JSON_ENSURE_ASCII);
    fputc('\n', out);
}

/* ---- role by row ---- */

static const char *matrix_cell(const struct route *row, enum role role)
{
    if (row->auth == AUTH_PUBLIC)
        return "public";
    if (!(route_roles(row) & R(role)))
        return "-";
    return row->by_branch && !role_all_branches(role) ? "branch" : "yes";
}

static int path_width(const struct route_table *table)
{
    size_t width = 0;

    for (size_t i = 0; i < route_count(table); i++)
        if (strlen(route_at(table, i)->path) > width)
            width = strlen(route_at(table, i)->path);
    return (int)width;
}

void routes_print_matrix(const struct route_table *table, FILE *out)
{
    int width = path_width(table);

    fprintf(out, "%-6s  %-*s", "METHOD", width, "PATH");
    for (unsigned i = 0; i < ROLE_COUNT; i++)
        fprintf(out, "  %s", role_name((enum role)i));
    fputc('\n', out);
    for (size_t r = 0; r < route_count(table); r++) {
        const struct route *row = route_at(table, r);

        fprintf(out, "%-6s  %-*s", row->method, width, row->path);
        for (unsigned i = 0; i < ROLE_COUNT; i++)
            fprintf(out, "  %-*s", i + 1 < ROLE_COUNT ? (int)strlen(role_name((enum role)i)) : 0,
                    matrix_cell(row, (enum role)i));
        fputc('\n', out);
    }
}

void routes_print_matrix_json(const struct route_table *table, FILE *out)
{
    json_auto_t *list = json_array();

    for (size_t r = 0; r < route_count(table); r++) {
        const struct route *row = route_at(table, r);
        json_t *roles = json_object();

        for (unsigned i = 0; i < ROLE_COUNT; i++)
            json_object_set_new(roles, role_name((enum role)i),
                                json_string(matrix_cell(row, (enum role)i)));
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "method", row->method,
                                              "path", row->path, "module",
                                              module_name(row), "roles", roles));
    }
    json_dumpf(list, out, JSON_INDENT(1) | JSON_ENSURE_ASCII);
    fputc('\n', out);
}
