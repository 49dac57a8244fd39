/* Values that two resources share: no record of either has one of the other's. A field that says
 * so (`shared`, engine/kind.h) names the resource whose unique field of the same name it is.
 *
 * Each looks into the other's collection before it writes. That alone would let two at the same
 * moment both see nothing, so the one that names the other also puts its value into the other's
 * collection and takes it away again, in its transaction: the unique index there refuses a value
 * that a record has, and of two transactions that bring one value under it at the same moment the
 * server sends one back to begin again, which then sees what the other did. Nobody ever sees such
 * a document. Nothing is stored twice, so there is nothing to keep in step.
 */
#ifndef ERP_ENGINE_SHARED_H
#define ERP_ENGINE_SHARED_H

#include "engine/resource.h"
#include "db/scope.h"

struct shared_row {
    const bson_t *doc; /* what would be stored, or those fields that are set; NULL: not looked at */
    const bson_t *old; /* the record before; values that it has are not looked at. NULL: new */
    struct err *err;   /* gets ERR_DUPLICATE */
};

/* Refuses rows whose value a record of the other resource has: a query a shared field that any row
 * changes. True unless the database failed. */
bool shared_check(const struct resource *resource, struct scope *scope,
                  const struct shared_row *rows, size_t n, struct err *err);

/* The second half, in the transaction that writes the rows: two commands for each field that names
 * another resource and that any row changes. ERR_DUPLICATE where the index refuses one; *at is its
 * row then, else n. */
bool shared_meet(const struct resource *resource, struct scope *scope,
                 const struct shared_row *rows, size_t n, size_t *at, struct err *err);

#endif
