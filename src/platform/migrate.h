/* Moves a tenant's data while it works: out of the shared database into one of its own, or to
 * another cluster.
 *
 * Copies, catches up from a change stream that began before the copy, compares, makes the tenant's
 * MongoDB account at the target, holds the tenant's writes (tenant/hold.h), carries over the rest,
 * proves that both sides are the same, switches the registry entry. Ended at any moment, it goes on
 * when it is called again. Steps for ERP_STOP_AFTER (job_step): planned, places, chunk, copied,
 * compared, account, held, proved, switched, linked, noted.
 */
#ifndef ERP_PLATFORM_MIGRATE_H
#define ERP_PLATFORM_MIGRATE_H

#include "platform/migrate_state.h"

/* Checks that the tenant can go where `m` says; members not given get their defaults: for a
 * migration to_uri, to_db, business_name, business_type and admin_email, for a move to_db. */
bool migrate_check(const struct job *job, struct migration *m);

/* What there is to do: collections and documents. */
struct migrate_size {
    size_t collections;
    int64_t documents, users;
};
bool migrate_size(const struct job *job, const struct migration *m, struct migrate_size *size);

/* From the stage that it is in to MIGRATE_SWITCHED. *held_us: how long writes were held. */
bool migrate_run(const struct job *job, struct migration *m, int64_t *held_us);

/* Compares every collection and tells each. Exact while nobody writes; after the switch the target
 * goes on and differs by what was written since. */
bool migrate_compare(const struct job *job, const struct migration *m,
                     void (*tell)(void *data, const char *collection,
                                  const struct copy_check *check),
                     void *data, bool *same);

/* Removes what was left at the source: of the shared database the tenant's documents (the entries
 * of its audit log stay there, as well as being copied), after a move the databases and the MongoDB
 * account. Unless `force`, refused when the source is not as it was at the switch
 * (migrate_proof.h). Steps: finishing, finish_chunk, finish_account, finish_data, finish_audit. */
bool migrate_finish(const struct job *job, struct migration *m, bool force, int64_t *removed);

/* Removes the documents of one end. */
bool migrate_empty(const struct job *job, const struct copy_end *end, int64_t *removed);

/* Back to the source, with everything written since the switch; the copy, its account and the
 * record go. Steps: returning, carried, unlinking, unswitched, released, back_account,
 * back_data. */
bool migrate_rollback(const struct job *job, struct migration *m, int64_t *carried);

#endif
