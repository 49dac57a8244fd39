/* Money: 64-bit integers of minor units, never floating point.
 *
 * In the database Decimal128, on the wire a JSON number with the currency's decimals. Amounts
 * are limited to ±10^13 minor units, so that 15 significant digits carry every amount exactly:
 * this is what lets a JSON number that a parser handed over as a double be read back without
 * loss. Doubles that earlier systems stored are rounded half-up (away from zero) once.
 */
#ifndef ERP_CORE_MONEY_H
#define ERP_CORE_MONEY_H

#include "base.h"

typedef int64_t money_t;

#define MONEY_MAX       INT64_C(10000000000000)
#define MONEY_DECIMALS_MAX 4
#define MONEY_TEXT_SIZE 40

enum money_result {
    MONEY_OK = 0,
    MONEY_SYNTAX,   /* not a decimal number */
    MONEY_DECIMALS, /* more decimals than the currency has */
    MONEY_RANGE     /* beyond MONEY_MAX */
};

/* Reads decimal text ("-12.50", "3", "1e2", "12.5000": trailing zeros are no extra decimals). */
enum money_result money_parse(const char *text, size_t len, int decimals, money_t *out);

/* As money_parse for a JSON number that arrived as a double: exact within 15 digits. */
enum money_result money_from_json_real(double value, int decimals, money_t *out);

/* A double stored by an earlier system: rounded half away from zero at the currency's decimals,
 * on the shortest decimal text of the double. */
enum money_result money_round_double(double value, int decimals, money_t *out);

/* As money_parse, but surplus decimals are rounded half away from zero. */
enum money_result money_parse_round(const char *text, size_t len, int decimals, money_t *out);

/* "12.50" for 1250 and 2 decimals, "1250" for 0 decimals. Returns the length. */
size_t money_format(char out[static MONEY_TEXT_SIZE], money_t amount, int decimals);

/* Checked arithmetic: false, and *out unchanged, when the result would pass MONEY_MAX. */
bool money_add(money_t a, money_t b, money_t *out) ERP_USE_RESULT;
bool money_sub(money_t a, money_t b, money_t *out) ERP_USE_RESULT;
bool money_mul(money_t a, int64_t quantity, money_t *out) ERP_USE_RESULT;

/* amount × numerator / denominator, rounded half away from zero. denominator > 0. */
bool money_scale(money_t amount, int64_t numerator, int64_t denominator, money_t *out)
    ERP_USE_RESULT;

/* Decimals of an ISO 4217 currency code; -1 for one that we do not know. */
int currency_decimals(const char *code);

#endif
