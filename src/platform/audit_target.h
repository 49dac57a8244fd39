/* Whose audit entries there are, and where: the platform's own, those of the shared database, and
 * those of every registry entry. */
#ifndef ERP_PLATFORM_AUDIT_TARGET_H
#define ERP_PLATFORM_AUDIT_TARGET_H

#include "platform/job.h"
#include "tenant/audit.h"

struct audit_target {
    char audit_db[AUDIT_DB_SIZE];
    char tenant_id[64];   /* "": the platform's own entries */
    const char *name;     /* for people: a slug, "platform", or "shared/<tenant_id>" */
    const char *uri;      /* of its cluster; NULL: `why` says what is in the way */
    const char *platform; /* our own address of the same cluster, to be tried first; or NULL */
    const char *why;
    bool deleted; /* its entry says so: the database may be gone */
    struct audit_target *next;
};

/* All of them, in the job's arena. An entry that is no use gives a target without a uri, or, when
 * nobody can tell which database it is, none. A shared database that is away gives none either. */
bool audit_targets(const struct job *job, struct audit_target **list);

/* The target of one tenant. */
struct audit_target *audit_target_of(const struct job *job, const struct tenant *tenant);

/* A scope on the entries: its db_name is the audit database. */
bool audit_target_scope(const struct job *job, const struct audit_target *target,
                        struct scope *scope);

#endif
