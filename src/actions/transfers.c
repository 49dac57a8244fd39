/* Transfers over the wire. The rules are in trade/transfer.h. */
#include "base.h"
#include "actions/actions.h"
#include "db/doc.h"
#include "db/txn.h"
#include "engine/render.h"
#include "trade/transfer.h"

struct work {
    struct req *req;
    struct transfer transfer;
    const bson_t *record;
};

static bool create_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    return transfer_make(w->req, scope, &w->transfer, &w->record, err);
}

bool action_transfer_create(struct req *req)
{
    const struct kind_env env = {.decimals = req->tenant->decimals};
    struct work w = {.req = req};

    if (!transfer_read(req, &w.transfer) || !transfer_prepare(req) ||
        !txn_run(&req->scope, create_body, &w, req->err))
        return false;
    resp_header(req, "Location",
                arena_printf(req->arena, "/api/stock-transfers/%s", doc_text(w.record, "id")));
    resp_header(req, "ETag", render_etag(w.record, req->arena));
    render_record(resource_by_noun("stock_transfer"), &env, w.record, NULL, resp_body(req));
    return true;
}
