/* Money: every error, rounding half away from zero, round trips through text and doubles. */
#include "base.h"
#include "core/id.h"
#include "core/money.h"

#include <setjmp.h>
#include <cmocka.h>

#define KEPT INT64_C(424242) /* a failed call leaves its result alone */

struct row {
    const char *text;
    int decimals;
    enum money_result result;
    money_t amount;
};

static void parse_rows(const struct row *rows, size_t n, bool round)
{
    for (size_t i = 0; i < n; i++) {
        const struct row *r = &rows[i];
        money_t got = KEPT;
        enum money_result result =
            (round ? money_parse_round : money_parse)(r->text, strlen(r->text), r->decimals, &got);

        if (result != r->result || got != (r->result == MONEY_OK ? r->amount : KEPT))
            fail_msg("\"%s\" with %d decimals: result %d, amount %" PRId64, r->text, r->decimals,
                     (int)result, got);
    }
}

static void parse_good(void **state ERP_UNUSED)
{
    static const struct row rows[] = {
        {"0", 2, MONEY_OK, 0},
        {"-0", 2, MONEY_OK, 0},
        {"0.00", 2, MONEY_OK, 0},
        {"0e5", 2, MONEY_OK, 0},
        {"-0.000000000000000000000", 0, MONEY_OK, 0},
        {"3", 2, MONEY_OK, 300},
        {"-12.50", 2, MONEY_OK, -1250},
        {"12.5", 2, MONEY_OK, 1250},
        {"12.5000", 2, MONEY_OK, 1250},
        {"12.5000", 1, MONEY_OK, 125},
        {"0012.50", 2, MONEY_OK, 1250},
        {"1e2", 2, MONEY_OK, 10000},
        {"1E+2", 0, MONEY_OK, 100},
        {"1.25e1", 2, MONEY_OK, 1250},
        {"1250e-2", 2, MONEY_OK, 1250},
        {"125000e-4", 2, MONEY_OK, 1250},
        {"100.00e-2", 0, MONEY_OK, 1},
        {"1e-2", 2, MONEY_OK, 1},
        {"0.01", 2, MONEY_OK, 1},
        {"10.05", 2, MONEY_OK, 1005},
        {"1020304.05", 2, MONEY_OK, 102030405},
        {"1.2345", 4, MONEY_OK, 12345},
        {"100", 0, MONEY_OK, 100},
        {"0e999999999999999999999", 2, MONEY_OK, 0},
        {"100000000000", 2, MONEY_OK, MONEY_MAX},
        {"100000000000.00", 2, MONEY_OK, MONEY_MAX},
        {"-1e11", 2, MONEY_OK, -MONEY_MAX},
        {"10000000000000", 0, MONEY_OK, MONEY_MAX},
        {"99999999999.99", 2, MONEY_OK, MONEY_MAX - 1},
        {"10000000000000000000000000e-25", 2, MONEY_OK, 100},
    };

    parse_rows(rows, ARRAY_LEN(rows), false);
    parse_rows(rows, ARRAY_LEN(rows), true);
}

