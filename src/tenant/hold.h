/* Holding the writes of a tenant, exactly.
 *
 * Every write of a business inserts its audit entry in the same transaction, so a rule (validator)
 * on the audit log that refuses the tenant's entries refuses its writes, in every worker of every
 * host, whatever it has cached, and costs the others nothing. The server changes a rule with the
 * collection locked: it waits for the transactions that have written an entry, and those that have
 * not come too late, with a snapshot from before the change. So when hold_set returns, every write
 * of the tenant is either committed or will be refused (ERR_TENANT_MOVING).
 */
#ifndef ERP_TENANT_HOLD_H
#define ERP_TENANT_HOLD_H

#include "db/scope.h"

/* Makes sure that there is a log to hold them by. */
bool hold_ensure(struct scope *scope, struct err *err);

/* Holds the writes of these tenants, and of no others, in the database of `scope` (an operator's,
 * tenant_id NULL, with the right to collMod); n 0 releases all. */
bool hold_set(struct scope *scope, const char *const *tenant_ids, size_t n, struct err *err);

/* Does the database hold this tenant's writes now? */
bool hold_is(struct scope *scope, const char *tenant_id, bool *held, struct err *err);

#endif
