/* Many documents at once: reads that all see one moment, and inserts by the batch. */
#ifndef ERP_DB_BULK_H
#define ERP_DB_BULK_H

#include "db/scope.h"

/* Every read of the scope, and of its copies, from here on sees the database of the moment of the
 * first one, for as long as the server keeps it (minSnapshotHistoryWindowInSeconds, 300 s unless it
 * is told otherwise). Needs MongoDB 5.0 and a replica set; what lacks that fails at the first read.
 * Ends with the arena; not for writes. */
bool scope_snapshot(struct scope *scope, struct err *err);

/* Inserts documents, in order, in as few commands as it takes. Each must carry the scope's
 * tenant_id; what was inserted before a failure stays. */
bool scope_insert_many(struct scope *scope, const char *collection, const bson_t **docs, size_t n,
                       struct err *err);

#endif
