/* What happens to a sale later: it is paid, or it is cancelled. The sale is read and changed in one
 * transaction, and the change holds only for the revision that was read: of many at once one wins,
 * and the others begin again with what it left. */
#include "base.h"
#include "trade/sale_priv.h"
#include "trade/credit.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/many.h"
#include "db/own.h"
#include "engine/change.h"
#include "engine/validate.h"
#include "engine/write.h"
#include "trade/sales_days.h"
#include "trade/warranty.h"

/* ---- the sale ---- */

struct sale_change sale_change_of(struct req *req, struct scope *scope, const char *id,
                                  struct notices *list, struct err *err)
{
    return (struct sale_change){.req = req, .scope = scope, .list = list, .err = err, .id = id,
                                .decimals = req->tenant->decimals};
}

const char *sale_branch(const bson_t *sale)
{
    const char *branch = doc_text(sale, "branch_id");

    return branch != NULL && *branch ? branch : NULL;
}

static bson_t *sale_filter(const struct sale_change *c)
{
    bson_t *filter = own_bson(c->scope->arena);

    scope_filter(c->scope, "branch_id", filter);
    BSON_APPEND_UTF8(filter, "id", c->id);
    return filter;
}

bool sale_change_read(struct sale_change *c)
{
    const char *asked = req_param(c->req, "id"); /* or that of a return, which is compared there */

    if (!till_find_one(c->req, c->scope, SALES, sale_filter(c), &c->sale, &c->till, c->err))
        return false;
    if (c->sale != NULL)
        return asked == NULL || strcmp(asked, c->id) != 0 ||
               write_if_match(c->req->if_match, c->sale, c->scope->arena, c->err);
    if (c->path != NULL)
        return err_field(c->err, c->path, "reference", "There is no sale with this id");
    return err_set(c->err, ERR_NOT_FOUND, "Sale not found");
}

bool sale_change_cancelled(const struct sale_change *c)
{
    const char *status = doc_text(c->sale, "status");

    return status != NULL && strcmp(status, "cancelled") == 0;
}

bool sale_change_store(struct sale_change *c, const bson_t *set)
{
    bson_t *filter = sale_filter(c), *update = own_bson(c->scope->arena);
    bson_iter_t rev;
    bson_t child;

    if (bson_iter_init_find(&rev, c->sale, FIELD_REV))
        bson_append_iter(filter, FIELD_REV, -1, &rev);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &child);
    bson_concat(&child, set);
    BSON_APPEND_DATE_TIME(&child, "updated_at", clock_ms());
    bson_append_document_end(update, &child);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$inc", &child);
    BSON_APPEND_INT64(&child, FIELD_REV, 1);
    bson_append_document_end(update, &child);
    if (!scope_find_and_update(c->scope, SALES, filter, update, true, false, NULL, &c->after,
                               c->err))
        return false;
    if (c->after != NULL)
        return sales_days_touch(c->scope, c->sale, c->err);
    c->scope->transient = true; /* somebody else changed it: again */
    return err_set(c->err, ERR_TRY_AGAIN, "The sale has changed meanwhile");
}

bool sale_change_audit(struct sale_change *c, const char *action)
{
    return change_audit(c->req, c->scope, action, SALES, c->id, c->sale, c->after, c->err);
}

void sale_change_credit(const struct sale_change *c, const struct tender *tender, bson_t *set)
{
    if (!pay_is_money(tender->method))
        doc_append_money(set, SALE_CREDIT,
                         doc_money(c->sale, SALE_CREDIT, c->decimals, 0) + tender->amount,
                         c->decimals);
}

/* ---- dues ---- */

void append_due(bson_t *set, money_t total, money_t paid, money_t due, const char *closed,
                int decimals)
{
    doc_append_money(set, "total_amount", total, decimals);
    doc_append_money(set, "paid_amount", paid, decimals);
    doc_append_money(set, "due_amount", due, decimals);
    BSON_APPEND_UTF8(set, "status", due == 0 ? closed : "open");
    if (due == 0)
        BSON_APPEND_DATE_TIME(set, "closed_at", clock_ms());
    else
        BSON_APPEND_NULL(set, "closed_at");
    BSON_APPEND_DATE_TIME(set, "updated_at", clock_ms());
}

