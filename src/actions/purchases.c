/* Purchases over the wire, and the files of their receipts. The rules are in trade/purchase.h. */
#include "base.h"
#include "actions/actions.h"
#include "actions/record_file.h"
#include "db/doc.h"
#include "db/txn.h"
#include "engine/reply.h"
#include "http/multipart.h"
#include "platform/files.h"
#include "trade/purchase.h"

struct work {
    struct req *req;
    struct purchase_order order;
    const char *file, *branch_id;
    const bson_t *record;
    struct purchase_applied applied;
};

/* ---- receipts ---- */

static bool store_file(struct req *req, const char **name)
{
    char *fresh = arena_alloc(req->arena, FILE_NAME_SIZE);

    *name = fresh;
    return files_store(&req->app->conf, req->tenant->tenant_id, FILES_RECEIPTS, NULL,
                       req->file_kind, req->file->bytes, req->file->len, fresh, req->err);
}

/* The file is there before a purchase names it, and goes when none does. A commit whose fate is
 * unknown leaves it. */
static bool run_with_file(struct work *w, txn_body *body)
{
    struct req *req = w->req;

    if (req->file && !store_file(req, &w->file))
        return false;
    w->order.receipt = w->file;
    if (txn_run(&req->scope, body, w, req->err))
        return true;
    if (w->file && req->err->code != ERR_TRY_AGAIN)
        files_remove(&req->app->conf, req->tenant->tenant_id, FILES_RECEIPTS, w->file);
    return false;
}

static bool receipt_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    return purchase_receipt(w->req, scope, w->file, &w->record, err);
}

bool action_purchase_receipt(struct req *req)
{
    struct work w = {.req = req};

    return purchase_prepare(req) && run_with_file(&w, receipt_body) &&
           reply_record(req, "purchase", w.record);
}

bool action_receipt_file(struct req *req)
{
    return record_file_send(req, FILES_RECEIPTS, "purchase", "receipt_files.filename");
}

/* ---- a purchase ---- */

static bool create_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    return purchase_make(w->req, scope, &w->order, &w->record, err);
}

bool action_purchase_create(struct req *req)
{
    struct work w = {.req = req};

    return purchase_order_read(req, &w.order) && purchase_prepare(req) &&
           run_with_file(&w, create_body) && reply_made(req, "purchase", w.record);
}

/* ---- on the shelf ---- */

static bool apply_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    return purchase_apply(w->req, scope, w->branch_id, &w->applied, err);
}

/* Lines that moved something; of `created` ones alone the second list. */
static void add_lines(struct str *out, const struct purchase_applied *applied, bool created)
{
    bool first = true;

    for (size_t i = 0; i < applied->n; i++) {
        const struct purchase_line *line = &applied->lines[i];

        if (line->quantity <= 0 || (created && !line->created))
            continue;
        str_add_member(out, first ? "{\"product_id\":" : ",{\"product_id\":", line->product_id);
        if (created)
            str_add_member(out, ",\"product_name\":", line->name);
        str_addf(out, ",\"%s\":%" PRId64, created ? "quantity" : "quantity_added", line->quantity);
        str_addz(out, !created && line->created ? ",\"created\":true}" : "}");
        first = false;
    }
}

static void count(const struct purchase_applied *applied, size_t *created, size_t *moved)
{
    *created = *moved = 0;
    for (size_t i = 0; i < applied->n; i++) {
        *created += applied->lines[i].created;
        *moved += applied->lines[i].quantity > 0;
    }
}

bool action_purchase_apply(struct req *req)
{
    struct work w = {.req = req};
    struct str *out = resp_body(req);
    json_t *branch = req->body ? json_object_get(req->body, "branch_id") : NULL;
    size_t created, moved;

    if (branch && !json_is_null(branch) && !json_is_string(branch))
        return err_field(req->err, "branch_id", "type", "Must be text");
    if (branch && json_string_length(branch) > 0)
        w.branch_id = json_string_value(branch);
    if (!purchase_prepare(req) || !txn_run(&req->scope, apply_body, &w, req->err))
        return false;
    count(&w.applied, &created, &moved);
    str_add_member(
        out, "{\"success\":true,\"message\":",
        w.applied.before ? "Stock already applied"
                         : arena_printf(req->arena,
                                        "Created %zu new product(s) and Updated stock for %zu "
                                        "item(s)",
                                        created, moved));
    str_addz(out, ",\"items_updated\":[");
    add_lines(out, &w.applied, false);
    str_addz(out, "],\"products_created\":[");
    add_lines(out, &w.applied, true);
    str_addz(out, "],\"stock_status\":\"applied\"}");
    return true;
}
