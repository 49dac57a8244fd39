/* One payment for many sales: the dues are read in their order, what is paid is laid out over them,
 * and all of it is written by a few commands. Sales change on the condition that they are as they
 * were read, so of many who pay at once the second begins again with what the first one left. */
#include "base.h"
#include "trade/customer.h"
#include "trade/sale_priv.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/many.h"
#include "db/own.h"
#include "engine/change.h"
#include "engine/index.h"
#include "tenant/audit.h"
#include "trade/sales_days.h"

/* A due, with the sale that it is of. */
struct due {
    const bson_t *doc, *sale, *after; /* after: the sale then */
    money_t part, paid, balance;      /* what goes to it; of the sale then */
};

struct work {
    struct req *req;
    struct scope *scope;
    struct err *err;
    const char *id;
    const struct tender *tender;
    const bson_t *customer, *customer_after;
    struct till till;
    struct due dues[CUSTOMER_DUES_MAX];
    size_t n;
    bool more; /* there are more dues than that */
    int decimals;
};

bool customer_prepare(struct req *req)
{
    return sale_prepare(req);
}

/* ---- reading ---- */

static bool read_customer(struct work *w)
{
    bson_t *filter = own_bson(w->scope->arena);

    scope_filter(w->scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "id", w->id);
    return till_find_one(w->req, w->scope, CUSTOMERS, filter, &w->customer, &w->till, w->err) &&
           (w->customer != NULL || err_set(w->err, ERR_NOT_FOUND, "Customer not found"));
}

static bool read_dues(struct work *w)
{
    bson_t *filter = own_bson(w->scope->arena), *opts = own_bson(w->scope->arena);
    mongoc_cursor_t *cursor;
    const bson_t *doc;

    w->n = 0;
    w->more = false;
    scope_filter(w->scope, "branch_id", filter);
    BSON_APPEND_UTF8(filter, "customer_id", w->id);
    BCON_APPEND(filter, "due_amount", "{", "$gt", BCON_INT64(0), "}");
    BCON_APPEND(opts, "sort", "{", "transaction_date", BCON_INT32(1), "id", BCON_INT32(1), "}",
                "limit", BCON_INT64(CUSTOMER_DUES_MAX + 1), "batchSize",
                BCON_INT64(CUSTOMER_DUES_MAX + 2));
    cursor = scope_find(w->scope, SALE_DUES, filter, opts);
    while (scope_next(w->scope, cursor, &doc, w->err)) {
        if (doc == NULL)
            return true;
        if (w->n == CUSTOMER_DUES_MAX)
            w->more = true;
        else
            w->dues[w->n++] = (struct due){.doc = own_bson_copy(w->scope->arena, bson_get_data(doc),
                                                                doc->len)};
    }
    return false;
}

static const char *sale_id(const struct due *due)
{
    const char *id = doc_text(due->doc, "sale_id");

    return id != NULL ? id : "";
}

static void take_sale(struct work *w, const bson_t *doc, bool after)
{
    const char *id = doc_text(doc, "id");

    for (size_t i = 0; id != NULL && i < w->n; i++)
        if (strcmp(id, sale_id(&w->dues[i])) == 0) {
            if (after)
                w->dues[i].after = doc;
            else
                w->dues[i].sale = doc;
        }
}

static bool read_sales(struct work *w, bool after)
{
    bson_t *filter = own_bson(w->scope->arena), *opts = own_bson(w->scope->arena);
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    struct ids ids;

    ids_init(&ids, w->scope->arena, w->n);
    for (size_t i = 0; i < w->n; i++)
        ids_add(&ids, sale_id(&w->dues[i]));
    ids_sort(&ids);
    scope_filter(w->scope, NULL, filter);
    ids_append_in(&ids, "id", filter);
    BSON_APPEND_INT64(opts, "batchSize", CUSTOMER_DUES_MAX + 1);
    cursor = scope_find(w->scope, SALES, filter, opts);
    while (scope_next(w->scope, cursor, &doc, w->err)) {
        if (doc == NULL)
            return true;
        take_sale(w, own_bson_copy(w->scope->arena, bson_get_data(doc), doc->len), after);
    }
    return false;
}

/* ---- laying it out ---- */

