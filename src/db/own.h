/* BSON documents, and JSON values, that die with an arena.
 *
 * bson_t wants an alignment of 128 bytes, which an arena does not give, so the structure itself
 * comes from libbson; only its end is the arena's.
 */
#ifndef ERP_DB_OWN_H
#define ERP_DB_OWN_H

#include <jansson.h>
#include <mongoc/mongoc.h>
#include "core/arena.h"

/* A new empty document, owned by the arena. Never NULL. */
bson_t *own_bson(struct arena *arena);

/* A copy of the bytes as a document, owned by the arena; NULL when they are none. */
bson_t *own_bson_copy(struct arena *arena, const uint8_t *bytes, size_t len);

/* Hands a reference to a JSON value over to the arena. Returns the value. */
json_t *own_json(struct arena *arena, json_t *value);

#endif
