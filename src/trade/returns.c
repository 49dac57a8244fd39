/* Asking for a return, and rejecting it: what an item of a sale has left, and the record. */
#include "base.h"
#include "trade/returns_priv.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/change.h"
#include "engine/form.h"
#include "engine/index.h"
#include "engine/series.h"
#include "engine/write.h"

bool return_prepare(struct req *req)
{
    return sale_prepare(req) && index_ensure(req->app->indexes, resource_by_noun("return_request"),
                                             &req->scope, req->err);
}

bool return_order_read(struct req *req, struct return_order *order)
{
    struct validated in;

    *order = (struct return_order){0};
    if (!form_read(req, "ReturnRequestCreate", VALIDATE_CREATE, &in))
        return false;
    order->sale_id = doc_text(in.set, "sale_id");
    order->product_id = doc_text(in.set, "product_id");
    order->reason = doc_text(in.set, "reason");
    order->quantity = doc_int(in.set, "quantity", 1);
    order->line = doc_int(in.set, "line", RETURN_NO_LINE);
    order->refund = doc_money(in.set, "refund_amount", req->tenant->decimals, 0);
    return true;
}

/* ---- items of the sale ---- */

static const char *path_of(const struct return_work *w, int64_t line, const char *name)
{
    return arena_printf(w->c.scope->arena, "items.%" PRId64 ".%s", line, name);
}

static int64_t count_at(const struct return_work *w, int64_t line, const char *name)
{
    return doc_int(w->c.sale, path_of(w, line, name), 0);
}

static money_t money_at(const struct return_work *w, int64_t line, const char *name)
{
    return doc_money(w->c.sale, path_of(w, line, name), w->c.decimals, 0);
}

/* Sales of earlier systems do not say what a line comes to. */
static money_t total_at(const struct return_work *w, int64_t line)
{
    money_t total = 0;
    bson_iter_t it;

    if (doc_at(w->c.sale, path_of(w, line, "total"), &it))
        return money_at(w, line, "total");
    return money_mul(money_at(w, line, "price"), count_at(w, line, "quantity"), &total) ? total : 0;
}

static bool is_product(const struct return_work *w, int64_t line)
{
    const char *id = doc_text(w->c.sale, path_of(w, line, "product_id"));

    return id != NULL && strcmp(id, w->order.product_id) == 0;
}

static struct return_line line_at(const struct return_work *w, int64_t line)
{
    return (struct return_line){.sold = count_at(w, line, "quantity"),
                                .returned = count_at(w, line, SALE_RETURNED),
                                .discarded = count_at(w, line, SALE_DISCARDED),
                                .pending = count_at(w, line, SALE_RETURN_PENDING),
                                .total = total_at(w, line),
                                .refunded = money_at(w, line, SALE_REFUNDED),
                                .refund_pending = money_at(w, line, SALE_REFUND_PENDING)};
}

struct return_line return_line_of(const struct return_work *w)
{
    return line_at(w, w->order.line);
}

struct return_line return_line_decided(const struct return_work *w)
{
    struct return_line line = return_line_of(w);

    if (return_counted(w)) {
        line.pending -= w->order.quantity;
        line.refund_pending -= w->order.refund;
    }
    return line;
}

static int64_t left_of(const struct return_line *line)
{
    return line->sold - line->returned - line->pending;
}

/* Where nobody says which, the first line of the product that has enough left. */
static bool choose_line(struct return_work *w)
{
    int64_t most = -1;
    bson_iter_t it;

    if (w->order.line != RETURN_NO_LINE)
        return is_product(w, w->order.line) ||
               err_field(w->c.err, "line", "reference", "The sale has no such item of the product");
    for (int64_t i = 0; doc_at(w->c.sale, path_of(w, i, "product_id"), &it); i++) {
        struct return_line line = line_at(w, i);

        if (!is_product(w, i))
            continue;
        if (left_of(&line) > most) {
            most = left_of(&line);
            w->order.line = i;
        }
        if (most >= w->order.quantity)
            break;
    }
    return w->order.line != RETURN_NO_LINE ||
           err_field(w->c.err, "product_id", "reference", "The sale has no item of this product");
}

/* What `count` of those that were sold come to. */
static money_t worth(const struct return_line *line, int64_t count)
{
    money_t amount = 0;

    return line->sold > 0 && money_scale(line->total, count, line->sold, &amount) ? amount : 0;
}

