/* Registry entries from documents: strict on kinds and sizes, lenient on what is absent. */
#include "base.h"
#include "tenant/registry.h"
#include "tenant/resolve.h"

#include <setjmp.h>
#include <cmocka.h>

static const char full[] =
    "{\"slug\": \"techland\", \"tenant_id\": \"t-1\", \"business_name\": \"TechLand\", "
    "\"business_type\": \"computer_shop\", \"db_uri\": \"mongodb://h/\", \"db_name\": \"tech_db\", "
    "\"admin_email\": \"a@b.c\", \"status\": \"active\", \"license_type\": \"pro\", "
    "\"max_users\": 50, \"max_branches\": {\"$numberLong\": \"10\"}, \"currency\": \"USD\", "
    "\"features_enabled\": [\"pos\", \"sales\"], \"subscription_status\": \"trial\", "
    "\"subscription_plan\": \"basic\", "
    "\"subscription_expires_at\": {\"$date\": \"2026-01-31T00:00:00Z\"}, \"notes\": 5}";

static bson_t *parse(const char *json)
{
    bson_error_t error;
    bson_t *doc = bson_new_from_json((const uint8_t *)json, -1, &error);

    if (!doc)
        fail_msg("%s: %s", json, error.message);
    return doc;
}

/* The full entry with `field` replaced by what the document `one` holds under it. */
static bson_t *with(const char *field, const char *one)
{
    bson_t *base = parse(full), *change = parse(one), *doc = bson_new();
    bson_iter_t iter;

    bson_copy_to_excluding_noinit(base, doc, field, NULL);
    assert_true(bson_iter_init_find(&iter, change, field));
    bson_append_iter(doc, field, -1, &iter);
    bson_destroy(base);
    bson_destroy(change);
    return doc;
}

static char currency[] = "BDT";
static const struct conf conf = {.currency = currency};

static bool reads(bson_t *doc, struct tenant *tenant)
{
    struct err err;
    bool ok;

    err_init(&err);
    ok = tenant_from_bson(doc, &conf, tenant, &err);
    if (!ok) {
        assert_int_equal(err.code, ERR_TENANT_MISMATCH);
        assert_null(tenant->db_uri);
    }
    bson_destroy(doc);
    err_release(&err);
    return ok;
}

static bool accepts(const char *field, const char *one)
{
    struct tenant tenant;
    bool ok = reads(with(field, one), &tenant);

    tenant_release(&tenant);
    return ok;
}

static void a_full_entry(void **state ERP_UNUSED)
{
    struct tenant tenant;

    assert_true(reads(parse(full), &tenant));
    assert_string_equal(tenant.slug, "techland");
    assert_string_equal(tenant.tenant_id, "t-1");
    assert_string_equal(tenant.db_uri, "mongodb://h/");
    assert_string_equal(tenant.db_name, "tech_db");
    assert_string_equal(tenant.license_type, "pro");
    assert_string_equal(tenant.currency, "USD");
    assert_int_equal(tenant.decimals, 2);
    assert_int_equal(tenant.status, TENANT_ACTIVE);
    assert_int_equal(tenant.max_users, 50);
    assert_int_equal(tenant.max_branches, 10);
    assert_int_equal(tenant.n_features, 2);
    assert_string_equal(tenant.features[1], "sales");
    assert_int_equal(tenant.subscription_expires_ms, INT64_C(1769817600000));
    tenant_release(&tenant);
    tenant_release(&tenant);
}

static void a_hand_made_entry(void **state ERP_UNUSED)
{
    struct tenant tenant;

    assert_true(
        reads(parse("{\"slug\": \"ab\", \"db_name\": \"d\", \"status\": \"active\"}"), &tenant));
    assert_string_equal(tenant.tenant_id, "");
    assert_string_equal(tenant.db_uri, "");
    assert_string_equal(tenant.license_type, "free");
    assert_string_equal(tenant.currency, "BDT");
    assert_int_equal(tenant.max_users, -1);
    assert_int_equal(tenant.max_branches, -1);
    assert_int_equal(tenant.n_features, 0);
    assert_int_equal(tenant.subscription_expires_ms, 0);
    tenant_release(&tenant);
    /* Without a status nobody said that it may be used. */
    assert_true(reads(parse("{\"slug\": \"ab\"}"), &tenant));
    assert_int_equal(tenant.status, TENANT_INACTIVE);
    tenant_release(&tenant);
}

static void every_field_may_be_null_but_the_slug(void **state ERP_UNUSED)
{
    static const char *const fields[] = {
        "tenant_id",
        "business_name",
        "business_type",
        "db_uri",
        "db_name",
        "admin_email",
        "status",
        "license_type",
        "max_users",
        "max_branches",
        "currency",
        "features_enabled",
        "subscription_status",
        "subscription_plan",
        "subscription_expires_at",
    };

    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        char one[64];

        snprintf(one, sizeof one, "{\"%s\": null}", fields[i]);
        if (!accepts(fields[i], one))
            fail_msg("%s null is refused", fields[i]);
        /* No field takes a document or a truth value. */
        snprintf(one, sizeof one, "{\"%s\": {\"a\": 1}}", fields[i]);
        if (accepts(fields[i], one))
            fail_msg("%s as a document is accepted", fields[i]);
        snprintf(one, sizeof one, "{\"%s\": true}", fields[i]);
        if (accepts(fields[i], one))
            fail_msg("%s as a truth value is accepted", fields[i]);
    }
    assert_false(accepts("slug", "{\"slug\": null}"));
    assert_false(accepts("slug", "{\"slug\": 7}"));
}

