/* Changing one record in a transaction, for operations that are not a replacement or a patch:
 * states, toggles, rows that are appended. */
#ifndef ERP_ENGINE_CHANGE_H
#define ERP_ENGINE_CHANGE_H

#include "engine/resource.h"
#include "db/scope.h"

/* The audit entry of a write that the request's user asked for; `before` or `after` may be NULL. In
 * the scope's transaction, one round trip. */
bool change_audit(const struct req *req, struct scope *scope, const char *action,
                  const char *collection, const char *id, const bson_t *before,
                  const bson_t *after, struct err *err);

struct change {
    struct req *req; /* its row names the resource */
    const char *action;   /* of the audit entry */
    const bson_t *filter; /* tenant, branch and id */
    const bson_t *result; /* the record afterwards, arena-owned; NULL: there is none */
};

/* The request's record ({id} of the path). Its documents are the arena's. */
void change_init(struct change *change, struct req *req, const char *action);

/* The record as it is; *old NULL when there is none. ERR_STALE when If-Match names another
 * revision. One round trip. */
bool change_read(struct scope *scope, struct change *change, const bson_t **old, struct err *err);

/* Sets the fields of `set`, counts the revision and lets the rest follow (write_follow): two
 * round trips. */
bool change_apply(struct scope *scope, struct change *change, const bson_t *old, const bson_t *set,
                  struct err *err);

/* Makes the indexes, runs `body` in a transaction with `data`, and replies with the record: two
 * round trips more than the body's own reads (change_apply's and the commit). */
bool change_run(struct change *change, bool (*body)(struct scope *, void *, struct err *),
                void *data);

#endif
