/* Deciding on a due request: of many at once one does, since each change holds only for a request
 * that is pending; the others begin again and see that it is decided. */
#include "base.h"
#include "trade/due_request_priv.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/change.h"
#include "engine/validate.h"
#include "engine/write.h"

#define PENDING "pending"

struct work {
    struct req *req;
    struct scope *scope;
    struct err *err;
    const bson_t *before, *after;
};

static bson_t *filter_of(const struct work *w)
{
    bson_t *filter = own_bson(w->scope->arena);

    scope_filter(w->scope, "branch_id", filter);
    BSON_APPEND_UTF8(filter, "id", req_param(w->req, "id"));
    return filter;
}

static bool read_request(struct work *w)
{
    const char *status;

    if (!scope_find_one(w->scope, DUE_REQUESTS, filter_of(w), NULL, &w->before, w->err))
        return false;
    if (w->before == NULL)
        return err_set(w->err, ERR_NOT_FOUND, "Due request not found");
    if (!write_if_match(w->req->if_match, w->before, w->scope->arena, w->err))
        return false;
    status = doc_text(w->before, "status");
    return (status != NULL && strcmp(status, PENDING) == 0) ||
           err_set(w->err, ERR_STATE, "The request is %.20s already",
                   status != NULL ? status : "decided");
}

static bool store(struct work *w, const char *status, const bson_t *more, const char *action)
{
    bson_t *filter = filter_of(w), *update = own_bson(w->scope->arena);
    bson_t set;

    BSON_APPEND_UTF8(filter, "status", PENDING);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    BSON_APPEND_UTF8(&set, "status", status);
    BSON_APPEND_UTF8(&set, "approved_by", w->req->principal.user_id);
    doc_append_text_or_null(&set, "approved_by_name", due_request_person(w->req));
    BSON_APPEND_DATE_TIME(&set, "decided_at", clock_ms());
    BSON_APPEND_DATE_TIME(&set, "updated_at", clock_ms());
    bson_concat(&set, more);
    bson_append_document_end(update, &set);
    BCON_APPEND(update, "$inc", "{", FIELD_REV, BCON_INT64(1), "}");
    if (!scope_find_and_update(w->scope, DUE_REQUESTS, filter, update, true, false, NULL,
                               &w->after, w->err))
        return false;
    if (w->after == NULL) {
        w->scope->transient = true; /* somebody else decided: again */
        return err_set(w->err, ERR_TRY_AGAIN, "The request has changed meanwhile");
    }
    return change_audit(w->req, w->scope, action, DUE_REQUESTS, req_param(w->req, "id"), w->before,
                        w->after, w->err);
}

/* The administrators' notification is done with; whoever asked gets one. */
static bool tell(struct work *w, enum notice_type type, const char *title, const char *message,
                 const bson_t *metadata, const char *sale_id)
{
    const char *id = req_param(w->req, "id");
    struct notices list;

    notices_init(&list, w->scope->arena);
    notices_add(&list, &(struct notice){.type = type,
                                        .title = title,
                                        .message = message,
                                        .reference_id = id,
                                        .sale_id = sale_id,
                                        .user_id = doc_text(w->before, "requested_by"),
                                        .metadata = metadata});
    return notices_settle(w->scope, NOTICE_DUE_REQUEST, NULL, id, w->err) &&
           notices_store(w->scope, &list, w->err);
}

/* ---- approving ---- */

/* The stored items, at most as many as a sale takes. */
static size_t items_of(struct work *w, const bson_t **items)
{
    bson_iter_t list, it;
    size_t n = 0;

    if (!bson_iter_init_find(&list, w->before, "items") || !BSON_ITER_HOLDS_ARRAY(&list) ||
        !bson_iter_recurse(&list, &it))
        return 0;
    while (n < STOCK_LINES_MAX && bson_iter_next(&it)) {
        const uint8_t *data;
        uint32_t len;

        if (!BSON_ITER_HOLDS_DOCUMENT(&it))
            continue;
        bson_iter_document(&it, &len, &data);
        items[n++] = own_bson_copy(w->scope->arena, data, len);
    }
    return n;
}

