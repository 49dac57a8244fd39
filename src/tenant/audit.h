/* The audit log: one append-only entry a write, in the same transaction as the write.
 *
 * Entries are kept in a database of their own beside the one they are about, on the same cluster,
 * so that the database account of a tenant can be allowed to add and to read them and nothing else.
 * Those of the shared database carry the tenant_id that they are about; those of the platform
 * itself (written through a scope on the registry's database) carry none.
 */
#ifndef ERP_TENANT_AUDIT_H
#define ERP_TENANT_AUDIT_H

#include "db/scope.h"

#define AUDIT_COLLECTION "audit_log"

#define AUDIT_DB_SIZE 64

/* "<db_name>_audit"; of a name that is too long for that its first 46 bytes, "_", 10 hexadecimal
 * digits of its SHA-256, and "_audit". */
void audit_db_name(const char *db_name, char out[static AUDIT_DB_SIZE]);

/* Is this such a name? No tenant may have it for its own database. */
bool audit_db_is(const char *db_name);

/* Who did it and why it counts. */
enum audit_kind {
    AUDIT_DATA,    /* a record of the business was written */
    AUDIT_ACCESS,  /* somebody signed in or out, or was refused */
    AUDIT_OPERATOR, /* the platform's operator did something */
    AUDIT_SERVICE   /* the service made a record of defaults when somebody looked for it */
};

struct audit_entry {
    enum audit_kind kind;
    const char *action;     /* "create", "replace", "patch", "delete", "sign_in", … */
    const char *collection; /* what was changed */
    const char *record_id;
    const char *actor; /* user id, or "erpctl" */
    const char *impersonated_by; /* id of the super_admin who acted as the actor; NULL: nobody */
    const char *request_id;
    const char *route, *code; /* what was refused, and the error's code; NULL: nothing was */
    const char *note; /* why, in the actor's words; NULL: nothing was said */
    const bson_t *before, *after; /* digested, not stored; NULL when there is none */
};

/* Inserts the entry into the database beside the scope's, in the scope's transaction. What the
 * scope knows of the person goes into it. ERR_TENANT_MOVING while the tenant's writes
 * are held (tenant/hold.h). */
bool audit_add(struct scope *scope, const struct audit_entry *entry, struct err *err);

/* scope_command() to the database beside the scope's. `reply` is initialised in every case; the
 * caller destroys it. */
bool audit_command(struct scope *scope, const bson_t *command, bson_t *reply, struct err *err);

/* Inserts `n` entries in the same way, in as few commands as it takes. */
bool audit_add_many(struct scope *scope, const struct audit_entry *entries, size_t n,
                    struct err *err);

/* When the business last wrote a record of its own: *ms 0 when it never did. */
bool audit_last(struct scope *scope, int64_t *ms, struct err *err);

#endif
