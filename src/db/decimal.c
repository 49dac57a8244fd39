/* Decimal128 <-> 64-bit minor units without going through floating point. */
#include "base.h"
#include "db/decimal.h"

/* Layout of the high word in the ordinary form: sign, 14 bits of biased exponent, 49 bits of the
 * coefficient. Exponents that begin with 11 mark the large form, infinities and NaN. */
#define EXP_BIAS  6176
#define EXP_SHIFT 49
#define SIGN_BIT  (UINT64_C(1) << 63)
#define SPECIAL   (UINT64_C(3) << 61)

void decimal_from_money(bson_decimal128_t *out, money_t amount, int decimals)
{
    uint64_t magnitude = amount < 0 ? (uint64_t)0 - (uint64_t)amount : (uint64_t)amount;

    out->high = ((uint64_t)(EXP_BIAS - decimals) << EXP_SHIFT) | (amount < 0 ? SIGN_BIT : 0);
    out->low = magnitude;
}

static bool from_decimal128(const bson_decimal128_t *d, int decimals, money_t *out)
{
    char text[BSON_DECIMAL128_STRING];
    int exponent = (int)((d->high >> EXP_SHIFT) & 0x3fff) - EXP_BIAS;
    bool small = (d->high & SPECIAL) != SPECIAL &&
                 (d->high & ((UINT64_C(1) << EXP_SHIFT) - 1)) == 0 && d->low <= MONEY_MAX;

    if (small && exponent == -decimals) {
        *out = d->high & SIGN_BIT ? -(money_t)d->low : (money_t)d->low;
        return true;
    }
    bson_decimal128_to_string(d, text);
    return money_parse_round(text, strlen(text), decimals, out) == MONEY_OK;
}

static bool from_integer(int64_t value, int decimals, money_t *out)
{
    int64_t scale = 1;

    for (int i = 0; i < decimals; i++)
        scale *= 10;
    return money_mul(value, scale, out);
}

bool decimal_to_money(const bson_iter_t *value, int decimals, money_t *out)
{
    bson_decimal128_t d;
    uint32_t len;
    const char *text;

    switch (bson_iter_type(value)) {
    case BSON_TYPE_DECIMAL128:
        return bson_iter_decimal128(value, &d) && from_decimal128(&d, decimals, out);
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64:
        return from_integer(bson_iter_as_int64(value), decimals, out);
    case BSON_TYPE_DOUBLE:
        return money_round_double(bson_iter_double(value), decimals, out) == MONEY_OK;
    case BSON_TYPE_UTF8:
        text = bson_iter_utf8(value, &len);
        return money_parse_round(text, len, decimals, out) == MONEY_OK;
    default:
        return false;
    }
}
