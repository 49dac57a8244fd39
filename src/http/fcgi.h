/* FastCGI on file descriptor 0: the only file that knows libfcgi. */
#ifndef ERP_HTTP_FCGI_H
#define ERP_HTTP_FCGI_H

#include "http/req.h"

/* Serves requests one at a time until SIGTERM, or until it is time to be replaced (request count
 * or memory: ERP_RECYCLE_*). Returns the exit status: 0 ended in order. */
int fcgi_serve(struct app *app);

#endif
