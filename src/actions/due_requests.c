/* Due requests over the wire: what the body says, and what is shown. The rules are in
 * trade/due_request.h. */
#include "base.h"
#include "actions/actions.h"
#include "actions/body.h"
#include "db/doc.h"
#include "db/txn.h"
#include "engine/form.h"
#include "engine/reply.h"
#include "trade/due_request.h"

struct work {
    struct req *req;
    struct due_order order;
    const char *reason;
    bool over_limit;
    const bson_t *record; /* the request, or the sale that it became */
};

static bool create_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    return due_request_make(w->req, scope, &w->order, &w->record, err);
}

bool action_due_request_create(struct req *req)
{
    struct work w = {.req = req};

    return due_request_read(req, &w.order) && due_request_prepare(req) &&
           txn_run(&req->scope, create_body, &w, req->err) &&
           reply_made(req, "due_request", w.record);
}

bool action_due_request_count(struct req *req)
{
    int64_t n;

    if (!due_request_count(req, &n))
        return false;
    str_addf(resp_body(req), "{\"count\":%" PRId64 "}", n);
    return true;
}

static bool approve_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    return due_request_approve(w->req, scope, w->over_limit, &w->record, err);
}

bool action_due_request_approve(struct req *req)
{
    struct work w = {.req = req};
    struct str *out = resp_body(req);
    struct validated in = {0};

    if ((req->body != NULL && !form_read(req, "DueRequestApprove", VALIDATE_CREATE, &in)) ||
        !due_request_prepare(req))
        return false;
    w.over_limit = in.set != NULL && doc_bool(in.set, "over_credit_limit");
    if (!txn_run(&req->scope, approve_body, &w, req->err))
        return false;
    str_add_member(out, "{\"message\":", "Due request approved");
    str_add_member(out, ",\"status\":", "approved");
    str_add_member(out, ",\"sale_id\":", doc_text(w.record, "id"));
    str_add_member(out, ",\"invoice_no\":", doc_text(w.record, "invoice_no"));
    str_addc(out, '}');
    return true;
}

static bool reject_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    return due_request_reject(w->req, scope, w->reason, err);
}

bool action_due_request_reject(struct req *req)
{
    struct work w = {.req = req};
    struct str *out = resp_body(req);

    if (!body_reason(req, &w.reason) || !due_request_prepare(req) ||
        !txn_run(&req->scope, reject_body, &w, req->err))
        return false;
    str_add_member(out, "{\"message\":", "Due request rejected");
    str_add_member(out, ",\"status\":", "rejected");
    str_addc(out, '}');
    return true;
}
