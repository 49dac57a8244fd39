/* The gate's steps, one function each; gate.c is the list of them. False: req->err is set. */
#ifndef ERP_HTTP_GATE_STEPS_H
#define ERP_HTTP_GATE_STEPS_H

#include "http/route.h"

typedef bool gate_step(struct req *req);

/* gate_request.c: what is asked. */
gate_step gate_size, gate_media_type, gate_query, gate_headers, gate_body;
/* gate_access.c: who is asking, and whose data it is. */
gate_step gate_token, gate_role, gate_acting, gate_tenant, gate_schema, gate_hold,
    gate_subscription, gate_module, gate_branch, gate_bulkhead;

/* Whose counters a request belongs to: the slug of a verified token, "default" for the shared
 * database; NULL: nobody's. gate_access.c */
const char *gate_slug(const struct req *req);

#endif
