/* multipart/form-data: what browsers send is read, whole and in pieces of every size; what they do
 * not send is refused, and nothing of it is believed. */
#include "base.h"
#include <setjmp.h>
#include <cmocka.h>
#include "core/str.h"
#include "http/multipart.h"

static const struct multipart_limits limits = {.parts = 3, .header = 300, .field = 20, .file = 40};

#define TYPE "multipart/form-data; boundary=XX"
#define PART(name, value) "--XX\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

/* The events of a body that comes in pieces of `step` bytes, as text. */
static void pieces(const char *bytes, size_t len, size_t step, struct str *out)
{
    size_t from = 0, to = 0, used;
    struct multipart m;
    struct err err;

    err_init(&err);
    str_clear(out);
    multipart_init(&m, "XX", &limits);
    for (;;) {
        /* A copy of exactly those bytes, so that a look beyond them is seen. */
        char *copy = malloc(to - from + 1);
        enum multipart_event event;

        assert_non_null(copy);
        memcpy(copy, bytes + from, to - from);
        event = multipart_next(&m, copy, to - from, &used, &err);
        assert_true(used <= to - from);
        from += used;
        if (event == MULTIPART_PART)
            str_addf(out, "[%s|%s|%s|%d]", m.name, m.filename, m.type, m.is_file);
        else if (event == MULTIPART_DATA)
            str_add(out, m.data, m.data_len);
        else if (event == MULTIPART_PART_ENDS)
            str_addz(out, "$");
        free(copy);
        if (event == MULTIPART_MORE && to < len) {
            to = len - to < step ? len : to + step;
            continue;
        }
        if (event == MULTIPART_MORE)
            str_addz(out, "...");
        else if (event == MULTIPART_ENDS)
            str_addz(out, "END");
        else if (event == MULTIPART_BAD)
            str_addf(out, "BAD%d", err_info(err.code)->status);
        else
            continue;
        break;
    }
    if (strstr(out->p, "BAD"))
        assert_int_equal(multipart_next(&m, "", 0, &used, &err), MULTIPART_BAD);
    err_release(&err);
}

static void expect(const char *bytes, size_t len, const char *want)
{
    struct str got;

    str_init(&got);
    for (size_t step = 1; step <= len; step += step < 9 ? 1 : len / 3) {
        pieces(bytes, len, step, &got);
        assert_string_equal(got.p, want);
    }
    str_release(&got);
}

#define EXPECT(bytes, want) expect(bytes, sizeof(bytes) - 1, want)

static void test_parts(void **state ERP_UNUSED)
{
    EXPECT(PART("a", "1") "--XX--\r\n", "[a|||0]1$END");
    EXPECT(PART("a", "1") PART("b", "two\r\nlines") "--XX--", "[a|||0]1$[b|||0]two\r\nlines$END");
    EXPECT(PART("a", "") "--XX--", "[a|||0]$END");
    EXPECT("--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n--XX--", "[a|||0]$END");
    EXPECT("--XX \t\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--XX--epilogue",
           "[a|||0]1$END");
    EXPECT("--XX\r\ncontent-disposition:FORM-DATA;NAME=\"f\";filename=\"C:\\dir\\x.png\"\r\n"
           "Content-Type: image/png\r\nX-Other: y\r\n\r\n\x89PNG\r\n--X\r\n--XX--\r\n",
           "[f|x.png|image/png|1]\x89PNG\r\n--X$END");
    EXPECT("--XX\r\nContent-Disposition: form-data; name=\"q\\\"\"; filename=\"../../etc/passwd\"\r\n"
           "\r\nx\r\n--XX--", "[q\"|passwd||1]x$END");
    /* What looks like a delimiter and is none. */
    EXPECT(PART("a", "\r\n\r\n--X\r\n") "--XX--", "[a|||0]\r\n\r\n--X\r\n$END");
}

