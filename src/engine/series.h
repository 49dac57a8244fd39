/* Numbers that people see: unique and without gaps in a tenant.
 *
 * A field with `series` (its prefix, "REP-") gets the next number, with at least `min` digits, when
 * the record is made: a counter document is moved in the transaction of the insert, so a number is
 * used exactly when its record is there. The first number follows the highest that is stored.
 * A prefix may hold SERIES_YEAR ("W-{year}-"); its numbers go on over the years.
 */
#ifndef ERP_ENGINE_SERIES_H
#define ERP_ENGINE_SERIES_H

#include "engine/resource.h"
#include "db/scope.h"

#define SERIES_COUNTERS "counters"
#define SERIES_YEAR     "{year}"

/* Numbers that were taken for records of one transaction, a place for each such field. */
#define SERIES_MAX 4
struct series {
    const struct field *field[SERIES_MAX];
    int64_t next[SERIES_MAX];
    size_t n;
    int year; /* where the prefix holds one; 0: this one, in UTC */
};

/* Takes `count` numbers in a row of every such field, in a transaction: one counter document, and
 * one update, whatever their number. */
bool series_take(const struct resource *resource, struct scope *scope, size_t count,
                 struct series *out, struct err *err);

/* Appends the next number of each to a record. */
void series_next(struct series *series, bson_t *out);

/* Both, for one record. */
bool series_append(const struct resource *resource, struct scope *scope, bson_t *out,
                   struct err *err);

/* The next number, from 1, of a counter that is no field's: of what `name` says. In a transaction;
 * one round trip. */
bool series_count(struct scope *scope, const char *name, int64_t *next, struct err *err);

#endif
