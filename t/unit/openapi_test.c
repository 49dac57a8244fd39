/* The OpenAPI document: every row is there, every reference leads somewhere, names are unique. */
#include "base.h"
#include <setjmp.h>
#include <cmocka.h>
#include "engine/openapi.h"
#include "engine/resource.h"
#include "routes.h"

static struct route_table *table;
static json_t *doc;

static int set_up(void **state ERP_UNUSED)
{
    struct str text;

    str_init(&text);
    table = routes_build();
    openapi_write(table, &text);
    doc = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES, NULL);
    str_release(&text);
    return doc == NULL;
}

static int tear_down(void **state ERP_UNUSED)
{
    json_decref(doc);
    route_table_free(table);
    return 0;
}

/* "#/components/schemas/Product" -> that value, or NULL. */
static json_t *follow(const char *ref)
{
    json_t *at = doc;

    assert_int_equal(strncmp(ref, "#/", 2), 0);
    for (ref += 2; at != NULL && *ref != '\0';) {
        size_t len = strcspn(ref, "/");
        char name[256];

        snprintf(name, sizeof(name), "%.*s", (int)len, ref);
        at = json_object_get(at, name);
        ref += len + (ref[len] == '/');
    }
    return at;
}

/* The value itself, or where its $ref leads. */
static json_t *open_ref(json_t *value)
{
    json_t *ref = json_object_get(value, "$ref");

    return ref != NULL ? follow(json_string_value(ref)) : value;
}

static json_t *operation(const char *method, const char *path)
{
    char lower[16] = "";

    for (size_t i = 0; method[i] != '\0' && i < sizeof(lower) - 1; i++)
        lower[i] = (char)tolower((unsigned char)method[i]);
    return json_object_get(json_object_get(json_object_get(doc, "paths"), path), lower);
}

/* Which schema the JSON body of an operation has. */
static const char *body_ref(const char *method, const char *path)
{
    json_t *body = json_object_get(operation(method, path), "requestBody");
    json_t *json = json_object_get(json_object_get(body, "content"), "application/json");

    return json_string_value(json_object_get(json_object_get(json, "schema"), "$ref"));
}

static json_t *reply(const char *method, const char *path, const char *status)
{
    return open_ref(
        json_object_get(json_object_get(operation(method, path), "responses"), status));
}

static bool has_param(const char *method, const char *path, const char *name)
{
    json_t *param;
    size_t i;

    json_array_foreach (json_object_get(operation(method, path), "parameters"), i, param)
        if (strcmp(json_string_value(json_object_get(open_ref(param), "name")), name) == 0)
            return true;
    return false;
}

static json_t *schema(const char *name)
{
    return json_object_get(json_object_get(json_object_get(doc, "components"), "schemas"), name);
}

static json_t *property(const char *name, const char *member)
{
    return json_object_get(json_object_get(schema(name), "properties"), member);
}

static bool listed(json_t *list, const char *text)
{
    json_t *item;
    size_t i;

    json_array_foreach (list, i, item)
        if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
            return true;
    return false;
}

/* ---- the whole document ---- */

static void check_refs(json_t *value, size_t *n)
{
    const char *key;
    json_t *member;
    size_t i;

    json_array_foreach (value, i, member)
        check_refs(member, n);
    json_object_foreach (value, key, member) {
        if (strcmp(key, "$ref") == 0) {
            ++*n;
            if (follow(json_string_value(member)) == NULL)
                fail_msg("%s leads nowhere", json_string_value(member));
        }
        check_refs(member, n);
    }
}

static void references_resolve(void **state ERP_UNUSED)
{
    size_t n = 0;

    check_refs(doc, &n);
    assert_true(n > route_count(table));
}

static void every_row_is_there(void **state ERP_UNUSED)
{
    json_auto_t *ids = json_object();

    for (size_t i = 0; i < route_count(table); i++) {
        const struct route *row = route_at(table, i);
        json_t *op = operation(row->method, row->path);
        const char *id = json_string_value(json_object_get(op, "operationId"));

        if (op == NULL)
            fail_msg("%s %s is missing", row->method, row->path);
        if (json_object_get(ids, id) != NULL)
            fail_msg("%s %s: the operationId %s is taken", row->method, row->path, id);
        json_object_set_new(ids, id, json_true());
        assert_true((json_object_get(op, "requestBody") != NULL) == (row->body != BODY_NONE));
        assert_true((json_object_get(op, "security") != NULL) == (row->auth == AUTH_PUBLIC));
        assert_non_null(reply(row->method, row->path, "200"));
        if (row->auth == AUTH_TOKEN)
            assert_non_null(reply(row->method, row->path, "401"));
        for (const char *p = row->path; (p = strchr(p, '{')) != NULL; p++) {
            char name[64];

            snprintf(name, sizeof(name), "%.*s", (int)strcspn(p + 1, "}"), p + 1);
            assert_true(has_param(row->method, row->path, name));
        }
    }
}

