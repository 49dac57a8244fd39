/* GET /metrics: what the board knows, in Prometheus' text format. Not part of the interface: nginx
 * passes the address on for callers of its own host alone. */
#ifndef ERP_HTTP_METRICS_H
#define ERP_HTTP_METRICS_H

#include "http/req.h"

/* True when the request was for it, and is answered. */
bool metrics_serve(struct req *req);

/* The document alone. */
void metrics_write(const struct board *board, struct str *out);

#endif
