/* One transaction with majority write concern and our own retry loop: at most 5 attempts,
 * 20–200 ms of jittered pause, 5 s in all. Unknown commit results repeat the commit only.
 *
 * A conflict may be with a transaction whose worker was killed, which the server would keep until
 * its limit: where the scope knows of one (left_txn) it is ended, one round trip more. */
#ifndef ERP_DB_TXN_H
#define ERP_DB_TXN_H

#include "db/scope.h"

/* The work inside: may run several times, so it must not keep results from a failed attempt. */
typedef bool txn_body(struct scope *scope, void *data, struct err *err);

/* Runs `body` in a transaction and commits. On failure everything is undone and `err` says why:
 * the body's own error, or ERR_TRY_AGAIN with Retry-After when the attempts are used up or the
 * commit's fate is unknown. Inside a running transaction it just calls the body. */
bool txn_run(struct scope *scope, txn_body *body, void *data, struct err *err);

#endif
