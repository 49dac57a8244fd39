/* Query parameters that a handler reads one by one. */
#include "base.h"
#include "actions/query.h"

bool query_number(struct req *req, const char *name, int64_t min, int64_t max, int64_t otherwise,
                  int64_t *out)
{
    const char *text = req_query(req, name);
    char *end = NULL;

    *out = otherwise;
    if (!text)
        return true;
    errno = 0;
    *out = isdigit((unsigned char)*text) ? strtoll(text, &end, 10) : -1;
    if (!end || *end || errno || *out < min || *out > max)
        return err_set(req->err, ERR_BAD_QUERY,
                       "%s must be a number from %" PRId64 " to %" PRId64 ".", name, min, max);
    return true;
}
