/* The buffer and the encodings: every byte value, every wrong form of UTF-8 and base64url. */
#include "base.h"
#include "core/id.h"
#include "core/str.h"

#include <setjmp.h>
#include <cmocka.h>

static void buffer_grows_and_clears(void **state ERP_UNUSED)
{
    struct str s;

    str_init(&s);
    assert_string_equal(s.p, "");
    for (int i = 0; i < 100000; i++)
        str_addc(&s, (char)('a' + i % 26));
    assert_int_equal(s.len, 100000);
    assert_int_equal(s.p[s.len], '\0');
    for (int i = 0; i < 100000; i++)
        assert_int_equal(s.p[i], 'a' + i % 26);
    str_reserve(&s, 3 << 20);
    str_clear(&s);
    assert_true(s.cap <= 1 << 20);
    assert_int_equal(s.len, 0);
    str_add(&s, NULL, 0);
    str_addz(&s, "x=");
    str_addf(&s, "%d %s", 42, "rows");
    assert_string_equal(s.p, "x=42 rows");
    str_addf(&s, "%5000s", "!");
    assert_int_equal(s.len, 5009);
    memcpy(str_reserve(&s, 3), "end", 3);
    str_grew(&s, 3);
    assert_string_equal(s.p + s.len - 4, "!end");
    str_release(&s);
}

static void integers(void **state ERP_UNUSED)
{
    static const int64_t values[] = {0, 1, -1, 9, 10, -10, 1234567890, INT64_MAX, INT64_MIN};
    struct str s;
    char want[32];

    str_init(&s);
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        str_clear(&s);
        str_add_int(&s, values[i]);
        snprintf(want, sizeof want, "%" PRId64, values[i]);
        assert_string_equal(s.p, want);
    }
    str_release(&s);
}

static void json_is(const char *text, size_t len, const char *want)
{
    struct str s;

    str_init(&s);
    str_add_json(&s, text, len);
    assert_string_equal(s.p, want);
    str_release(&s);
}

#define JSON_IS(text, want) json_is(text, sizeof text - 1, want)

static void json_escapes(void **state ERP_UNUSED)
{
    JSON_IS("", "\"\"");
    JSON_IS("plain text of some length/", "\"plain text of some length/\"");
    JSON_IS("a\"b\\c\n\r\t\b\f", "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\"");
    JSON_IS("\0\x01\x1f\x7f", "\"\\u0000\\u0001\\u001f\x7f\"");
    JSON_IS("12345678\"", "\"12345678\\\"\"");
    JSON_IS("1234567\\89", "\"1234567\\\\89\"");
    JSON_IS("\xe0\xa6\x9f\xe0\xa7\x87\xe0\xa6\x95 \xf0\x9f\x92\xbb",
            "\"\xe0\xa6\x9f\xe0\xa7\x87\xe0\xa6\x95 \xf0\x9f\x92\xbb\"");
    JSON_IS("a\xff"
            "b",
            "\"a\xef\xbf\xbd"
            "b\"");
    JSON_IS("\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    JSON_IS("\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

/* Each byte at each place of a word: the eight-byte scan must agree with the plain rule. */
static void json_every_byte_at_every_offset(void **state ERP_UNUSED)
{
    for (int c = 0; c < 256; c++)
        for (size_t at = 0; at < 17; at++) {
            char text[17], want[64], one[16];

            memset(text, 'x', sizeof text);
            text[at] = (char)c;
            if (c == '"' || c == '\\')
                snprintf(one, sizeof one, "\\%c", c);
            else if (c >= 0x80)
                snprintf(one, sizeof one, "\xef\xbf\xbd");
            else if (c >= ' ')
                snprintf(one, sizeof one, "%c", c);
            else if (strchr("\b\t\n\f\r", c) && c)
                snprintf(one, sizeof one, "\\%c", "btn?fr"[c - '\b']);
            else
                snprintf(one, sizeof one, "\\u%04x", (unsigned)c);
            snprintf(want, sizeof want, "\"%.*s%s%.*s\"", (int)at, "xxxxxxxxxxxxxxxxx", one,
                     (int)(16 - at), "xxxxxxxxxxxxxxxxx");
            json_is(text, sizeof text, want);
        }
}

static void uri_component(void **state ERP_UNUSED)
{
    static const char text[] = "aZ09-._~ /?&=+%\xc3\xa9\0";
    struct str s;

    str_init(&s);
    str_add_uri(&s, text, sizeof text - 1);
    assert_string_equal(s.p, "aZ09-._~%20%2F%3F%26%3D%2B%25%C3%A9%00");
    str_release(&s);
}

static void base64url_is(const char *bytes, const char *want)
{
    struct str s;

    str_init(&s);
    str_add_base64url(&s, bytes, strlen(bytes));
    assert_string_equal(s.p, want);
    str_release(&s);
}

static void base64url_round_trips(void **state ERP_UNUSED)
{
    unsigned char in[70], out[70];
    struct str s;

    base64url_is("", "");
    base64url_is("f", "Zg");
    base64url_is("fo", "Zm8");
    base64url_is("foo", "Zm9v");
    base64url_is("foob", "Zm9vYg");
    base64url_is("fooba", "Zm9vYmE");
    base64url_is("foobar", "Zm9vYmFy");
    base64url_is("\xfb\xff\xfe", "-__-");
    str_init(&s);
    for (size_t len = 0; len <= sizeof in; len++) {
        random_bytes(in, len);
        str_clear(&s);
        str_add_base64url(&s, in, len);
        assert_int_equal(base64url_decode(out, len, s.p, s.len), (ssize_t)len);
        assert_memory_equal(in, out, len);
        if (len > 0)
            assert_int_equal(base64url_decode(out, len - 1, s.p, s.len), -1);
    }
    str_release(&s);
}

static void base64url_refuses(void **state ERP_UNUSED)
{
    static const char *const bad[] = {"A",     "AAAAA", "Zg==", "Zm8=", "Zh",  "Zm9",
                                      "Z m9v", "Zm+v",  "Zm/v", "Zm\n", "Zg.", "\xc3\xa9"};
    unsigned char out[64];

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(base64url_decode(out, sizeof out, bad[i], strlen(bad[i])), -1);
    assert_int_equal(base64url_decode(out, sizeof out, "AA\0A", 4), -1);
    assert_int_equal(base64url_decode(out, 0, "", 0), 0);
}

static void utf8_forms(void **state ERP_UNUSED)
{
    static const char *const good[] = {"",
                                       "ascii",
                                       "\x7f",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "eight ascii bytes, then \xc3\xa9 and eight more"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2\x20",
                                      "\xe0\x80\x80",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xe2\x82",
                                      "\xf0\x80\x80\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xfe",
                                      "\xf0\x9f\x92",
                                      "eight ascii bytes \xff"};

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(utf8_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(utf8_valid(bad[i], strlen(bad[i])));
    assert_false(utf8_valid("a\0b", 3));
    assert_false(utf8_valid("123\0"
                            "5678",
                            8));
    assert_int_equal(utf8_count("a\xc3\xa9\xe0\xa6\x9f\xf0\x9f\x92\xbb", 10), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffer_grows_and_clears),
        cmocka_unit_test(integers),
        cmocka_unit_test(json_escapes),
        cmocka_unit_test(json_every_byte_at_every_offset),
        cmocka_unit_test(uri_component),
        cmocka_unit_test(base64url_round_trips),
        cmocka_unit_test(base64url_refuses),
        cmocka_unit_test(utf8_forms),
    };
    return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
