/* Documents of warranties and their events, in the order of their descriptors' fields. */
#include "base.h"
#include "trade/warranty_priv.h"
#include "core/clock.h"
#include "core/id.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/validate.h"
#include "trade/warranty_token.h"

/* ---- a warranty ---- */

const char *product_serial(const bson_t *product)
{
    const char *imei = doc_text(product, "imei");

    return imei != NULL && *imei ? imei : doc_text(product, "serial_number");
}

/* Members of where it was sold, from the sale or from the one that is replaced. */
static void append_sale(const struct warranty_seed *seed, bson_t *doc)
{
    const bson_t *from = seed->sale ? seed->sale : seed->old;

    doc_append_text_or_null(doc, "sale_id", doc_text(from, seed->sale ? "id" : "sale_id"));
    doc_append_text_or_null(doc, "sale_number", doc_text(from, "sale_number"));
    doc_append_text_or_null(doc, "invoice_id", doc_text(from, seed->sale ? "id" : "invoice_id"));
    doc_append_text_or_null(doc, "invoice_no", doc_text(from, "invoice_no"));
    BSON_APPEND_INT64(doc, "line", seed->line);
    BSON_APPEND_INT64(doc, "unit", seed->unit);
    doc_append_text_or_null(doc, "branch_id", doc_text(from, "branch_id"));
}

static void append_what(const struct warranty_seed *seed, bson_t *doc)
{
    const bson_t *from = seed->sale ? seed->sale : seed->old;
    const char *name = seed->product ? doc_text(seed->product, "name")
                                     : doc_text(seed->old, "product_name");

    doc_append_text_or_null(doc, "product_id", seed->product_id);
    doc_append_text_or_null(doc, "product_name", name);
    doc_append_text_or_null(doc, "serial_number", seed->serial);
    doc_append_text_or_null(doc, "customer_id", doc_text(from, "customer_id"));
    doc_append_text_or_null(doc, "customer_name", doc_text(from, "customer_name"));
    doc_append_text_or_null(doc, "customer_phone", doc_text(from, "customer_phone"));
    doc_append_text_or_null(doc, "supplier_name",
                            doc_text(seed->product ? seed->product : seed->old, "supplier_name"));
}

static void append_term(const struct warranty_seed *seed, bson_t *doc)
{
    int64_t bought = seed->term->start;

    if (seed->old != NULL)
        doc_instant(seed->old, "purchase_date", &bought);
    BSON_APPEND_DATE_TIME(doc, "purchase_date", bought);
    BSON_APPEND_DATE_TIME(doc, "start_date", seed->term->start);
    BSON_APPEND_INT64(doc, "warranty_period_months", seed->term->months);
    BSON_APPEND_DATE_TIME(doc, "expiry_date", seed->term->expiry);
}

static void append_rest(const struct warranty_seed *seed, const char *created_by, bson_t *doc)
{
    bson_t list;

    BSON_APPEND_UTF8(doc, "current_status", "active");
    BSON_APPEND_NULL(doc, "replaced_by_warranty_id");
    doc_append_text_or_null(doc, "replaces_warranty_id", doc_text(seed->old, "id"));
    doc_append_text_or_null(doc, "supplier_warranty_id",
                            doc_text(seed->old, "supplier_warranty_id"));
    BSON_APPEND_BOOL(doc, "transferable", false);
    doc_append_money(doc, "fraud_score", 0, 1);
    BSON_APPEND_ARRAY_BEGIN(doc, "evidence", &list);
    bson_append_array_end(doc, &list);
    doc_append_text_or_null(doc, "created_by", created_by);
    BSON_APPEND_INT64(doc, FIELD_REV, 1);
}

const bson_t *warranty_document(struct req *req, struct scope *scope,
                                const struct warranty_seed *seed, struct series *series)
{
    bson_t *doc = own_bson(scope->arena);
    char id[ID_SIZE];

    id_new(id);
    scope_begin_record(scope, id, doc);
    if (series != NULL)
        series_next(series, doc);
    else
        BSON_APPEND_UTF8(doc, "warranty_code",
                         arena_printf(scope->arena, "%s-R", doc_text(seed->old, "warranty_code")));
    BSON_APPEND_UTF8(doc, "token", warranty_token_make(req, id));
    append_sale(seed, doc);
    append_what(seed, doc);
    append_term(seed, doc);
    append_rest(seed, req->principal.email, doc);
    return doc;
}

/* ---- an event ---- */

static void append_actor(const struct req *req, const bson_t *record,
                         const struct warranty_event *event, bson_t *doc)
{
    bool person = req->authenticated;

    BSON_APPEND_UTF8(doc, "event_type", event->type);
    BSON_APPEND_UTF8(doc, "actor_type", event->actor);
    doc_append_text_or_null(doc, "actor_id", person ? req->principal.user_id : NULL);
    doc_append_text_or_null(doc, "actor_name",
                            person ? req->principal.email : doc_text(record, "customer_name"));
    doc_append_text_or_null(doc, "note", event->note);
}

const bson_t *event_document(const struct req *req, struct scope *scope, const bson_t *record,
                             const struct warranty_event *event)
{
    bson_t *doc = own_bson(scope->arena), *none = own_bson(scope->arena);
    char id[ID_SIZE];

    id_new(id);
    scope_begin_record(scope, id, doc);
    doc_append_text_or_null(doc, "warranty_id", doc_text(record, "id"));
    doc_append_text_or_null(doc, "branch_id", doc_text(record, "branch_id"));
    append_actor(req, record, event, doc);
    BSON_APPEND_ARRAY(doc, "attachments", event->attachments ? event->attachments : none);
    BSON_APPEND_DOCUMENT(doc, "meta", event->meta ? event->meta : none);
    BSON_APPEND_INT64(doc, FIELD_REV, 1);
    return doc;
}
