/* References between records (K_REF), by the table alone. */
#ifndef ERP_ENGINE_REFS_H
#define ERP_ENGINE_REFS_H

#include "engine/batch.h"
#include "engine/resource.h"
#include "db/scope.h"

/* Every reference in `set` names a record that the scope's tenant has, and that the scope's branch
 * may see: its own, or what is assigned to it. A query a reference, and one for the assignments
 * where they are asked. ERR_VALIDATION names each field that does not. */
bool refs_check(const struct resource *resource, struct scope *scope, const bson_t *set,
                struct err *err);

/* The same for the rows that have no error yet, which get it: as many queries for all of them. */
bool refs_check_rows(const struct resource *resource, struct scope *scope, struct batch_row *rows,
                     size_t n, struct err *err);

/* Deletes the records that belong to this one (F_OWNED): a command a kind. For after
 * refs_unused(), which refuses while one of them holds something. */
bool refs_drop_owned(const struct resource *resource, struct scope *scope, const char *id,
                     struct err *err);

/* ERR_IN_USE when a record of any resource refers to this one. */
bool refs_unused(const struct resource *resource, struct scope *scope, const char *id,
                 struct err *err);

/* The same for the rows that have no error yet, by their ids: a query a field that may refer to
 * them. */
bool refs_unused_rows(const struct resource *resource, struct scope *scope, struct batch_row *rows,
                      size_t n, struct err *err);

#endif
