/* Descriptors, validation, rendering and paging cursors: the rules that a record passes. */
#include "base.h"
#include <setjmp.h>
#include <cmocka.h>
#include "engine/cursor.h"
#include "engine/index.h"
#include "engine/render.h"
#include "engine/validate.h"

static const struct kind_env env = {.decimals = 2};

struct fixture {
    struct arena *arena;
    struct err err;
    struct validated out;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->arena = arena_new(8 << 20);
    err_init(&f->err);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_free(f->arena);
    err_release(&f->err);
    free(f);
    return 0;
}

/* Validates JSON text as a product, in the fixture. */
static bool check_as(struct fixture *f, enum validate_mode mode, const char *text, bool strict)
{
    json_auto_t *body = json_loads(text, JSON_DECODE_ANY, NULL);

    assert_non_null(body);
    err_clear(&f->err);
    return validate_body(resource_by_noun("product"), mode, &env, body, strict, f->arena, &f->out,
                         &f->err);
}

static bool check(struct fixture *f, const char *text)
{
    return check_as(f, VALIDATE_CREATE, text, false);
}

static bool refused(const struct fixture *f, const char *path, const char *code)
{
    for (size_t i = 0; i < f->err.n_fields; i++)
        if (strcmp(f->err.fields[i].path, path) == 0 && strcmp(f->err.fields[i].code, code) == 0)
            return true;
    return false;
}

static void test_lint(void **state ERP_UNUSED)
{
    assert_int_equal(resource_lint(stderr), 0);
    assert_true(resource_count() >= 3);
}

static void test_create(void **state)
{
    struct fixture *f = *state;
    bson_iter_t it;

    assert_true(check(f, "{\"name\":\"Rice\",\"price\":12.5}"));
    assert_true(bson_iter_init_find(&it, f->out.set, "price"));
    assert_true(BSON_ITER_HOLDS_DECIMAL128(&it));
    assert_true(bson_iter_init_find(&it, f->out.set, "stock"));
    assert_int_equal(bson_iter_int64(&it), 0);
    assert_null(f->out.ignored);
}

static void test_every_error_is_reported(void **state)
{
    struct fixture *f = *state;

    assert_false(check(f, "{\"price\":\"x\",\"stock\":1.5,\"expiry_date\":\"2026-02-30\","
                          "\"include_warranty_terms\":1,\"sku\":7}"));
    assert_int_equal(f->err.code, ERR_VALIDATION);
    assert_true(refused(f, "name", "required"));
    assert_true(refused(f, "price", "type"));
    assert_true(refused(f, "stock", "type"));
    assert_true(refused(f, "expiry_date", "format"));
    assert_true(refused(f, "include_warranty_terms", "type"));
    assert_true(refused(f, "sku", "type"));
}

static void test_money_has_the_currency_decimals(void **state)
{
    struct fixture *f = *state;

    assert_false(check(f, "{\"name\":\"a\",\"price\":1.005}"));
    assert_true(refused(f, "price", "decimals"));
    assert_false(check(f, "{\"name\":\"a\",\"price\":-1}"));
    assert_true(refused(f, "price", "range"));
    assert_false(check(f, "{\"name\":\"a\",\"price\":1e300}"));
    assert_true(refused(f, "price", "range"));
    assert_true(check(f, "{\"name\":\"a\",\"price\":99999999999.99}"));
}

static void test_unknown_keys(void **state)
{
    struct fixture *f = *state;

    assert_true(check(f, "{\"name\":\"a\",\"price\":1,\"is_admin\":true,\"id\":\"x\","
                         "\"tenant_id\":\"other\",\"__proto__\":{},\"x\\ny\":1}"));
    assert_string_equal(f->out.ignored, "is_admin, id, tenant_id, __proto__, ?");
    assert_false(bson_has_field(f->out.set, "tenant_id"));
    assert_false(check_as(f, VALIDATE_CREATE, "{\"name\":\"a\",\"price\":1,\"is_admin\":true}",
                          true));
    assert_true(refused(f, "is_admin", "unknown"));
    assert_false(check_as(f, VALIDATE_PATCH, "{\"tenant_id\":\"other\"}", true));
    assert_true(refused(f, "tenant_id", "unknown"));
}

static void test_operator_keys(void **state)
{
    struct fixture *f = *state;

    assert_false(check(f, "{\"name\":\"a\",\"price\":1,\"$set\":{}}"));
    assert_true(refused(f, "$set", "key"));
    assert_false(check(f, "{\"name\":\"a\",\"price\":1,\"a.b\":1}"));
    assert_true(refused(f, "a.b", "key"));
    assert_false(check(f, "{\"name\":{\"$gt\":\"\"},\"price\":1}"));
    assert_true(refused(f, "name", "type"));
}

static void test_lengths(void **state)
{
    struct fixture *f = *state;
    char *text = arena_alloc(f->arena, 1000);
    size_t used = (size_t)snprintf(text, 1000, "{\"price\":1,\"name\":\"");

    /* 200 characters of three bytes each fit, 201 do not. */
    for (int i = 0; i < 200; i++, used += 3)
        memcpy(text + used, "\xe0\xa6\x95", 3);
    memcpy(text + used, "\"}", 3);
    assert_true(check(f, text));
    memcpy(text + used, "x\"}", 4);
    assert_false(check(f, text));
    assert_true(refused(f, "name", "too_long"));
    assert_false(check(f, "{\"price\":1,\"name\":\"  \"}"));
    assert_true(refused(f, "name", "required"));
    assert_false(check(f, "{\"price\":1,\"name\":\"a\\u0007b\"}"));
    assert_true(refused(f, "name", "format"));
}

