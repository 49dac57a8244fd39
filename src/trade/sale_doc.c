/* Documents of sales, in the order of their descriptors' fields. */
#include "base.h"
#include "trade/sale_priv.h"
#include "core/clock.h"
#include "core/id.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/series.h"
#include "engine/validate.h"

const char *money_text(struct arena *arena, money_t amount, int decimals)
{
    char text[MONEY_TEXT_SIZE];

    money_format(text, amount, decimals);
    return arena_strdup(arena, text);
}

const char *payment_status(money_t paid, money_t balance)
{
    return balance == 0 ? "paid" : paid > 0 ? "partially_paid" : "unpaid";
}

void append_paid(bson_t *set, money_t paid, money_t balance, int decimals)
{
    doc_append_money(set, "amount_paid", paid, decimals);
    doc_append_money(set, "balance_due", balance, decimals);
    BSON_APPEND_UTF8(set, "payment_status", payment_status(paid, balance));
}

const char *money_told(struct arena *arena, const struct tenant *tenant, money_t amount)
{
    const char *text = money_text(arena, amount, tenant->decimals);
    bool taka = strcmp(tenant->currency, "BDT") == 0; /* whose sign clients look for */

    return arena_printf(arena, "%s%s%s", taka ? "৳" : tenant->currency, taka ? "" : " ", text);
}

const char *money_said(const struct req *req, money_t amount)
{
    return money_told(req->arena, req->tenant, amount);
}

/* ---- the sale ---- */

static const char *method_of(const struct sale_work *w)
{
    if (w->order->exchanged == 0)
        return w->order->method;
    return w->handed > 0 || w->back > 0 ? "split" : PAY_EXCHANGE;
}

/* What one cost the business: the branch's price, the product's, or what the client says. */
static void append_cost(const struct sale_work *w, size_t at, bson_t *doc)
{
    const struct stock_line *line = &w->lines[at];
    const struct sale_item *item = &w->order->items[at];
    money_t cost = 0;

    if (line->assignment != NULL)
        cost = doc_money(line->assignment, "purchase_price", w->decimals, 0);
    if (cost == 0)
        cost = doc_money(line->product, "unit_cost", w->decimals, 0);
    if (cost == 0 && item->has_cost)
        cost = item->unit_cost;
    if (cost != 0 || item->has_cost)
        doc_append_money(doc, "unit_cost", cost, w->decimals);
    else
        BSON_APPEND_NULL(doc, "unit_cost");
}

/* The percentage, without the zeros at its end; a tax that was given as an amount has none. */
static void append_rate(const struct sale_work *w, const struct price_line *price, bson_t *doc)
{
    int64_t rate = price->tax_rate;
    int decimals = 4;

    if (w->ticket.tax_given)
        return;
    for (; decimals > 0 && rate % 10 == 0; decimals--)
        rate /= 10;
    doc_append_money(doc, "tax_rate", rate, decimals);
}

static void append_item(const struct sale_work *w, size_t at, bson_t *doc)
{
    const struct sale_item *item = &w->order->items[at];
    const struct price_line *price = &w->prices[at];
    const bson_t *product = w->lines[at].product;

    BSON_APPEND_UTF8(doc, "product_id", item->product_id);
    doc_append_text_or_null(doc, "product_name", doc_text(product, "name"));
    doc_append_text_or_null(doc, "product_sku", doc_text(product, "sku"));
    BSON_APPEND_INT64(doc, "quantity", item->quantity);
    doc_append_money(doc, "price", item->price, w->decimals);
    append_cost(w, at, doc);
    doc_append_text_or_null(doc, "serial_number", item->serial_number);
    doc_append_text_or_null(doc, "custom_description", item->custom_description);
    doc_append_money(doc, "discount", price->discount, w->decimals);
    doc_append_money(doc, "discount_share", price->share, w->decimals);
    doc_append_money(doc, "tax", price->tax, w->decimals);
    doc_append_money(doc, "tax_included", price->tax_included, w->decimals);
    append_rate(w, price, doc);
    doc_append_money(doc, "total", price->total, w->decimals);
    if (item->price == w->list_prices[at])
        return;
    doc_append_money(doc, "list_price", w->list_prices[at], w->decimals);
    doc_append_text_or_null(doc, "price_set_by", w->req->principal.email);
}

static void append_items(const struct sale_work *w, bson_t *doc)
{
    bson_t list, one;
    char key[24];

    BSON_APPEND_ARRAY_BEGIN(doc, "items", &list);
    for (size_t i = 0; i < w->order->n; i++) {
        snprintf(key, sizeof key, "%zu", i);
        BSON_APPEND_DOCUMENT_BEGIN(&list, key, &one);
        append_item(w, i, &one);
        bson_append_document_end(&list, &one);
    }
    bson_append_array_end(doc, &list);
}

