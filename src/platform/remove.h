/* The end of a tenant: marked as deleted, brought back within the time of grace, removed later. */
#ifndef ERP_PLATFORM_REMOVE_H
#define ERP_PLATFORM_REMOVE_H

#include "platform/job.h"

/* What was removed, for the receipt. */
struct removed {
    char slug[SLUG_MAX + 1];
    char tenant_id[64];
    char db_name[64];
    char archive_sha256[65]; /* of the export made when it was deleted; "" when there was none */
    int64_t documents, audit_entries, users, files, file_bytes;
};

#define GRACE_LATER INT64_C(-1)

/* Marks a tenant as deleted, from now on refused everywhere; its data stays for `grace_s` seconds.
 * GRACE_LATER: the time of grace begins with tenant_delete_archived, and until then nothing is ever
 * due; who was killed in between marks it again. ERR_TENANT_NOT_FOUND; ERR_STATE when it is deleted
 * already. Step for ERP_STOP_AFTER: deleted. */
bool tenant_delete(struct job *job, const char *slug, int64_t grace_s);

/* Notes the export of a deleted tenant, for the receipt, and begins its time of grace. */
bool tenant_delete_archived(struct job *job, const char *slug, const char *sha256,
                            const char *file, int64_t grace_s);

/* Takes that back: the status is what it was. ERR_STATE when it is not deleted, or too late. */
bool tenant_undelete(struct job *job, const char *slug);

/* Removes for good what was deleted and whose time is over (or, with `now`, is not): the databases,
 * the MongoDB account, the files, the users, the entry last, after a receipt in the platform's
 * audit log.
 * `uri` is an address whose account may do that; NULL: ours on the same servers. Killed half-way it
 * goes on when it is called again. ERR_STATE when it is not due, or the folder of files is not on
 * this host. */
bool tenant_purge(struct job *job, const char *slug, bool now, const char *uri,
                  struct removed *removed);

#define PURGE_MAX 1000 /* tenants a call */

/* The slugs of those whose time of grace is over at an instant, in the arena. */
bool tenant_purge_due(struct job *job, int64_t now_ms, const char ***slugs, size_t *n);

/* Drops a tenant's two databases, if they are its own, and the MongoDB account that was made for
 * it; true when they are not there. `uri` as above. */
bool remove_databases(struct job *job, const struct tenant *tenant, const char *uri);
/* Removes every user with this tenant_id; *n says how many. */
bool remove_users(struct job *job, const char *tenant_id, int64_t *n);

#endif
