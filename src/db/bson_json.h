/* BSON as JSON text, appended straight to a buffer. */
#ifndef ERP_DB_BSON_JSON_H
#define ERP_DB_BSON_JSON_H

#include <mongoc/mongoc.h>
#include "core/str.h"

/* Any stored value: dates as RFC 3339 UTC, Decimal128 and doubles as numbers, ObjectIds as hex
 * text, what JSON cannot say (NaN, binary, code) as null. */
void bson_json_value(const bson_iter_t *value, struct str *out);

#endif