static void parse_bad(void **state ERP_UNUSED)
{
    static const struct row syntax[] = {
        {"", 2, MONEY_SYNTAX, 0},      {"-", 2, MONEY_SYNTAX, 0},    {"+1", 2, MONEY_SYNTAX, 0},
        {".5", 2, MONEY_SYNTAX, 0},    {"5.", 2, MONEY_SYNTAX, 0},   {".", 2, MONEY_SYNTAX, 0},
        {"1.2.3", 2, MONEY_SYNTAX, 0}, {"1..2", 2, MONEY_SYNTAX, 0}, {"--1", 2, MONEY_SYNTAX, 0},
        {"1e", 2, MONEY_SYNTAX, 0},    {"1e+", 2, MONEY_SYNTAX, 0},  {"1e1.5", 2, MONEY_SYNTAX, 0},
        {"e5", 2, MONEY_SYNTAX, 0},    {" 1", 2, MONEY_SYNTAX, 0},   {"1 ", 2, MONEY_SYNTAX, 0},
        {"1,5", 2, MONEY_SYNTAX, 0},   {"1.e5", 2, MONEY_SYNTAX, 0}, {"0x10", 2, MONEY_SYNTAX, 0},
        {"NaN", 2, MONEY_SYNTAX, 0},   {"inf", 2, MONEY_SYNTAX, 0},  {"1e2x", 2, MONEY_SYNTAX, 0},
        {"-.5", 2, MONEY_SYNTAX, 0},   {"1e--1", 2, MONEY_SYNTAX, 0}};
    static const struct row range[] = {
        {"100000000000.01", 2, MONEY_RANGE, 0},
        {"-100000000000.01", 2, MONEY_RANGE, 0},
        {"1000000000000000000000000", 2, MONEY_RANGE, 0},
        {"1e12", 2, MONEY_RANGE, 0},
        {"1e99999999999999999999999", 2, MONEY_RANGE, 0},
        {"10000000000001", 0, MONEY_RANGE, 0},
        {"9223372036854775808", 0, MONEY_RANGE, 0},
        {"18446744073709551617", 0, MONEY_RANGE, 0},
    };
    static const struct row decimals[] = {
        {"0.001", 2, MONEY_DECIMALS, 0},
        {"12.345", 2, MONEY_DECIMALS, 0},
        {"0.5", 0, MONEY_DECIMALS, 0},
        {"1e-3", 2, MONEY_DECIMALS, 0},
        {"1e-99999999999999999999999", 4, MONEY_DECIMALS, 0},
        {"0.10000000000000000000000000000000000001", 2, MONEY_DECIMALS, 0},
    };

    parse_rows(syntax, ARRAY_LEN(syntax), false);
    parse_rows(syntax, ARRAY_LEN(syntax), true);
    parse_rows(range, ARRAY_LEN(range), false);
    parse_rows(range, ARRAY_LEN(range), true);
    parse_rows(decimals, ARRAY_LEN(decimals), false);
    assert_int_equal(money_parse("1\0002", 3, 0, &(money_t){0}), MONEY_SYNTAX);
}

static void parse_rounds_half_away(void **state ERP_UNUSED)
{
    static const struct row rows[] = {
        {"0.005", 2, MONEY_OK, 1},
        {"-0.005", 2, MONEY_OK, -1},
        {"0.004999999999999999999999999", 2, MONEY_OK, 0},
        {"-0.004", 2, MONEY_OK, 0},
        {"0.015", 2, MONEY_OK, 2},
        {"0.025", 2, MONEY_OK, 3},
        {"2.675", 2, MONEY_OK, 268},
        {"1.995", 2, MONEY_OK, 200},
        {"999.5", 0, MONEY_OK, 1000},
        {"0.5", 0, MONEY_OK, 1},
        {"0.49", 0, MONEY_OK, 0},
        {"0.05", 0, MONEY_OK, 0},
        {"5e-1", 0, MONEY_OK, 1},
        {"5e-99", 4, MONEY_OK, 0},
        {"12.34505", 4, MONEY_OK, 123451},
        {"100000000000.004", 2, MONEY_OK, MONEY_MAX},
        {"100000000000.005", 2, MONEY_RANGE, 0},
        {"-100000000000.005", 2, MONEY_RANGE, 0},
    };

    parse_rows(rows, ARRAY_LEN(rows), true);
}

static void format_rows(void **state ERP_UNUSED)
{
    static const struct row rows[] = {
        {"0", 0, MONEY_OK, 0},
        {"0.00", 2, MONEY_OK, 0},
        {"0.01", 2, MONEY_OK, 1},
        {"-0.01", 2, MONEY_OK, -1},
        {"12.50", 2, MONEY_OK, 1250},
        {"1250", 0, MONEY_OK, 1250},
        {"-1.250", 3, MONEY_OK, -1250},
        {"0.1250", 4, MONEY_OK, 1250},
        {"100000000000.00", 2, MONEY_OK, MONEY_MAX},
        {"92233720368547758.07", 2, MONEY_OK, INT64_MAX},
        {"-92233720368547758.08", 2, MONEY_OK, INT64_MIN},
    };
    char text[MONEY_TEXT_SIZE];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(money_format(text, rows[i].amount, rows[i].decimals),
                         strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
    }
}

