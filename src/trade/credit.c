/* What customers have to their credit. */
#include "base.h"
#include "trade/credit.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/validate.h"

static bson_t *filter_of(const struct scope *scope, const char *customer_id)
{
    bson_t *filter = own_bson(scope->arena);

    scope_filter(scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "id", customer_id);
    return filter;
}

static const bson_t *update_of(const struct scope *scope, money_t amount, int decimals)
{
    bson_t *update = own_bson(scope->arena);
    bson_t child;

    BSON_APPEND_DOCUMENT_BEGIN(update, "$inc", &child);
    doc_append_money(&child, CUSTOMER_CREDIT, amount, decimals);
    BSON_APPEND_INT64(&child, FIELD_REV, 1);
    bson_append_document_end(update, &child);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &child);
    BSON_APPEND_DATE_TIME(&child, "updated_at", clock_ms());
    bson_append_document_end(update, &child);
    return update;
}

/* Why no customer was changed. */
static bool refuse(struct scope *scope, const char *customer_id, int decimals, const char *path,
                   struct err *err)
{
    char text[MONEY_TEXT_SIZE];
    const bson_t *customer;

    if (!scope_find_one(scope, "customers", filter_of(scope, customer_id), NULL, &customer, err))
        return false;
    if (customer == NULL)
        return err_field(err, path, "reference", "The customer is not there any more");
    money_format(text, doc_money(customer, CUSTOMER_CREDIT, decimals, 0), decimals);
    return err_field(err, path, "range", "Is more than the customer's store credit of %s", text);
}

static const bson_t *row_of(struct req *req, const struct scope *scope, const bson_t *sale,
                            money_t amount, money_t balance, const char *reference)
{
    static const char *const same[] = {"customer_id", "sale_number", "branch_id"};
    bson_t *doc = own_bson(scope->arena);

    scope_begin_record(scope, NULL, doc);
    doc_append_text(doc, "sale_id", doc_text(sale, "id"));
    for (size_t i = 0; i < ARRAY_LEN(same); i++)
        doc_append_text_or_null(doc, same[i], doc_text(sale, same[i]));
    doc_append_text_or_null(doc, "reference", reference ? reference
                                                        : doc_text(sale, "sale_number"));
    doc_append_money(doc, "before", balance - amount, req->tenant->decimals);
    doc_append_money(doc, "amount", amount, req->tenant->decimals);
    doc_append_money(doc, "after", balance, req->tenant->decimals);
    doc_append_text_or_null(doc, "created_by", req->principal.email);
    BSON_APPEND_INT64(doc, FIELD_REV, 1);
    return doc;
}

bool credit_move(struct req *req, struct scope *scope, const bson_t *sale, money_t amount,
                 const char *reference, const char *path, struct err *err)
{
    const char *customer_id = doc_text(sale, "customer_id");
    int decimals = req->tenant->decimals;
    const bson_t *after;
    bson_t *filter, least;

    assert(scope->session);
    if (amount == 0)
        return true;
    if (customer_id == NULL || *customer_id == '\0')
        return err_field(err, path, "customer", "Only a customer with a record has store credit");
    filter = filter_of(scope, customer_id);
    if (amount < 0) {
        BSON_APPEND_DOCUMENT_BEGIN(filter, CUSTOMER_CREDIT, &least);
        doc_append_money(&least, "$gte", -amount, decimals);
        bson_append_document_end(filter, &least);
    }
    if (!scope_find_and_update(scope, "customers", filter, update_of(scope, amount, decimals), true,
                               false, NULL, &after, err))
        return false;
    if (after == NULL)
        return refuse(scope, customer_id, decimals, path, err);
    return scope_insert(scope, STORE_CREDITS,
                        row_of(req, scope, sale, amount,
                               doc_money(after, CUSTOMER_CREDIT, decimals, 0), reference),
                        err);
}
