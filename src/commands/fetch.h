/* GET requests to the service itself, for commands that look at it as its clients do. */
#ifndef ERP_COMMANDS_FETCH_H
#define ERP_COMMANDS_FETCH_H

#include "core/err.h"
#include "core/str.h"

struct fetch;

/* `base` is http(s)://host[:port], borrowed; `cacert` a file of certificates to trust (NULL: the
 * system's). Dies when libcurl cannot start. */
struct fetch *fetch_new(const char *base, const char *cacert);
void fetch_free(struct fetch *fetch);

/* Fetches base + path with a bearer token; `body` is cleared first. A reply 429 is waited for and
 * asked again, for at most 20 s. ERR_DB_UNAVAILABLE when there is no reply at all. */
bool fetch_get(struct fetch *fetch, const char *path, const char *token, struct str *body,
               long *status, struct err *err);

#endif
