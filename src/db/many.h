/* Many documents in one command, in a running transaction: one round trip whatever their number. */
#ifndef ERP_DB_MANY_H
#define ERP_DB_MANY_H

#include "db/scope.h"

/* Inserts documents, in order; each must carry the scope's tenant_id. All of them or none, since
 * the transaction does not survive a failure. n 0 sends nothing. */
bool scope_insert_all(struct scope *scope, const char *collection, const bson_t **docs, size_t n,
                      struct err *err);

/* The same; `at` gets the place of the document that was refused, n when the failure was of
 * none. */
bool scope_insert_all_at(struct scope *scope, const char *collection, const bson_t **docs, size_t n,
                         size_t *at, struct err *err);

/* Updates every match; *changed says how many became different. */
bool scope_update_all(struct scope *scope, const char *collection, const bson_t *filter,
                      const bson_t *update, int64_t *changed, struct err *err);

#define SCOPE_UPDATES 250 /* of one command, which has a few seconds */

/* `n` updates, each of at most the first match of its own filter, in order, by commands of
 * SCOPE_UPDATES of them; *matched says how many found one. n 0 sends nothing. */
bool scope_update_each(struct scope *scope, const char *collection, const bson_t **filters,
                       const bson_t **updates, size_t n, int64_t *matched, struct err *err);

/* The same; `at` as above. */
bool scope_update_each_at(struct scope *scope, const char *collection, const bson_t **filters,
                          const bson_t **updates, size_t n, int64_t *matched, size_t *at,
                          struct err *err);

/* Removes every match. */
bool scope_delete_all(struct scope *scope, const char *collection, const bson_t *filter,
                      int64_t *deleted, struct err *err);

#endif
