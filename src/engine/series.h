/* Numbers that people see: unique and without gaps in a tenant.
 *
 * A field with `series` (its prefix, "REP-") gets the next number, with at least `min` digits, when
 * the record is made: a counter document is moved in the transaction of the insert, so a number is
 * used exactly when its record is there. The first number follows the highest that is stored.
 */
#ifndef ERP_ENGINE_SERIES_H
#define ERP_ENGINE_SERIES_H

#include "engine/resource.h"
#include "db/scope.h"

#define SERIES_COUNTERS "counters"

/* Appends the number of every such field of the resource to `out`, in a transaction. */
bool series_append(const struct resource *resource, struct scope *scope, bson_t *out,
                   struct err *err);

#endif