static void test_refused(void **state ERP_UNUSED)
{
    EXPECT("", "...");
    EXPECT("x", "BAD400");
    EXPECT("preamble\r\n--XX\r\n", "BAD400");
    EXPECT("--XX--", "BAD400");
    EXPECT("--XXY\r\n", "BAD400");
    EXPECT("--XX\nContent-Disposition: form-data; name=a\n\n1\n--XX--", "BAD400");
    EXPECT("--XX\r\n\r\n\r\n--XX--", "BAD400");
    EXPECT("--XX\r\nContent-Type: text/plain\r\n\r\n1\r\n--XX--", "BAD400");
    EXPECT("--XX\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--XX--", "BAD400");
    EXPECT("--XX\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n1\r\n--XX--", "BAD400");
    EXPECT("--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--XX--", "BAD400");
    EXPECT("--XX\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n1\r\n--XX--", "BAD400");
    EXPECT("--XX\r\nContent-Disposition: form-data; name=a\r\n"
           "Content-Disposition: form-data; name=b\r\n\r\n1\r\n--XX--", "BAD400");
    EXPECT("--XX\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\n1\r\n--XX--", "BAD400");
    EXPECT("--XX\r\nContent-Disposition : form-data; name=a\r\n\r\n1\r\n--XX--", "BAD400");
    EXPECT("--XX\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\n1\r\n--XX--", "BAD400");
    EXPECT("--XX\r\nContent-Disposition: form-data; name=a\0b\r\n\r\n1\r\n--XX--", "BAD400");
    EXPECT("--XX\r\nContent-Disposition: form-data; name=a\r\n"
           "Content-Transfer-Encoding: base64\r\n\r\nMQ==\r\n--XX--", "BAD400");
    EXPECT(PART("a", "1") "--XX", "[a|||0]1$...");
    EXPECT("--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n1", "[a|||0]...");
}

static void test_limits(void **state ERP_UNUSED)
{
    struct str body, got;

    str_init(&body);
    str_init(&got);
    EXPECT(PART("a", "12345678901234567890") "--XX--", "[a|||0]12345678901234567890$END");
    str_addz(&body, PART("a", "123456789012345678901") "--XX--");
    pieces(body.p, body.len, 1000, &got);
    assert_string_equal(got.p, "[a|||0]BAD413");
    pieces(body.p, body.len, 1, &got);
    assert_non_null(strstr(got.p, "BAD413"));
    EXPECT(PART("a", "1") PART("b", "1") PART("c", "1") "--XX--",
           "[a|||0]1$[b|||0]1$[c|||0]1$END");
    EXPECT(PART("a", "1") PART("b", "1") PART("c", "1") PART("d", "1") "--XX--",
           "[a|||0]1$[b|||0]1$[c|||0]1$BAD400");
    str_clear(&body);
    str_addz(&body, "--XX\r\nX: ");
    for (int i = 0; i < 1000; i++)
        str_addc(&body, 'x');
    pieces(body.p, body.len, 50, &got);
    assert_string_equal(got.p, "BAD413");
    str_clear(&body);
    str_addz(&body, "--XX");
    for (int i = 0; i < 100; i++)
        str_addc(&body, ' ');
    pieces(body.p, body.len, 50, &got);
    assert_string_equal(got.p, "BAD400");
    str_release(&body);
    str_release(&got);
}