static void every_resource_is_described(void **state ERP_UNUSED)
{
    for (size_t i = 0; i < resource_count(); i++) {
        const struct resource *r = resource_at(i);
        json_t *record = schema(r->schema), *required = json_object_get(record, "required");

        /* Entries of the audit log are never changed: their one date is a field. */
        assert_int_equal(json_array_size(required), resource_field_count(r) + (r->audit ? 2 : 4));
        assert_true(listed(required, "id") && (r->audit || listed(required, "updated_at")));
        for (const struct field *f = r->fields; f->name != NULL; f++)
            assert_true(listed(required, f->name) && property(r->schema, f->name) != NULL);
    }
}

static void every_error_code_is_named(void **state ERP_UNUSED)
{
    json_t *codes = json_object_get(property("Problem", "code"), "enum");

    assert_int_equal(json_array_size(codes), ERR_COUNT - 1);
    for (int i = ERR_NONE + 1; i < ERR_COUNT; i++)
        assert_true(listed(codes, err_info((enum err_code)i)->name));
}

/* ---- one resource, closely ---- */

static void products(void **state ERP_UNUSED)
{
    static const char *const list = "/api/products", *const item = "/api/products/{id}";
    json_t *body;

    assert_string_equal(json_string_value(json_object_get(operation("GET", list), "operationId")),
                        "listProducts");
    assert_string_equal(json_string_value(json_object_get(operation("PUT", item), "operationId")),
                        "replaceProduct");
    assert_true(has_param("GET", list, "limit") && has_param("GET", list, "after"));
    assert_true(has_param("GET", list, "q") && has_param("GET", list, "sku"));
    assert_true(has_param("GET", list, "price.gte") && has_param("GET", list, "stock.lte"));
    assert_false(has_param("GET", list, "description"));
    assert_true(has_param("GET", item, "If-None-Match") && has_param("DELETE", item, "If-Match"));
    assert_non_null(reply("GET", item, "304"));
    assert_null(reply("GET", list, "304"));
    assert_non_null(reply("PATCH", item, "412"));
    assert_null(reply("POST", list, "412"));
    assert_non_null(reply("POST", list, "409"));
    assert_non_null(json_object_get(json_object_get(reply("POST", list, "200"), "headers"),
                                    "Location"));
    body = json_object_get(json_object_get(operation("PATCH", item), "requestBody"), "content");
    assert_int_equal(json_object_size(body), 2);
    assert_non_null(json_object_get(body, "application/merge-patch+json"));
}

static void product_schemas(void **state ERP_UNUSED)
{
    json_t *type;

    type = json_object_get(property("Product", "sku"), "type");
    assert_true(listed(type, "string") && listed(type, "null"));
    assert_true(json_is_string(json_object_get(property("Product", "name"), "type")));
    assert_null(json_object_get(property("Product", "name"), "maxLength"));
    assert_non_null(json_object_get(property("ProductInput", "name"), "maxLength"));
    assert_int_equal(json_array_size(json_object_get(schema("ProductInput"), "required")), 2);
    assert_int_equal(
        json_integer_value(json_object_get(property("ProductInput", "stock"), "default")), 0);
    assert_null(property("ProductInput", "id"));
    assert_null(json_object_get(schema("ProductPatch"), "required"));
    assert_null(json_object_get(schema("ProductPatch"), "additionalProperties"));
    assert_null(property("CustomerInput", "due_amount"));
    assert_null(schema("SaleInput"));
    /* What stays when it is left out is not asked for again. */
    assert_null(schema("ProductReplacement"));
    assert_int_equal(json_array_size(json_object_get(schema("ProductBranchInput"), "required")), 3);
    assert_null(json_object_get(schema("ProductBranchReplacement"), "required"));
    assert_string_equal(body_ref("PUT", "/api/product-branches/{id}"),
                        "#/components/schemas/ProductBranchReplacement");
    assert_string_equal(body_ref("PUT", "/api/products/{id}"), "#/components/schemas/ProductInput");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_resolve),
        cmocka_unit_test(every_row_is_there),
        cmocka_unit_test(every_resource_is_described),
        cmocka_unit_test(every_error_code_is_named),
        cmocka_unit_test(products),
        cmocka_unit_test(product_schemas),
    };
    return cmocka_run_group_tests_name("openapi", tests, set_up, tear_down);
}