static void append_amounts(const struct sale_work *w, bson_t *doc)
{
    doc_append_money(doc, "subtotal", w->ticket.subtotal, w->decimals);
    doc_append_money(doc, "discount", w->ticket.discount, w->decimals);
    doc_append_money(doc, "tax", w->ticket.tax, w->decimals);
    doc_append_money(doc, "tax_included", w->ticket.tax_included, w->decimals);
    doc_append_money(doc, "total", w->ticket.total, w->decimals);
    doc_append_money(doc, "amount_paid", w->paid, w->decimals);
    if (w->credit != 0)
        doc_append_money(doc, SALE_CREDIT, w->credit, w->decimals);
    doc_append_money(doc, "balance_due", w->balance, w->decimals);
}

/* What was said of the customer, else what the customer's record says. */
static void append_said(bson_t *doc, const char *name, const char *said, const bson_t *customer,
                        const char *member)
{
    doc_append_text_or_null(doc, name, said != NULL ? said : doc_text(customer, member));
}

const bson_t *sale_document(struct sale_work *w)
{
    const struct sale_order *o = w->order;
    bson_t *doc = own_bson(w->scope->arena);

    scope_begin_record(w->scope, w->id, doc);
    if (!series_append(resource_by_noun("sale"), w->scope, doc, w->err))
        return NULL;
    doc_append_text_or_null(doc, "branch_id", w->branch_id);
    doc_append_text_or_null(doc, "customer_id", w->customer_id);
    doc_append_text_or_null(doc, "customer_name", w->customer_name);
    append_said(doc, "customer_phone", o->customer_phone, w->customer, "phone");
    append_said(doc, "customer_address", o->customer_address, w->customer, "address");
    append_items(w, doc);
    append_amounts(w, doc);
    BSON_APPEND_UTF8(doc, "status", "completed");
    BSON_APPEND_UTF8(doc, "payment_status", payment_status(w->paid, w->balance));
    BSON_APPEND_UTF8(doc, "payment_method", method_of(w));
    doc_append_text(doc, "exchange_of", o->exchange_of);
    doc_append_text_or_null(doc, "reference", o->reference);
    doc_append_text_or_null(doc, "created_by",
                            o->created_by ? o->created_by : w->req->principal.email);
    if (w->over_limit)
        doc_append_text_or_null(doc, "credit_override_by", w->req->principal.email);
    doc_append_text(doc, "shift_id", w->till.shift_id);
    BSON_APPEND_BOOL(doc, "include_warranty_terms", w->with_terms);
    doc_append_text_or_null(doc, "warranty_terms", w->terms);
    BSON_APPEND_INT64(doc, FIELD_REV, 1);
    return doc;
}

/* ---- payments and dues ---- */

/* Member `from` of the sale, under its own name or another. */
static void append_same(bson_t *doc, const char *name, const bson_t *sale, const char *from)
{
    doc_append_text_or_null(doc, name, doc_text(sale, from));
}

const bson_t *payment_document(struct req *req, const bson_t *sale, const struct tender *tender,
                               const char *reference, const char *shift_id, const char **id)
{
    bson_t *doc = own_bson(req->arena);
    char *fresh = arena_alloc(req->arena, ID_SIZE);

    id_new(fresh);
    scope_begin_record(&req->scope, fresh, doc);
    append_same(doc, "sale_id", sale, "id");
    append_same(doc, "sale_number", sale, "sale_number");
    append_same(doc, "invoice_no", sale, "invoice_no");
    append_same(doc, "branch_id", sale, "branch_id");
    append_same(doc, "customer_id", sale, "customer_id");
    doc_append_money(doc, "amount", tender->amount, req->tenant->decimals);
    BSON_APPEND_UTF8(doc, "method", tender->method);
    doc_append_text_or_null(doc, "reference", reference);
    BSON_APPEND_DATE_TIME(doc, "received_at", clock_ms());
    doc_append_text_or_null(doc, "received_by", req->principal.email);
    doc_append_text(doc, "shift_id", shift_id);
    BSON_APPEND_INT64(doc, FIELD_REV, 1);
    if (id != NULL)
        *id = fresh;
    return doc;
}

const bson_t *due_document(const struct sale_work *w, const bson_t *sale)
{
    bson_t *doc = own_bson(w->scope->arena);
    char id[ID_SIZE];

    id_new(id);
    scope_begin_record(w->scope, id, doc);
    doc_append_text_or_null(doc, "customer_id", w->customer_id);
    doc_append_text_or_null(doc, "customer_name", w->customer_name);
    append_same(doc, "sale_id", sale, "id");
    append_same(doc, "sale_number", sale, "sale_number");
    append_same(doc, "branch_id", sale, "branch_id");
    doc_append_money(doc, "total_amount", w->ticket.total, w->decimals);
    doc_append_money(doc, "paid_amount", w->paid, w->decimals);
    doc_append_money(doc, "due_amount", w->balance, w->decimals);
    BSON_APPEND_DATE_TIME(doc, "transaction_date", clock_ms());
    BSON_APPEND_UTF8(doc, "status", "open");
    BSON_APPEND_NULL(doc, "closed_at");
    BSON_APPEND_INT64(doc, FIELD_REV, 1);
    return doc;
}