/* A random amount, as often small as large, of either sign. */
static money_t some_amount(void)
{
    uint64_t r[2];

    random_bytes(r, sizeof r);
    money_t amount = (money_t)((r[0] >> (r[1] % 60)) % (uint64_t)(MONEY_MAX + 1));
    return r[1] & 1024 ? -amount : amount;
}

/* Text, a JSON number read as a double, and a stored double all give the amount back. */
static void amount_round_trips(money_t amount)
{
    char text[MONEY_TEXT_SIZE];

    for (int decimals = 0; decimals <= MONEY_DECIMALS_MAX; decimals++) {
        size_t len = money_format(text, amount, decimals);
        money_t a = KEPT, b = KEPT, c = KEPT, d = KEPT;

        assert_int_equal(money_parse(text, len, decimals, &a), MONEY_OK);
        assert_int_equal(money_parse_round(text, len, decimals, &b), MONEY_OK);
        assert_int_equal(money_from_json_real(strtod(text, NULL), decimals, &c), MONEY_OK);
        assert_int_equal(money_round_double(strtod(text, NULL), decimals, &d), MONEY_OK);
        assert_true(a == amount && b == amount && c == amount && d == amount);
    }
}

static void round_trips(void **state ERP_UNUSED)
{
    for (money_t amount = -3000; amount <= 3000; amount++)
        amount_round_trips(amount);
    for (money_t step = 0; step < 200; step++) {
        amount_round_trips(MONEY_MAX - step);
        amount_round_trips(step - MONEY_MAX);
    }
    for (int i = 0; i < 20000; i++)
        amount_round_trips(some_amount());
}

/* All thousandths around zero: compared with rounding done on integers. */
static void rounding_agrees_with_integers(void **state ERP_UNUSED)
{
    for (int64_t mills = -20000; mills <= 20000; mills++) {
        char text[MONEY_TEXT_SIZE];
        size_t len = money_format(text, mills, 3);
        int64_t size = mills < 0 ? -mills : mills;
        money_t want = (size + 5) / 10, from_text, from_double, scaled;

        if (mills < 0)
            want = -want;
        assert_int_equal(money_parse_round(text, len, 2, &from_text), MONEY_OK);
        assert_int_equal(money_round_double(strtod(text, NULL), 2, &from_double), MONEY_OK);
        assert_true(money_scale(mills, 1, 10, &scaled));
        assert_true(from_text == want && from_double == want && scaled == want);
    }
}

static void doubles(void **state ERP_UNUSED)
{
    money_t got = KEPT;

    /* What sums of earlier systems look like. */
    assert_int_equal(money_from_json_real(0.30000000000000004, 2, &got), MONEY_OK);
    assert_int_equal(got, 30);
    assert_int_equal(money_round_double(0.30000000000000004, 2, &got), MONEY_OK);
    assert_int_equal(got, 30);
    assert_int_equal(money_round_double(1.005, 2, &got), MONEY_OK);
    assert_int_equal(got, 101);
    assert_int_equal(money_round_double(-1.005, 2, &got), MONEY_OK);
    assert_int_equal(got, -101);
    assert_int_equal(money_round_double(33.333333333333336, 2, &got), MONEY_OK);
    assert_int_equal(got, 3333);
    got = KEPT;
    assert_int_equal(money_from_json_real(33.333333333333336, 2, &got), MONEY_DECIMALS);
    assert_int_equal(money_from_json_real(12.345, 2, &got), MONEY_DECIMALS);
    assert_int_equal(money_from_json_real(1e300, 2, &got), MONEY_RANGE);
    assert_int_equal(money_round_double(-1e300, 2, &got), MONEY_RANGE);
    assert_int_equal(money_from_json_real(strtod("inf", NULL), 2, &got), MONEY_SYNTAX);
    assert_int_equal(money_round_double(strtod("nan", NULL), 2, &got), MONEY_SYNTAX);
    assert_int_equal(money_from_json_real(1e-300, 2, &got), MONEY_DECIMALS);
    assert_int_equal(got, KEPT);
    assert_int_equal(money_round_double(1e-300, 2, &got), MONEY_OK);
    assert_int_equal(got, 0);
}

