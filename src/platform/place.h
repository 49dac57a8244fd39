/* Where a tenant's data is: whose database it is (one tenant's, and never the platform's), and the
 * MongoDB account of its own that works there (tenant/dbuser.h). */
#ifndef ERP_PLATFORM_PLACE_H
#define ERP_PLATFORM_PLACE_H

#include "platform/job.h"

/* Is this database neither the platform's nor that of another entry than own_slug's? ERR_IN_USE.
 * Goes through the whole registry. An entry with this name of a database whose address does not
 * open might be on the same server, so it is a failure. */
bool database_free(const struct job *job, const char *uri, const char *db_name,
                   const char *own_slug);

/* Drops a database by the account of `strong`; true when there is none. Asks nothing first. */
bool place_drop_database(const struct job *job, const char *strong, const char *db_name);

/* An account that may do more than a tenant's at this address: ours, when it is one of our servers,
 * else that of the address itself. Borrowed. */
const char *place_strong_uri(const struct conf *conf, const char *uri);

/* The address `base` with a fresh account of its own for a database; in the arena. */
const char *place_own_uri(const struct job *job, const char *base, const char *db_name);

/* Makes the account that `own` (of place_own_uri) names, or gives the one that is there its
 * password and rights, by the account of `strong`. *refused is true, and the result false without
 * an error, when that one may not make users: the database then works with the given account. */
bool place_make_account(const struct job *job, const char *strong, const char *own,
                        const char *db_name, bool *refused);

/* Removes the account of a database when `own` names one that was made for it, by the account of
 * `strong`. True when there is none. */
bool place_drop_account(const struct job *job, const char *strong, const char *own,
                        const char *db_name);

#endif
