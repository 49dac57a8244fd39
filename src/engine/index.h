/* Collections and indexes come into being when a resource is first used in a tenant. */
#ifndef ERP_ENGINE_INDEX_H
#define ERP_ENGINE_INDEX_H

#include "engine/resource.h"
#include "db/scope.h"

/* What this process has seen to already, by database and collection. */
struct index_cache;
struct index_cache *index_cache_new(void);
void index_cache_free(struct index_cache *cache);

/* Makes sure that the resource's indexes and those of the audit log are there: a command each at
 * the first use by this process, nothing after it. A unique index that duplicates of an earlier
 * system forbid is logged (unique_index_refused, with its name) and left out, the others are made:
 * the shop goes on working, and the next worker that uses the resource tries again. Other failures
 * are errors. */
bool index_ensure(struct index_cache *cache, const struct resource *resource, struct scope *scope,
                  struct err *err);

/* True when index_ensure would do nothing. */
bool index_known(const struct index_cache *cache, const struct resource *resource,
                 const char *db_name);

enum index_part { INDEX_ALL, INDEX_UNIQUE, INDEX_PLAIN };

/* The createIndexes command of a part of a resource's indexes in the tenant's own database: none of
 * the audit log. `command` is initialised by the call. Returns the number of indexes in it, which
 * may be 0. */
size_t index_command(const struct resource *resource, enum index_part part, bson_t *command);

/* Appends which records a partial index holds; nothing for one that holds all. */
void index_condition(const struct index_def *index, bson_t *out);

/* Prints collection, index name and keys, a line each. */
void index_print(FILE *out);

#endif