static money_t most_back(const struct return_work *w, const struct return_line *line)
{
    int64_t gone = line->returned + line->pending;
    money_t share = worth(line, gone + w->order.quantity) - worth(line, gone);
    money_t rest = line->total - line->refunded - line->refund_pending;
    money_t whole = doc_money(w->c.sale, "total", w->c.decimals, 0) - line->refund_pending;

    if (share > rest)
        share = rest;
    if (share > whole)
        share = whole;
    return share > 0 ? share : 0;
}

static bool is_draft(const struct return_work *w)
{
    const char *status = doc_text(w->c.sale, "status");

    return status != NULL && strcmp(status, "draft") == 0;
}

bool return_check(struct return_work *w)
{
    struct return_line line;
    money_t most;

    if (sale_change_cancelled(&w->c))
        return err_set(w->c.err, ERR_STATE, "The sale is cancelled: nothing of it comes back");
    if (is_draft(w))
        return err_set(w->c.err, ERR_STATE, "The sale is a draft: nothing was sold");
    if (!choose_line(w))
        return false;
    line = return_line_of(w);
    if (w->order.quantity > left_of(&line))
        return err_field(w->c.err, "quantity", "range",
                         "At most %" PRId64 " can come back: %" PRId64 " were sold, %" PRId64
                         " came back, %" PRId64 " are asked for",
                         left_of(&line), line.sold, line.returned, line.pending);
    most = most_back(w, &line);
    if (w->order.refund > most)
        return err_field(w->c.err, "refund_amount", "range", "Is more than their share of %s",
                         money_text(w->c.scope->arena, most, w->c.decimals));
    return true;
}

void return_line_set(const struct return_work *w, const struct return_line *line, bson_t *set)
{
    int64_t at = w->order.line;

    bson_append_int64(set, path_of(w, at, SALE_RETURNED), -1, line->returned);
    bson_append_int64(set, path_of(w, at, SALE_DISCARDED), -1, line->discarded);
    bson_append_int64(set, path_of(w, at, SALE_RETURN_PENDING), -1, line->pending);
    doc_append_money(set, path_of(w, at, SALE_REFUNDED), line->refunded, w->c.decimals);
    doc_append_money(set, path_of(w, at, SALE_REFUND_PENDING), line->refund_pending, w->c.decimals);
}

/* ---- the record ---- */

static bool audit(struct return_work *w, const char *action)
{
    return change_audit(w->c.req, w->c.scope, action, RETURNS, doc_text(w->after, "id"), w->row,
                        w->after, w->c.err) &&
           sale_change_audit(&w->c, "return");
}

static const bson_t *document(struct return_work *w)
{
    const struct return_order *o = &w->order;
    bson_t *doc = own_bson(w->c.scope->arena);

    scope_begin_record(w->c.scope, NULL, doc);
    if (!series_append(resource_by_noun("return_request"), w->c.scope, doc, w->c.err))
        return NULL;
    BSON_APPEND_UTF8(doc, "sale_id", o->sale_id);
    doc_append_text_or_null(doc, "sale_number", doc_text(w->c.sale, "sale_number"));
    doc_append_text_or_null(doc, "branch_id", doc_text(w->c.sale, "branch_id"));
    BSON_APPEND_UTF8(doc, "product_id", o->product_id);
    BSON_APPEND_INT64(doc, "line", o->line);
    BSON_APPEND_INT64(doc, "quantity", o->quantity);
    BSON_APPEND_UTF8(doc, "reason", o->reason);
    doc_append_money(doc, "refund_amount", o->refund, w->c.decimals);
    BSON_APPEND_UTF8(doc, "status", "pending");
    doc_append_text_or_null(doc, "created_by", w->c.req->principal.email);
    BSON_APPEND_INT64(doc, FIELD_REV, 1);
    return doc;
}

struct return_work return_work_of(struct req *req, struct scope *scope, struct notices *list,
                                  struct err *err)
{
    return (struct return_work){.c = sale_change_of(req, scope, NULL, list, err)};
}

bool return_make(struct req *req, struct scope *scope, const struct return_order *order,
                 struct notices *list, const bson_t **made, struct err *err)
{
    struct return_work w = return_work_of(req, scope, list, err);
    bson_t *set = own_bson(scope->arena);
    struct return_line line;