static void texts_are_never_shortened(void **state ERP_UNUSED)
{
    static const struct {
        const char *field;
        size_t most;
    } rows[] = {
        {"tenant_id", 63},    {"business_name", 255},      {"business_type", 31},
        {"admin_email", 255}, {"license_type", 31},        {"db_name", 63},
        {"slug", SLUG_MAX},   {"subscription_status", 15}, {"subscription_plan", 31},
    };
    char text[300], one[400];

    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t over = 0; over < 2; over++) {
            snprintf(one, sizeof one, "{\"%s\": \"%.*s\"}", rows[i].field,
                     (int)(rows[i].most + over), text);
            assert_int_equal(accepts(rows[i].field, one), over == 0);
        }
    }
    assert_false(accepts("tenant_id", "{\"tenant_id\": \"a\\u0000b\"}"));
    assert_false(accepts("db_uri", "{\"db_uri\": \"mongodb://h\\u0000/\"}"));
}

static void numbers(void **state ERP_UNUSED)
{
    assert_true(accepts("max_users", "{\"max_users\": 0}"));
    assert_true(accepts("max_users", "{\"max_users\": -1}"));
    assert_true(accepts("max_users", "{\"max_users\": 50.0}"));
    assert_true(accepts("max_users", "{\"max_users\": 2147483647}"));
    assert_false(accepts("max_users", "{\"max_users\": 2147483648}"));
    assert_false(accepts("max_users", "{\"max_users\": -2}"));
    assert_false(accepts("max_users", "{\"max_users\": 50.5}"));
    assert_false(accepts("max_users", "{\"max_users\": {\"$numberDouble\": \"NaN\"}}"));
    assert_false(accepts("max_users", "{\"max_users\": {\"$numberDouble\": \"Infinity\"}}"));
    assert_false(accepts("max_users", "{\"max_users\": 1e300}"));
    assert_false(accepts("max_users", "{\"max_users\": \"50\"}"));
}

static void other_kinds(void **state ERP_UNUSED)
{
    char features[2048] = "{\"features_enabled\": [\"f\"";

    assert_false(accepts("status", "{\"status\": \"Active\"}"));
    assert_false(accepts("status", "{\"status\": \"paused\"}"));
    assert_false(accepts("status", "{\"status\": \"\"}"));
    assert_true(accepts("status", "{\"status\": \"deleted\"}"));
    assert_false(accepts("currency", "{\"currency\": \"XX\"}"));
    assert_false(accepts("currency", "{\"currency\": \"QQQ\"}"));
    assert_false(accepts("db_name", "{\"db_name\": \"a.b\"}"));
    assert_false(accepts("db_name", "{\"db_name\": \"Admin\"}"));
    assert_false(accepts("features_enabled", "{\"features_enabled\": [1]}"));
    assert_false(accepts("features_enabled", "{\"features_enabled\": \"pos\"}"));
    assert_true(accepts("features_enabled", "{\"features_enabled\": []}"));
    assert_true(accepts("subscription_expires_at",
                        "{\"subscription_expires_at\": \"2026-01-31T00:00:00.000Z\"}"));
    assert_false(accepts("subscription_expires_at", "{\"subscription_expires_at\": \"soon\"}"));
    for (size_t n = 1, len = strlen(features); n < TENANT_FEATURES_MAX + 1; n++)
        len += (size_t)snprintf(features + len, sizeof features - len, ", \"f%zu\"%s", n,
                                n == TENANT_FEATURES_MAX ? "]}" : "");
    assert_false(accepts("features_enabled", features));
}

static void slugs(void **state ERP_UNUSED)
{
    assert_true(slug_valid("ab"));
    assert_true(slug_valid("a-b"));
    assert_true(slug_valid("0123456789012345678901234567890123456789"));
    assert_false(slug_valid("01234567890123456789012345678901234567890"));
    assert_false(slug_valid(""));
    assert_false(slug_valid("a"));
    assert_false(slug_valid("-ab"));
    assert_false(slug_valid("ab-"));
    assert_false(slug_valid("Ab"));
    assert_false(slug_valid("a_b"));
    assert_false(slug_valid("a b"));
    assert_false(slug_valid("a\xc3\xa4z"));
}

static void db_names(void **state ERP_UNUSED)
{
    assert_true(db_name_valid("a"));
    assert_true(db_name_valid("computer_techland-DB9"));
    assert_true(db_name_valid("admin_hub"));
    assert_false(db_name_valid(""));
    assert_false(db_name_valid("admin"));
    assert_false(db_name_valid("CONFIG"));
    assert_false(db_name_valid("local"));
    assert_false(db_name_valid("a.b"));
    assert_false(db_name_valid("a/b"));
    assert_false(db_name_valid("a$b"));
    assert_false(db_name_valid("0123456789012345678901234567890123456789012345678901234567890123"));
}

static void statuses(void **state ERP_UNUSED)
{
    for (int status = TENANT_ACTIVE; status <= TENANT_DELETED; status++) {
        struct tenant tenant = {.status = (enum tenant_status)status};
        enum tenant_status parsed;
        struct err err;

        err_init(&err);
        assert_true(tenant_status_parse(tenant_status_name(tenant.status), &parsed));
        assert_int_equal(parsed, status);
        assert_int_equal(tenant_usable(&tenant, &err), status == TENANT_ACTIVE);
        if (status != TENANT_ACTIVE)
            assert_int_equal(err.code, ERR_TENANT_INACTIVE);
        err_release(&err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_entry),
        cmocka_unit_test(a_hand_made_entry),
        cmocka_unit_test(every_field_may_be_null_but_the_slug),
        cmocka_unit_test(texts_are_never_shortened),
        cmocka_unit_test(numbers),
        cmocka_unit_test(other_kinds),
        cmocka_unit_test(slugs),
        cmocka_unit_test(db_names),
        cmocka_unit_test(statuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
