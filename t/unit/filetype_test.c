/* Files are what their first bytes say. */
#include "base.h"
#include <setjmp.h>
#include <cmocka.h>
#include "core/filetype.h"

#define KIND(bytes) file_kind_of(bytes, sizeof(bytes) - 1)

static void test_kinds(void **state ERP_UNUSED)
{
    assert_int_equal(KIND("\xff\xd8\xff\xe0JFIF"), FILE_JPEG);
    assert_int_equal(KIND("\x89PNG\r\n\x1a\n...."), FILE_PNG);
    assert_int_equal(KIND("GIF87a."), FILE_GIF);
    assert_int_equal(KIND("GIF89a."), FILE_GIF);
    assert_int_equal(KIND("RIFF\1\2\3\4WEBPVP8 "), FILE_WEBP);
    assert_int_equal(KIND("\0\0\1\0\1\0"), FILE_ICO);
    assert_int_equal(KIND("%PDF-1.7\n"), FILE_PDF);
}

static void test_others(void **state ERP_UNUSED)
{
    static const char *const none[] = {"",     "GIF8",   "GIF88a.", "<svg xmlns=", "<!DOCTYPE html>",
                                       "MZ..", "PK\3\4", " %PDF-1", "\x89PNG\n\n", "RIFF....WAVE...."};

    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        assert_int_equal(file_kind_of(none[i], strlen(none[i])), FILE_UNKNOWN);
    assert_int_equal(KIND("\xff\xd8\xff"), FILE_UNKNOWN); /* a beginning and nothing after it */
    assert_int_equal(KIND("RIFF....WEB"), FILE_UNKNOWN);
}

static void test_names(void **state ERP_UNUSED)
{
    char text[80];

    assert_int_equal(file_kind_of_name("a.b.jpg"), FILE_JPEG);
    assert_int_equal(file_kind_of_name("a.JPG"), FILE_UNKNOWN);
    assert_int_equal(file_kind_of_name("jpg"), FILE_UNKNOWN);
    assert_string_equal(file_kind_ext(FILE_WEBP), "webp");
    assert_string_equal(file_kind_type(FILE_ICO), "image/x-icon");
    file_kinds_text(FILE_IMAGES, text, sizeof text);
    assert_string_equal(text, "JPEG, PNG, GIF or WebP");
    file_kinds_text(FILE_PDF, text, sizeof text);
    assert_string_equal(text, "PDF");
    file_kinds_text(FILE_JPEG | FILE_PDF, text, 6);
    assert_string_equal(text, "JPEG ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
