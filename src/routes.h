/* THE handler table: what is not plain CRUD row by row, and every resource's rows. */
#ifndef ERP_ROUTES_H
#define ERP_ROUTES_H

#include "http/route.h"

/* The whole table; dies when it is not sound. Owned by the caller. */
struct route_table *routes_build(void);

/* A line a row for people and tests: METHOD path auth roles tenancy module pool body. */
void routes_print(const struct route_table *table, FILE *out);

#endif
