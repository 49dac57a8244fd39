/* Warranties over the wire, for the staff. The rules are in trade/warranty.h. */
#include "base.h"
#include "actions/actions.h"
#include "actions/query.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "db/txn.h"
#include "engine/form.h"
#include "engine/render.h"
#include "engine/reply.h"
#include "trade/warranty_staff.h"

#define LIST_MAX 200
#define SKIP_MAX 100000
#define WEEK_MS  (7 * INT64_C(86400000))

struct work {
    struct req *req;
    const char *sale_id, *product_id, *supplier_warranty_id;
    const bson_t *in; /* of a body */
    struct supplier_action action;
    const bson_t *record, *made;
    const bson_t **records;
    size_t n;
};

/* Where a customer's code leads: a page of the frontend. */
static void add_url(struct req *req, const char *token)
{
    const char *base = req->app->conf.public_url;
    size_t len = base ? strlen(base) : 0;

    len -= len > 0 && base[len - 1] == '/';
    str_add_member(resp_body(req), ",\"qr_url\":",
                   len > 0 && token ? arena_printf(req->arena, "%.*s/w/%s", (int)len, base, token)
                                    : NULL);
}

/* Runs a change of the warranty of the path, and shows it. */
static bool run(struct work *w, txn_body *body)
{
    struct req *req = w->req;

    if (!warranty_staff_prepare(req) || !txn_run(&req->scope, body, w, req->err))
        return false;
    resp_header(req, "ETag", render_etag(w->record, req->arena));
    return true;
}

static bool run_and_show(struct work *w, txn_body *body)
{
    if (!run(w, body))
        return false;
    reply_add(w->req, "warranty_record", w->record);
    return true;
}

/* ---- making them ---- */

static bool create_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    return warranty_create(w->req, scope, w->sale_id, w->product_id, &w->records, &w->n, err);
}

bool action_warranty_create(struct req *req)
{
    struct work w = {.req = req, .sale_id = req_query(req, "sale_id"),
                     .product_id = req_query(req, "product_id")};
    struct str *out = resp_body(req);

    if (!w.sale_id)
        err_field(req->err, "sale_id", "required", "Is required");
    if (!w.product_id)
        err_field(req->err, "product_id", "required", "Is required");
    if (err_is_set(req->err) || !warranty_prepare(req) ||
        !txn_run(&req->scope, create_body, &w, req->err))
        return false;
    str_add_member(out, "{\"message\":", w.n == 1 ? "Warranty created" : "Warranties created");
    str_add_member(out, ",\"warranty_id\":", doc_text(w.records[0], "id"));
    str_add_member(out, ",\"warranty_code\":", doc_text(w.records[0], "warranty_code"));
    str_add_member(out, ",\"warranty_token\":", doc_text(w.records[0], "token"));
    add_url(req, doc_text(w.records[0], "token"));
    str_addz(out, ",\"warranties\":[");
    for (size_t i = 0; i < w.n; i++) {
        if (i > 0)
            str_addc(out, ',');
        reply_add(req, "warranty_record", w.records[i]);
    }
    str_addz(out, "]}");
    return true;
}

/* ---- inspections ---- */

static bool start_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    return warranty_inspect_start(w->req, scope, &w->record, err);
}

bool action_warranty_inspection(struct req *req)
{
    struct work w = {.req = req};

    return run_and_show(&w, start_body);
}

static bool inspect_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    return warranty_inspect(w->req, scope, w->in, &w->record, err);
}

bool action_warranty_inspect(struct req *req)
{
    struct work w = {.req = req};
    struct validated in;

    if (!form_read(req, "InspectionCreate", VALIDATE_CREATE, &in))
        return false;
    w.in = in.set;
    return run_and_show(&w, inspect_body);
}

/* ---- suppliers ---- */

static bool action_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    return warranty_supplier_action(w->req, scope, &w->action, &w->record, &w->made, err);
}

bool action_warranty_supplier(struct req *req)
{
    struct work w = {.req = req};

    if (!supplier_action_read(req, &w.action) || !run(&w, action_body))
        return false;
    str_add_member(resp_body(req), "{\"message\":", "Supplier action recorded");
    str_addz(resp_body(req), ",\"warranty\":");
    reply_add(req, "warranty_record", w.record);
    str_addz(resp_body(req), ",\"supplier_action\":");
    reply_add(req, "supplier_action", w.made);
    str_addc(resp_body(req), '}');
    return true;
}

static bool link_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    return warranty_link(w->req, scope, w->supplier_warranty_id, &w->record, err);
}

bool action_warranty_link(struct req *req)
{
    struct work w = {.req = req, .supplier_warranty_id = req_query(req, "supplier_warranty_id")};

    return run_and_show(&w, link_body);
}

/* ---- looking at them ---- */

/* Up to `limit` matches in the order of their ids. */
static bool show_all(struct req *req, const char *noun, const bson_t *filter, int order,
                     int64_t skip, int64_t limit)
{
    bson_t *opts = own_bson(req->arena);

    BCON_APPEND(opts, "sort", "{", "id", BCON_INT32(order), "}", "skip", BCON_INT64(skip), "limit",
                BCON_INT64(limit));
    return reply_add_all(
        req, noun, scope_find(&req->scope, resource_by_noun(noun)->collection, filter, opts));
}

