/* Sales over the wire: what the body says, and what is shown. The rules are in trade/sale.h. */
#include "base.h"
#include "actions/actions.h"
#include "actions/body.h"
#include "db/doc.h"
#include "db/txn.h"
#include "engine/form.h"
#include "engine/reply.h"
#include "trade/sale.h"

struct work {
    struct req *req;
    struct sale_order order;
    struct tender tender;
    const char *text; /* a payment's reference, or why it is cancelled */
    struct notices list;
    size_t begun; /* of the list: what is told in every attempt */
    const bson_t *sale;
    struct sale_paid paid;
    size_t restored;
};

/* What an attempt before this one told is told anew. */
static void begin(struct work *w)
{
    w->list.n = w->begun;
}

static void tell(struct work *w, const char *subtype, const char *title, const char *message)
{
    notices_init(&w->list, w->req->arena);
    notices_activity(&w->list, w->req, subtype, title, message);
    w->begun = w->list.n;
}

/* ---- a sale ---- */

static bool create_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    begin(w);
    return sale_make(w->req, scope, &w->order, &w->list, &w->sale, err);
}

bool action_sale_create(struct req *req)
{
    struct work w = {.req = req};

    if (!sale_order_read(req, &w.order) || !sale_prepare(req))
        return false;
    tell(&w, "pos_sale_created", "New sale", "A sale was made at the till");
    return txn_run(&req->scope, create_body, &w, req->err) && reply_made(req, "sale", w.sale);
}

/* ---- a payment ---- */

static bool read_payment(struct req *req, struct work *w)
{
    struct validated in;

    if (!form_read(req, "PaymentCreate", VALIDATE_CREATE, &in))
        return false;
    w->tender.amount = doc_money(in.set, "amount", req->tenant->decimals, 0);
    w->tender.method = pay_method_read_any(doc_text(in.set, "method"), "method", req->err);
    w->text = doc_text(in.set, "reference");
    return w->tender.method != NULL;
}

static bool pay_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    begin(w);
    return sale_pay(w->req, scope, &w->tender, w->text, &w->list, &w->paid, err);
}

bool action_sale_pay(struct req *req)
{
    struct work w = {.req = req};
    struct str *out = resp_body(req);
    char text[MONEY_TEXT_SIZE];

    if (!read_payment(req, &w) || !sale_prepare(req))
        return false;
    tell(&w, "payment_added", "Payment", "A payment was taken for a sale");
    if (!txn_run(&req->scope, pay_body, &w, req->err))
        return false;
    money_format(text, w.paid.balance, req->tenant->decimals);
    str_add_member(out, "{\"message\":", "Payment added");
    str_add_member(out, ",\"payment_id\":", w.paid.payment_id);
    str_addf(out, ",\"new_balance_due\":%s", text);
    str_add_member(out, ",\"payment_status\":", w.paid.payment_status);
    str_addc(out, '}');
    return true;
}

/* ---- cancelling ---- */

static bool cancel_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    begin(w);
    return sale_cancel(w->req, scope, w->text, &w->list, &w->restored, err);
}

bool action_sale_cancel(struct req *req)
{
    struct work w = {.req = req};
    struct str *out = resp_body(req);

    if (!body_reason(req, &w.text) || !sale_prepare(req))
        return false;
    tell(&w, "sale_cancelled", "Sale cancelled", "A sale was cancelled");
    if (!txn_run(&req->scope, cancel_body, &w, req->err))
        return false;
    str_add_member(out, "{\"message\":", "Sale cancelled");
    str_add_member(out, ",\"sale_id\":", req_param(req, "id"));
    str_addf(out, ",\"stock_restored\":%zu}", w.restored);
    return true;
}

/* ---- what is written on its items ---- */

static bool items_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    return sale_describe(w->req, scope, &w->order, &w->sale, err);
}

bool action_sale_items(struct req *req)
{
    struct work w = {.req = req};

    return sale_notes_read(req, &w.order) && sale_prepare(req) &&
           txn_run(&req->scope, items_body, &w, req->err) && reply_record(req, "sale", w.sale);
}