static void arithmetic_is_checked(void **state ERP_UNUSED)
{
    money_t out = KEPT;

    assert_false(money_add(MONEY_MAX, 1, &out));
    assert_false(money_add(-MONEY_MAX, -1, &out));
    assert_false(money_add(INT64_MAX, 1, &out));
    assert_false(money_sub(-MONEY_MAX, 1, &out));
    assert_false(money_sub(INT64_MIN, 1, &out));
    assert_false(money_mul(MONEY_MAX, 2, &out));
    assert_false(money_mul(INT64_MAX, INT64_MAX, &out));
    assert_false(money_scale(MONEY_MAX, MONEY_MAX, 1, &out));
    assert_false(money_scale(MONEY_MAX, INT64_MIN, 1, &out));
    assert_false(money_scale(MONEY_MAX, 10001, 10000, &out));
    assert_int_equal(out, KEPT);
    assert_true(money_add(MONEY_MAX - 1, 1, &out));
    assert_int_equal(out, MONEY_MAX);
    assert_true(money_sub(1 - MONEY_MAX, 1, &out));
    assert_int_equal(out, -MONEY_MAX);
    assert_true(money_mul(-1999, 3, &out));
    assert_int_equal(out, -5997);
    assert_true(money_scale(MONEY_MAX, MONEY_MAX, MONEY_MAX, &out));
    assert_int_equal(out, MONEY_MAX);
    assert_true(money_scale(1000, 15, 100, &out));
    assert_int_equal(out, 150);
    assert_true(money_scale(-333, 15, 100, &out));
    assert_int_equal(out, -50);
    assert_true(money_scale(1, 1, 2, &out));
    assert_int_equal(out, 1);
    assert_true(money_scale(1, 1, 3, &out));
    assert_int_equal(out, 0);
    assert_true(money_scale(1, INT64_MAX, INT64_MAX, &out));
    assert_int_equal(out, 1);
}

static void sums_and_differences_agree(void **state ERP_UNUSED)
{
    for (int i = 0; i < 100000; i++) {
        money_t a = some_amount(), b = some_amount(), sum, back;

        if (!money_add(a, b, &sum)) {
            assert_true(a + b > MONEY_MAX || a + b < -MONEY_MAX);
            continue;
        }
        assert_true(money_sub(sum, b, &back));
        assert_int_equal(back, a);
    }
}

static void currency_codes(void **state ERP_UNUSED)
{
    assert_int_equal(currency_decimals("BDT"), 2);
    assert_int_equal(currency_decimals("USD"), 2);
    assert_int_equal(currency_decimals("JPY"), 0);
    assert_int_equal(currency_decimals("KWD"), 3);
    assert_int_equal(currency_decimals("CLF"), 4);
    assert_int_equal(currency_decimals("ZWG"), 2);
    assert_int_equal(currency_decimals(""), -1);
    assert_int_equal(currency_decimals("usd"), -1);
    assert_int_equal(currency_decimals("US"), -1);
    assert_int_equal(currency_decimals("USDX"), -1);
    assert_int_equal(currency_decimals("XXX"), -1);
    assert_int_equal(currency_decimals("D B"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_good),
        cmocka_unit_test(parse_bad),
        cmocka_unit_test(parse_rounds_half_away),
        cmocka_unit_test(format_rows),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(rounding_agrees_with_integers),
        cmocka_unit_test(doubles),
        cmocka_unit_test(arithmetic_is_checked),
        cmocka_unit_test(sums_and_differences_agree),
        cmocka_unit_test(currency_codes),
    };
    return cmocka_run_group_tests_name("money", tests, NULL, NULL);
}