static bool show_of(struct req *req, const char *noun)
{
    bson_t *filter = own_bson(req->arena);

    scope_filter(&req->scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "warranty_id", req_param(req, "id"));
    return show_all(req, noun, filter, 1, 0, 1000);
}

bool action_warranty_get(struct req *req)
{
    bson_t *filter = own_bson(req->arena);
    const bson_t *doc;

    scope_filter(&req->scope, "branch_id", filter);
    BSON_APPEND_UTF8(filter, "id", req_param(req, "id"));
    if (!scope_find_one(&req->scope, WARRANTIES, filter, NULL, &doc, req->err))
        return false;
    if (doc == NULL)
        return err_set(req->err, ERR_NOT_FOUND, "Warranty not found");
    str_addz(resp_body(req), "{\"warranty\":");
    reply_add(req, "warranty_record", doc);
    add_url(req, doc_text(doc, "token"));
    str_addz(resp_body(req), ",\"events\":");
    if (!show_of(req, "warranty_event"))
        return false;
    str_addz(resp_body(req), ",\"supplier_actions\":");
    if (!show_of(req, "supplier_action"))
        return false;
    str_addc(resp_body(req), '}');
    return true;
}

static bool filter_status(struct req *req, const char *status, bson_t *filter)
{
    for (size_t i = 0; warranty_status_names[i] != NULL; i++)
        if (strcmp(warranty_status_names[i], status) == 0)
            return lapse_append(&warranty_lapse, status, clock_ms(), filter, filter) ||
                   bson_append_utf8(filter, warranty_lapse.field, -1, status, -1);
    return err_set(req->err, ERR_BAD_QUERY, "status: there is no such state");
}

bool action_warranty_list(struct req *req)
{
    const char *status = req_query(req, "status"), *phone = req_query(req, "customer_phone");
    bson_t *filter = own_bson(req->arena);
    int64_t limit, skip, total;

    if (!query_number(req, "limit", 1, LIST_MAX, 50, &limit) ||
        !query_number(req, "skip", 0, SKIP_MAX, 0, &skip))
        return false;
    scope_filter(&req->scope, "branch_id", filter);
    if (status != NULL && !filter_status(req, status, filter))
        return false;
    if (phone != NULL)
        BSON_APPEND_UTF8(filter, "customer_phone", phone);
    if (!scope_count(&req->scope, WARRANTIES, filter, 0, &total, req->err))
        return false;
    str_addz(resp_body(req), "{\"warranties\":");
    if (!show_all(req, "warranty_record", filter, -1, skip, limit))
        return false;
    str_addf(resp_body(req), ",\"total\":%" PRId64 ",\"skip\":%" PRId64 ",\"limit\":%" PRId64 "}",
             total, skip, limit);
    return true;
}

/* ---- how many ---- */

static const bson_t *stats_pipeline(struct req *req)
{
    bson_t *match = own_bson(req->arena), *stages = own_bson(req->arena);
    int64_t now = clock_ms();

    scope_filter(&req->scope, "branch_id", match);
    BCON_APPEND(stages, "0", "{", "$match", BCON_DOCUMENT(match), "}",
                "1", "{", "$group", "{",
                "_id", "{", "$cond", "[",
                "{", "$and", "[", "{", "$eq", "[", "$current_status", "active", "]", "}",
                "{", "$lt", "[", "$expiry_date", BCON_DATE_TIME(now), "]", "}",
                "{", "$gte", "[", "$expiry_date", BCON_DATE_TIME(INT64_MIN), "]", "}", "]", "}",
                "expired", "$current_status", "]", "}",
                "n", "{", "$sum", BCON_INT64(1), "}",
                "claims", "{", "$sum", "{", "$cond", "[",
                "{", "$gte", "[", "$claimed_at", BCON_DATE_TIME(now - WEEK_MS), "]", "}",
                BCON_INT64(1), BCON_INT64(0), "]", "}", "}", "}", "}");
    return stages;
}

bool action_warranty_stats(struct req *req)
{
    mongoc_cursor_t *cursor =
        scope_aggregate(&req->scope, WARRANTIES, stats_pipeline(req), NULL);
    int64_t of[16] = {0}, total = 0, claims = 0;
    const bson_t *doc;

    for (;;) {
        if (!scope_next(&req->scope, cursor, &doc, req->err))
            return false;
        if (doc == NULL)
            break;
        for (size_t i = 0; warranty_status_names[i] != NULL; i++)
            if (doc_text(doc, "_id") && strcmp(doc_text(doc, "_id"), warranty_status_names[i]) == 0)
                of[i] = doc_int(doc, "n", 0);
        total += doc_int(doc, "n", 0);
        claims += doc_int(doc, "claims", 0);
    }
    for (size_t i = 0; warranty_status_names[i] != NULL; i++)
        str_addf(resp_body(req), "%c\"%s\":%" PRId64, i == 0 ? '{' : ',', warranty_status_names[i],
                 of[i]);
    str_addf(resp_body(req), ",\"total\":%" PRId64 ",\"new_claims_last_7_days\":%" PRId64 "}",
             total, claims);
    return true;
}
