/* What every command begins and ends with: between db/scope.c and db/scope_read.c. */
#ifndef ERP_DB_SCOPE_PRIV_H
#define ERP_DB_SCOPE_PRIV_H

#include "db/scope.h"

#define LOST_US INT64_C(1000000) /* a failure that took this long was not a broken socket */

/* Before each operation. False when the request's time is over. */
bool scope_begin(struct scope *scope, int32_t *time_ms, struct err *err);

/* `extra` (may be NULL) with what every command carries. The caller destroys `opts`. */
void scope_opts(const struct scope *scope, int32_t time_ms, const bson_t *extra, bson_t *opts);

/* The handle of a collection for one command `op`, which is counted. The caller destroys it. */
mongoc_collection_t *scope_open(struct scope *scope, const char *op, const char *collection);

/* The cluster has answered: told once a scope. */
void scope_answered(struct scope *scope);

/* The common end of a command: counts the time, says how it went. Returns `ok`. */
bool scope_finish(struct scope *scope, int64_t started_us, bool ok, const bson_error_t *error,
                  const bson_t *reply, struct err *err);

#endif
