/* What was told and is unread is known by a look-up beside each record, and of two runs at once the
 * second one begins again: dues say when they were told of last, and the other notifications are
 * `once`. */
#include "base.h"
#include "trade/reminders.h"
#include "db/doc.h"
#include "db/many.h"
#include "db/own.h"
#include "engine/validate.h"
#include "trade/inbox.h"
#include "trade/sale_priv.h"

struct work {
    struct scope *scope;
    struct err *err;
    struct notices list;
    struct reminded *out;
    int64_t now;
    const struct tenant *tenant;
};

bool reminders_prepare(struct index_cache *indexes, struct scope *scope, struct err *err)
{
    static const char *const nouns[] = {"product", "sale", "customer_due"};

    for (size_t i = 0; i < ARRAY_LEN(nouns); i++)
        if (!index_ensure(indexes, resource_by_noun(nouns[i]), scope, err))
            return false;
    return index_ensure(indexes, &notices_resource, scope, err);
}

/* ---- what nobody has been told of ---- */

/* At most one unread notification of a type about the record, as the array `told`. */
static bson_t *lookup(const struct work *w, const char *by, enum notice_type type)
{
    bson_t *match = own_bson(w->scope->arena), *out = own_bson(w->scope->arena);

    scope_filter(w->scope, NULL, match);
    BSON_APPEND_UTF8(match, "type", notice_type_names[type]);
    BSON_APPEND_BOOL(match, "is_read", false);
    BCON_APPEND(match, "metadata.daily", "{", "$ne", BCON_BOOL(true), "}");
    BCON_APPEND(out, "from", NOTIFICATIONS, "localField", "id", "foreignField", BCON_UTF8(by),
                "pipeline", "[", "{", "$match", BCON_DOCUMENT(match), "}", "{", "$limit",
                BCON_INT64(1), "}", "{", "$project", "{", "id", BCON_INT32(1), "}", "}", "]", "as",
                "told");
    return out;
}

/* Calls `add` for each match of which nobody has been told. */
static bool each_untold(struct work *w, const char *collection, const bson_t *match,
                        const char *by, enum notice_type type,
                        void (*add)(struct work *, const bson_t *))
{
    bson_t *stages = own_bson(w->scope->arena), *opts = own_bson(w->scope->arena);
    mongoc_cursor_t *cursor;
    const bson_t *doc;

    BCON_APPEND(stages, "0", "{", "$match", BCON_DOCUMENT(match), "}", "1", "{", "$limit",
                BCON_INT64(REMINDERS_SEEN_MAX), "}", "2", "{", "$project", "{", "items",
                BCON_BOOL(false), "_q", BCON_BOOL(false), "}", "}", "3", "{", "$lookup",
                BCON_DOCUMENT(lookup(w, by, type)), "}", "4", "{", "$match", "{", "told", "{",
                "$size", BCON_INT32(0), "}", "}", "}", "5", "{", "$limit",
                BCON_INT64(REMINDERS_MAX), "}");
    BSON_APPEND_INT32(opts, "batchSize", REMINDERS_MAX + 1);
    cursor = scope_aggregate(w->scope, collection, stages, opts);
    while (scope_next(w->scope, cursor, &doc, w->err)) {
        if (doc == NULL)
            return true;
        add(w, own_bson_copy(w->scope->arena, bson_get_data(doc), doc->len));
    }
    return false;
}

static const char *text_or(const bson_t *doc, const char *name, const char *otherwise)
{
    const char *text = doc_text(doc, name);

    return text != NULL && *text ? text : otherwise;
}

static const char *said(const struct work *w, const bson_t *doc, const char *amount)
{
    return money_told(w->scope->arena, w->tenant, doc_money(doc, amount, w->tenant->decimals, 0));
}

/* ---- products ---- */

static void add_product(struct work *w, const bson_t *doc)
{
    const char *id = doc_text(doc, "id");

    if (id == NULL)
        return;
    notices_add(&w->list,
                &(struct notice){.type = NOTICE_LOW_STOCK,
                                 .title = "Low stock",
                                 .message = arena_printf(w->scope->arena,
                                                         "%.200s: only %" PRId64 " left",
                                                         text_or(doc, "name", id),
                                                         doc_int(doc, "stock", 0)),
                                 .reference_id = id,
                                 .branch_id = doc_text(doc, "branch_id"),
                                 .once = true});
}

static bool products(struct work *w)
{
    bson_t *match = own_bson(w->scope->arena);

    scope_filter(w->scope, NULL, match);
    BCON_APPEND(match, "stock", "{", "$lte", BCON_INT64(REMINDERS_STOCK), "}");
    return scope_count(w->scope, STOCK_PRODUCTS, match, REMINDERS_SEEN_MAX, &w->out->products,
                       w->err) &&
           each_untold(w, STOCK_PRODUCTS, match, "reference_id", NOTICE_LOW_STOCK, add_product);
}

/* ---- invoices ---- */

