/* The customer of a sale: found by id, by phone or by name, or made; with the sums of what was
 * bought and is owed. Two sales that make the same customer at once meet at the number series of
 * their business, so the second one finds the first one's. */
#include "base.h"
#include "trade/sale_priv.h"
#include "core/clock.h"
#include "core/id.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/validate.h"

/* Adds to an amount where there is one; an earlier system may have left null, or nothing. */
static void append_sum(const bson_t *old, const char *name, money_t amount, int decimals,
                       bson_t *inc, bson_t *set)
{
    bson_iter_t it;

    if (bson_iter_init_find(&it, old, name) && !BSON_ITER_HOLDS_NUMBER(&it) &&
        !BSON_ITER_HOLDS_DECIMAL128(&it))
        doc_append_money(set, name, amount, decimals);
    else
        doc_append_money(inc, name, amount, decimals);
}

static void append_new(bson_t *set, const char *name, const char *text)
{
    if (text != NULL)
        BSON_APPEND_UTF8(set, name, text);
}

/* Refreshes what is known of a customer, and the sums. */
static bool refresh(struct sale_work *w)
{
    const struct sale_order *o = w->order;
    bson_t *filter = own_bson(w->scope->arena), *update = own_bson(w->scope->arena);
    bson_t set = BSON_INITIALIZER, inc = BSON_INITIALIZER;
    const bson_t *after;
    bool ok;

    scope_filter(w->scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "id", w->customer_id);
    append_new(&set, "phone", o->customer_phone);
    append_new(&set, "address", o->customer_address);
    append_sum(w->customer, "total_purchases", w->ticket.total, w->decimals, &inc, &set);
    append_sum(w->customer, "due_amount", w->balance, w->decimals, &inc, &set);
    BSON_APPEND_DATE_TIME(&set, "updated_at", clock_ms());
    if (o->customer_phone != NULL) {
        bson_t phone = BSON_INITIALIZER;

        append_new(&phone, "phone", o->customer_phone);
        validate_append_words(resource_by_noun("customer"), &phone, w->customer, &set);
        bson_destroy(&phone);
    }
    BSON_APPEND_INT64(&inc, FIELD_REV, 1);
    BSON_APPEND_DOCUMENT(update, "$set", &set);
    BSON_APPEND_DOCUMENT(update, "$inc", &inc);
    bson_destroy(&set);
    bson_destroy(&inc);
    ok = scope_find_and_update(w->scope, "customers", filter, update, true, false, NULL, &after,
                               w->err);
    return ok;
}

static bool make(struct sale_work *w)
{
    const struct sale_order *o = w->order;
    bson_t *doc = own_bson(w->scope->arena);
    char *id = arena_alloc(w->scope->arena, ID_SIZE);

    id_new(id);
    w->customer_id = id;
    scope_begin_record(w->scope, id, doc);
    BSON_APPEND_UTF8(doc, "name", o->customer_name);
    doc_append_text_or_null(doc, "phone", o->customer_phone);
    doc_append_text_or_null(doc, "email", NULL);
    doc_append_text_or_null(doc, "address", o->customer_address);
    doc_append_money(doc, "total_purchases", w->ticket.total, w->decimals);
    doc_append_money(doc, "due_amount", w->balance, w->decimals);
    BSON_APPEND_INT64(doc, FIELD_REV, 1);
    validate_append_words(resource_by_noun("customer"), doc, NULL, doc);
    return scope_insert(w->scope, "customers", doc, w->err);
}

bool sale_customer_known(struct sale_work *w)
{
    return w->order->customer_id == NULL || w->customer != NULL ||
           err_field(w->err, "customer_id", "reference", "There is no customer with this id");
}

