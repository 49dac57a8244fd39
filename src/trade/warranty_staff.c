/* Inspections of claimed warranties, and the supplier's warranty behind one. */
#include "base.h"
#include "trade/warranty_staff.h"
#include "trade/supplier_warranty.h"
#include "trade/warranty_priv.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/index.h"

bool warranty_staff_prepare(struct req *req)
{
    static const char *const nouns[] = {"supplier_action", "financial_transaction",
                                        "supplier_warranty"};

    for (size_t i = 0; i < ARRAY_LEN(nouns); i++)
        if (!index_ensure(req->app->indexes, resource_by_noun(nouns[i]), &req->scope, req->err))
            return false;
    return warranty_prepare(req);
}

static struct warranty_change begin(struct req *req, struct scope *scope, struct err *err)
{
    return warranty_change_of(req, scope, req_param(req, "id"), err);
}

bool warranty_inspect_start(struct req *req, struct scope *scope, const bson_t **record,
                            struct err *err)
{
    struct warranty_change c = begin(req, scope, err);

    if (!warranty_read(&c) ||
        !warranty_store(&c, "claimed", "under_inspection", own_bson(scope->arena)))
        return false;
    warranty_tell(&c, &(struct warranty_event){.type = "inspection_started", .actor = "staff"});
    *record = c.after;
    return warranty_finish(&c, "inspection_start");
}

/* ---- the result ---- */

static const bson_t *attachments_of(struct scope *scope, const bson_t *in)
{
    const uint8_t *data;
    bson_iter_t it;
    uint32_t len;

    if (!doc_at(in, "attachments", &it) || !BSON_ITER_HOLDS_ARRAY(&it))
        return NULL;
    bson_iter_array(&it, &len, &data);
    return own_bson_copy(scope->arena, data, len);
}

static const bson_t *result_of(struct scope *scope, const bson_t *in)
{
    bson_t *meta = own_bson(scope->arena);
    bson_iter_t it;

    doc_append_text(meta, "inspection_result", doc_text(in, "inspection_result"));
    if (doc_at(in, "estimated_cost", &it))
        bson_append_iter(meta, "estimated_cost", -1, &it);
    return meta;
}

bool warranty_inspect(struct req *req, struct scope *scope, const bson_t *in,
                      const bson_t **record, struct err *err)
{
    struct warranty_change c = begin(req, scope, err);
    bool valid = strcmp(doc_text(in, "inspection_result"), "valid") == 0;

    if (!warranty_read(&c) ||
        !warranty_store(&c, "under_inspection", valid ? "replacement_pending" : "declined",
                        own_bson(scope->arena)))
        return false;
    warranty_tell(&c, &(struct warranty_event){
                          .type = valid ? "inspection_passed" : "inspection_failed",
                          .actor = "staff",
                          .note = doc_text(in, "notes"),
                          .attachments = attachments_of(scope, in),
                          .meta = result_of(scope, in)});
    if (valid)
        warranty_tell(&c, &(struct warranty_event){.type = "supplier_action_requested",
                                                   .actor = "staff"});
    *record = c.after;
    return warranty_finish(&c, "inspect");
}

/* ---- the supplier's warranty ---- */

static bool same_product(const bson_t *one, const bson_t *other)
{
    const char *a = doc_text(one, "product_id"), *b = doc_text(other, "product_id");

    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

bool warranty_link(struct req *req, struct scope *scope, const char *supplier_warranty_id,
                   const bson_t **record, struct err *err)
{
    struct warranty_change c = begin(req, scope, err);
    bson_t *set = own_bson(scope->arena), *filter = own_bson(scope->arena);
    const bson_t *behind;

    if (!warranty_read(&c))
        return false;
    if (supplier_warranty_id == NULL)
        return err_field(err, "supplier_warranty_id", "required", "Is required");
    scope_filter(scope, "branch_id", filter);
    BSON_APPEND_UTF8(filter, "id", supplier_warranty_id);
    if (!scope_find_one(scope, SUPPLIER_WARRANTIES, filter, NULL, &behind, err))
        return false;
    if (behind == NULL)
        return err_field(err, "supplier_warranty_id", "reference",
                         "There is no supplier's warranty with this id");
    if (!same_product(c.record, behind))
        return err_field(err, "supplier_warranty_id", "reference", "Is of another product");
    BSON_APPEND_UTF8(set, "supplier_warranty_id", supplier_warranty_id);
    if (!warranty_store(&c, NULL, NULL, set))
        return false;
    warranty_tell(&c, &(struct warranty_event){.type = "supplier_action_recorded",
                                               .actor = "staff",
                                               .meta = set});
    *record = c.after;
    return warranty_finish(&c, "link_supplier");
}