/* The oldest first; those that get nothing are left out. */
static bool lay_out(struct work *w)
{
    money_t rest = w->tender->amount, all = 0;
    size_t used = 0;

    for (size_t i = 0; i < w->n; i++) {
        money_t due = doc_money(w->dues[i].doc, "due_amount", w->decimals, 0);
        money_t part = due < rest ? due : rest;

        if (!money_add(all, due, &all))
            return err_set(w->err, ERR_CONFLICT, "What is due passes what can be counted");
        w->dues[i].part = part;
        rest -= part;
        if (part > 0)
            used = i + 1;
    }
    if (all == 0)
        return err_set(w->err, ERR_STATE, "Nothing is due of this customer");
    if (rest > 0)
        return err_field(w->err, "amount", "range",
                         w->more ? "Is more than the oldest dues come to, the most at once: %s"
                                 : "Is more than what is due: %s",
                         money_text(w->scope->arena, all, w->decimals));
    w->n = used;
    return true;
}

static bool agree(struct work *w)
{
    for (size_t i = 0; i < w->n; i++) {
        struct due *due = &w->dues[i];
        money_t balance = doc_money(due->sale, "balance_due", w->decimals, -1);
        const char *status = doc_text(due->sale, "status");

        if (due->sale == NULL || (status != NULL && strcmp(status, "cancelled") == 0) ||
            balance != doc_money(due->doc, "due_amount", w->decimals, 0))
            return err_set(w->err, ERR_CONFLICT,
                           "The due of sale %.32s is not what the sale says",
                           doc_text(due->doc, "sale_number") ? doc_text(due->doc, "sale_number")
                                                             : "without a number");
        due->paid = doc_money(due->sale, "amount_paid", w->decimals, 0) + due->part;
        due->balance = balance - due->part;
    }
    return true;
}

/* ---- writing ---- */

static bool all_matched(struct work *w, int64_t matched)
{
    if (matched == (int64_t)w->n)
        return true;
    w->scope->transient = true; /* somebody else changed one: again */
    return err_set(w->err, ERR_TRY_AGAIN, "A sale has changed meanwhile");
}

static void sale_update(const struct work *w, const struct due *due, const bson_t **filter,
                        const bson_t **update)
{
    bson_t *f = own_bson(w->scope->arena), *u = own_bson(w->scope->arena), set;
    bson_iter_t rev;

    scope_filter(w->scope, NULL, f);
    BSON_APPEND_UTF8(f, "id", sale_id(due));
    if (bson_iter_init_find(&rev, due->sale, FIELD_REV))
        bson_append_iter(f, FIELD_REV, -1, &rev);
    BSON_APPEND_DOCUMENT_BEGIN(u, "$set", &set);
    append_paid(&set, due->paid, due->balance, w->decimals);
    BSON_APPEND_DATE_TIME(&set, "updated_at", clock_ms());
    bson_append_document_end(u, &set);
    BCON_APPEND(u, "$inc", "{", FIELD_REV, BCON_INT64(1), "}");
    *filter = f;
    *update = u;
}

static void due_update(const struct work *w, const struct due *due, const bson_t **filter,
                       const bson_t **update)
{
    bson_t *f = own_bson(w->scope->arena), *u = own_bson(w->scope->arena), set;

    scope_filter(w->scope, NULL, f);
    BSON_APPEND_UTF8(f, "id", doc_text(due->doc, "id"));
    BSON_APPEND_DOCUMENT_BEGIN(u, "$set", &set);
    append_due(&set, doc_money(due->sale, "total", w->decimals, 0), due->paid, due->balance,
               "settled", w->decimals);
    bson_append_document_end(u, &set);
    *filter = f;
    *update = u;
}

static bool change_all(struct work *w, const char *collection,
                       void (*make)(const struct work *, const struct due *, const bson_t **,
                                    const bson_t **))
{
    const bson_t *filters[CUSTOMER_DUES_MAX], *updates[CUSTOMER_DUES_MAX];
    int64_t matched;

    for (size_t i = 0; i < w->n; i++)
        make(w, &w->dues[i], &filters[i], &updates[i]);
    return scope_update_each(w->scope, collection, filters, updates, w->n, &matched, w->err) &&
           all_matched(w, matched);
}

