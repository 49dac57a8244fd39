/* The last check before a command leaves: does it stay inside the scope's tenant? What does not
 * is our own bug, so it aborts. A scope without tenant_id (a platform database) passes. */
#ifndef ERP_DB_GUARD_H
#define ERP_DB_GUARD_H

#include "db/scope.h"

/* The first key must be tenant_id, equal to the scope's. */
void guard_filter(const struct scope *scope, const bson_t *filter);

/* A document to be stored must carry the scope's tenant_id. */
void guard_document(const struct scope *scope, const bson_t *doc);

/* Operators and update pipelines must leave tenant_id alone, or set it to the scope's; a
 * replacement must carry it. */
void guard_update(const struct scope *scope, const bson_t *update);

/* The first stage must be a $match that begins with the tenant; so must whatever a later stage
 * reads from another collection ($lookup and $unionWith by a pipeline, $graphLookup by its
 * restrictSearchWithMatch). Stages that write ($out, $merge) are refused. The stages stand in an
 * array, or in the member "pipeline" of a document. */
void guard_pipeline(const struct scope *scope, const bson_t *pipeline);

#endif
