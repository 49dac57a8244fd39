/* Idempotency-Key: a POST that is sent again is done once.
 *
 * The same key, path, query and body by the same user gives the stored reply, with the header
 * Idempotency-Replayed; another body is ERR_KEY_REUSED; a key whose first request is still
 * running is ERR_KEY_IN_FLIGHT. The record is written in the transaction of the effect, so either
 * both are there or neither. Refusals are not stored: nothing was done, and a repaired request may
 * use the key. Records live IDEM_HOURS, then the server removes them by its own clock.
 * Follows draft-ietf-httpapi-idempotency-key-header.
 */
#ifndef ERP_ENGINE_IDEM_H
#define ERP_ENGINE_IDEM_H

#include "http/route.h"

#define IDEM_COLLECTION "idempotency_keys"
#define IDEM_HOURS      72
#define IDEM_REPLY_MAX  (4 * 1024 * 1024) /* bytes of a reply that can be stored */

/* May this row's requests carry a key? Its effect must be in the tenant's database, or (a row that
 * is platform_keyed) in the registry's, whose transaction the handler joins through its job. */
bool idem_offered(const struct route *row);

/* A handler for such rows: runs row->inner, once a key. Without the header it just calls it. */
bool idem_serve(struct req *req);

#endif
