/* Money. Decimal text is scanned digit by digit into minor units; doubles enter only as the text
 * that printf makes of them, and no floating point arithmetic takes place anywhere. Text is in
 * the C locale: nobody here calls setlocale. */
#include "base.h"
#include "core/money.h"

#define AMOUNT_DIGITS 14      /* of MONEY_MAX */
#define EXPONENT_MAX  1000000 /* beyond it, more digits of the exponent change nothing */

/* Active ISO 4217 codes by their number of decimals; each followed by a space. */
static const struct {
    int decimals;
    const char *codes;
} currencies[] = {
    {0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF "},
    {2, "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN "
        "BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS "
        "GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR "
        "LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD "
        "PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN "
        "SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW ZWG "},
    {3, "BHD IQD JOD KWD LYD OMR TND "},
    {4, "CLF UYW "},
};

/* ± d₁d₂…dₙ × 10^exponent, dₙ ≠ 0; n = 0 is zero. The digits stay in the text, where a point may
 * stand among them. */
struct decimal {
    bool negative;
    const char *first;
    int64_t n;
    int64_t exponent;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits with a point among them: at least one digit on each side of it. */
static bool scan_digits(const char **at, const char *end, struct decimal *d)
{
    const char *p = *at;
    int64_t seen = 0, zeros = 0, fraction = 0;
    bool point = false;

    for (; p < end && (is_digit(*p) || *p == '.'); p++) {
        if (*p == '.') {
            if (point || p == *at || p + 1 == end || !is_digit(p[1]))
                return false;
            point = true;
            continue;
        }
        fraction += point;
        if (*p == '0') {
            seen += d->first != NULL;
            zeros++;
            continue;
        }
        if (!d->first)
            d->first = p;
        d->n = ++seen;
        zeros = 0;
    }
    if (p == *at)
        return false;
    /* The zeros after the last significant digit cancel against the fraction. */
    d->exponent = zeros - fraction;
    *at = p;
    return true;
}

static bool scan_exponent(const char **at, const char *end, struct decimal *d)
{
    const char *p = *at + 1;
    int64_t exponent = 0;
    bool negative = false;

    if (p < end && (*p == '+' || *p == '-'))
        negative = *p++ == '-';
    if (p == end)
        return false;
    for (; p < end && is_digit(*p); p++)
        if (exponent < EXPONENT_MAX)
            exponent = exponent * 10 + (*p - '0');
    d->exponent += negative ? -exponent : exponent;
    *at = p;
    return true;
}

static bool scan(const char *text, size_t len, struct decimal *d)
{
    const char *p = text, *end = text + len;

    memset(d, 0, sizeof *d);
    if (p < end && *p == '-') {
        d->negative = true;
        p++;
    }
    if (!scan_digits(&p, end, d))
        return false;
    if (p < end && (*p == 'e' || *p == 'E') && !scan_exponent(&p, end, d))
        return false;
    return p == end;
}

/* The digits before the point once `d` is scaled to minor units (there are `whole`), and the
 * first one after it in *next. */
static int64_t whole_digits(const struct decimal *d, int64_t whole, int *next)
{
    const char *p = d->first;
    int64_t value = 0;

    *next = 0;
    if (whole < 0)
        return 0;
    for (int64_t i = 0; i <= whole; i++) {
        int digit = 0;

        if (i < d->n) {
            if (*p == '.')
                p++;
            digit = *p++ - '0';
        }
        if (i == whole)
            *next = digit;
        else
            value = value * 10 + digit;
    }
    return value;
}

static enum money_result parse(const char *text, size_t len, int decimals, bool round, money_t *out)
{
    struct decimal d;
    int64_t whole, value;
    int next;

    assert(decimals >= 0 && decimals <= MONEY_DECIMALS_MAX);
    if (!scan(text, len, &d))
        return MONEY_SYNTAX;
    if (d.n == 0) {
        *out = 0;
        return MONEY_OK;
    }
    d.exponent += decimals;
    whole = d.n + d.exponent;
    if (whole > AMOUNT_DIGITS)
        return MONEY_RANGE;
    if (d.exponent < 0 && !round)
        return MONEY_DECIMALS;
    value = whole_digits(&d, whole, &next);
    if (next >= 5)
        value++;
    if (value > MONEY_MAX)
        return MONEY_RANGE;
    *out = d.negative ? -value : value;
    return MONEY_OK;
}

enum money_result money_parse(const char *text, size_t len, int decimals, money_t *out)
{
    return parse(text, len, decimals, false, out);
}

enum money_result money_parse_round(const char *text, size_t len, int decimals, money_t *out)
{
    return parse(text, len, decimals, true, out);
}

enum money_result money_from_json_real(double value, int decimals, money_t *out)
{
    char text[MONEY_TEXT_SIZE];
    int len = snprintf(text, sizeof text, "%.15g", value);

    return parse(text, (size_t)len, decimals, false, out);
}

enum money_result money_round_double(double value, int decimals, money_t *out)
{
    char text[MONEY_TEXT_SIZE];
    int len = 0;

    /* The shortest text that reads back is the one that was meant: 2.675, not 2.67499999…. */
    for (int digits = 15; digits <= 17; digits++) {
        len = snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return parse(text, (size_t)len, decimals, true, out);
}

size_t money_format(char out[static MONEY_TEXT_SIZE], money_t amount, int decimals)
{
    char digits[MONEY_TEXT_SIZE];
    char *p = digits + sizeof digits;
    uint64_t rest = amount < 0 ? 0 - (uint64_t)amount : (uint64_t)amount;
    size_t len;

    assert(decimals >= 0 && decimals <= MONEY_DECIMALS_MAX);
    for (int place = 0; place <= decimals || rest > 0; place++) {
        if (place == decimals && decimals > 0)
            *--p = '.';
        *--p = (char)('0' + rest % 10);
        rest /= 10;
    }
    if (amount < 0)
        *--p = '-';
    len = (size_t)(digits + sizeof digits - p);
    memcpy(out, p, len);
    out[len] = '\0';
    return len;
}

static bool give(money_t value, money_t *out)
{
    if (value > MONEY_MAX || value < -MONEY_MAX)
        return false;
    *out = value;
    return true;
}

bool money_add(money_t a, money_t b, money_t *out)
{
    money_t sum;

    return !__builtin_add_overflow(a, b, &sum) && give(sum, out);
}

bool money_sub(money_t a, money_t b, money_t *out)
{
    money_t difference;

    return !__builtin_sub_overflow(a, b, &difference) && give(difference, out);
}

bool money_mul(money_t a, int64_t quantity, money_t *out)
{
    money_t product;

    return !__builtin_mul_overflow(a, quantity, &product) && give(product, out);
}

bool money_scale(money_t amount, int64_t numerator, int64_t denominator, money_t *out)
{
    __int128 product = (__int128)amount * numerator;
    __int128 size = product < 0 ? -product : product;
    __int128 quotient, rest;

    assert(denominator > 0);
    quotient = size / denominator;
    rest = size % denominator;
    if (rest >= denominator - rest)
        quotient++;
    if (quotient > MONEY_MAX)
        return false;
    *out = product < 0 ? -(money_t)quotient : (money_t)quotient;
    return true;
}

int currency_decimals(const char *code)
{
    if (strlen(code) != 3)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(currencies); i++)
        for (const char *p = currencies[i].codes; *p; p += 4)
            if (memcmp(p, code, 3) == 0)
                return currencies[i].decimals;
    return -1;
}
