/* Time in and out. Our own calendar arithmetic (proleptic Gregorian, years 0000 to 9999): dates
 * are formatted a few hundred times a list, and libc's parsers accept days that do not exist. */
#include "base.h"
#include "core/clock.h"

#define MS_PER_DAY INT64_C(86400000)
#define MS_MIN     INT64_C(-62167219200000) /* 0000-01-01T00:00:00.000Z */
#define MS_MAX     INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

/* 400 Gregorian years have 146,097 days; counting years from March puts the leap day last. */
#define ERA_DAYS      INT64_C(146097)
#define DAYS_TO_EPOCH INT64_C(719468) /* from 0000-03-01 to 1970-01-01 */

static int64_t days_of_date(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * ERA_DAYS + day_of_era - DAYS_TO_EPOCH;
}

static void date_of_days(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + DAYS_TO_EPOCH;
    int64_t era = (z >= 0 ? z : z - (ERA_DAYS - 1)) / ERA_DAYS;
    int64_t day_of_era = z - era * ERA_DAYS;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;

    *day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

int64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_mono_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static char *put(char *p, int value, int digits, char after)
{
    for (int i = digits - 1; i >= 0; i--) {
        p[i] = (char)('0' + value % 10);
        value /= 10;
    }
    p[digits] = after;
    return p + digits + 1;
}

void clock_format(char out[static CLOCK_TEXT_SIZE], int64_t ms)
{
    int64_t days, rest;
    int year, month, day;

    if (ms < MS_MIN)
        ms = MS_MIN;
    if (ms > MS_MAX)
        ms = MS_MAX;
    days = ms / MS_PER_DAY;
    rest = ms % MS_PER_DAY;
    if (rest < 0) {
        days--;
        rest += MS_PER_DAY;
    }
    date_of_days(days, &year, &month, &day);
    out = put(out, year, 4, '-');
    out = put(out, month, 2, '-');
    out = put(out, day, 2, 'T');
    out = put(out, (int)(rest / 3600000), 2, ':');
    out = put(out, (int)(rest / 60000 % 60), 2, ':');
    out = put(out, (int)(rest / 1000 % 60), 2, '.');
    out = put(out, (int)(rest % 1000), 3, 'Z');
    *out = '\0';
}

struct reader {
    const char *p;
    const char *end;
};

/* Exactly `digits` digits; false leaves the reader anywhere. */
static bool take(struct reader *r, int digits, int *value)
{
    if (r->end - r->p < digits)
        return false;
    *value = 0;
    for (int i = 0; i < digits; i++, r->p++) {
        if (*r->p < '0' || *r->p > '9')
            return false;
        *value = *value * 10 + (*r->p - '0');
    }
    return true;
}

static bool take_char(struct reader *r, const char *set)
{
    if (r->p == r->end || *r->p == '\0' || !strchr(set, *r->p))
        return false;
    r->p++;
    return true;
}

static bool take_date(struct reader *r, int64_t *days)
{
    static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;

    if (!take(r, 4, &year) || !take_char(r, "-") || !take(r, 2, &month) || !take_char(r, "-") ||
        !take(r, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > lengths[month - 1])
        return false;
    if (month == 2 && day == 29 && (year % 4 != 0 || (year % 100 == 0 && year % 400 != 0)))
        return false;
    *days = days_of_date(year, month, day);
    return true;
}

static bool take_fraction(struct reader *r, int64_t *ms)
{
    int digits = 0, value = 0;

    for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++, digits++)
        if (digits < 3)
            value = value * 10 + (*r->p - '0');
    for (int i = digits; i < 3; i++)
        value *= 10;
    *ms = value;
    return digits >= 1 && digits <= 9;
}

static bool take_offset(struct reader *r, int64_t *ms)
{
    int hours, minutes, sign;

    *ms = 0;
    if (r->p == r->end || take_char(r, "Zz"))
        return true;
    sign = *r->p == '-' ? -1 : 1;
    if (!take_char(r, "+-") || !take(r, 2, &hours) || !take_char(r, ":") || !take(r, 2, &minutes) ||
        hours > 23 || minutes > 59)
        return false;
    *ms = sign * (int64_t)(hours * 60 + minutes) * 60000;
    return true;
}

bool clock_parse(const char *text, size_t len, int64_t *ms)
{
    struct reader r = {text, text + len};
    int hour = 0, minute = 0, second = 0;
    int64_t days, fraction = 0, offset = 0, result;

    if (!take_date(&r, &days))
        return false;
    if (r.p < r.end) {
        /* No leap second: a BSON date cannot hold one. */
        if (!take_char(&r, "Tt ") || !take(&r, 2, &hour) || !take_char(&r, ":") ||
            !take(&r, 2, &minute) || !take_char(&r, ":") || !take(&r, 2, &second) || hour > 23 ||
            minute > 59 || second > 59)
            return false;
        if (take_char(&r, ".") && !take_fraction(&r, &fraction))
            return false;
        if (!take_offset(&r, &offset) || r.p != r.end)
            return false;
    }
    result = days * MS_PER_DAY + ((hour * 60 + minute) * 60 + second) * INT64_C(1000) + fraction -
             offset;
    if (result < MS_MIN || result > MS_MAX)
        return false;
    *ms = result;
    return true;
}
