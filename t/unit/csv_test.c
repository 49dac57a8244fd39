/* CSV: what RFC 4180 allows is read, fed whole and byte by byte; what it forbids is named. */
#include "base.h"
#include <setjmp.h>
#include <cmocka.h>
#include "engine/csv.h"

/* Rows as text: cells in <>, "!n" for a fault, "@line" in front. */
static void read_all(const char *bytes, size_t len, size_t step, struct str *out)
{
    struct csv_reader *reader = csv_reader_new();
    struct csv_row *row = calloc(1, sizeof(*row));
    size_t fed = 0;
    enum csv_result result = CSV_MORE;

    assert_non_null(row);
    str_clear(out);
    while (result != CSV_END) {
        size_t n = len - fed < step ? len - fed : step;

        csv_feed(reader, bytes + fed, n, fed + n == len);
        fed += n;
        while ((result = csv_next(reader, row)) == CSV_ROW) {
            str_addf(out, "@%" PRId64, row->line);
            if (row->fault != CSV_SOUND) {
                str_addf(out, "!%d", (int)row->fault);
                continue;
            }
            for (size_t i = 0; i < row->n; i++) {
                assert_int_equal(strlen(row->cells[i].text), row->cells[i].len);
                str_addf(out, "<%s>", row->cells[i].text);
            }
        }
    }
    assert_int_equal(csv_next(reader, row), CSV_END);
    free(row);
    csv_reader_free(reader);
}

static void expect(const char *bytes, size_t len, const char *want)
{
    struct str got;

    str_init(&got);
    for (size_t step = 1; step <= len + 1; step += step < 4 ? 1 : len) {
        read_all(bytes, len, step, &got);
        assert_string_equal(got.p, want);
    }
    str_release(&got);
}

#define EXPECT(bytes, want) expect(bytes, sizeof(bytes) - 1, want)

static void test_plain_rows(void **state ERP_UNUSED)
{
    EXPECT("", "");
    EXPECT("\n\r\n\r", "");
    EXPECT("a,b\nc,d\n", "@1<a><b>@2<c><d>");
    EXPECT("a,b\r\nc,d", "@1<a><b>@2<c><d>");
    EXPECT("a,b\rc,d\r", "@1<a><b>@2<c><d>");
    EXPECT("a\n\n\nb\n", "@1<a>@4<b>");
    EXPECT("a\r\n\r\nb\r\n", "@1<a>@3<b>");
    EXPECT(",\n", "@1<><>");
    EXPECT("a,,b,\n", "@1<a><><b><>");
    EXPECT(" a , b \n", "@1< a >< b >");
}

static void test_quotes(void **state ERP_UNUSED)
{
    EXPECT("\"a\",\"b\"\n", "@1<a><b>");
    EXPECT("\"a\"\"b\",\"\"\n", "@1<a\"b><>");
    EXPECT("\"\"\n", "@1<>");
    EXPECT("\"\"\"\"", "@1<\">");
    EXPECT("\"a,b\r\nc\",d\ne\n", "@1<a,b\r\nc><d>@3<e>");
    EXPECT("\"a\"\r\"b\"\r", "@1<a>@2<b>");
}

static void test_byte_order_mark(void **state ERP_UNUSED)
{
    EXPECT("\xef\xbb\xbf" "a,b\n", "@1<a><b>");
    EXPECT("\xef\xbb\xbf\"a\"\n", "@1<a>");
    EXPECT("\xef\xbb\xbf", "");
    EXPECT("\xef\xbb", "@1!1");
    EXPECT("\xef\xbb" "x\nb\n", "@1!1@2<b>");
    EXPECT("a\n\xef\xbb\xbf" "b\n", "@1<a>@2<\xef\xbb\xbf" "b>"); /* elsewhere it is text */
}

static void test_faults_end_with_the_row(void **state ERP_UNUSED)
{
    EXPECT("a\"b,c\nd\n", "@1!2@2<d>");
    EXPECT("\"a\"b,c\nd\n", "@1!2@2<d>");
    EXPECT("\"a\" ,c\nd\n", "@1!2@2<d>");
    EXPECT("a\n\"b\nc", "@1<a>@2!3");
    EXPECT("a\0b,c\nd\n", "@1!1@2<d>");
    EXPECT("\"a\0\"\nd\n", "@1!1@2<d>");
    EXPECT("\xff\nd\n", "@1!1@2<d>");
    EXPECT("\xed\xa0\x80\nd\n", "@1!1@2<d>"); /* a surrogate */
    EXPECT("\xc0\xaf\nd\n", "@1!1@2<d>");     /* an overlong form */
    EXPECT("caf\xc3\xa9,\xe0\xa6\x95\n", "@1<caf\xc3\xa9><\xe0\xa6\x95>");
}

