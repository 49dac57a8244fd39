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
#include "db/scope.h"

struct clients;

/* `max` clients (at least 3, so that the two used last survive); the one unused longest is closed
 * when another is needed. `board` may be NULL: no breakers, no counters. */
struct clients *clients_new(size_t max, struct board *board);
void clients_free(struct clients *clients);

/* The client for a URI, borrowed: valid until the next clients_get of another URI may evict it,
 * so never across requests; the two used last are never evicted. NULL on a URI that does not
 * parse (ERR_DB_NOT_CONFIGURED: the reply does not show the URI), or whose mongodb+srv name does
 * not resolve (ERR_DB_UNAVAILABLE). Opens no connection by itself. */
mongoc_client_t *clients_get(struct clients *clients, const char *uri, struct err *err);

/* Opens `scope` on a database of a URI, for one request, with every field set: the breaker of the
 * cluster is asked first (open: ERR_DB_UNAVAILABLE with Retry-After) and learns from the scope's
 * failures and first success by itself; a client whose cluster failed is made anew at its next
 * use. The client stays open until the arena is reset, whatever happens to it here meanwhile.
 * `db_name` and `tenant_id` (may be NULL) are copied into the arena. */
bool clients_scope(struct clients *clients, const char *uri, const char *db_name,
                   const char *tenant_id, struct arena *arena, int64_t deadline_us,
                   struct scope *scope, struct err *err);

/* For programs that nobody waits for at a till: clients made from now on wait for an answer for so
 * long, and read again after that. */
void clients_set_patience(struct clients *clients, int32_t socket_ms);

/* For workers: what one command may take on the server; sockets wait a little longer. Clients made
 * from now on. Without it that is SCOPE_COMMAND_MS. */
void clients_set_command_time(struct clients *clients, int32_t ms);

/* Marks the client of a URI, if there is one: it is closed and made anew at its next use. */
void clients_drop(struct clients *clients, const char *uri);

/* Number of the cluster for breakers and logs: a hash of the URI's hosts and options, without
 * user, password and database. Options count, because a wrong replicaSet or TLS setting of one
 * tenant must not open the breaker of those who reach the same hosts with the right ones. */
uint64_t clients_cluster(const char *uri);

/* A URI as our clients use it: parsed, with our timeouts and concerns. The caller destroys it. NULL
 * when it does not parse. */
mongoc_uri_t *clients_parse_uri(const char *uri);
/* Shortens the timeouts of such a URI, for asking whether a cluster is back. */
bool clients_uri_impatient(mongoc_uri_t *uri);
/* Such a URI for long operations: copies, indexes, streams; its appName is "erpctl". */
bool clients_uri_patient(mongoc_uri_t *uri, int32_t socket_ms);
/* Such a URI for commands that may take `command_ms`. */
bool clients_uri_command_time(mongoc_uri_t *uri, int32_t command_ms);
bool clients_uri_usable(const char *uri); /* does it parse */

#endif
