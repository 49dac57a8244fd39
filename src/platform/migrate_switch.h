/* The moment at which a tenant's data is somewhere else: its registry entry. */
#ifndef ERP_PLATFORM_MIGRATE_SWITCH_H
#define ERP_PLATFORM_MIGRATE_SWITCH_H

#include "platform/migrate_state.h"

/* Gives the target its MongoDB account (m->own_uri), or, where to_uri's may not make one, settles
 * for that one itself. May be repeated. */
bool migrate_make_account(const struct job *job, struct migration *m);

/* Adds the entry, or changes its db_uri and db_name; tells the workers of this host. */
bool migrate_switch(const struct job *job, struct migration *m);

/* Is the target the tenant's database? Where the record does not say, the registry does: a run may
 * have ended between the two. */
bool migrate_was_switched(const struct job *job, const struct migration *m, bool *done);

/* What follows it: the record's stage, the users' links, the proof for the end (migrate_proof.h).
 * May be repeated. */
bool migrate_after_switch(const struct job *job, struct migration *m);

/* The way back: no entry and no links, or the former address. */
bool migrate_unswitch(const struct job *job, const struct migration *m);

/* The entry as stored, in the arena; NULL when there is none. */
bool migrate_entry(const struct job *job, const char *key, const char *value, const bson_t **doc);

/* The ids of the tenant's users, in the arena. */
bool migrate_users(const struct job *job, const char *tenant_id, const char ***ids, size_t *n);

#endif