/* Requests of an earlier system were never checked. */
static bool order_of(struct work *w, struct sale_order *order)
{
    const bson_t **items = arena_alloc(w->scope->arena, STOCK_LINES_MAX * sizeof *items);
    size_t n = items_of(w, items);

    if (n == 0)
        return err_set(w->err, ERR_STATE, "The request has no items");
    if (!due_request_sale(w->req, w->before, items, n, order, w->err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (order->items[i].product_id == NULL || order->items[i].quantity < 1 ||
            order->items[i].price < 0)
            return err_set(w->err, ERR_STATE, "Item %zu of the request cannot be sold", i + 1);
    order->created_by = doc_text(w->before, "requested_by_email");
    order->reference = arena_printf(w->scope->arena, "Due Request: %s",
                                    doc_text(w->before, "request_number"));
    return true;
}

static bool make_sale(struct work *w, bool over_limit, const bson_t **sale)
{
    int decimals = w->req->tenant->decimals;
    money_t asked = doc_money(w->before, "total_amount", decimals, 0), total;
    struct sale_order order;
    struct notices list;

    notices_init(&list, w->scope->arena);
    if (!order_of(w, &order))
        return false;
    order.over_limit = over_limit;
    if (!sale_make(w->req, w->scope, &order, &list, sale, w->err))
        return false;
    total = doc_money(*sale, "total", decimals, 0);
    return total == asked ||
           err_set(w->err, ERR_CONFLICT, "The items come to %s by now, not to %s",
                   money_text(w->scope->arena, total, decimals),
                   money_text(w->scope->arena, asked, decimals));
}

bool due_request_approve(struct req *req, struct scope *scope, bool over_limit,
                         const bson_t **sale, struct err *err)
{
    struct work w = {.req = req, .scope = scope, .err = err};
    bson_t *set = own_bson(scope->arena);
    const char *sale_id, *invoice;

    if (!read_request(&w) || !make_sale(&w, over_limit, sale))
        return false;
    sale_id = doc_text(*sale, "id");
    invoice = doc_text(*sale, "invoice_no");
    BSON_APPEND_UTF8(set, "sale_id", sale_id);
    BSON_APPEND_UTF8(set, "invoice_no", invoice);
    return store(&w, "approved", set, "approve") &&
           tell(&w, NOTICE_DUE_REQUEST_APPROVED, "Due request approved",
                arena_printf(scope->arena, "Your due request %s was approved: invoice %s",
                             doc_text(w.before, "request_number"), invoice),
                set, sale_id);
}

/* ---- rejecting, counting ---- */

bool due_request_reject(struct req *req, struct scope *scope, const char *reason, struct err *err)
{
    struct work w = {.req = req, .scope = scope, .err = err};
    bson_t *set = own_bson(scope->arena);

    doc_append_text_or_null(set, "rejection_reason", reason);
    return read_request(&w) && store(&w, "rejected", set, "reject") &&
           tell(&w, NOTICE_DUE_REQUEST_REJECTED, "Due request rejected",
                arena_printf(scope->arena, "Your due request %s was rejected%s%.300s",
                             doc_text(w.before, "request_number"), reason ? ": " : "",
                             reason ? reason : ""),
                set, NULL);
}

bool due_request_count(struct req *req, int64_t *n)
{
    bson_t *filter = own_bson(req->arena);

    *n = 0;
    if (!(R(req->principal.role) & ROLES_ADMIN))
        return true;
    scope_filter(&req->scope, "branch_id", filter);
    BSON_APPEND_UTF8(filter, "status", PENDING);
    return scope_count(&req->scope, DUE_REQUESTS, filter, DUE_REQUESTS_COUNT_MAX, n, req->err);
}
