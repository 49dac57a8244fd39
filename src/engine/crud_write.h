/* Between crud.c (reading, rows), crud_write.c (writing) and change.c; not for others. */
#ifndef ERP_ENGINE_CRUD_WRITE_H
#define ERP_ENGINE_CRUD_WRITE_H

#include "engine/crud.h"

/* Handlers of the writing operations; crud_singleton makes the record on first read. */
bool crud_create(struct req *req);
bool crud_replace(struct req *req);
bool crud_delete(struct req *req);
bool crud_singleton(struct req *req);

/* Replies with a document (ETag; 304 when the client has it). */
bool crud_reply(struct req *req, const bson_t *doc);

/* The filter for the record that the request names: tenant, branch, id. Always true. */
bool crud_filter(struct req *req, bson_t *filter);

/* ERR_NOT_FOUND in the resource's words; ERR_FORBIDDEN for a write of what the branch only has
 * (engine/branches.h). Always false. */
bool crud_not_found(struct req *req);

#endif
