/* Money and quantities between 64-bit integers and Decimal128 (IEEE 754-2008, BID encoding). */
#ifndef ERP_DB_DECIMAL_H
#define ERP_DB_DECIMAL_H

#include <mongoc/mongoc.h>
#include "core/money.h"

/* The Decimal128 of `amount` minor units with `decimals`, exactly. */
void decimal_from_money(bson_decimal128_t *out, money_t amount, int decimals);

/* The amount in minor units of a stored number: Decimal128, int32, int64, double (rounded half
 * away from zero, as earlier systems stored them) or decimal text. Surplus decimals are rounded.
 * False when it is none of these or out of range. */
bool decimal_to_money(const bson_iter_t *value, int decimals, money_t *out);

#endif
