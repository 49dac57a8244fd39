/* How many records of a kind a business may have: counted without races, inside a transaction.
 *
 * A count alone would let two creates pass at the last place, because neither sees the other's
 * record. So each first writes the guard of (tenant, kind), one small document: the second writer
 * conflicts and txn_run() starts it again, with the first one's record in its count.
 */
#ifndef ERP_TENANT_LIMIT_H
#define ERP_TENANT_LIMIT_H

#include "tenant/registry.h"

#define LIMIT_GUARDS "guards" /* the collection, in the database of what is counted */

/* What a registry entry limits; a resource names it in its descriptor. */
enum tenant_limit { LIMIT_NONE, LIMIT_USERS, LIMIT_BRANCHES };

/* The entry's number; -1: no limit. */
int64_t limit_of(const struct tenant *tenant, enum tenant_limit limit);

/* Writes the guard of `what` for the scope's tenant (without one: the platform's): from here to the
 * end of the transaction nobody else gets past it. The scope has a session. */
bool limit_guard(struct scope *scope, const char *what, struct err *err);

/* Refuses when `max` records match `filter` already (ERR_LIMIT_REACHED). A negative max asks
 * nothing. For callers who have the guard. */
bool limit_room(struct scope *scope, const char *collection, const bson_t *filter, int64_t max,
                struct err *err);

/* The same, and takes the guard of `collection` when there is room and a limit. */
bool limit_check(struct scope *scope, const char *collection, const bson_t *filter, int64_t max,
                 struct err *err);

/* The same for many at once: *room is how many more there may be, and `refused` (initialised) says
 * why the others may not. */
bool limit_left(struct scope *scope, const char *collection, const bson_t *filter, int64_t max,
                int64_t *room, struct err *refused, struct err *err);

#endif
