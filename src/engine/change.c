/* One record, read and changed in one transaction: of two who ask at once the second sees what the
 * first one left. */
#include "base.h"
#include "engine/change.h"
#include "engine/index.h"
#include "engine/render.h"
#include "engine/write.h"
#include "db/own.h"
#include "db/txn.h"
#include "tenant/audit.h"

bool change_audit(const struct req *req, struct scope *scope, const char *action,
                  const char *collection, const char *id, const bson_t *before,
                  const bson_t *after, struct err *err)
{
    const struct audit_entry entry = {.action = action,
                                      .collection = collection,
                                      .record_id = id,
                                      .actor = req->principal.user_id,
                                      .impersonated_by = req->principal.claims.impersonated_by,
                                      .request_id = req->request_id,
                                      .before = before,
                                      .after = after};

    return audit_add(scope, &entry, err);
}

void change_init(struct change *change, struct req *req, const struct resource *resource,
                 const char *action)
{
    bson_t *filter = own_bson(req->arena);

    scope_filter(&req->scope, resource->branch_field, filter);
    bson_append_utf8(filter, "id", 2, req_param(req, "id"), -1);
    *change = (struct change){.req = req, .resource = resource, .action = action, .filter = filter};
}

bool change_read(struct scope *scope, struct change *change, const bson_t **old, struct err *err)
{
    const struct req *req = change->req;

    change->result = NULL;
    if (!scope_find_one(scope, change->resource->collection, change->filter, NULL, old, err))
        return false;
    if (*old == NULL || req->if_match == NULL ||
        render_etag_listed(req->if_match, *old, req->arena))
        return true;
    return err_set(err, ERR_STALE, "The record was changed by someone else since you read it");
}

bool change_apply(struct scope *scope, struct change *change, const bson_t *old, const bson_t *set,
                  struct err *err)
{
    const struct req *req = change->req;
    const char *collection = change->resource->collection;

    if (!scope_find_and_update(scope, collection, change->filter, write_set(set, req->arena), true,
                               false, NULL, &change->result, err))
        return false;
    return change->result == NULL ||
           change_audit(req, scope, change->action, collection, req_param(req, "id"), old,
                        change->result, err);
}

static bool not_found(const struct change *change)
{
    char name[64];

    snprintf(name, sizeof(name), "%s", change->resource->noun);
    name[0] = (char)toupper((unsigned char)name[0]);
    return err_set(change->req->err, ERR_NOT_FOUND, "%s not found", name);
}

bool change_run(struct change *change, bool (*body)(struct scope *, void *, struct err *),
                void *data)
{
    struct req *req = change->req;
    const struct kind_env env = {.decimals = req->tenant->decimals};

    if (!index_ensure(req->app->indexes, change->resource, &req->scope, req->err) ||
        !txn_run(&req->scope, body, data, req->err))
        return false;
    if (change->result == NULL)
        return not_found(change);
    resp_header(req, "ETag", render_etag(change->result, req->arena));
    render_record(change->resource, &env, change->result, NULL, resp_body(req));
    return true;
}
