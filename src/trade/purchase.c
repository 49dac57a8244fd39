/* Storing a purchase, and the files of its receipts. */
#include "base.h"
#include "trade/purchase_priv.h"
#include "trade/sale_priv.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/many.h"
#include "db/own.h"
#include "engine/change.h"
#include "engine/index.h"
#include "engine/series.h"
#include "http/multipart.h"
#include "platform/files.h"

bool purchase_prepare(struct req *req)
{
    static const char *const nouns[] = {"purchase", "product", "product_branch"};

    for (size_t i = 0; i < ARRAY_LEN(nouns); i++)
        if (!index_ensure(req->app->indexes, resource_by_noun(nouns[i]), &req->scope, req->err))
            return false;
    return true;
}

void purchase_append_receipt(const struct req *req, const char *key, const char *name,
                             bson_t *list)
{
    bson_t one;

    BSON_APPEND_DOCUMENT_BEGIN(list, key, &one);
    BSON_APPEND_UTF8(&one, "filename", name);
    BSON_APPEND_UTF8(&one, "url",
                     arena_printf(req->arena, "/api/uploads/" FILES_RECEIPTS "/%s", name));
    BSON_APPEND_UTF8(&one, "content_type", file_kind_type(file_kind_of_name(name)));
    BSON_APPEND_INT64(&one, "size", (int64_t)req->file->len);
    BSON_APPEND_DATE_TIME(&one, "uploaded_at", clock_ms());
    doc_append_text_or_null(&one, "uploaded_by", req->principal.email);
    bson_append_document_end(list, &one);
}

/* ---- the record ---- */

static bool supplier_name(struct purchase_work *w, const char *id, const char **name)
{
    bson_t *filter = own_bson(w->scope->arena);
    const bson_t *doc;

    scope_filter(w->scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "id", id);
    if (!scope_find_one(w->scope, "suppliers", filter, NULL, &doc, w->err))
        return false;
    *name = doc_text(doc, "name");
    if (*name == NULL)
        *name = "Unknown";
    return true;
}

static void append_tail(const struct purchase_work *w, const struct purchase_order *o, bson_t *doc)
{
    bson_t list;

    doc_append_money(doc, "total_amount", o->total, w->req->tenant->decimals);
    doc_append_text_or_null(doc, "payment_status",
                            o->payment_status ? o->payment_status : "pending");
    doc_append_text_or_null(doc, "date", o->date);
    doc_append_text_or_null(doc, "notes", o->notes);
    BSON_APPEND_UTF8(doc, "status", "completed");
    BSON_APPEND_UTF8(doc, "stock_status", "pending");
    BSON_APPEND_ARRAY_BEGIN(doc, "receipt_files", &list);
    if (o->receipt != NULL)
        purchase_append_receipt(w->req, "0", o->receipt, &list);
    bson_append_array_end(doc, &list);
    BSON_APPEND_ARRAY_BEGIN(doc, "supplier_warranty_refs", &list);
    bson_append_array_end(doc, &list);
    doc_append_text_or_null(doc, "idempotency_key", w->req->idempotency_key);
    BSON_APPEND_BOOL(doc, "include_warranty_terms", o->include_terms);
    doc_append_text_or_null(doc, "warranty_terms", o->terms);
    doc_append_text_or_null(doc, "created_by", w->req->principal.email);
    BSON_APPEND_INT64(doc, FIELD_REV, 1);
}

/* NULL with the error set. */
static const bson_t *document(struct purchase_work *w, const struct purchase_order *o,
                              const char *branch_id, const char *supplier)
{
    bson_t *doc = own_bson(w->scope->arena);

    scope_begin_record(w->scope, NULL, doc);
    if (!series_append(resource_by_noun("purchase"), w->scope, doc, w->err))
        return NULL;
    BSON_APPEND_UTF8(doc, "supplier_id", o->supplier_id);
    BSON_APPEND_UTF8(doc, "supplier_name", supplier);
    doc_append_text_or_null(doc, "branch_id", branch_id);
    purchase_append_items(w, doc);
    append_tail(w, o, doc);
    return doc;
}

