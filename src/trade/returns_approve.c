/* Approving a return: the sale is worth less, money goes back, and so does stock. */
#include "base.h"
#include "trade/returns_priv.h"
#include "trade/credit.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "trade/warranty.h"

/* What it does to the sale. */
struct effect {
    money_t total, paid, balance; /* as they will be */
    money_t owed;                 /* by how much the balance changes */
};

/* What was paid goes back first; what is left of the refund is not due any more. */
static bool work_out(struct return_work *w, struct effect *e, struct return_done *out)
{
    const bson_t *sale = w->c.sale;
    money_t paid = doc_money(sale, "amount_paid", w->c.decimals, 0);

    out->refund = w->order.refund;
    out->paid_back = paid < out->refund ? paid : out->refund;
    e->total = doc_money(sale, "total", w->c.decimals, 0) - out->refund;
    if (e->total < 0)
        return err_set(w->c.err, ERR_STATE, "The refund is more than what the sale comes to");
    e->paid = paid - out->paid_back;
    e->balance = e->total - e->paid;
    e->owed = e->balance - doc_money(sale, "balance_due", w->c.decimals, 0);
    out->balance = e->balance;
    out->payment_status = payment_status(e->paid, e->balance);
    return true;
}

static bool change_sale(struct return_work *w, const struct effect *e, const char *method,
                        const struct return_done *out)
{
    const struct tender tender = {method, -out->paid_back};
    struct return_line line = return_line_decided(w);
    bson_t *set = own_bson(w->c.scope->arena);
    money_t refunded = doc_money(w->c.sale, SALE_REFUNDED, w->c.decimals, 0);

    line.returned += w->order.quantity;
    if (!out->restocked)
        line.discarded += w->order.quantity;
    line.refunded += w->order.refund;
    return_line_set(w, &line, set);
    doc_append_money(set, SALE_REFUNDED, refunded + w->order.refund, w->c.decimals);
    doc_append_money(set, "total", e->total, w->c.decimals);
    append_paid(set, e->paid, e->balance, w->c.decimals);
    sale_change_credit(&w->c, &tender, set);
    return sale_change_store(&w->c, set);
}

/* ---- money ---- */

const char *return_method(const bson_t *sale, const char *wanted)
{
    const char *paid = doc_text(sale, "payment_method");
    const char *method = wanted;

    if (method == NULL && paid != NULL)
        method = pay_method(paid);
    return method != NULL ? method : pay_methods[0];
}

static bool pay_back(struct return_work *w, const char *method, struct return_done *out)
{
    const char *number = doc_text(w->row, "return_number");
    const struct tender tender = {method, -out->paid_back};

    out->payment_id = NULL;
    if (out->paid_back == 0)
        return true;
    return till_take(w->c.scope, &w->c.till, 1, w->c.err) &&
           scope_insert(w->c.scope, SALE_PAYMENTS,
                        payment_document(w->c.req, w->c.after, &tender, number, w->c.till.shift_id,
                                         &out->payment_id),
                        w->c.err) &&
           (strcmp(method, PAY_CREDIT) != 0 ||
            credit_move(w->c.req, w->c.scope, w->c.after, out->paid_back, number, "refund",
                        w->c.err));
}

/* A due that was closed before stays as it is. */
static bool change_due(struct return_work *w, const struct effect *e)
{
    return doc_money(w->c.sale, "balance_due", w->c.decimals, 0) == 0 ||
           sale_change_due(&w->c, e->paid, e->balance, "settled");
}

/* ---- stock ---- */

static bool put_back(struct return_work *w, struct return_done *out)
{
    const struct stock_cause cause = {STOCK_RETURN, doc_text(w->row, "id"),
                                      doc_text(w->row, "return_number")};
    struct stock_line line = {.product_id = w->order.product_id,
                              .branch_id = sale_branch(w->c.sale),
                              .delta = w->order.quantity};

    if (!stock_load(w->c.scope, &line, 1, w->c.err))
        return false;
    out->restocked = line.product != NULL && (line.branch_id == NULL || line.assignment != NULL);
    return !out->restocked || stock_move(w->c.scope, &cause, &line, 1, w->c.err);
}

/* ---- the whole ---- */

static bool change_row(struct return_work *w, const struct return_done *out, const char *method)
{
    bson_t *set = own_bson(w->c.scope->arena);

    BSON_APPEND_UTF8(set, "status", "approved");
    doc_append_text_or_null(set, "approved_by", w->c.req->principal.email);
    BSON_APPEND_DATE_TIME(set, "approved_at", clock_ms());
    BSON_APPEND_INT64(set, "line", w->order.line);
    BSON_APPEND_INT64(set, "quantity", w->order.quantity);
    BSON_APPEND_BOOL(set, "restocked", out->restocked);
    doc_append_money(set, "paid_back", out->paid_back, w->c.decimals);
    doc_append_text_or_null(set, "refund_method", out->paid_back > 0 ? method : NULL);
    doc_append_text_or_null(set, "payment_id", out->payment_id);
    return return_store(w, set, "approve");
}

bool return_approve(struct req *req, struct scope *scope, const struct return_how *how,
                    struct notices *list, struct return_done *out, struct err *err)
{
    struct return_work w = return_work_of(req, scope, list, err);
    const char *method;
    struct effect e = {0};

    *out = (struct return_done){0};
    if (!return_read(&w))
        return false;
    if (sale_change_cancelled(&w.c))
        return err_set(err, ERR_STATE, "The sale is cancelled: nothing of it comes back");
    if (!return_counted(&w) && !return_check(&w))
        return false;
    method = return_method(w.c.sale, how->method);
    if (!work_out(&w, &e, out) || (how->restock && !put_back(&w, out)) ||
        !change_sale(&w, &e, method, out))
        return false;
    out->sale = w.c.after;
    return pay_back(&w, method, out) && change_due(&w, &e) &&
           sale_change_customer(&w.c, -out->refund, e.owed) &&
           warranty_void_units(req, scope, w.c.id, w.order.line, w.order.quantity, err) &&
           change_row(&w, out, method) && notices_store(scope, list, err);
}