static void test_boundaries(void **state ERP_UNUSED)
{
    static const struct {
        const char *type, *boundary; /* NULL: refused */
    } cases[] = {
        {"multipart/form-data; boundary=XX", "XX"},
        {"Multipart/Form-Data;charset=utf-8;BOUNDARY=\"a b:c\"", "a b:c"},
        {"multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
         "----WebKitFormBoundary7MA4YWxkTrZu0gW"},
        {"multipart/form-data", NULL},
        {"multipart/form-data; boundary=", NULL},
        {"multipart/form-data; boundary=\"\"", NULL},
        {"multipart/form-data; boundary=\"a \"", NULL},
        {"multipart/form-data; boundary=\"a\r\nb\"", NULL},
        {"multipart/form-data; boundary=a*b", NULL},
        {"multipart/form-data; boundary=a; boundary=b", NULL},
        {"multipart/form-database; boundary=a", NULL},
        {"multipart/mixed; boundary=a", NULL},
        {"application/json", NULL},
        {NULL, NULL},
    };
    char out[MULTIPART_BOUNDARY_MAX + 1], type[200];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(multipart_boundary(cases[i].type, out), cases[i].boundary != NULL);
        if (cases[i].boundary)
            assert_string_equal(out, cases[i].boundary);
    }
    for (int n = MULTIPART_BOUNDARY_MAX; n <= MULTIPART_BOUNDARY_MAX + 1; n++) {
        snprintf(type, sizeof type, "multipart/form-data; boundary=%0*d", n, 7);
        assert_int_equal(multipart_boundary(type, out), n == MULTIPART_BOUNDARY_MAX);
    }
}

static void test_whole_body(void **state ERP_UNUSED)
{
    static const char body[] = PART("title", "caf\xc3\xa9")
        "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.png\"\r\n"
        "Content-Type: image/png\r\n\r\n\x89PNG\r\n\0\r\n--XX\r\n"
        "Content-Disposition: form-data; name=\"none\"; filename=\"\"\r\n\r\n\r\n--XX--\r\n";
    static const char twice[] = PART("a", "1") PART("a", "2") "--XX--";
    static const char bytes[] = PART("a", "\xff") "--XX--";
    struct arena *arena = arena_new(1 << 20);
    struct multipart_form form;
    struct err err;

    err_init(&err);
    assert_true(multipart_read(TYPE, body, sizeof body - 1, &limits, arena, &form, &err));
    assert_int_equal(form.n, 2);
    assert_null(multipart_find(&form, "title")->filename);
    assert_int_equal(multipart_find(&form, "title")->len, 5);
    assert_string_equal(multipart_find(&form, "file")->filename, "x.png");
    assert_memory_equal(multipart_find(&form, "file")->bytes, "\x89PNG\r\n\0", 7);
    assert_int_equal(multipart_find(&form, "file")->len, 7);
    assert_null(multipart_find(&form, "none"));
    assert_null(multipart_find(NULL, "file"));
    assert_false(multipart_read(TYPE, body, sizeof body - 8, &limits, arena, &form, &err));
    assert_int_equal(err.code, ERR_BAD_REQUEST);
    err_clear(&err);
    assert_false(multipart_read(TYPE, twice, sizeof twice - 1, &limits, arena, &form, &err));
    assert_int_equal(err.code, ERR_BAD_REQUEST);
    err_clear(&err);
    assert_false(multipart_read(TYPE, bytes, sizeof bytes - 1, &limits, arena, &form, &err));
    assert_int_equal(err.code, ERR_BAD_REQUEST);
    err_clear(&err);
    assert_false(multipart_read("text/plain", "", 0, &limits, arena, &form, &err));
    assert_int_equal(err.code, ERR_MEDIA_TYPE);
    err_release(&err);
    arena_free(arena);
}

/* Every prefix, and every body with one byte changed, ends in some event: no loop, no look beyond. */
static void test_mangled(void **state ERP_UNUSED)
{
    static const char sound[] = PART("a", "1") "--XX\r\nContent-Disposition: form-data; "
        "name=\"f\"; filename=\"y\"\r\nContent-Type: a/b\r\n\r\nbytes\r\n--XX--\r\n";
    static const char with[] = "\r\n-X\"\\;=: \0\xff";
    char body[sizeof sound];
    struct str got;

    str_init(&got);
    for (size_t len = 0; len < sizeof sound; len++)
        pieces(sound, len, 1000, &got);
    for (size_t i = 0; i < sizeof sound - 1; i++)
        for (size_t w = 0; w < sizeof with; w++) {
            memcpy(body, sound, sizeof body);
            body[i] = with[w];
            pieces(body, sizeof body - 1, 7, &got);
            assert_true(got.len > 0);
        }
    str_release(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),     cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_whole_body), cmocka_unit_test(test_mangled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
