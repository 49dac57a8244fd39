/* Many records in one request: POST, PATCH and DELETE <path>/bulk of every resource that offers the
 * operation for one record.
 *
 *   POST   {"records": [{…}, …]}           each as POST takes it
 *   PATCH  {"records": [{"id": …, …}, …]}  each a merge patch, and an "if_match" where wanted
 *   DELETE {"ids": ["…", …]}
 *
 * At most BATCH_MAX rows, BULK_BODY_MAX bytes. The reply has an entry a row, in their order:
 * {"done": 1, "refused": 1, "rows": [{"index", "status", "id", "etag"},
 * {"index", "status", "code", "detail", "errors"}]}. With ?atomic=true a row that is refused
 * refuses all: ERR_VALIDATION names the rows. Round trips: engine/batch.h.
 */
#ifndef ERP_ENGINE_BULK_H
#define ERP_ENGINE_BULK_H

#include "engine/resource.h"

#define BULK_BODY_MAX   (4u << 20)
#define BULK_VALUES_MAX 100000 /* JSON values of a body */

/* Not where a single operation asks or tells of what a batch does not know: resource->tell,
 * resource->may_delete, records that go with another one (F_OWNED). */
bool bulk_offered(const struct resource *resource, enum resource_ops op);

/* Fills in what the rows of a resource's bulk operations have of their own; `op` is the operation
 * of one record whose policy they share. Texts live in `texts`. */
void bulk_route(const struct resource *resource, enum resource_ops op, struct arena *texts,
                struct route *row);

#endif