/* Of the customer as it was read: the update that follows makes it hold until the commit. */
static bool check_limit(struct sale_work *w)
{
    struct arena *arena = w->scope->arena;
    money_t limit = doc_money(w->customer, "credit_limit", w->decimals, 0);
    money_t owed = doc_money(w->customer, "due_amount", w->decimals, 0), sum;

    if (limit <= 0 || w->balance == 0 || (money_add(owed, w->balance, &sum) && sum <= limit))
        return true;
    w->over_limit = w->order->over_limit;
    return w->over_limit ||
           err_set(w->err, ERR_CREDIT,
                   "The credit limit of %.100s is %s: %s is owed, and %s would be due of this sale",
                   doc_text(w->customer, "name") ? doc_text(w->customer, "name") : "the customer",
                   money_text(arena, limit, w->decimals), money_text(arena, owed, w->decimals),
                   money_text(arena, w->balance, w->decimals));
}

bool sale_customer(struct sale_work *w)
{
    const struct sale_order *o = w->order;

    if (o->over_limit && !(R(w->req->principal.role) & SALE_CREDIT_ROLES))
        return err_field(w->err, "over_credit_limit", "role", "Needs a manager");
    w->over_limit = false;
    w->customer_id = NULL;
    w->customer_name = o->customer_name;
    if (w->customer != NULL) {
        w->customer_id = doc_text(w->customer, "id");
        if (w->customer_name == NULL)
            w->customer_name = doc_text(w->customer, "name");
        return w->customer_id == NULL || (check_limit(w) && refresh(w));
    }
    if (!sale_customer_known(w))
        return false;
    if (o->customer_name == NULL || (o->customer_phone == NULL && o->customer_address == NULL))
        return true;
    return make(w);
}

/* {name: {$add: [{$ifNull: ["$name", 0]}, amount]}}: an earlier system may have left null.
 * Decimals below 0: it is no amount of money. */
static void append_more(bson_t *set, const char *name, const char *path, money_t amount,
                        int decimals)
{
    bson_t child, list, inner, pair;

    BSON_APPEND_DOCUMENT_BEGIN(set, name, &child);
    BSON_APPEND_ARRAY_BEGIN(&child, "$add", &list);
    BSON_APPEND_DOCUMENT_BEGIN(&list, "0", &inner);
    BSON_APPEND_ARRAY_BEGIN(&inner, "$ifNull", &pair);
    BSON_APPEND_UTF8(&pair, "0", path);
    BSON_APPEND_INT64(&pair, "1", 0);
    bson_append_array_end(&inner, &pair);
    bson_append_document_end(&list, &inner);
    if (decimals >= 0)
        doc_append_money(&list, "1", amount, decimals);
    else
        BSON_APPEND_INT64(&list, "1", amount);
    bson_append_array_end(&child, &list);
    bson_append_document_end(set, &child);
}

bool sale_customer_add(struct scope *scope, const char *customer_id, money_t bought, money_t owed,
                       int decimals, const bson_t **after, struct err *err)
{
    bson_t *filter = own_bson(scope->arena), *update = own_bson(scope->arena);
    bson_t stage, set;

    scope_filter(scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "id", customer_id);
    BSON_APPEND_DOCUMENT_BEGIN(update, "0", &stage);
    BSON_APPEND_DOCUMENT_BEGIN(&stage, "$set", &set);
    append_more(&set, "total_purchases", "$total_purchases", bought, decimals);
    append_more(&set, "due_amount", "$due_amount", owed, decimals);
    append_more(&set, FIELD_REV, "$" FIELD_REV, 1, -1);
    BSON_APPEND_DATE_TIME(&set, "updated_at", clock_ms());
    bson_append_document_end(&stage, &set);
    bson_append_document_end(update, &stage);
    return scope_find_and_update(scope, "customers", filter, update, true, false, NULL, after, err);
}

bool sale_change_customer(struct sale_change *c, money_t bought, money_t owed)
{
    const char *customer_id = doc_text(c->sale, "customer_id");
    const bson_t *after;

    return customer_id == NULL || *customer_id == '\0' ||
           sale_customer_add(c->scope, customer_id, bought, owed, c->decimals, &after, c->err);
}
