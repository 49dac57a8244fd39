/* MongoDB clients of this process: LRU by URI; tenants on one URI share one client.
 *
 * Every URI gets our timeouts, write and read concern and appName (URI options given by the
 * operator win only for tls*, authSource, replicaSet and the like: never for timeouts or w).
 * A client belongs to the process that made it and asserts that (fork copies are never used).
 */
#ifndef ERP_TENANT_CLIENTS_H
#define ERP_TENANT_CLIENTS_H

#include <mongoc/mongoc.h>
#include "core/board.h"
#include "core/err.h"

struct clients;

/* `max` clients; the one unused longest is closed when another is needed. `board` may be NULL. */
struct clients *clients_new(size_t max, struct board *board);
void clients_free(struct clients *clients);

/* The client for a URI, borrowed: valid until the next clients_get of another URI may evict it,
 * so never across requests; the two used last are never evicted. NULL on a URI that does not
 * parse (ERR_DB_NOT_CONFIGURED: the reply does not show the URI). Opens no connection by itself. */
mongoc_client_t *clients_get(struct clients *clients, const char *uri, struct err *err);

/* Closes the client of a URI, if there is one: its next use connects anew. */
void clients_drop(struct clients *clients, const char *uri);

/* Number of the cluster for breakers and logs: a hash of the URI's hosts (not its credentials). */
uint64_t clients_cluster(const char *uri);

#endif
