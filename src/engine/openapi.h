/* OpenAPI 3.1 out of the tables; nothing of it is written by hand or kept in a file. */
#ifndef ERP_ENGINE_OPENAPI_H
#define ERP_ENGINE_OPENAPI_H

#include "http/route.h"

/* The whole document as JSON text, appended to `out`. */
void openapi_write(const struct route_table *table, struct str *out);

#endif
