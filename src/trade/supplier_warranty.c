/* Warranties that suppliers give, of a purchase. */
#include "base.h"
#include "trade/supplier_warranty.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/change.h"
#include "engine/index.h"
#include "engine/validate.h"
#include "trade/purchase.h"
#include "trade/warranty_priv.h"

#define DAY_TEXT 10 /* bytes of "2026-01-31" */

const char *const supplier_warranty_status_names[] = {"active", "expired", "claim_filed", NULL};

static const struct transition transitions[] = {
    {"active", "claim_filed"},
    {"expired", "claim_filed"},
    {NULL, NULL},
};

const struct states supplier_warranty_states = {.field = "status", .transitions = transitions};

bool supplier_warranty_prepare(struct req *req)
{
    return purchase_prepare(req) &&
           index_ensure(req->app->indexes, resource_by_noun("supplier_warranty"), &req->scope,
                        req->err);
}

const struct lapse supplier_warranty_lapse = {"status", "active", "expired", "expiry_date"};

/* ---- of a purchase ---- */

struct making {
    struct req *req;
    struct scope *scope;
    struct err *err;
    const bson_t *in, *purchase;
    const char *product_id, *product_name, *serial;
    struct warranty_term term;
};

static bson_t *filter_of(struct scope *scope, const char *id)
{
    bson_t *filter = own_bson(scope->arena);

    scope_filter(scope, "branch_id", filter);
    BSON_APPEND_UTF8(filter, "id", id);
    return filter;
}

/* Where it begins: the day that is said, the purchase's own, or when that was stored. */
static struct term_ask ask_of(struct making *m, const bson_t *purchase)
{
    struct term_ask ask = {.months = (int32_t)doc_int(m->in, "warranty_months", 12)};
    const char *day = doc_text(m->in, "start_date");

    if (day == NULL)
        day = doc_text(purchase, "date");
    if (day != NULL && strlen(day) > DAY_TEXT && clock_parse(day, strlen(day), &ask.start))
        return ask;
    if (day != NULL && strlen(day) == DAY_TEXT && clock_parse(day, DAY_TEXT, &ask.start))
        ask.start_day = day;
    else
        doc_instant(purchase, "created_at", &ask.start);
    return ask;
}

static bool read_purchase(struct making *m)
{
    const char *id = req_param(m->req, "id");
    struct term_ask ask;
    const bson_t *with;

    if (!scope_find_one(m->scope, PURCHASES, filter_of(m->scope, id), NULL, &m->purchase, m->err))
        return false;
    if (m->purchase == NULL)
        return err_set(m->err, ERR_NOT_FOUND, "Purchase not found");
    ask = ask_of(m, m->purchase);
    if (!term_read(m->scope, PURCHASES, filter_of(m->scope, id), &ask, &with, m->err))
        return false;
    return term_of(with, &m->term) ||
           err_field(m->err, "warranty_months", "range", "Must be from 1 to 1200");
}

/* Its line of the product; without a product it must be of one alone. */
static bool find_line(struct making *m)
{
    const char *wanted = doc_text(m->in, "product_id");

    for (size_t i = 0; i < PURCHASE_LINES_MAX; i++) {
        const char *at = arena_printf(m->scope->arena, "items.%zu.product_id", i);
        const char *id = doc_text(m->purchase, at);

        if (id == NULL || (wanted != NULL && strcmp(id, wanted) != 0))
            continue;
        if (m->product_id != NULL && strcmp(m->product_id, id) != 0)
            return err_field(m->err, "product_id", "required", "The purchase has several products");
        if (m->product_id != NULL)
            continue;
        m->product_id = id;
        at = arena_printf(m->scope->arena, "items.%zu.product_name", i);
        m->product_name = doc_text(m->purchase, at);
        at = arena_printf(m->scope->arena, "items.%zu.warranty_serial", i);
        m->serial = doc_text(m->purchase, at);
    }
    return m->product_id != NULL || err_field(m->err, "product_id", "reference",
                                              "The purchase has no item of this product");
}