    w.order = *order;
    w.c.id = order->sale_id;
    w.c.path = "sale_id";
    if (!sale_change_read(&w.c) || !return_check(&w))
        return false;
    line = return_line_of(&w);
    line.pending += order->quantity;
    line.refund_pending += order->refund;
    return_line_set(&w, &line, set);
    if (!sale_change_store(&w.c, set) || (w.after = document(&w)) == NULL ||
        !scope_insert(scope, RETURNS, w.after, err))
        return false;
    *made = w.after;
    return audit(&w, "create") && notices_store(scope, list, err);
}

/* ---- deciding ---- */

static bson_t *row_filter(const struct return_work *w)
{
    bson_t *filter = own_bson(w->c.scope->arena);

    scope_filter(w->c.scope, "branch_id", filter);
    BSON_APPEND_UTF8(filter, "id", req_param(w->c.req, "id"));
    return filter;
}

static void read_order(struct return_work *w)
{
    w->c.id = doc_text(w->row, "sale_id");
    w->order = (struct return_order){.sale_id = w->c.id,
                                     .product_id = doc_text(w->row, "product_id"),
                                     .line = doc_int(w->row, "line", RETURN_NO_LINE),
                                     .quantity = doc_int(w->row, "quantity", 1),
                                     .refund = doc_money(w->row, "refund_amount",
                                                         w->c.decimals, 0)};
}

bool return_read(struct return_work *w)
{
    const char *status;

    if (!scope_find_one(w->c.scope, RETURNS, row_filter(w), NULL, &w->row, w->c.err))
        return false;
    if (w->row == NULL)
        return err_set(w->c.err, ERR_NOT_FOUND, "Return not found");
    if (!write_if_match(w->c.req->if_match, w->row, w->c.scope->arena, w->c.err))
        return false;
    status = doc_text(w->row, "status");
    if (status != NULL && strcmp(status, "pending") != 0)
        return err_set(w->c.err, ERR_STATE, "The return is %.20s already", status);
    read_order(w);
    if (w->order.sale_id == NULL || w->order.product_id == NULL)
        return err_set(w->c.err, ERR_STATE, "The return names no sale and product");
    return sale_change_read(&w->c);
}

bool return_counted(const struct return_work *w)
{
    return doc_int(w->row, "line", RETURN_NO_LINE) != RETURN_NO_LINE;
}

bool return_store(struct return_work *w, const bson_t *set, const char *action)
{
    bson_t *filter = row_filter(w), *update = own_bson(w->c.scope->arena);
    bson_t child;

    doc_append_text_or_null(filter, "status", doc_text(w->row, "status"));
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &child);
    bson_concat(&child, set);
    BSON_APPEND_DATE_TIME(&child, "updated_at", clock_ms());
    bson_append_document_end(update, &child);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$inc", &child);
    BSON_APPEND_INT64(&child, FIELD_REV, 1);
    bson_append_document_end(update, &child);
    if (!scope_find_and_update(w->c.scope, RETURNS, filter, update, true, false, NULL, &w->after,
                               w->c.err))
        return false;
    if (w->after == NULL) {
        w->c.scope->transient = true; /* somebody else decided it: again */
        return err_set(w->c.err, ERR_TRY_AGAIN, "The return has changed meanwhile");
    }
    return audit(w, action);
}

bool return_reject(struct req *req, struct scope *scope, const char *reason, struct notices *list,
                   struct err *err)
{
    struct return_work w = return_work_of(req, scope, list, err);
    bson_t *set = own_bson(scope->arena), *change = own_bson(scope->arena);
    struct return_line line;

    if (!return_read(&w))
        return false;
    if (return_counted(&w)) {
        line = return_line_decided(&w);
        return_line_set(&w, &line, change);
    }
    BSON_APPEND_UTF8(set, "status", "rejected");
    doc_append_text_or_null(set, "rejected_by", req->principal.email);
    doc_append_text_or_null(set, "rejection_reason", reason);
    BSON_APPEND_DATE_TIME(set, "rejected_at", clock_ms());
    return sale_change_store(&w.c, change) && return_store(&w, set, "reject") &&
           notices_store(scope, list, err);
}
