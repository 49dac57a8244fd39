/* Lists as CSV: the same filters, order and fields, and no paging. */
#ifndef ERP_ENGINE_EXPORT_H
#define ERP_ENGINE_EXPORT_H

#include "engine/query.h"

#define EXPORT_TYPE    "text/csv"
#define EXPORT_TIME_US 18000000 /* nginx waits 20 s */

/* Answers a list (view NULL) or a view with a row of field names and a row a record, sent as they
 * are read: what the worker holds does not grow with the list. At most EXPORT_ROWS_MAX records:
 * when there are more and no ?limit= says how many are wanted, ERR_TOO_LARGE before the first byte.
 * Round trips: one to count (not with ?limit=), one a thousand records. */
bool export_list(struct req *req, const struct view *view);

/* The head of a reply in CSV: its type, and the name of a file, after the route's path. */
void export_head(struct req *req);

#endif