static void test_patch_and_replace(void **state)
{
    struct fixture *f = *state;
    bson_iter_t it;

    assert_true(check_as(f, VALIDATE_PATCH, "{\"sku\":null}", false));
    assert_true(bson_iter_init_find(&it, f->out.set, "sku"));
    assert_true(BSON_ITER_HOLDS_NULL(&it));
    assert_int_equal(bson_count_keys(f->out.set), 1);
    assert_false(check_as(f, VALIDATE_PATCH, "{\"name\":null}", false));
    assert_true(check_as(f, VALIDATE_REPLACE, "{\"name\":\"a\",\"price\":1}", false));
    assert_false(bson_has_field(f->out.set, "stock"));
    assert_true(bson_iter_init_find(&it, f->out.set, "sku"));
    assert_true(BSON_ITER_HOLDS_NULL(&it));
}

static void test_not_an_object(void **state)
{
    struct fixture *f = *state;

    assert_false(check(f, "[1]"));
    assert_false(check(f, "null"));
}

static void render(struct str *out, const bson_t *doc)
{
    str_clear(out);
    render_record(resource_by_noun("category"), &env, doc, NULL, out);
}

static void test_render(void **state ERP_UNUSED)
{
    bson_t *doc = BCON_NEW("description", BCON_NULL, "_id", BCON_INT32(1), "secret",
                           BCON_UTF8("no"), "name", BCON_UTF8("A\"b"), "id", BCON_UTF8("i"),
                           "tenant_id", BCON_UTF8("t"));
    struct str out;

    str_init(&out);
    render(&out, doc);
    assert_string_equal(out.p, "{\"id\":\"i\",\"tenant_id\":\"t\",\"created_at\":null,"
                               "\"updated_at\":null,\"name\":\"A\\\"b\",\"description\":null}");
    str_release(&out);
    bson_destroy(doc);
}

static void test_render_what_earlier_systems_stored(void **state ERP_UNUSED)
{
    bson_t *doc = BCON_NEW("name", BCON_UTF8("a"), "price", BCON_DOUBLE(10.005), "stock",
                           BCON_DOUBLE(3.0), "created_at", BCON_UTF8("2024-01-01T00:00:00"));
    struct str out;

    str_init(&out);
    render_record(resource_by_noun("product"), &env, doc, NULL, &out);
    assert_non_null(strstr(out.p, "\"price\":10.01,"));
    assert_non_null(strstr(out.p, "\"stock\":3,"));
    assert_non_null(strstr(out.p, "\"created_at\":\"2024-01-01T00:00:00\""));
    str_release(&out);
    bson_destroy(doc);
}

static void test_words(void **state ERP_UNUSED)
{
    bson_t *set = BCON_NEW("name", BCON_UTF8("Napa  Extra 500"), "sku", BCON_UTF8("NAPA"));
    bson_t out = BSON_INITIALIZER;
    char *json;

    validate_append_words(resource_by_noun("product"), set, NULL, &out);
    json = bson_as_json(&out, NULL);
    assert_string_equal(json, "{ \"_q\" : [ \"napa\", \"extra\", \"500\" ] }");
    bson_free(json);
    bson_destroy(&out);
    bson_destroy(set);
}

static void test_cursor(void **state)
{
    struct fixture *f = *state;
    uint8_t key[32] = {1}, other[32] = {2};
    bson_t *doc = BCON_NEW("name", BCON_UTF8("last"));
    const bson_t *opened;
    const char *text;
    char *broken;
    bson_iter_t it;

    assert_true(bson_iter_init_find(&it, doc, "name"));
    text = cursor_make(key, "db|t|product|name|1", &it, "id-1", f->arena);
    assert_true(cursor_open(key, "db|t|product|name|1", text, f->arena, &opened, &f->err));
    assert_true(bson_iter_init_find(&it, opened, "v"));
    assert_string_equal(bson_iter_utf8(&it, NULL), "last");
    assert_false(cursor_open(key, "db|u|product|name|1", text, f->arena, &opened, &f->err));
    assert_int_equal(f->err.code, ERR_BAD_QUERY);
    assert_false(cursor_open(other, "db|t|product|name|1", text, f->arena, &opened, &f->err));
    broken = arena_strdup(f->arena, text);
    broken[30] = broken[30] == 'A' ? 'B' : 'A';
    assert_false(cursor_open(key, "db|t|product|name|1", broken, f->arena, &opened, &f->err));
    assert_false(cursor_open(key, "db|t|product|name|1", "", f->arena, &opened, &f->err));
    bson_destroy(doc);
}

static void test_documented_indexes(void **state ERP_UNUSED)
{
    static const char *const wanted[] = {"products\ttenant_id_1_branch_id_1\n",
                                         "sales\ttenant_id_1_created_at_-1\n",
                                         "customers\ttenant_id_1_email_1\n"};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    index_print(out);
    fclose(out);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        assert_non_null(strstr(text, wanted[i]));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lint),
        cmocka_unit_test(test_render),
        cmocka_unit_test(test_render_what_earlier_systems_stored),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_documented_indexes),
        cmocka_unit_test_setup_teardown(test_create, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_error_is_reported, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_money_has_the_currency_decimals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unknown_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_operator_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lengths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_patch_and_replace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_an_object, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cursor, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
