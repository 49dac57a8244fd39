/* What clients send: query strings, preferences, JSON bodies; traps of each are refused. */
#include "edge.h"

#include <setjmp.h>
#include <cmocka.h>

/* ---- query ---- */

static bool query(struct edge *edge, const char *text)
{
    edge_init(edge);
    return req_parse_query(&edge->req, text, &edge->err);
}

static void query_is_decoded(void **state ERP_UNUSED)
{
    struct edge edge;

    assert_true(query(&edge, "&a=1&&b=x+y%20z&caf%C3%A9=%e2%82%ac&empty=&bare&eq=a=b&"));
    assert_int_equal(edge.req.n_query, 6);
    assert_string_equal(req_query(&edge.req, "a"), "1");
    assert_string_equal(req_query(&edge.req, "b"), "x y z");
    assert_string_equal(req_query(&edge.req, "caf\xc3\xa9"), "\xe2\x82\xac");
    assert_string_equal(req_query(&edge.req, "empty"), "");
    assert_string_equal(req_query(&edge.req, "bare"), "");
    assert_string_equal(req_query(&edge.req, "eq"), "a=b");
    assert_null(req_query(&edge.req, "A"));
    edge_release(&edge);
}

static void query_traps_are_refused(void **state ERP_UNUSED)
{
    static const char *const traps[] = {
        "a=%",    "a=%4",     "a=%zz",       "a=%4x", "%=1",     "a=%00",     "a%00b=1", "a=%ff",
        "a=\xff", "a=%C0%80", "a=%ED%A0%80", "=1",    "a=1&a=2", "a=1&%61=2", "a&a",
    };

    for (size_t i = 0; i < ARRAY_LEN(traps); i++) {
        struct edge edge;

        if (query(&edge, traps[i]))
            fail_msg("accepted: %s", traps[i]);
        assert_int_equal(edge.err.code, ERR_BAD_QUERY);
        assert_true(strlen(edge.err.detail) > 0);
        edge_release(&edge);
    }
}

static void query_is_limited(void **state ERP_UNUSED)
{
    struct edge edge;
    struct str text;

    str_init(&text);
    for (int i = 0; i < REQ_QUERY_MAX; i++)
        str_addf(&text, "&p%d=1", i);
    assert_true(query(&edge, text.p));
    edge_release(&edge);
    str_addz(&text, "&one=more");
    assert_false(query(&edge, text.p));
    edge_release(&edge);
    str_release(&text);
}

/* ---- preferences ---- */

static bool prefers(const char *header, const char *name, const char *value)
{
    struct req req = {.prefer = header};

    return req_prefers(&req, name, value);
}

static void preferences(void **state ERP_UNUSED)
{
    assert_true(prefers("handling=strict", "handling", "strict"));
    assert_true(prefers("count=exact, Handling=\"strict\"; x=y", "handling", "strict"));
    assert_true(prefers(" count = exact ,handling=lenient", "count", "exact"));
    assert_true(prefers("respond-async", "respond-async", NULL));
    assert_false(prefers(NULL, "handling", "strict"));
    assert_false(prefers("", "handling", "strict"));
    assert_false(prefers("handling=lenient", "handling", "strict"));
    assert_false(prefers("xhandling=strict", "handling", "strict"));
    assert_false(prefers("handling", "handling", "strict"));
    assert_false(prefers("a; handling=strict", "handling", "strict"));
    assert_false(prefers(",,;=,=", "handling", "strict"));
}

/* ---- JSON ---- */

static bool json(struct edge *edge, const char *text, size_t len)
{
    edge_init(edge);
    char *copy = arena_alloc(edge->req.arena, len + 1);

    memcpy(copy, text, len);
    edge->req.body_bytes = copy;
    edge->req.body_len = len;
    return req_parse_json(&edge->req, &edge->err);
}

static void refused(const char *text, size_t len, const char *part)
{
    struct edge edge;

    assert_false(json(&edge, text, len));
    assert_int_equal(edge.err.code, ERR_BAD_JSON);
    if (!strstr(edge.err.detail, part))
        fail_msg("\"%s\" is not in: %s", part, edge.err.detail);
    assert_null(edge.req.body);
    edge_release(&edge);
}

#define REFUSED(text, part) refused(text, sizeof(text) - 1, part)

