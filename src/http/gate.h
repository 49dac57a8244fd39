/* The gate: applies a row's policy before its handler runs, in one fixed order.
 *
 * Age and size, token, principal, role, who acts as another, media type, query names, bulkhead,
 * tenant with its breaker (fail closed), version of its data, subscription, module, branch, body
 * and JSON. Who is not known learns nothing but that, and nothing of a body is read before the row
 * allows it. Every refusal of the server is made here or in the rooms that it asks.
 */
#ifndef ERP_HTTP_GATE_H
#define ERP_HTTP_GATE_H

#include "http/route.h"

/* Serves one request whose transport fields are filled: matches, applies the gate, runs the
 * handler, renders the error if there is one. The reply is in req->resp. */
void gate_serve(struct req *req);

/* For the handler of a public row whose request names a business by something that we signed: what
 * the gate does for who has signed in, from the bulkhead to the module of the row. Afterwards the
 * request has the tenant and its scope, of all branches, and nobody is signed in. The errors are
 * those of the gate. */
bool gate_enter(struct req *req, const char *slug, const char *tenant_id);

/* May the caller use the module, by the plan and by the account? ERR_MODULE_FORBIDDEN. */
bool gate_may_use(const struct req *req, const char *module, struct err *err);

#endif
