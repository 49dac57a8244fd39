/* The error: the first writer wins, field errors gather, texts are cut between characters. */
#include "base.h"
#include "core/err.h"
#include "core/str.h"

#include <setjmp.h>
#include <cmocka.h>

static void first_writer_wins(void **state ERP_UNUSED)
{
    struct err err;

    err_init(&err);
    assert_false(err_is_set(&err));
    assert_false(err_set_retry(&err, ERR_DB_UNAVAILABLE, 3, "Database of %s is away.", "techland"));
    assert_false(err_set(&err, ERR_NOT_FOUND, "No such product."));
    assert_false(err_field(&err, "name", "required", "Name is required."));
    assert_int_equal(err.code, ERR_DB_UNAVAILABLE);
    assert_int_equal(err.retry_after, 3);
    assert_string_equal(err.detail, "Database of techland is away.");
    assert_int_equal(err.n_fields, 0);
    err_clear(&err);
    assert_false(err_is_set(&err));
    assert_int_equal(err.retry_after, 0);
    err_set(&err, ERR_NOT_FOUND, "No such product.");
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_int_equal(err.retry_after, 0);
    err_release(&err);
}

static void field_errors_gather(void **state ERP_UNUSED)
{
    struct err err;

    err_init(&err);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < ERR_FIELDS_MAX + 7; i++) {
            char path[32];

            snprintf(path, sizeof path, "items[%d].price", i);
            assert_false(err_field(&err, path, "range", "Price %d is too high.", i));
        }
        assert_int_equal(err.code, ERR_VALIDATION);
        assert_int_equal(err.n_fields, ERR_FIELDS_MAX);
        assert_int_equal(err.n_more, 7);
        assert_string_equal(err.fields[2].path, "items[2].price");
        assert_string_equal(err.fields[2].code, "range");
        assert_string_equal(err.fields[2].detail, "Price 2 is too high.");
        assert_int_equal(err.fields[2].line, 0);
        err.fields[2].line = 7; /* of a table; what comes next is of none */
        assert_true(strlen(err.detail) > 0);
        err_clear(&err);
        assert_int_equal(err.n_fields + err.n_more, 0);
    }
    err_release(&err);
    err_release(&err);
}

static void long_texts_are_cut_between_characters(void **state ERP_UNUSED)
{
    char text[1000];
    struct err err;

    err_init(&err);
    for (size_t lead = 0; lead < 4; lead++) {
        memset(text, 'x', lead);
        for (size_t i = lead; i + 4 < sizeof text; i += 4)
            memcpy(text + i, "\xf0\x9f\x92\xbb", 5);
        err_clear(&err);
        err_set(&err, ERR_CONFLICT, "%s", text);
        assert_true(utf8_valid(err.detail, strlen(err.detail)));
        assert_true(strlen(err.detail) >= sizeof err.detail - 4);
    }
    err_release(&err);
}

static void catalogue_is_sound(void **state ERP_UNUSED)
{
    int last = 0;

    assert_int_equal(err_info(ERR_NONE)->status, 200);
    for (int i = ERR_NONE + 1; i < ERR_COUNT; i++) {
        const struct err_info *info = err_info((enum err_code)i);

        assert_true(info->status >= 400 && info->status < 600);
        assert_true(info->status >= last); /* in the order of the status */
        last = info->status;
        assert_true(strlen(info->title) > 0);
        for (const char *p = info->name; *p; p++)
            assert_true(*p == '_' || (*p >= 'a' && *p <= 'z'));
        for (int k = ERR_NONE + 1; k < i; k++)
            assert_string_not_equal(info->name, err_info((enum err_code)k)->name);
    }
    assert_int_equal(err_info(ERR_TENANT_NOT_FOUND)->status, 404);
    assert_string_equal(err_info(ERR_STALE)->name, "precondition_failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_writer_wins),
        cmocka_unit_test(field_errors_gather),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(catalogue_is_sound),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
