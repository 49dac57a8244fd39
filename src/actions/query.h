/* Query parameters that a handler reads one by one. */
#ifndef ERP_ACTIONS_QUERY_H
#define ERP_ACTIONS_QUERY_H

#include "http/req.h"

/* A whole number within the bounds; `otherwise` when it is absent. ERR_BAD_QUERY. */
bool query_number(struct req *req, const char *name, int64_t min, int64_t max, int64_t otherwise,
                  int64_t *out);

#endif
