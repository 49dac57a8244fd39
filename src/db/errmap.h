/* Driver and server errors, translated once into ours. No driver text reaches a reply: it goes to
 * the log. */
#ifndef ERP_DB_ERRMAP_H
#define ERP_DB_ERRMAP_H

#include <mongoc/mongoc.h>
#include "core/err.h"

/* Sets `err` from a failed operation and logs the driver's text. `reply` may be NULL; with it,
 * server codes and error labels are used. A duplicate key names the field of the index that
 * refused it ("sku already exists"). Always returns false. */
bool errmap_set(struct err *err, const bson_error_t *error, const bson_t *reply);

/* True when the reply carries the label ("TransientTransactionError", …). */
bool errmap_has_label(const bson_t *reply, const char *label);

/* True when the error says that the cluster did not answer: what a breaker counts. */
bool errmap_is_network(const bson_error_t *error);

/* True when another try, at another connection or primary, may go well. */
bool errmap_is_passing(const bson_error_t *error);

#endif
