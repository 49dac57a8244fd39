/* Free JSON values into BSON, for the few fields whose shape a descriptor leaves open. */
#ifndef ERP_DB_JSON_BSON_H
#define ERP_DB_JSON_BSON_H

#include <jansson.h>
#include <mongoc/mongoc.h>
#include "core/err.h"

#define JSON_BSON_DEPTH 4   /* levels of nesting inside one free value */
#define JSON_BSON_KEYS  64  /* members of one object */
#define JSON_BSON_ITEMS 500 /* items of one array */
#define JSON_BSON_TEXT  5000 /* bytes of one text */

/* Appends `value` as `key`. Keys that are empty, begin with '$', hold a '.' or exceed 64 bytes, and
 * values beyond the limits, are field errors at `path`. Numbers with a fraction become
 * Decimal128. */
bool json_bson_append(bson_t *out, const char *key, const json_t *value, const char *path,
                      struct err *err);

/* False, with a field error, when `key` may not be stored. */
bool json_bson_key_ok(const char *key, const char *path, struct err *err);

#endif
