/* What lists ask the database, out of the tables: for the test that holds them to their indexes. */
#ifndef ERP_ENGINE_QUERY_PRINT_H
#define ERP_ENGINE_QUERY_PRINT_H

#include "http/req.h"

#define QUERY_PRINT_TENANT "TENANT" /* stands for the tenant_id */

/* Prints a line of JSON a resource (its fields, with the values of enums), and one a query that
 * its descriptor declares: {"resource", "kind", "what", "command"}, the command in extended JSON.
 * Kinds: list, branch (of who is bound to one), sort, page (the second one of a sort), filter,
 * range, search, view, one. Of what branches have of products, which the database joins
 * (branches_list.c), nothing is printed. */
void query_print(struct app *app, FILE *out);

#endif
