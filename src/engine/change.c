/* One record, read and changed in one transaction: of two who ask at once the second sees what the
 * first one left. */
#include "base.h"
#include "engine/change.h"
#include "engine/crud_write.h"
#include "engine/index.h"
#include "engine/write.h"
#include "db/own.h"
#include "db/txn.h"

static struct audit_entry entry_of(const struct req *req, const char *action,
                                   const char *collection, const char *id, const bson_t *before,
                                   const bson_t *after)
{
    return (struct audit_entry){.action = action,
                                .collection = collection,
                                .record_id = id,
                                .actor = req->principal.user_id,
                                .impersonated_by = req->principal.claims.impersonated_by,
                                .request_id = req->request_id,
                                .before = before,
                                .after = after};
}

bool change_audit(const struct req *req, struct scope *scope, const char *action,
                  const char *collection, const char *id, const bson_t *before,
                  const bson_t *after, struct err *err)
{
    const struct audit_entry entry = entry_of(req, action, collection, id, before, after);

    return audit_add(scope, &entry, err);
}

void change_init(struct change *change, struct req *req, const char *action)
{
    bson_t *filter = own_bson(req->arena);

    crud_filter(req, filter);
    *change = (struct change){.req = req, .action = action, .filter = filter};
}

bool change_read(struct scope *scope, struct change *change, const bson_t **old, struct err *err)
{
    const struct req *req = change->req;

    change->result = NULL;
    if (!scope_find_one(scope, req->route->resource->collection, change->filter, NULL, old, err))
        return false;
    return *old == NULL || write_if_match(req->if_match, *old, req->arena, err);
}

bool change_apply(struct scope *scope, struct change *change, const bson_t *old, const bson_t *set,
                  struct err *err)
{
    const struct req *req = change->req;
    const struct resource *resource = req->route->resource;
    struct audit_entry entry;

    if (!scope_find_and_update(scope, resource->collection, change->filter,
                               write_set(set, req->arena), true, false, NULL, &change->result,
                               err))
        return false;
    entry = entry_of(req, change->action, resource->collection, req_param(req, "id"), old,
                     change->result);
    return change->result == NULL || write_follow(resource, scope, &entry, err);
}

bool change_run(struct change *change, bool (*body)(struct scope *, void *, struct err *),
                void *data)
{
    struct req *req = change->req;

    if (!index_ensure(req->app->indexes, req->route->resource, &req->scope, req->err) ||
        !txn_run(&req->scope, body, data, req->err))
        return false;
    return change->result != NULL ? crud_reply(req, change->result) : crud_not_found(req);
}