bool sale_change_due(struct sale_change *c, money_t paid, money_t due, const char *closed)
{
    bson_t *filter = own_bson(c->scope->arena), *update = own_bson(c->scope->arena);
    int64_t matched;
    bson_t set;

    scope_filter(c->scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "sale_id", c->id);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    append_due(&set, doc_money(c->after, "total", c->decimals, 0), paid, due, closed, c->decimals);
    bson_append_document_end(update, &set);
    return scope_update_one(c->scope, SALE_DUES, filter, update, NULL, &matched, c->err) &&
           (due > 0 || notices_settle(c->scope, NOTICE_UNPAID_INVOICE, c->id, NULL, c->err));
}

/* ---- a payment ---- */

static bool check_payment(struct sale_change *c, money_t amount, money_t balance)
{
    char text[MONEY_TEXT_SIZE];

    if (sale_change_cancelled(c))
        return err_set(c->err, ERR_STATE, "The sale is cancelled: nothing is due of it");
    money_format(text, balance, c->decimals);
    if (balance <= 0)
        return err_set(c->err, ERR_STATE, "The sale is paid: nothing is due of it");
    if (amount > balance)
        return err_field(c->err, "amount", "range", "Is more than the balance due of %s", text);
    return true;
}

static void tell_paid(struct sale_change *c, money_t amount)
{
    struct arena *arena = c->scope->arena;
    const char *invoice = doc_text(c->sale, "invoice_no");

    notices_add(c->list, &(struct notice){.type = NOTICE_PAYMENT_RECEIVED,
                                          .title = "Payment received",
                                          .message = arena_printf(
                                              arena, "Payment of %s received for Invoice %s",
                                              money_said(c->req, amount),
                                              invoice ? invoice : doc_text(c->sale, "sale_number")),
                                          .sale_id = c->id,
                                          .branch_id = doc_text(c->sale, "branch_id")});
}

static bool store_payment(struct sale_change *c, const struct tender *tender, const char *reference,
                          const char **payment_id)
{
    const bson_t *doc = payment_document(c->req, c->after, tender, reference, c->till.shift_id,
                                         payment_id);

    return till_take(c->scope, &c->till, 1, c->err) &&
           scope_insert(c->scope, SALE_PAYMENTS, doc, c->err) &&
           (pay_is_money(tender->method) ||
            credit_move(c->req, c->scope, c->after, -tender->amount, NULL, "method", c->err)) &&
           sale_change_customer(c, 0, -tender->amount);
}

bool sale_pay(struct req *req, struct scope *scope, const struct tender *tender,
              const char *reference, struct notices *list, struct sale_paid *out, struct err *err)
{
    struct sale_change c = sale_change_of(req, scope, req_param(req, "id"), list, err);
    bson_t *set = own_bson(scope->arena);
    money_t paid, balance;

    if (!sale_change_read(&c))
        return false;
    balance = doc_money(c.sale, "balance_due", c.decimals, 0);
    paid = doc_money(c.sale, "amount_paid", c.decimals, 0) + tender->amount;
    if (!check_payment(&c, tender->amount, balance))
        return false;
    balance -= tender->amount;
    append_paid(set, paid, balance, c.decimals);
    sale_change_credit(&c, tender, set);
    *out = (struct sale_paid){.balance = balance, .payment_status = payment_status(paid, balance)};
    if (balance == 0)
        tell_paid(&c, tender->amount);
    return sale_change_store(&c, set) && store_payment(&c, tender, reference, &out->payment_id) &&
           sale_change_due(&c, paid, balance, "settled") && sale_change_audit(&c, "pay") &&
           notices_store(scope, list, err);
}

/* ---- cancelling ---- */

/* A line an item, with what is still out: sold less what came back. */
static struct stock_line *lines_back(const struct sale_change *c, size_t *n)
{
    struct stock_line *lines = arena_alloc(c->scope->arena, STOCK_LINES_MAX * sizeof *lines);
    const char *branch = sale_branch(c->sale);
    bson_iter_t items, item;