static const bson_t *document(struct making *m)
{
    const struct resource *resource = resource_by_noun("supplier_warranty");
    const char *serial = doc_text(m->in, "serial_number");
    bson_t *doc = own_bson(m->scope->arena);
    struct series series;

    if (!series_take(resource, m->scope, 1, &series, m->err))
        return NULL;
    series.year = m->term.year;
    scope_begin_record(m->scope, NULL, doc);
    series_next(&series, doc);
    doc_append_text_or_null(doc, "purchase_id", doc_text(m->purchase, "id"));
    doc_append_text_or_null(doc, "purchase_number", doc_text(m->purchase, "purchase_number"));
    doc_append_text_or_null(doc, "branch_id", doc_text(m->purchase, "branch_id"));
    doc_append_text_or_null(doc, "supplier_id", doc_text(m->purchase, "supplier_id"));
    doc_append_text_or_null(doc, "supplier_name", doc_text(m->purchase, "supplier_name"));
    doc_append_text_or_null(doc, "product_id", m->product_id);
    doc_append_text_or_null(doc, "product_name", m->product_name);
    doc_append_text_or_null(doc, "serial_number", serial ? serial : m->serial);
    BSON_APPEND_INT64(doc, "warranty_months", m->term.months);
    BSON_APPEND_DATE_TIME(doc, "start_date", m->term.start);
    BSON_APPEND_DATE_TIME(doc, "expiry_date", m->term.expiry);
    BSON_APPEND_UTF8(doc, "status", "active");
    doc_append_text_or_null(doc, "terms", doc_text(m->in, "terms"));
    doc_append_text_or_null(doc, "notes", doc_text(m->in, "notes"));
    doc_append_text_or_null(doc, "created_by", m->req->principal.email);
    BSON_APPEND_INT64(doc, FIELD_REV, 1);
    return doc;
}

/* The purchase names it; the condition keeps the list bounded. */
static bool name_it(struct making *m, const char *id)
{
    bson_t *filter = filter_of(m->scope, doc_text(m->purchase, "id"));
    bson_t *update = own_bson(m->scope->arena);
    const bson_t *after;
    bson_iter_t it;

    if (doc_at(m->purchase,
               arena_printf(m->scope->arena, "supplier_warranty_refs.%d",
                            SUPPLIER_WARRANTIES_MAX - 1),
               &it))
        return err_set(m->err, ERR_CONFLICT, "The purchase has %d of them already",
                       SUPPLIER_WARRANTIES_MAX);
    BCON_APPEND(update, "$push", "{", "supplier_warranty_refs", id, "}", "$set", "{", "updated_at",
                BCON_DATE_TIME(clock_ms()), "}", "$inc", "{", FIELD_REV, BCON_INT64(1), "}");
    if (!scope_find_and_update(m->scope, PURCHASES, filter, update, true, false, NULL, &after,
                               m->err))
        return false;
    if (after == NULL)
        return err_set(m->err, ERR_NOT_FOUND, "Purchase not found");
    return change_audit(m->req, m->scope, "add_supplier_warranty", PURCHASES,
                        doc_text(after, "id"), m->purchase, after, m->err);
}

bool supplier_warranty_make(struct req *req, struct scope *scope, const bson_t *in,
                            const bson_t **record, struct err *err)
{
    struct making m = {.req = req, .scope = scope, .err = err, .in = in};

    if (!read_purchase(&m) || !find_line(&m) || (*record = document(&m)) == NULL)
        return false;
    return scope_insert(scope, SUPPLIER_WARRANTIES, *record, err) &&
           name_it(&m, doc_text(*record, "id")) &&
           change_audit(req, scope, "create", SUPPLIER_WARRANTIES, doc_text(*record, "id"), NULL,
                        *record, err);
}

/* ---- a claim ---- */

static void append_claim(const struct req *req, const bson_t *in, bson_t *set)
{
    bson_iter_t it;

    BSON_APPEND_UTF8(set, "status", "claim_filed");
    if (doc_at(in, "claim_details", &it))
        bson_append_iter(set, "claim_details", -1, &it);
    doc_append_text_or_null(set, "claim_notes", doc_text(in, "notes"));
    BSON_APPEND_DATE_TIME(set, "claim_filed_at", clock_ms());
    doc_append_text_or_null(set, "claim_filed_by", req->principal.email);
    BSON_APPEND_DATE_TIME(set, "updated_at", clock_ms());
}

bool supplier_warranty_claim(struct req *req, struct scope *scope, const bson_t *in,
                             const bson_t **record, struct err *err)
{
    bson_t *filter = filter_of(scope, req_param(req, "id")), *update = own_bson(scope->arena);
    const bson_t *before;
    bson_t set;

    if (!scope_find_one(scope, SUPPLIER_WARRANTIES, filter, NULL, &before, err))
        return false;
    if (before == NULL)
        return err_set(err, ERR_NOT_FOUND, "Supplier's warranty not found");
    if (!state_may(&supplier_warranty_states,
                   lapse_state(&supplier_warranty_lapse, before, clock_ms()), "claim_filed", err))
        return false;
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    append_claim(req, in, &set);
    bson_append_document_end(update, &set);
    BCON_APPEND(update, "$inc", "{", FIELD_REV, BCON_INT64(1), "}");
    if (!scope_find_and_update(scope, SUPPLIER_WARRANTIES, filter, update, true, false, NULL,
                               record, err))
        return false;
    if (*record == NULL)
        return err_set(err, ERR_NOT_FOUND, "Supplier's warranty not found");
    return change_audit(req, scope, "file_claim", SUPPLIER_WARRANTIES, req_param(req, "id"), before,
                        *record, err);
}
