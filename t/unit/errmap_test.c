/* Errors of the driver and the server become ours, without their text. */
#include "base.h"
#include "db/errmap.h"

#include <setjmp.h>
#include <cmocka.h>

static bson_error_t server_error(uint32_t code)
{
    bson_error_t error;

    bson_set_error(&error, MONGOC_ERROR_SERVER, code, "secret text of the server");
    return error;
}

static void check(const bson_error_t *error, const char *reply_json, enum err_code code,
                  const char *detail)
{
    bson_t *reply = reply_json ? bson_new_from_json((const uint8_t *)reply_json, -1, NULL) : NULL;
    struct err err;

    err_init(&err);
    assert_true(!reply_json || reply);
    assert_false(errmap_set(&err, error, reply));
    assert_int_equal(err.code, code);
    assert_null(strstr(err.detail, "secret"));
    assert_true(err.detail[0] != '\0');
    if (detail)
        assert_string_equal(err.detail, detail);
    if (err_info(code)->status == 503)
        assert_true(err.retry_after >= 1);
    bson_destroy(reply);
    err_release(&err);
}

static void duplicate_key_names_the_field(void **state ERP_UNUSED)
{
    bson_error_t error = server_error(11000);

    check(&error,
          "{\"writeErrors\": [{\"index\": 0, \"code\": 11000, \"keyPattern\": {\"tenant_id\": 1, "
          "\"sku\": 1}, \"keyValue\": {\"tenant_id\": \"t\", \"sku\": \"secret\"}}]}",
          ERR_DUPLICATE, "sku already exists");
    check(&error, "{\"ok\": 0, \"code\": 11000, \"keyPattern\": {\"email\": 1}}", ERR_DUPLICATE,
          "email already exists");
    check(&error, "{\"ok\": 0, \"code\": 11000}", ERR_DUPLICATE,
          "A record with these values already exists");
    check(&error, "{\"keyPattern\": {}}", ERR_DUPLICATE,
          "A record with these values already exists");
    check(&error, "{\"keyPattern\": 5, \"writeErrors\": [7]}", ERR_DUPLICATE,
          "A record with these values already exists");
    check(&error, NULL, ERR_DUPLICATE, "A record with these values already exists");
}

static void server_codes(void **state ERP_UNUSED)
{
    static const struct {
        uint32_t code;
        enum err_code want;
    } rows[] = {
        {50, ERR_TIMEOUT},           {112, ERR_TRY_AGAIN},        {251, ERR_TRY_AGAIN},
        {189, ERR_DB_UNAVAILABLE},   {11600, ERR_DB_UNAVAILABLE}, {10107, ERR_DB_UNAVAILABLE},
        {13, ERR_DB_UNAVAILABLE},    {18, ERR_DB_UNAVAILABLE},    {10334, ERR_TOO_LARGE},
        {14031, ERR_DB_UNAVAILABLE}, {2, ERR_INTERNAL},           {121, ERR_INTERNAL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bson_error_t error = server_error(rows[i].code);

        check(&error, NULL, rows[i].want, NULL);
        assert_false(errmap_is_network(&error));
    }
}

static void driver_codes_are_not_server_codes(void **state ERP_UNUSED)
{
    bson_error_t error;

    bson_set_error(&error, MONGOC_ERROR_COMMAND, 11000, "secret");
    check(&error, NULL, ERR_INTERNAL, NULL);
    bson_set_error(&error, MONGOC_ERROR_BSON, 50, "secret");
    check(&error, NULL, ERR_INTERNAL, NULL);
    bson_set_error(&error, MONGOC_ERROR_CLIENT, MONGOC_ERROR_CLIENT_AUTHENTICATE, "secret");
    check(&error, NULL, ERR_DB_UNAVAILABLE, NULL);
    assert_false(errmap_is_network(&error));
    bson_set_error(&error, MONGOC_ERROR_WRITE_CONCERN, 64, "secret");
    check(&error, NULL, ERR_TRY_AGAIN, NULL);
}

static void a_silent_cluster_is_network(void **state ERP_UNUSED)
{
    bson_error_t error;

    bson_set_error(&error, MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE,
                   "secret");
    assert_true(errmap_is_network(&error));
    check(&error, NULL, ERR_DB_UNAVAILABLE, NULL);
    bson_set_error(&error, MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_SOCKET, "secret");
    assert_true(errmap_is_network(&error));
    check(&error, NULL, ERR_DB_UNAVAILABLE, NULL);
}

/* What another connection or primary may cure: not a cluster where nobody answers. */
static void what_passes(void **state ERP_UNUSED)
{
    static const int passing[] = {6, 7, 91, 189, 9001, 10107, 11600, 13435};
    static const int lasting[] = {13, 18, 50, 112, 11000, 14031, 9999};
    bson_error_t error;

    for (size_t i = 0; i < ARRAY_LEN(passing); i++) {
        error = server_error(passing[i]);
        assert_true(errmap_is_passing(&error));
    }
    for (size_t i = 0; i < ARRAY_LEN(lasting); i++) {
        error = server_error(lasting[i]);
        assert_false(errmap_is_passing(&error));
    }
    bson_set_error(&error, MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_SOCKET, "secret");
    assert_true(errmap_is_passing(&error));
    bson_set_error(&error, MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE,
                   "secret");
    assert_false(errmap_is_passing(&error));
}

static void labels(void **state ERP_UNUSED)
{
    static const char json[] = "{\"errorLabels\": [\"TransientTransactionError\"]}";
    bson_t *reply = bson_new_from_json((const uint8_t *)json, -1, NULL);
    bson_error_t error = server_error(9999);

    assert_true(errmap_has_label(reply, "TransientTransactionError"));
    assert_false(errmap_has_label(reply, "UnknownTransactionCommitResult"));
    assert_false(errmap_has_label(NULL, "TransientTransactionError"));
    check(&error, json, ERR_TRY_AGAIN, NULL);
    bson_destroy(reply);
}

static void first_writer_wins(void **state ERP_UNUSED)
{
    bson_error_t error = server_error(50);
    struct err err;

    err_init(&err);
    err_set(&err, ERR_IN_USE, "Still in use.");
    assert_false(errmap_set(&err, &error, NULL));
    assert_int_equal(err.code, ERR_IN_USE);
    err_release(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(duplicate_key_names_the_field),
        cmocka_unit_test(server_codes),
        cmocka_unit_test(driver_codes_are_not_server_codes),
        cmocka_unit_test(a_silent_cluster_is_network),
        cmocka_unit_test(what_passes),
        cmocka_unit_test(labels),
        cmocka_unit_test(first_writer_wins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