static void test_limits(void **state ERP_UNUSED)
{
    struct str text, got;

    str_init(&text);
    str_init(&got);
    for (int i = 0; i < CSV_COLUMNS_MAX - 1; i++)
        str_addc(&text, ',');
    str_addz(&text, "\nb\n");
    read_all(text.p, text.len, 7, &got);
    assert_int_equal(got.len, 2 + 2 * CSV_COLUMNS_MAX + 2 + 3);
    str_clear(&text);
    for (int i = 0; i < 5 * CSV_COLUMNS_MAX; i++)
        str_addz(&text, "x,");
    str_addz(&text, "\nb\n");
    read_all(text.p, text.len, 7, &got);
    assert_string_equal(got.p, "@1!4@2<b>");
    for (size_t more = 0; more < 2; more++) {
        str_clear(&text);
        for (size_t i = 0; i < CSV_CELL_MAX + more; i++)
            str_addc(&text, 'x');
        str_addz(&text, ",y\nb\n");
        read_all(text.p, text.len, 1000, &got);
        assert_int_equal(strcmp(got.p, "@1!5@2<b>") == 0, more);
    }
    str_release(&text);
    str_release(&got);
}

static void test_writing(void **state ERP_UNUSED)
{
    static const struct {
        const char *text, *cell, *guarded;
    } cases[] = {
        {"", "", ""},
        {"plain", "plain", "plain"},
        {"a,b", "\"a,b\"", "\"a,b\""},
        {"a\"b\"", "\"a\"\"b\"\"\"", "\"a\"\"b\"\"\""},
        {"a\nb", "\"a\nb\"", "\"a\nb\""},
        {" a", "\" a\"", "\" a\""},
        {"=1+1", "=1+1", "'=1+1"},
        {"+880 1711", "+880 1711", "'+880 1711"},
        {"-5", "-5", "'-5"},
        {"@x", "@x", "'@x"},
        {"\t=x", "\t=x", "'\t=x"},
        {"\n=x", "\"\n=x\"", "\"'\n=x\""},
        {"\rx", "\"\rx\"", "\"'\rx\""},
        {"'=x", "'=x", "''=x"},
        {"'tis", "'tis", "'tis"},
        {"=HYPERLINK(\"x\")", "\"=HYPERLINK(\"\"x\"\")\"", "\"'=HYPERLINK(\"\"x\"\")\""},
    };
    struct str out;

    str_init(&out);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        str_clear(&out);
        csv_add_cell(&out, cases[i].text, strlen(cases[i].text));
        assert_string_equal(out.p, cases[i].cell);
        str_clear(&out);
        csv_add_text(&out, cases[i].text, strlen(cases[i].text));
        assert_string_equal(out.p, cases[i].guarded);
    }
    str_release(&out);
}

/* What is written comes back, whatever it was. */
static void test_there_and_back(void **state ERP_UNUSED)
{
    static const char alphabet[] = "a,\"'\n\r=+-@\t \xc3\xa9";
    struct str text, out;
    uint64_t seed = 1;

    str_init(&text);
    str_init(&out);
    for (int round = 0; round < 3000; round++) {
        struct csv_reader *reader = csv_reader_new();
        struct csv_row row;
        size_t len;
        const char *back;

        str_clear(&text);
        for (size_t i = seed % 7 + 1; i > 0; i--) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
            len = (seed >> 33) % (sizeof(alphabet) - 2);
            if (alphabet[len] & 0x80)
                str_addz(&text, "\xc3\xa9");
            else
                str_addc(&text, alphabet[len]);
        }
        str_clear(&out);
        csv_add_text(&out, text.p, text.len);
        str_addz(&out, ",end\r\n");
        csv_feed(reader, out.p, out.len, true);
        assert_int_equal(csv_next(reader, &row), CSV_ROW);
        assert_int_equal(row.fault, CSV_SOUND);
        assert_int_equal(row.n, 2);
        len = row.cells[0].len;
        back = csv_unguard(row.cells[0].text, &len);
        assert_int_equal(len, text.len);
        assert_memory_equal(back, text.p, len);
        csv_reader_free(reader);
    }
    str_release(&text);
    str_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_rows),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_byte_order_mark),
        cmocka_unit_test(test_faults_end_with_the_row),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_writing),
        cmocka_unit_test(test_there_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
