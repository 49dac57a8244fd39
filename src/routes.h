/* THE handler table: what is not plain CRUD row by row, and every resource's rows. */
#ifndef ERP_ROUTES_H
#define ERP_ROUTES_H

#include "http/route.h"

/* The whole table; dies when it is not sound. Owned by the caller. */
struct route_table *routes_build(void);

/* The rows of routes_platform.c, routes_trade.c and routes_warranty.c. */
extern const struct route routes_platform[], routes_trade[], routes_warranty[];
extern const size_t routes_platform_n, routes_trade_n, routes_warranty_n;

/* A line a row, separated by tabs: METHOD path auth roles tenancy module pool body kind. Roles are
 * separated by commas, "-" when public; kind is "record" for rows of a descriptor, else
 * "action". */
void routes_print(const struct route_table *table, FILE *out);

/* The same as an array of objects, with parameters and schema names too: tests are driven by it. */
void routes_print_json(const struct route_table *table, FILE *out);

/* Role by row, out of the same masks that the gate reads: "yes", "branch" (of one's own branch
 * alone), "-" (refused), "public" (asks nobody). */
void routes_print_matrix(const struct route_table *table, FILE *out);
void routes_print_matrix_json(const struct route_table *table, FILE *out);

#endif
