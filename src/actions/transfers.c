/* Transfers over the wire. The rules are in trade/transfer.h. */
#include "base.h"
#include "actions/actions.h"
#include "db/doc.h"
#include "db/txn.h"
#include "engine/reply.h"
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
    struct work w = {.req = req};

    return transfer_read(req, &w.transfer) && transfer_prepare(req) &&
           txn_run(&req->scope, create_body, &w, req->err) &&
           reply_made(req, "stock_transfer", w.record);
}
