/* The plain operations of a resource, as route handlers, and the same for erpctl. */
#ifndef ERP_ENGINE_CRUD_H
#define ERP_ENGINE_CRUD_H

#include "engine/resource.h"

/* Appends the rows of a resource to `rows` (room for CRUD_ROWS_MAX more): one an operation,
 * one a view, one an operation on many. Returns how many. Texts that are made for them live in
 * `texts`. */
#define CRUD_ROWS_MAX 20
size_t crud_routes(const struct resource *resource, struct arena *texts, struct route *rows);

/* PATCH of the row's resource by req->body: also for an action that makes that body itself. */
bool crud_patch(struct req *req);

/* Stores one record given as JSON, as POST does, under a given id (may be NULL: a new one), by
 * `actor` (audit). *created false when a record with this id is there already (nothing is
 * changed then). For seeding: the request's place is taken by the scope, and a state may be
 * given that is not the first. */
bool crud_seed(const struct resource *resource, struct scope *scope, const struct kind_env *env,
               const char *id, const char *actor, json_t *record, bool *created,
               struct err *err);

#endif
