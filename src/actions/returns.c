/* Returns over the wire: what the body says, and what is shown. The rules are in
 * trade/returns.h. */
#include "base.h"
#include "actions/actions.h"
#include "actions/body.h"
#include "actions/query.h"
#include "db/doc.h"
#include "db/txn.h"
#include "engine/form.h"
#include "engine/reply.h"
#include "trade/returns.h"

struct work {
    struct req *req;
    struct return_order order;
    struct return_how how;
    const char *reason;
    struct notices list;
    size_t begun; /* of the list: what is told in every attempt */
    const bson_t *made;
    struct return_done done;
};

static void tell(struct work *w, const char *subtype, const char *title, const char *message)
{
    notices_init(&w->list, w->req->arena);
    notices_activity(&w->list, w->req, subtype, title, message);
    w->begun = w->list.n;
}

/* ---- asking ---- */

static bool create_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    w->list.n = w->begun;
    return return_make(w->req, scope, &w->order, &w->list, &w->made, err);
}

bool action_return_create(struct req *req)
{
    struct work w = {.req = req};

    if (!return_order_read(req, &w.order) || !return_prepare(req))
        return false;
    tell(&w, "return_requested", "Return", "A return was asked for");
    return txn_run(&req->scope, create_body, &w, req->err) &&
           reply_made(req, "return_request", w.made);
}

/* ---- approving ---- */

static bool read_how(struct req *req, struct return_how *how)
{
    const char *method = req_query(req, "refund");
    struct validated in = {0};
    bson_iter_t it;

    how->restock = true;
    if (req_query(req, "restock") && !req_flag(req, "restock", &how->restock))
        return false;
    if (req->body && !form_read(req, "ReturnApprove", VALIDATE_CREATE, &in))
        return false;
    if (req->body && json_is_boolean(json_object_get(req->body, "restock")) &&
        bson_iter_init_find(&it, in.set, "restock"))
        how->restock = bson_iter_as_bool(&it);
    if (req->body && doc_text(in.set, "refund"))
        method = doc_text(in.set, "refund");
    how->method = method ? pay_method_read_any(method, "refund", req->err) : NULL;
    return !method || how->method;
}

static bool approve_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    w->list.n = w->begun;
    return return_approve(w->req, scope, &w->how, &w->list, &w->done, err);
}

static void show_done(struct req *req, const struct return_done *done)
{
    int decimals = req->tenant->decimals;
    struct str *out = resp_body(req);
    char text[MONEY_TEXT_SIZE];

    str_addz(out, "{\"message\":\"Return approved\"");
    str_add_member(out, ",\"return_id\":", req_param(req, "id"));
    money_format(text, done->refund, decimals);
    str_addf(out, ",\"refund_amount\":%s", text);
    money_format(text, done->paid_back, decimals);
    str_addf(out, ",\"paid_back\":%s", text);
    str_add_member(out, ",\"payment_id\":", done->payment_id);
    money_format(text, done->balance, decimals);
    str_addf(out, ",\"new_balance_due\":%s", text);
    str_add_member(out, ",\"payment_status\":", done->payment_status);
    str_addf(out, ",\"restocked\":%s}", done->restocked ? "true" : "false");
}

bool action_return_approve(struct req *req)
{
    struct work w = {.req = req};

    if (!read_how(req, &w.how) || !return_prepare(req))
        return false;
    tell(&w, "return_approved", "Return approved", "A return was approved");
    if (!txn_run(&req->scope, approve_body, &w, req->err))
        return false;
    show_done(req, &w.done);
    return true;
}

/* ---- rejecting ---- */

static bool reject_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    w->list.n = w->begun;
    return return_reject(w->req, scope, w->reason, &w->list, err);
}

bool action_return_reject(struct req *req)
{
    struct work w = {.req = req};
    struct str *out = resp_body(req);

    if (!body_reason(req, &w.reason) || !return_prepare(req))
        return false;
    tell(&w, "return_rejected", "Return rejected", "A return was rejected");
    if (!txn_run(&req->scope, reject_body, &w, req->err))
        return false;
    str_addz(out, "{\"message\":\"Return rejected\"");
    str_add_member(out, ",\"return_id\":", req_param(req, "id"));
    str_addc(out, '}');
    return true;
}