/* Every product that was there gets the terms; those that were made have them. */
static bool copy_terms(struct purchase_work *w)
{
    bson_t *filter = own_bson(w->scope->arena), *update = own_bson(w->scope->arena);
    bson_t child, list;
    char key[24];
    int64_t changed;

    if (w->terms == NULL)
        return true;
    scope_filter(w->scope, NULL, filter);
    BSON_APPEND_DOCUMENT_BEGIN(filter, "id", &child);
    BSON_APPEND_ARRAY_BEGIN(&child, "$in", &list);
    for (size_t i = 0; i < w->n; i++) {
        snprintf(key, sizeof key, "%zu", i);
        BSON_APPEND_UTF8(&list, key, w->lines[i].product_id);
    }
    bson_append_array_end(&child, &list);
    bson_append_document_end(filter, &child);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &child);
    BSON_APPEND_BOOL(&child, "include_warranty_terms", true);
    BSON_APPEND_UTF8(&child, "warranty_terms", w->terms);
    BSON_APPEND_DATE_TIME(&child, "updated_at", clock_ms());
    bson_append_document_end(update, &child);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$inc", &child);
    BSON_APPEND_INT64(&child, FIELD_REV, 1);
    bson_append_document_end(update, &child);
    return scope_update_all(w->scope, STOCK_PRODUCTS, filter, update, &changed, w->err);
}

bool purchase_make(struct req *req, struct scope *scope, const struct purchase_order *order,
                   const bson_t **record, struct err *err)
{
    struct purchase_work w = {.req = req, .scope = scope, .err = err, .n = order->n,
                              .terms = order->include_terms ? order->terms : NULL};
    const char *branch = scope->branch_id ? scope->branch_id : order->branch_id;
    const char *supplier;

    *record = NULL;
    if (order->branch_id != NULL && strcmp(order->branch_id, branch) != 0)
        return err_set(err, ERR_FORBIDDEN, "You may only buy for your own branch");
    w.lines = arena_alloc(scope->arena, order->n * sizeof *w.lines); /* anew in each attempt */
    memcpy(w.lines, order->lines, order->n * sizeof *w.lines);
    if (!purchase_resolve(&w) || !supplier_name(&w, order->supplier_id, &supplier) ||
        !copy_terms(&w))
        return false;
    *record = document(&w, order, branch, supplier);
    return *record != NULL && scope_insert(scope, PURCHASES, *record, err) &&
           change_audit(req, scope, "create", PURCHASES, doc_text(*record, "id"), NULL, *record,
                        err);
}

/* ---- receipts ---- */

bool purchase_receipt(struct req *req, struct scope *scope, const char *name,
                      const bson_t **record, struct err *err)
{
    bson_t *filter = own_bson(scope->arena), *update = own_bson(scope->arena);
    const bson_t *before;
    bson_t child;
    bson_iter_t it;

    scope_filter(scope, "branch_id", filter);
    BSON_APPEND_UTF8(filter, "id", req_param(req, "id"));
    if (!scope_find_one(scope, PURCHASES, filter, NULL, &before, err))
        return false;
    if (before == NULL)
        return err_set(err, ERR_NOT_FOUND, "Purchase not found");
    if (doc_at(before, arena_printf(scope->arena, "receipt_files.%d", PURCHASE_FILES_MAX - 1), &it))
        return err_set(err, ERR_CONFLICT, "It has %d receipts already", PURCHASE_FILES_MAX);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$push", &child);
    purchase_append_receipt(req, "receipt_files", name, &child);
    bson_append_document_end(update, &child);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &child);
    BSON_APPEND_DATE_TIME(&child, "updated_at", clock_ms());
    bson_append_document_end(update, &child);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$inc", &child);
    BSON_APPEND_INT64(&child, FIELD_REV, 1);
    bson_append_document_end(update, &child);
    if (!scope_find_and_update(scope, PURCHASES, filter, update, true, false, NULL, record, err))
        return false;
    if (*record == NULL)
        return err_set(err, ERR_NOT_FOUND, "Purchase not found");
    return change_audit(req, scope, "add_receipt", PURCHASES, req_param(req, "id"), before, *record,
                        err);
}
