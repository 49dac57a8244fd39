/* Transfers between branches. */
#include "base.h"
#include "trade/transfer.h"
#include "core/id.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/form.h"
#include "engine/index.h"
#include "engine/series.h"
#include "tenant/audit.h"

bool transfer_read(struct req *req, struct transfer *transfer)
{
    const char *own = req->scope.branch_id;
    struct validated in;

    if (!form_read(req, "StockTransferCreate", VALIDATE_CREATE, &in))
        return false;
    *transfer = (struct transfer){.product_id = doc_text(in.set, "product_id"),
                                  .from_branch_id = doc_text(in.set, "from_branch_id"),
                                  .to_branch_id = doc_text(in.set, "to_branch_id"),
                                  .note = doc_text(in.set, "reference_note"),
                                  .quantity = doc_int(in.set, "quantity", 0)};
    if (strcmp(transfer->from_branch_id, transfer->to_branch_id) == 0)
        return err_field(req->err, "to_branch_id", "same", "Must be another branch");
    if (own != NULL && strcmp(own, transfer->from_branch_id) != 0)
        return err_set(req->err, ERR_FORBIDDEN, "You may only send goods of your own branch");
    return true;
}

bool transfer_prepare(struct req *req)
{
    static const char *const nouns[] = {"stock_transfer", "product_branch"};

    for (size_t i = 0; i < ARRAY_LEN(nouns); i++)
        if (!index_ensure(req->app->indexes, resource_by_noun(nouns[i]), &req->scope, req->err))
            return false;
    return true;
}

/* Filters by branch find it by either end, and so do the people of both. */
static void append_branches(const struct transfer *t, bson_t *doc)
{
    bson_t list;

    BSON_APPEND_ARRAY_BEGIN(doc, "branch_id", &list);
    BSON_APPEND_UTF8(&list, "0", t->from_branch_id);
    BSON_APPEND_UTF8(&list, "1", t->to_branch_id);
    bson_append_array_end(doc, &list);
}

/* NULL with `err` set. */
static const bson_t *document(struct req *req, struct scope *scope, const struct transfer *t,
                              struct err *err)
{
    bson_t *doc = own_bson(scope->arena);
    char id[ID_SIZE];

    id_new(id);
    BSON_APPEND_UTF8(doc, "id", id);
    BSON_APPEND_UTF8(doc, "tenant_id", scope->tenant_id);
    doc_append_dates(doc);
    if (!series_append(resource_by_noun("stock_transfer"), scope, doc, err))
        return NULL;
    BSON_APPEND_UTF8(doc, "product_id", t->product_id);
    BSON_APPEND_UTF8(doc, "from_branch_id", t->from_branch_id);
    BSON_APPEND_UTF8(doc, "to_branch_id", t->to_branch_id);
    append_branches(t, doc);
    BSON_APPEND_INT64(doc, "quantity", t->quantity);
    doc_append_text(doc, "reference_note", t->note);
    BSON_APPEND_UTF8(doc, "status", "completed");
    doc_append_text(doc, "transferred_by", req->principal.email);
    BSON_APPEND_INT64(doc, FIELD_REV, 1);
    return doc;
}

static bool found(const struct stock_line *lines, struct err *err)
{
    if (lines[0].product == NULL)
        return err_set(err, ERR_NOT_FOUND, "Product not found");
    if (lines[0].assignment == NULL)
        return err_set(err, ERR_NOT_FOUND, "The product is not assigned to the source branch");
    if (lines[1].assignment == NULL)
        return err_set(err, ERR_NOT_FOUND, "The product is not assigned to the destination branch");
    return true;
}

bool transfer_make(struct req *req, struct scope *scope, const struct transfer *t,
                   const bson_t **record, struct err *err)
{
    struct stock_line lines[] = {
        {.product_id = t->product_id, .branch_id = t->from_branch_id, .delta = -t->quantity},
        {.product_id = t->product_id, .branch_id = t->to_branch_id, .delta = t->quantity},
    };
    const size_t n = ARRAY_LEN(lines);
    const struct principal *who = &req->principal;
    struct stock_cause cause = {.kind = STOCK_TRANSFER};
    struct audit_entry entry = {.action = "create",
                                .collection = TRANSFERS,
                                .actor = who->user_id,
                                .impersonated_by = who->claims.impersonated_by,
                                .request_id = req->request_id};

    if (!stock_load(scope, lines, n, err) || !found(lines, err) ||
        !stock_check(scope, lines, n, err))
        return false;
    *record = document(req, scope, t, err);
    if (*record == NULL)
        return false;
    entry.record_id = cause.document_id = doc_text(*record, "id");
    cause.document_number = doc_text(*record, "transfer_number");
    entry.after = *record;
    return stock_move(scope, &cause, lines, n, err) &&
           scope_insert(scope, TRANSFERS, *record, err) && audit_add(scope, &entry, err);
}
