/* Suppliers' warranties over the wire. The rules are in trade/supplier_warranty.h. */
#include "base.h"
#include "actions/actions.h"
#include "db/doc.h"
#include "db/own.h"
#include "db/txn.h"
#include "engine/form.h"
#include "engine/render.h"
#include "engine/reply.h"
#include "trade/purchase.h"
#include "trade/supplier_warranty.h"

struct work {
    struct req *req;
    const bson_t *in, *record;
};

#define NOUN "supplier_warranty"

static bool run(struct work *w, const char *form, txn_body *body)
{
    struct req *req = w->req;
    struct validated in;

    if (!req->body)
        in.set = own_bson(req->arena);
    else if (!form_read(req, form, VALIDATE_CREATE, &in))
        return false;
    w->in = in.set;
    if (!supplier_warranty_prepare(req))
        return false;
    if (!txn_run(&req->scope, body, w, req->err))
        return false;
    resp_header(req, "ETag", render_etag(w->record, req->arena));
    return true;
}

static bool make_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    return supplier_warranty_make(w->req, scope, w->in, &w->record, err);
}

bool action_supplier_warranty_create(struct req *req)
{
    struct work w = {.req = req};

    if (!run(&w, "SupplierWarrantyCreate", make_body))
        return false;
    resp_header(req, "Location",
                arena_printf(req->arena, "/api/supplier-warranties/%s", doc_text(w.record, "id")));
    reply_add(req, NOUN, w.record);
    return true;
}

static bool claim_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    return supplier_warranty_claim(w->req, scope, w->in, &w->record, err);
}

bool action_supplier_warranty_claim(struct req *req)
{
    struct work w = {.req = req};

    if (!run(&w, "SupplierClaim", claim_body))
        return false;
    reply_add(req, NOUN, w.record);
    return true;
}

/* ---- looking ---- */

static bool find(struct req *req, const char *collection, const char *what, const bson_t **doc)
{
    bson_t *filter = own_bson(req->arena);

    scope_filter(&req->scope, "branch_id", filter);
    BSON_APPEND_UTF8(filter, "id", req_param(req, "id"));
    if (!scope_find_one(&req->scope, collection, filter, NULL, doc, req->err))
        return false;
    return *doc != NULL || err_set(req->err, ERR_NOT_FOUND, "%s not found", what);
}

bool action_supplier_warranty_get(struct req *req)
{
    const bson_t *doc;

    if (!find(req, SUPPLIER_WARRANTIES, "Supplier's warranty", &doc))
        return false;
    reply_add(req, NOUN, doc);
    return true;
}

bool action_supplier_warranty_list(struct req *req)
{
    bson_t *filter = own_bson(req->arena), *opts = own_bson(req->arena);
    const bson_t *doc;

    if (!find(req, PURCHASES, "Purchase", &doc))
        return false;
    scope_filter(&req->scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "purchase_id", req_param(req, "id"));
    BCON_APPEND(opts, "sort", "{", "id", BCON_INT32(1), "}", "limit",
                BCON_INT64(SUPPLIER_WARRANTIES_MAX));
    return reply_add_all(req, NOUN, scope_find(&req->scope, SUPPLIER_WARRANTIES, filter, opts));
}
