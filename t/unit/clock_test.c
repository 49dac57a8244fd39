/* Time: known instants, every day of 800 years there and back, and what must be refused. */
#include "base.h"
#include "core/clock.h"

#include <setjmp.h>
#include <cmocka.h>

static void known_instants(void **state ERP_UNUSED)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"1970-01-01", 0},
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2000-02-29T12:00:00Z", INT64_C(951825600000)},
        {"2026-01-31T09:30:00.123Z", INT64_C(1769851800123)},
        {"2026-01-31T09:30:00.123456789Z", INT64_C(1769851800123)},
        {"2026-01-31T09:30:00.1Z", INT64_C(1769851800100)},
        {"2026-01-31T09:30:00.12", INT64_C(1769851800120)},
        {"2026-01-31t09:30:00.123z", INT64_C(1769851800123)},
        {"2026-01-31 09:30:00", INT64_C(1769851800000)},
        {"2026-01-31T15:30:00+06:00", INT64_C(1769851800000)},
        {"2026-01-31T00:00:00-09:30", INT64_C(1769851800000)},
        {"2026-01-31T09:30:00-00:00", INT64_C(1769851800000)},
        {"0000-01-01T00:00:00Z", INT64_C(-62167219200000)},
        {"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = 42;

        assert_true(clock_parse(rows[i].text, strlen(rows[i].text), &ms));
        assert_int_equal(ms, rows[i].ms);
    }
}

static void refused(void **state ERP_UNUSED)
{
    static const char *const rows[] = {
        "",
        "2026",
        "2026-01",
        "2026-1-1",
        "2026-13-01",
        "2026-00-10",
        "2026-01-00",
        "2026-01-32",
        "2026-04-31",
        "2026-02-29",
        "1900-02-29",
        "2100-02-29",
        "2026-01-31T",
        "2026-01-31Z",
        "2026-01-31T09:30",
        "2026-01-31T24:00:00Z",
        "2026-01-31T09:60:00Z",
        "2026-01-31T09:30:60Z",
        "2026-01-31T09:30:00.Z",
        "2026-01-31T09:30:00.1234567890Z",
        "2026-01-31T09:30:00+6:00",
        "2026-01-31T09:30:00+0600",
        "2026-01-31T09:30:00+24:00",
        "2026-01-31T09:30:00+06:60",
        "2026-01-31T09:30:00Z ",
        " 2026-01-31",
        "2026-01-31T09:30:00ZZ",
        "+026-01-31",
        "-026-01-31",
        "2026-01-31X09:30:00Z",
        "2026/01/31",
        "20260131",
        "0000-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2026-01-31T09:30:00,5Z",
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = 42;

        assert_false(clock_parse(rows[i], strlen(rows[i]), &ms));
        assert_int_equal(ms, 42);
    }
    assert_false(clock_parse("2026-01-31\0", 11, &(int64_t){0}));
    assert_true(clock_parse("2026-01-31rest", 10, &(int64_t){0}));
}

static void days_round_trip_in_order(void **state ERP_UNUSED)
{
    char before[CLOCK_TEXT_SIZE] = "", text[CLOCK_TEXT_SIZE];

    for (int64_t day = -200000; day < 200000; day++) {
        int64_t ms = day * 86400000 + (day * 7919) % 86400000, back;

        clock_format(text, ms);
        assert_int_equal(strlen(text), CLOCK_TEXT_SIZE - 1);
        assert_true(clock_parse(text, strlen(text), &back));
        assert_int_equal(back, ms);
        clock_format(text, day * 86400000);
        assert_true(strcmp(before, text) < 0);
        memcpy(before, text, sizeof before);
    }
    clock_format(text, INT64_C(951782400000));
    assert_string_equal(text, "2000-02-29T00:00:00.000Z");
}

static void out_of_range_is_clamped(void **state ERP_UNUSED)
{
    char text[CLOCK_TEXT_SIZE];

    clock_format(text, INT64_MAX);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    clock_format(text, INT64_MIN);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

static void clocks_run(void **state ERP_UNUSED)
{
    int64_t mono = clock_mono_us();

    assert_true(clock_ms() > INT64_C(1700000000000));
    assert_true(clock_mono_us() >= mono);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_instants),
        cmocka_unit_test(refused),
        cmocka_unit_test(days_round_trip_in_order),
        cmocka_unit_test(out_of_range_is_clamped),
        cmocka_unit_test(clocks_run),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