/* Sums of past days that the sales are of are not theirs any more. */
static bool touch_days(struct work *w)
{
    const bson_t *sales[CUSTOMER_DUES_MAX];

    for (size_t i = 0; i < w->n; i++)
        sales[i] = w->dues[i].sale;
    return sales_days_touch_all(w->scope, sales, w->n, w->err);
}

static bool store_payments(struct work *w, const char *reference, struct customer_paid *out)
{
    const bson_t *docs[CUSTOMER_DUES_MAX];

    if (!till_take(w->scope, &w->till, (int64_t)w->n, w->err))
        return false;
    out->n = w->n;
    out->parts = arena_alloc(w->scope->arena, w->n * sizeof *out->parts);
    for (size_t i = 0; i < w->n; i++) {
        const struct due *due = &w->dues[i];
        const struct tender part = {w->tender->method, due->part};
        struct customer_part *shown = &out->parts[i];

        *shown = (struct customer_part){
            .sale_id = sale_id(due),
            .sale_number = doc_text(due->sale, "sale_number"),
            .amount = due->part,
            .balance = due->balance,
            .payment_status = payment_status(due->paid, due->balance)};
        docs[i] = payment_document(w->req, due->sale, &part, reference, w->till.shift_id,
                                   &shown->payment_id);
    }
    return scope_insert_all(w->scope, SALE_PAYMENTS, docs, w->n, w->err);
}

static bool change_customer(struct work *w, struct customer_paid *out)
{
    if (!sale_customer_add(w->scope, w->id, 0, -w->tender->amount, w->decimals,
                           &w->customer_after, w->err))
        return false;
    out->due_amount = doc_money(w->customer_after, "due_amount", w->decimals, 0);
    return true;
}

static bool audit(struct work *w)
{
    const struct principal *who = &w->req->principal;
    struct audit_entry entries[CUSTOMER_DUES_MAX + 1];

    for (size_t i = 0; i <= w->n; i++)
        entries[i] = (struct audit_entry){
            .action = "pay",
            .collection = i < w->n ? SALES : CUSTOMERS,
            .record_id = i < w->n ? sale_id(&w->dues[i]) : w->id,
            .actor = who->user_id,
            .impersonated_by = who->claims.impersonated_by,
            .request_id = w->req->request_id,
            .before = i < w->n ? w->dues[i].sale : w->customer,
            .after = i < w->n ? w->dues[i].after : w->customer_after};
    return audit_add_many(w->scope, entries, w->n + 1, w->err);
}

/* ---- telling ---- */

static bool tell(struct work *w, struct notices *list)
{
    struct arena *arena = w->scope->arena;
    const char *name = doc_text(w->customer, "name");
    struct ids closed;

    ids_init(&closed, arena, w->n);
    for (size_t i = 0; i < w->n; i++)
        if (w->dues[i].balance == 0)
            ids_add(&closed, sale_id(&w->dues[i]));
    ids_sort(&closed);
    notices_add(list, &(struct notice){
                          .type = NOTICE_PAYMENT_RECEIVED,
                          .title = "Payment received",
                          .message = arena_printf(arena, "Payment of %s received from %.200s",
                                                  money_said(w->req, w->tender->amount),
                                                  name != NULL ? name : "a customer"),
                          .reference_id = w->id,
                          .branch_id = w->scope->branch_id});
    return notices_settle_all(w->scope, NOTICE_UNPAID_INVOICE, "sale_id", &closed, w->err) &&
           notices_store(w->scope, list, w->err);
}

bool customer_pay(struct req *req, struct scope *scope, const struct tender *tender,
                  const char *reference, struct notices *list, struct customer_paid *out,
                  struct err *err)
{
    struct work *w = arena_alloc(scope->arena, sizeof *w);

    *w = (struct work){.req = req, .scope = scope, .err = err, .id = req_param(req, "id"),
                       .tender = tender, .decimals = req->tenant->decimals};
    *out = (struct customer_paid){0};
    return read_customer(w) && read_dues(w) && lay_out(w) && read_sales(w, false) && agree(w) &&
           change_all(w, SALES, sale_update) && read_sales(w, true) && touch_days(w) &&
           store_payments(w, reference, out) && change_all(w, SALE_DUES, due_update) &&
           change_customer(w, out) && tell(w, list) && audit(w);
}
