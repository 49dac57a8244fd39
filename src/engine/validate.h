/* From a JSON body to a BSON record, by the descriptor's fields. */
#ifndef ERP_ENGINE_VALIDATE_H
#define ERP_ENGINE_VALIDATE_H

#include "engine/resource.h"
#include "core/arena.h"

enum validate_mode {
    VALIDATE_CREATE,  /* defaults fill what is absent */
    VALIDATE_REPLACE, /* the same, but F_KEEP fields that are absent stay */
    VALIDATE_PATCH    /* only what is there; null goes back to the default */
};

/* The outcome: `set` holds the checked fields in the descriptor's order; `ignored` names unknown
 * and read-only keys, separated by ", " (arena-owned, NULL when none). */
struct validated {
    bson_t *set; /* arena-owned */
    const char *ignored;
    size_t n_fields;
};

/* Checks `body` (must be an object) and gathers every error with its path. Unknown and read-only
 * keys are ignored, or with `strict` refused; keys that begin with $ or hold a dot or NUL are
 * always refused. out->set is there in every case. */
bool validate_body(const struct resource *resource, enum validate_mode mode,
                   const struct kind_env *env, json_t *body, bool strict, struct arena *arena,
                   struct validated *out, struct err *err);

/* The words by which ?q= finds a record, from its searchable fields: an array `_q`, appended to
 * `out`. `old` gives fields that `set` lacks; may be NULL. */
void validate_append_words(const struct resource *resource, const bson_t *set, const bson_t *old,
                           bson_t *out);

/* The name of the field that stores search words, and of the revision counter. */
#define FIELD_WORDS "_q"
#define FIELD_REV   "_rev"

#endif
