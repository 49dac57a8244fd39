/* Collections and indexes come into being when a resource is first used in a tenant. */
#ifndef ERP_ENGINE_INDEX_H
#define ERP_ENGINE_INDEX_H

#include "engine/resource.h"

/* Makes sure that the resource's indexes are there, once a process and tenant database: after the
 * first use it costs nothing. Failures are logged and tried again at the next use after a pause,
 * except for unique indexes before a write, which fail the request. */
bool index_ensure(const struct resource *resource, struct scope *scope, bool write,
                  struct err *err);

/* The createIndexes command of a resource, for tests, docs and `erpctl`. `command` is initialised
 * by the call. Returns the number of indexes. */
size_t index_command(const struct resource *resource, bson_t *command);

/* Prints collection, index name and keys, a line each. */
void index_print(FILE *out);

#endif
