/* Unique values of many rows: looked up together, so that a row whose value is taken is refused
 * alone and does not undo the transaction of the others. The unique indexes still decide; what
 * appears between the look and the write makes the server refuse, and the batch starts again. */
#ifndef ERP_ENGINE_UNIQUE_H
#define ERP_ENGINE_UNIQUE_H

#include "engine/batch.h"

/* Rows without an error whose values (of `docs`, by row: what would be stored) another record has
 * get ERR_DUPLICATE; of rows that share a value the first stands. A row's own record (rows[i].id)
 * does not count. Numbers of a series are not looked at. A query a unique index, for those that any
 * of the rows sets. */
bool unique_check(const struct resource *resource, struct scope *scope, struct batch_row *rows,
                  const bson_t **docs, size_t n, struct err *err);

#endif
