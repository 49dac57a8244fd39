/* Making a sale, step by step, in one transaction. Each step is all or nothing with the others;
 * whatever refuses, refuses before anything is there. */
#include "base.h"
#include "trade/sale_priv.h"
#include "trade/credit.h"
#include "core/id.h"
#include "db/doc.h"
#include "db/many.h"
#include "engine/change.h"
#include "engine/index.h"
#include "trade/sales_days.h"
#include "trade/warranty.h"

#define LOW_STOCK 5

bool sale_prepare(struct req *req)
{
    static const char *const nouns[] = {"sale",     "payment", "customer_due",
                                        "customer", "product", "store_credit"};

    for (size_t i = 0; i < ARRAY_LEN(nouns); i++)
        if (!index_ensure(req->app->indexes, resource_by_noun(nouns[i]), &req->scope, req->err))
            return false;
    return sales_days_prepare(req->app->indexes, &req->scope, req->err) &&
           warranty_prepare(req) && notices_prepare(req, req->err);
}

/* The user's own branch, which the order may only repeat. */
static bool choose_branch(struct sale_work *w)
{
    w->branch_id = w->scope->branch_id != NULL ? w->scope->branch_id : w->order->branch_id;
    if (w->order->branch_id != NULL && strcmp(w->order->branch_id, w->branch_id) != 0)
        return err_set(w->err, ERR_FORBIDDEN, "You may only sell in your own branch");
    return true;
}

/* Where no text is given: that of the first product that has one to include. */
static void choose_terms(struct sale_work *w)
{
    w->terms = w->order->warranty_terms;
    w->with_terms = w->order->include_warranty_terms;
    for (size_t i = 0; w->terms == NULL && i < w->order->n; i++) {
        const char *text = doc_text(w->lines[i].product, "warranty_terms");

        if (!doc_bool(w->lines[i].product, "include_warranty_terms") || text == NULL || !*text)
            continue;
        w->terms = text;
        w->with_terms = true;
    }
}

/* ---- after the sale is there ---- */

/* What it is paid by, part by part. */
static size_t tenders_of(const struct sale_work *w, struct tender *out)
{
    const struct sale_order *o = w->order;
    size_t n = 0;

    if (o->exchanged > 0)
        out[n++] = (struct tender){PAY_EXCHANGE, o->exchanged};
    for (size_t i = 0; i < o->n_tenders; i++)
        out[n++] = o->tenders[i];
    if (o->n_tenders == 0 && w->handed > 0)
        out[n++] = (struct tender){o->method, w->handed};
    if (w->back > 0)
        out[n++] = (struct tender){o->refund, -w->back};
    return n;
}

/* Before them: the shift in which they are taken, and the sale is made. */
static bool take_shift(struct sale_work *w)
{
    struct tender tenders[SALE_TENDERS + 2];
    size_t n = tenders_of(w, tenders);

    return till_take(w->scope, &w->till, (int64_t)n, w->err);
}

static bool store_payments(struct sale_work *w, const bson_t *sale)
{
    struct tender tenders[SALE_TENDERS + 2];
    size_t n = tenders_of(w, tenders);
    const bson_t *docs[SALE_TENDERS + 2];
    money_t spent = w->credit - w->order->exchanged; /* of store credit */

    for (size_t i = 0; i < n; i++)
        docs[i] = payment_document(w->req, sale, &tenders[i], w->order->reference,
                                   w->till.shift_id, NULL);
    return scope_insert_all(w->scope, SALE_PAYMENTS, docs, n, w->err) &&
           credit_move(w->req, w->scope, sale, -spent, NULL,
                       spent < 0                 ? "refund"
                       : w->order->n_tenders > 0 ? "payments"
                                                 : "payment_method",
                       w->err);
}

static bool store_due(struct sale_work *w, const bson_t *sale)
{
    if (w->balance == 0 || w->customer_name == NULL)
        return true;
    return scope_insert(w->scope, SALE_DUES, due_document(w, sale), w->err);
}

static void tell_low_stock(struct sale_work *w)
{
    struct arena *arena = w->scope->arena;

    for (size_t i = 0; i < w->order->n; i++) {
        const struct stock_line *line = &w->lines[i];
        const char *name = doc_text(line->product, "name");

        if (line->after > LOW_STOCK)
            continue;
        notices_add(w->list,
                    &(struct notice){
                        .type = NOTICE_LOW_STOCK,
                        .title = "Low stock",
                        .message = arena_printf(arena, "%.200s: only %" PRId64 " left",
                                                name ? name : line->product_id, line->after),
                        .reference_id = line->branch_id ? arena_printf(arena, "%s_%s",
                                                                       line->product_id,
                                                                       line->branch_id)
                                                        : line->product_id,
                        .branch_id = line->branch_id,
                        .once = true});
    }
}

static void tell_unpaid(struct sale_work *w, const bson_t *sale)
{
    struct arena *arena = w->scope->arena;

    if (w->balance == 0)
        return;
    notices_add(w->list, &(struct notice){.type = NOTICE_UNPAID_INVOICE,
                                          .title = "Unpaid invoice",
                                          .message = arena_printf(
                                              arena, "Invoice %s has outstanding balance: %s",
                                              doc_text(sale, "invoice_no"),
                                              money_said(w->req, w->balance)),
                                          .sale_id = w->id,
                                          .branch_id = w->branch_id,
                                          .sticky = true});
}

/* ---- the whole ---- */

/* The sale's document, with its stock taken: its numbers are known with it, and the ledger names
 * one, so the movement comes right after. */
static bool take_stock(struct sale_work *w, const bson_t *sale)
{
    const struct stock_cause cause = {STOCK_SALE, w->id, doc_text(sale, "sale_number")};

    return stock_move(w->scope, &cause, w->lines, w->order->n, w->err);
}

bool sale_quote(struct req *req, struct scope *scope, const struct sale_order *order,
                const bson_t **products, money_t *total, struct err *err)
{
    struct sale_work w = {.req = req, .scope = scope, .order = order, .err = err,
                          .decimals = req->tenant->decimals};

    if (!choose_branch(&w) || !sale_read(&w) || !sale_price(&w) || !sale_customer_known(&w))
        return false;
    for (size_t i = 0; i < order->n; i++)
        products[i] = w.lines[i].product;
    *total = w.ticket.total;
    return true;
}

bool sale_make(struct req *req, struct scope *scope, const struct sale_order *order,
               struct notices *list, const bson_t **sale, struct err *err)
{
    struct sale_work w = {.req = req, .scope = scope, .order = order, .list = list, .err = err,
                          .decimals = req->tenant->decimals};
    char *id = arena_alloc(scope->arena, ID_SIZE);

    id_new(id);
    w.id = id;
    *sale = NULL;
    if (!choose_branch(&w) || !sale_read(&w) || !sale_price(&w) ||
        !stock_check(scope, w.lines, order->n, err) || !sale_check_warranties(&w) ||
        !sale_customer(&w))
        return false;
    if (!take_shift(&w))
        return false;
    choose_terms(&w);
    *sale = sale_document(&w);
    if (*sale == NULL || !take_stock(&w, *sale) || !scope_insert(scope, SALES, *sale, err) ||
        !store_payments(&w, *sale) || !store_due(&w, *sale) || !sale_store_warranties(&w, *sale))
        return false;
    tell_low_stock(&w);
    tell_unpaid(&w, *sale);
    return change_audit(req, scope, "create", SALES, w.id, NULL, *sale, err) &&
           notices_store(scope, list, err);
}