static void json_is_parsed(void **state ERP_UNUSED)
{
    static const char text[] = " {\"a\": [1, -9223372036854775808, 9223372036854775807, 1.5],\n"
                               "\"]}{[,\\\"\": \"\\u20ac\", \"__proto__\": null, \"\": true}";
    struct edge edge;

    assert_true(json(&edge, text, sizeof text - 1));
    assert_int_equal(json_object_size(edge.req.body), 4);
    assert_true(json_integer_value(json_array_get(json_object_get(edge.req.body, "a"), 2)) ==
                INT64_MAX);
    edge_release(&edge);
}

static void only_objects(void **state ERP_UNUSED)
{
    static const char *const texts[] = {"3", "\"x\"", "null", " [] ", "[{}]"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct edge edge;

        assert_false(json(&edge, texts[i], strlen(texts[i])));
        assert_int_equal(edge.err.code, ERR_VALIDATION);
        assert_int_equal(edge.err.n_fields, 1);
        assert_string_equal(edge.err.fields[0].path, "");
        assert_null(edge.req.body);
        edge_release(&edge);
    }
}

static void json_traps_are_refused(void **state ERP_UNUSED)
{
    REFUSED("", "too early");
    REFUSED("   ", "too early");
    REFUSED("tru", "Not valid JSON");
    REFUSED("3 4", "Something follows");
    REFUSED("\xEF\xBB\xBF{}", "byte order mark");
    REFUSED("{\"a\":1,\n \"a\":2}", "twice in one object, line 2 column");
    REFUSED("{\"a\":\"x\\u0000\"}", "NUL");
    REFUSED("{\"a\\u0000b\":1}", "NUL");
    REFUSED("{\"a\":\"x\0y\"}", "line 1");
    REFUSED("{}\0", "line 1");
    REFUSED("\0{}", "");
    REFUSED("{\"a\":\"\xff\"}", "UTF-8");
    REFUSED("{\"a\":\"\xed\xa0\x80\"}", "UTF-8");
    REFUSED("{\"a\":\"\\ud800\"}", "line 1");
    REFUSED("{\"a\":9223372036854775808}", "too large");
    REFUSED("{\"a\":1e999}", "too large");
    REFUSED("{\"a\":1} x", "Something follows");
    REFUSED("{\"a\":1", "too early");
    REFUSED("{\"a", "too early");
    REFUSED("{\"a\\", "line 1");
    REFUSED("{a:1}", "line 1 column 2");
    REFUSED("{\"a\":NaN}", "Not valid");
    REFUSED("{\"a\":01}", "Not valid");
    REFUSED("{\"a\":1,}", "Not valid");
    REFUSED("{\"a\":1 // no\n}", "Not valid");
    REFUSED("]]]]", "");
}

static void repeat(struct str *out, const char *text, size_t n)
{
    while (n-- > 0)
        str_addz(out, text);
}

static void json_is_limited(void **state ERP_UNUSED)
{
    struct str text;
    struct edge edge;

    str_init(&text);
    str_addz(&text, "{\"a\":");
    repeat(&text, "[", 15);
    repeat(&text, "]", 15);
    str_addz(&text, "}");
    assert_true(json(&edge, text.p, text.len));
    edge_release(&edge);

    str_clear(&text);
    repeat(&text, "[", 1000);
    refused(text.p, text.len, "deeper than 16 levels, line 1 column 17");
    str_clear(&text);
    repeat(&text, "{\"a\":\n", 1000);
    refused(text.p, text.len, "deeper than 16 levels, line 17 column 1");

    str_clear(&text);
    str_addz(&text, "{\"a\":[1");
    repeat(&text, ",1", 9996);
    str_addz(&text, "]}");
    assert_true(json(&edge, text.p, text.len));
    edge_release(&edge);

    str_clear(&text);
    str_addz(&text, "[");
    repeat(&text, "{},", 500000);
    refused(text.p, text.len, "More than 10000 values");
    str_clear(&text);
    str_addz(&text, "{\"a\":\"");
    repeat(&text, "[{,", 300000);
    str_addz(&text, "\"}");
    assert_true(json(&edge, text.p, text.len)); /* punctuation in text is text */
    edge_release(&edge);
    str_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(query_is_decoded), cmocka_unit_test(query_traps_are_refused),
        cmocka_unit_test(query_is_limited), cmocka_unit_test(preferences),
        cmocka_unit_test(json_is_parsed),   cmocka_unit_test(only_objects),
        cmocka_unit_test(json_traps_are_refused),
        cmocka_unit_test(json_is_limited),
    };
    return cmocka_run_group_tests_name("req", tests, NULL, NULL);
}
