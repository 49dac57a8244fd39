/* A state that time alone brings: active warranties are expired when their day has come.
 *
 * Nothing is written then. What is stored stays as it was, and is shown, exported, listed and
 * counted as the clock says: by the engine for every descriptor that names a lapse
 * (engine/resource.h), and by actions through these functions.
 */
#ifndef ERP_ENGINE_LAPSE_H
#define ERP_ENGINE_LAPSE_H

#include "db/doc.h"

struct lapse {
    const char *field;     /* K_ENUM, whose default is `from` */
    const char *from, *to; /* `from` is `to` */
    const char *until;     /* when this K_INSTANT has passed; records without it stay `from` */
};

/* The state of a record at a moment. Borrowed. */
const char *lapse_state(const struct lapse *lapse, const bson_t *record, int64_t now_ms);

/* Appends what a record in this state has stored: to `filter` the state, and to `when`, which may
 * be the same, what its `until` has to be. False, and nothing is appended, when the clock has no
 * part in it. */
bool lapse_append(const struct lapse *lapse, const char *state, int64_t now_ms, bson_t *filter,
                  bson_t *when);

#endif