static void add_invoice(struct work *w, const bson_t *doc)
{
    struct arena *arena = w->scope->arena;
    const char *id = doc_text(doc, "id");

    if (id == NULL)
        return;
    notices_add(
        &w->list,
        &(struct notice){.type = NOTICE_UNPAID_INVOICE,
                         .title = "Overdue invoice",
                         .message = arena_printf(
                             arena, "Overdue invoice %.32s: %s is due",
                             text_or(doc, "invoice_no", text_or(doc, "sale_number", id)),
                             said(w, doc, "balance_due")),
                         .sale_id = id,
                         .reference_id = id,
                         .branch_id = doc_text(doc, "branch_id"),
                         .sticky = true,
                         .once = true});
}

static bool invoices(struct work *w)
{
    bson_t *match = own_bson(w->scope->arena);

    scope_filter(w->scope, NULL, match);
    BCON_APPEND(match, "payment_status", "{", "$in", "[", "unpaid", "partially_paid", "]", "}",
                "status", "{", "$nin", "[", "cancelled", "draft", "]", "}", "created_at", "{",
                "$lt", BCON_DATE_TIME(w->now - REMINDERS_OVERDUE_MS), "}");
    return scope_count(w->scope, SALES, match, REMINDERS_SEEN_MAX, &w->out->invoices, w->err) &&
           each_untold(w, SALES, match, "sale_id", NOTICE_UNPAID_INVOICE, add_invoice);
}

/* ---- dues ---- */

static void add_due(struct work *w, const bson_t *doc, const bson_t *daily)
{
    struct arena *arena = w->scope->arena;

    notices_add(
        &w->list,
        &(struct notice){.type = NOTICE_UNPAID_INVOICE,
                         .title = "Due reminder",
                         .message = arena_printf(
                             arena, "%.200s owes %s of sale %.32s",
                             text_or(doc, "customer_name", "A customer"),
                             said(w, doc, "due_amount"),
                             text_or(doc, "sale_number", "without a number")),
                         .sale_id = doc_text(doc, "sale_id"),
                         .reference_id = doc_text(doc, "id"),
                         .branch_id = doc_text(doc, "branch_id"),
                         .metadata = daily});
}

/* Those that nobody was told of in the last day, the longest ago first. */
static bool read_dues(struct work *w, struct ids *ids)
{
    bson_t *filter = own_bson(w->scope->arena), *opts = own_bson(w->scope->arena);
    bson_t *daily = own_bson(w->scope->arena);
    mongoc_cursor_t *cursor;
    const bson_t *doc;

    BSON_APPEND_BOOL(daily, "daily", true);
    ids_init(ids, w->scope->arena, REMINDERS_MAX);
    scope_filter(w->scope, NULL, filter);
    BCON_APPEND(filter, "due_amount", "{", "$gt", BCON_INT64(0), "}", "reminded_at", "{", "$not",
                "{", "$gte", BCON_DATE_TIME(w->now - REMINDERS_EVERY_MS), "}", "}");
    BCON_APPEND(opts, "sort", "{", "reminded_at", BCON_INT32(1), "id", BCON_INT32(1), "}", "limit",
                BCON_INT64(REMINDERS_MAX), "batchSize", BCON_INT64(REMINDERS_MAX + 1));
    cursor = scope_find(w->scope, SALE_DUES, filter, opts);
    while (scope_next(w->scope, cursor, &doc, w->err)) {
        const bson_t *due;

        if (doc == NULL)
            return true;
        due = own_bson_copy(w->scope->arena, bson_get_data(doc), doc->len);
        if (doc_text(due, "id") == NULL)
            continue;
        ids_add(ids, doc_text(due, "id"));
        add_due(w, due, daily);
    }
    return false;
}

static bool dues(struct work *w)
{
    bson_t *filter = own_bson(w->scope->arena), *update = own_bson(w->scope->arena);
    int64_t changed;
    struct ids ids;

    if (!read_dues(w, &ids))
        return false;
    w->out->dues = (int64_t)ids.n;
    if (ids.n == 0)
        return true;
    ids_sort(&ids);
    scope_filter(w->scope, NULL, filter);
    ids_append_in(&ids, "id", filter);
    BCON_APPEND(update, "$set", "{", "reminded_at", BCON_DATE_TIME(w->now), "}", "$inc", "{",
                FIELD_REV, BCON_INT64(1), "}");
    return scope_update_all(w->scope, SALE_DUES, filter, update, &changed, w->err) &&
           notices_settle_all(w->scope, NOTICE_UNPAID_INVOICE, "reference_id", &ids, w->err);
}

bool reminders_run(struct scope *scope, const struct tenant *tenant, int64_t now_ms,
                   const struct audit_entry *who, struct reminded *out, struct err *err)
{
    struct work w = {
        .scope = scope, .err = err, .out = out, .now = now_ms, .tenant = tenant};
    struct audit_entry entry = *who;

    *out = (struct reminded){0};
    notices_init(&w.list, scope->arena);
    if (!products(&w) || !invoices(&w) || !dues(&w))
        return false;
    out->created = (int64_t)w.list.n;
    entry.action = "scheduled_check";
    entry.collection = NOTIFICATIONS;
    return w.list.n == 0 || (notices_store(scope, &w.list, err) && audit_add(scope, &entry, err));
}
