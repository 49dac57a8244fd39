/* Paging cursors: opaque, sealed with an HMAC over what they belong to. */
#ifndef ERP_ENGINE_CURSOR_H
#define ERP_ENGINE_CURSOR_H

#include "core/arena.h"
#include "core/err.h"
#include <mongoc/mongoc.h>

/* Makes a cursor from the last row's sort value (BSON, may be NULL for null) and id. `scope_text`
 * is what it is bound to: tenant, resource and sort. Arena-owned base64url text. */
const char *cursor_make(const uint8_t key[static 32], const char *scope_text,
                        const bson_iter_t *value, const char *id, struct arena *arena);

/* Opens one: `value` gets a document {"v": sort value, "id": id} (dies with the arena).
 * ERR_BAD_QUERY when it is not a cursor of this list. */
bool cursor_open(const uint8_t key[static 32], const char *scope_text, const char *text,
                 struct arena *arena, const bson_t **value, struct err *err);

/* Appends to a filter that only rows after an opened cursor are wanted, in the order of `name` and
 * then id, up (1) or down (-1): those beyond its value, and those equal to it beyond its id. */
void cursor_after(const char *name, int dir, const bson_t *last, bson_t *filter);

#endif