    *n = 0;
    if (!bson_iter_init_find(&items, c->sale, "items") || !BSON_ITER_HOLDS_ARRAY(&items) ||
        !bson_iter_recurse(&items, &item))
        return lines;
    while (*n < STOCK_LINES_MAX && bson_iter_next(&item)) {
        const uint8_t *data;
        uint32_t len;
        const bson_t *doc;
        const char *product;
        int64_t out;

        if (!BSON_ITER_HOLDS_DOCUMENT(&item))
            continue;
        bson_iter_document(&item, &len, &data);
        doc = own_bson_copy(c->scope->arena, data, len);
        product = doc_text(doc, "product_id");
        out = doc_int(doc, "quantity", 0) - doc_int(doc, SALE_RETURNED, 0);
        if (product != NULL && out > 0)
            lines[(*n)++] = (struct stock_line){.product_id = product, .branch_id = branch,
                                                .delta = out};
    }
    return lines;
}

/* Whatever is not there any more cannot take its stock back. */
static size_t keep_known(struct stock_line *lines, size_t n)
{
    size_t used = 0;

    for (size_t i = 0; i < n; i++)
        if (lines[i].product != NULL && (lines[i].branch_id == NULL || lines[i].assignment != NULL))
            lines[used++] = lines[i];
    return used;
}

static bool give_back(struct sale_change *c, size_t *restored)
{
    const struct stock_cause cause = {STOCK_CANCEL, c->id,
                                      doc_text(c->sale, "sale_number")};
    struct stock_line *lines = lines_back(c, restored);

    if (!stock_load(c->scope, lines, *restored, c->err))
        return false;
    *restored = keep_known(lines, *restored);
    return stock_move(c->scope, &cause, lines, *restored, c->err);
}

static void append_cancelled(const struct sale_change *c, const char *reason, bson_t *set)
{
    BSON_APPEND_UTF8(set, "status", "cancelled");
    doc_append_text_or_null(set, "cancelled_by", c->req->principal.user_id);
    doc_append_text_or_null(set, "cancellation_reason", reason);
    BSON_APPEND_DATE_TIME(set, "cancelled_at", clock_ms());
}

static void tell_cancelled(struct sale_change *c, const char *reason)
{
    notices_add(c->list, &(struct notice){.type = NOTICE_SALE_CANCELLED,
                                          .title = "Sale cancelled",
                                          .message = arena_printf(
                                              c->scope->arena, "Sale %s was cancelled%s%.300s",
                                              doc_text(c->sale, "sale_number"),
                                              reason ? ": " : "", reason ? reason : ""),
                                          .sale_id = c->id,
                                          .branch_id = doc_text(c->sale, "branch_id")});
}

bool sale_cancel(struct req *req, struct scope *scope, const char *reason, struct notices *list,
                 size_t *restored, struct err *err)
{
    struct sale_change c = sale_change_of(req, scope, req_param(req, "id"), list, err);
    bson_t *set = own_bson(scope->arena);
    money_t total, balance;

    if (!sale_change_read(&c))
        return false;
    if (sale_change_cancelled(&c))
        return err_set(err, ERR_STATE, "The sale is cancelled already");
    if (doc_money(c.sale, "amount_paid", c.decimals, 0) > 0 ||
        doc_money(c.sale, SALE_CREDIT, c.decimals, 0) != 0)
        return err_set(err, ERR_STATE, "Cannot cancel sale with payments. Please process a return "
                                       "instead.");
    total = doc_money(c.sale, "total", c.decimals, 0);
    balance = doc_money(c.sale, "balance_due", c.decimals, 0);
    append_cancelled(&c, reason, set);
    tell_cancelled(&c, reason);
    return sale_change_store(&c, set) && give_back(&c, restored) &&
           warranty_void_sale(req, scope, c.id, err) &&
           sale_change_due(&c, 0, 0, "cancelled") && sale_change_customer(&c, -total, -balance) &&
           sale_change_audit(&c, "cancel") && notices_store(scope, list, err);
}
