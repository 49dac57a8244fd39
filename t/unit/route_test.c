/* Matching: literals win over braces, 405 names the methods, unsound rows end the program. */
#include "edge.h"

#include <setjmp.h>
#include <cmocka.h>
#include <sys/wait.h>
#include "http/route.h"

static bool noop(struct req *req)
{
    return req != NULL;
}

#define ROW(m, p)                                                                                  \
    {                                                                                              \
        .method = m, .path = p, .handler = noop, .summary = "x"                                    \
    }

static const struct route rows[] = {
    ROW("GET", "/api/products"),
    ROW("POST", "/api/products"),
    ROW("GET", "/api/products/{id}"),
    ROW("PUT", "/api/products/{product_id}"),
    ROW("GET", "/api/products/low-stock"),
    ROW("GET", "/api/products/{id}/images/{n}"),
    ROW("DELETE", "/api/products/low-stock/images"),
    ROW("GET", "/api/openapi.json"),
};

static struct route_table *table_of_rows(void)
{
    return route_table_new(rows, ARRAY_LEN(rows), NULL);
}

static void match(const char *method, const char *path, const char *want)
{
    struct route_table *table = table_of_rows();
    struct edge edge;
    bool found;

    edge_init(&edge);
    edge.req.method = method;
    edge.req.path = path;
    found = route_match(table, &edge.req, &edge.err);
    if (!want) {
        if (found)
            fail_msg("%s %s found %s", method, path, edge.req.route->path);
        assert_int_equal(edge.err.code, ERR_NOT_FOUND);
    } else {
        if (!found)
            fail_msg("%s %s not found", method, path);
        assert_string_equal(edge.req.route->path, want);
    }
    edge_release(&edge);
    route_table_free(table);
}

static void paths_match(void **state ERP_UNUSED)
{
    match("GET", "/api/products", "/api/products");
    match("HEAD", "/api/products", "/api/products");
    match("GET", "/api/products/1", "/api/products/{id}");
    match("GET", "/api/products/low-stock", "/api/products/low-stock");
    match("PUT", "/api/products/low-stock", "/api/products/{product_id}");
    match("GET", "/api/products/low-stockx", "/api/products/{id}");
    match("GET", "/api/products/low", "/api/products/{id}");
    match("GET", "/api/products/low-stock/images/7", "/api/products/{id}/images/{n}");
    match("GET", "/api/openapi.json", "/api/openapi.json");
}

static void paths_do_not_match(void **state ERP_UNUSED)
{
    static const char *const paths[] = {
        "",
        "/",
        "/api",
        "/api/",
        "api/products",
        "/api/products/",
        "/api//products",
        "//api/products",
        "/api/Products",
        "/api/product",
        "/api/productsx",
        "/api/products/1/",
        "/api/products//images/1",
        "/api/products/1/images",
        "/api/products/1/images/2/3",
        "/api/products/\xff",
        "/api/openapi_json",
    };

    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        match("GET", paths[i], NULL);
}

static void parameters_have_the_names_of_their_row(void **state ERP_UNUSED)
{
    struct route_table *table = table_of_rows();
    struct edge edge;

    edge_init(&edge);
    edge.req.path = "/api/products/a b/images/\xc3\xa9";
    assert_true(route_match(table, &edge.req, &edge.err));
    assert_int_equal(edge.req.n_params, 2);
    assert_string_equal(req_param(&edge.req, "id"), "a b");
    assert_string_equal(req_param(&edge.req, "n"), "\xc3\xa9");
    edge_release(&edge);

    edge_init(&edge);
    edge.req.method = "PUT";
    edge.req.path = "/api/products/9";
    assert_true(route_match(table, &edge.req, &edge.err));
    assert_string_equal(req_param(&edge.req, "product_id"), "9");
    assert_null(req_param(&edge.req, "id"));
    edge_release(&edge);
    route_table_free(table);
}

static void other_methods_are_named(void **state ERP_UNUSED)
{
    static const struct {
        const char *method, *path, *allow;
    } cases[] = {
        {"DELETE", "/api/products", "GET, HEAD, POST"},
        {"OPTIONS", "/api/products/1", "GET, HEAD, PUT"},
        {"get", "/api/openapi.json", "GET, HEAD"},
        {"", "/api/openapi.json", "GET, HEAD"},
        {"HEAD", "/api/products/low-stock/images", "DELETE"},
        {"DELETE", "/api/products/low-stock", "GET, HEAD, PUT"},
    };
    struct route_table *table = table_of_rows();

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct edge edge;

        edge_init(&edge);
        edge.req.method = cases[i].method;
        edge.req.path = cases[i].path;
        assert_false(route_match(table, &edge.req, &edge.err));
        assert_int_equal(edge.err.code, ERR_METHOD_NOT_ALLOWED);
        assert_int_equal(edge.req.resp.n_headers, 1);
        assert_string_equal(edge.req.resp.headers[0].name, "Allow");
        assert_string_equal(edge.req.resp.headers[0].value, cases[i].allow);
        edge_release(&edge);
    }
    route_table_free(table);
}

static void roles_default_to_the_tenants(void **state ERP_UNUSED)
{
    const struct route row = ROW("GET", "/api/x"), super = {.roles = ROLES_SUPER};
    const struct route open = {.auth = AUTH_PUBLIC};

    assert_int_equal(route_roles(&row), ROLES_TENANT);
    assert_int_equal(route_roles(&super), ROLES_SUPER);
    assert_int_equal(route_roles(&open), ROLES_NONE);
}

/* True when building the table ends the program. */
static bool dies(const struct route *bad, size_t n)
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);

        dup2(null, STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        route_table_new(bad, n, NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void unsound_rows_end_the_program(void **state ERP_UNUSED)
{
    static const char *const paths[] = {
        "/products",   "/api/",      "/api/x/",  "/api//x",
        "/api/{}",     "/api/{a",    "/api/a}",  "/api/a{b}c",
        "/api/{a}{b}", "/api/{a-b}", "/api/a b", "/api/{a}/{b}/{c}/{d}/{e}",
    };
    struct route row = ROW("GET", "/api/x");
    struct route twins[] = {ROW("GET", "/api/{a}"), ROW("GET", "/api/{b}")};

    assert_false(dies(&row, 1));
    assert_true(dies(twins, 2));
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct route bad = ROW("GET", paths[i]);

        if (!dies(&bad, 1))
            fail_msg("accepted: %s", paths[i]);
    }
    struct route bad[] = {
        ROW("HEAD", "/api/x"), ROW(NULL, "/api/x"),  ROW("GET", NULL),     ROW("GET", "/api/x"),
        ROW("GET", "/api/x"),  ROW("GET", "/api/x"), ROW("GET", "/api/x"), ROW("GET", "/api/x"),
    };

    bad[3].handler = NULL;
    bad[4].summary = NULL;
    bad[5].body = BODY_JSON;
    bad[6].auth = AUTH_PUBLIC; /* and the tenancy that a row has by default */
    bad[7].writes = true;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (!dies(&bad[i], 1))
            fail_msg("accepted row %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_match),
        cmocka_unit_test(paths_do_not_match),
        cmocka_unit_test(parameters_have_the_names_of_their_row),
        cmocka_unit_test(other_methods_are_named),
        cmocka_unit_test(roles_default_to_the_tenants),
        cmocka_unit_test(unsound_rows_end_the_program),
    };
    return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
