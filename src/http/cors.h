/* Requests from browsers at other origins (the Fetch standard's CORS protocol). */
#ifndef ERP_HTTP_CORS_H
#define ERP_HTTP_CORS_H

#include "http/req.h"

/* Adds the reply's headers for an origin that is listed. True when the request was a preflight,
 * which has been answered then; false also for origins that are not listed: browsers refuse. */
bool cors_serve(struct req *req);

#endif
