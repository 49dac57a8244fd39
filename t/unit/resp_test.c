/* Replies: problem documents are JSON whatever their texts hold, and headers cannot be split. */
#include "edge.h"

#include <setjmp.h>
#include <cmocka.h>

static json_t *problem(struct edge *edge)
{
    json_t *root;

    resp_problem(&edge->req);
    assert_string_equal(edge->req.resp.content_type, "application/problem+json");
    root = json_loadb(edge->body.p, edge->body.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    return root;
}

static const char *text_of(const json_t *root, const char *name)
{
    return json_string_value(json_object_get(root, name));
}

static const char *header(const struct edge *edge, const char *name)
{
    const struct resp *resp = &edge->req.resp;

    for (size_t i = 0; i < resp->n_headers; i++)
        if (strcmp(resp->headers[i].name, name) == 0)
            return resp->headers[i].value;
    return NULL;
}

static void problem_replaces_the_body(void **state ERP_UNUSED)
{
    struct edge edge;

    edge_init(&edge);
    str_addz(&edge.body, "[{\"half\":");
    err_set_retry(&edge.err, ERR_DB_UNAVAILABLE, 3, "It said \"no\"\n\x01 \xff.");
    json_t *root = problem(&edge);

    assert_int_equal(edge.req.resp.status, 503);
    assert_int_equal(json_integer_value(json_object_get(root, "status")), 503);
    assert_string_equal(text_of(root, "type"), "/problems/database_unavailable");
    assert_string_equal(text_of(root, "title"), "Database unavailable");
    assert_string_equal(text_of(root, "code"), "database_unavailable");
    assert_string_equal(text_of(root, "request_id"), "r-1");
    assert_non_null(strstr(text_of(root, "detail"), "It said \"no\""));
    assert_null(json_object_get(root, "errors"));
    assert_string_equal(header(&edge, "Retry-After"), "3");
    json_decref(root);
    edge_release(&edge);
}

static void problem_lists_fields(void **state ERP_UNUSED)
{
    struct edge edge;

    edge_init(&edge);
    for (int i = 0; i < ERR_FIELDS_MAX + 3; i++)
        err_field(&edge.err, "items[0].\"name\"", "required", "Needed \\ %d.", i);
    json_t *root = problem(&edge);
    json_t *errors = json_object_get(root, "errors");

    assert_int_equal(edge.req.resp.status, 422);
    assert_int_equal(json_array_size(errors), ERR_FIELDS_MAX);
    assert_string_equal(text_of(json_array_get(errors, 1), "field"), "items[0].\"name\"");
    assert_string_equal(text_of(json_array_get(errors, 1), "code"), "required");
    assert_string_equal(text_of(json_array_get(errors, 1), "detail"), "Needed \\ 1.");
    assert_int_equal(json_integer_value(json_object_get(root, "errors_more")), 3);
    json_decref(root);
    edge_release(&edge);
}

static void problem_without_fields_has_an_empty_list(void **state ERP_UNUSED)
{
    struct edge edge;

    edge_init(&edge);
    err_set(&edge.err, ERR_VALIDATION, "The body must be a JSON object.");
    json_t *root = problem(&edge);

    assert_true(json_is_array(json_object_get(root, "errors")));
    assert_int_equal(json_array_size(json_object_get(root, "errors")), 0);
    json_decref(root);
    edge_release(&edge);
}

static void problem_challenges(void **state ERP_UNUSED)
{
    static const struct {
        enum err_code code;
        const char *challenge;
    } cases[] = {
        {ERR_TOKEN_MISSING, "Bearer realm=\"erp\""},
        {ERR_BAD_CREDENTIALS, "Bearer realm=\"erp\""},
        {ERR_TOKEN_INVALID, "Bearer realm=\"erp\", error=\"invalid_token\""},
        {ERR_TOKEN_EXPIRED, "Bearer realm=\"erp\", error=\"invalid_token\""},
        {ERR_FORBIDDEN, NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct edge edge;
        const char *got;

        edge_init(&edge);
        err_set(&edge.err, cases[i].code, "No.");
        json_decref(problem(&edge));
        got = header(&edge, "WWW-Authenticate");
        if (cases[i].challenge)
            assert_string_equal(got, cases[i].challenge);
        else
            assert_null(got);
        edge_release(&edge);
    }
}

/* Every error has a document and a status line with words. */
static void every_error_renders(void **state ERP_UNUSED)
{
    for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
        struct edge edge;
        struct str head;

        edge_init(&edge);
        str_init(&head);
        err_set(&edge.err, (enum err_code)code, "%s", "");
        json_t *root = problem(&edge);

        assert_true(strlen(text_of(root, "detail")) > 0);
        resp_head(&edge.req, &head);
        assert_null(strstr(head.p, " Status\r\n"));
        str_release(&head);
        json_decref(root);
        edge_release(&edge);
    }
}

static void headers_cannot_be_split(void **state ERP_UNUSED)
{
    struct edge edge;
    struct str head;

    edge_init(&edge);
    str_init(&head);
    resp_header(&edge.req, "X-A", "fine");
    resp_header(&edge.req, "X-B", "x\r\nSet-Cookie: a=b");
    resp_header(&edge.req, "X-C", "x\ny");
    resp_header(&edge.req, "X-D", NULL);
    edge.req.resp.status = 200;
    str_addz(&edge.body, "{}");
    resp_head(&edge.req, &head);
    assert_string_equal(head.p, "Status: 200 OK\r\nContent-Type: application/json\r\n"
                                "Content-Length: 2\r\nCache-Control: no-store\r\n"
                                "X-Request-Id: r-1\r\nX-A: fine\r\n\r\n");
    str_release(&head);
    edge_release(&edge);
}

static void head_of_an_empty_reply(void **state ERP_UNUSED)
{
    struct edge edge;
    struct str head;

    edge_init(&edge);
    str_init(&head);
    edge.req.resp.status = 304;
    edge.app.conf.server_timing = true;
    resp_header(&edge.req, "Cache-Control", "no-cache");
    resp_head(&edge.req, &head);
    assert_null(strstr(head.p, "Content-"));
    assert_null(strstr(head.p, "no-store"));
    assert_non_null(strstr(head.p, "\r\nServer-Timing: gate;dur=0.000, tenant;dur=0.000, db;"));
    str_release(&head);
    edge_release(&edge);
}

static void message(void **state ERP_UNUSED)
{
    struct edge edge;

    edge_init(&edge);
    assert_true(resp_message(&edge.req, "Hello \"%s\"", "you"));
    assert_string_equal(edge.body.p, "{\"message\":\"Hello \\\"you\\\"\"}");
    edge_release(&edge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(problem_replaces_the_body),
        cmocka_unit_test(problem_lists_fields),
        cmocka_unit_test(problem_without_fields_has_an_empty_list),
        cmocka_unit_test(problem_challenges),
        cmocka_unit_test(every_error_renders),
        cmocka_unit_test(headers_cannot_be_split),
        cmocka_unit_test(head_of_an_empty_reply),
        cmocka_unit_test(message),
    };
    return cmocka_run_group_tests_name("resp", tests, NULL, NULL);
}
