/* The audit log: one append-only entry a write, in the same transaction as the write. */
#ifndef ERP_TENANT_AUDIT_H
#define ERP_TENANT_AUDIT_H

#include "db/scope.h"

#define AUDIT_COLLECTION "audit_log"

struct audit_entry {
    const char *action;     /* "create", "replace", "patch", "delete", "sign_in", … */
    const char *collection; /* what was changed */
    const char *record_id;
    const char *actor; /* user id, or "erpctl" */
    const char *request_id;
    const bson_t *before, *after; /* digested, not stored; NULL when there is none */
};

/* Inserts the entry through the scope (and its transaction). */
bool audit_add(struct scope *scope, const struct audit_entry *entry, struct err *err);

/* When the tenant last wrote, from its audit log: *ms 0 when it never did. */
bool audit_last(struct scope *scope, int64_t *ms, struct err *err);

#endif
