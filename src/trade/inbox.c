/* What one user sees, and marks as read. */
#include "base.h"
#include "trade/inbox.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "db/txn.h"
#include "engine/index.h"
#include "tenant/audit.h"
#include "tenant/standing.h"

static const struct field fields[] = {
    {.name = "type", .kind = K_ENUM, .values = notice_type_names},
    {.name = "title", .kind = K_TEXT},
    {.name = "message", .kind = K_NOTE},
    {.name = "sale_id", .kind = K_TEXT},
    {.name = "reference_id", .kind = K_TEXT},
    {.name = "user_id", .kind = K_TEXT},
    {.name = "branch_id", .kind = K_TEXT},
    {.name = "is_sticky", .kind = K_BOOL, .def = "false"},
    {.name = "is_read", .kind = K_BOOL, .def = "false"},
    {.name = "read_at", .kind = K_INSTANT},
    {.name = "metadata", .kind = K_OBJECT, .def = "{}"},
    {NULL},
};

/* For lists of administrators (with OP_LIST's own, by date) and of others; what is unread; `once`
 * look-ups and settling; the unique one and the one that removes. */
static const struct index_def indexes[] = {
    {.keys = {"tenant_id", "user_id", "created_at", "id"}},
    {.keys = {"tenant_id", "is_read", "created_at", "id"}},
    {.keys = {"tenant_id", "reference_id", "type"}},
    {.keys = {"tenant_id", "sale_id", "type"}},
    {.keys = {"tenant_id", "once"}, .unique = true, .text = "once"},
    {.keys = {"expires_at"}, .expires = true},
};

const struct resource notices_resource = {
    .noun = "notification",
    .collection = NOTIFICATIONS,
    .ops = OP_LIST,
    .fields = fields,
    .indexes = indexes,
    .n_indexes = ARRAY_LEN(indexes),
};

/* ---- whose ---- */

static void append_seen(const struct req *req, bson_t *filter)
{
    const struct principal *who = &req->principal;

    if (who->role == ROLE_TENANT_ADMIN)
        return;
    if (who->branch_id)
        BCON_APPEND(filter, "$or", "[", "{", "user_id", BCON_UTF8(who->user_id), "}", "{",
                    "user_id", BCON_NULL, "branch_id", "{", "$in", "[", BCON_NULL,
                    BCON_UTF8(who->branch_id), "]", "}", "}", "]");
    else
        BCON_APPEND(filter, "$or", "[", "{", "user_id", BCON_UTF8(who->user_id), "}", "{",
                    "user_id", BCON_NULL, "branch_id", BCON_NULL, "}", "]");
}

/* Records of earlier systems may lack is_read. */
static bson_t *seen_filter(const struct req *req, const char *type, bool unread)
{
    bson_t *filter = own_bson(req->arena);

    scope_filter(&req->scope, NULL, filter);
    if (unread)
        BCON_APPEND(filter, "is_read", "{", "$in", "[", BCON_BOOL(false), BCON_NULL, "]", "}");
    if (type)
        BSON_APPEND_UTF8(filter, "type", type);
    append_seen(req, filter);
    return filter;
}

/* ---- reading ---- */

/* As every list: what is looked at the first time gets its indexes once the reply is out. */
static void ensure_later(struct req *req)
{
    struct err err;

    err_init(&err);
    notices_prepare(req, &err);
    err_release(&err);
}

/* Dates are text in what earlier systems left. */
static int64_t created_at(const bson_t *doc)
{
    const char *text = doc_text(doc, "created_at");
    int64_t ms = 0;

    if (!doc_instant(doc, "created_at", &ms) && text)
        clock_parse(text, strlen(text), &ms);
    return ms;
}

bool inbox_list(struct req *req, const char *type, bool unread_only, int64_t limit,
                struct inbox_row **rows, size_t *n)
{
    bson_t *opts = own_bson(req->arena);
    const bson_t *doc = NULL;
    mongoc_cursor_t *cursor;
    bool ok;

    *n = 0;
    *rows = arena_alloc(req->arena, (size_t)limit * sizeof **rows);
    if (!index_known(req->app->indexes, &notices_resource, req->scope.db_name))
        req->after_reply = ensure_later;
    BCON_APPEND(opts, "sort", "{", "created_at", BCON_INT32(-1), "id", BCON_INT32(-1), "}", "limit",
                BCON_INT64(limit));
    cursor = scope_find(&req->scope, NOTIFICATIONS, seen_filter(req, type, unread_only), opts);
    while ((ok = scope_next(&req->scope, cursor, &doc, req->err)) && doc)
        (*rows)[(*n)++] = (struct inbox_row){
            .doc = own_bson_copy(req->arena, bson_get_data(doc), doc->len),
            .at = created_at(doc),
            .is_read = doc_bool(doc, "is_read"),
        };
    return ok;
}

bool inbox_unread(struct req *req, const char *type, int64_t *n)
{
    return scope_count(&req->scope, NOTIFICATIONS, seen_filter(req, type, true), INBOX_COUNT_MAX,
                       n, req->err);
}

static void append_count(bson_t *group, const char *name, const char *field, const char *value)
{
    BCON_APPEND(group, name, "{", "$sum", "{", "$cond", "[", "{", "$eq", "[", BCON_UTF8(field),
                BCON_UTF8(value), "]", "}", BCON_INT32(1), BCON_INT32(0), "]", "}", "}");
}

bool inbox_alerts(struct req *req, const bson_t **counts)
{
    bson_t *stages = own_bson(req->arena), *group = own_bson(req->arena);

    BSON_APPEND_NULL(group, "_id");
    BCON_APPEND(group, "total_unread", "{", "$sum", BCON_INT32(1), "}", "sticky_alerts", "{",
                "$sum", "{", "$cond", "[", "$is_sticky", BCON_INT32(1), BCON_INT32(0), "]", "}",
                "}");
    append_count(group, "unpaid_invoices", "$type", notice_type_names[NOTICE_UNPAID_INVOICE]);
    append_count(group, "low_stock", "$type", notice_type_names[NOTICE_LOW_STOCK]);
    append_count(group, "payment_received", "$type", notice_type_names[NOTICE_PAYMENT_RECEIVED]);
    append_count(group, "sale_cancelled", "$type", notice_type_names[NOTICE_SALE_CANCELLED]);
    BCON_APPEND(stages, "0", "{", "$match", BCON_DOCUMENT(seen_filter(req, NULL, true)), "}", "1",
                "{", "$group", BCON_DOCUMENT(group), "}");
    return scope_next(&req->scope, scope_aggregate(&req->scope, NOTIFICATIONS, stages, NULL),
                      counts, req->err);
}

/* ---- marking ---- */

struct reading {
    struct req *req;
    const char *id;
    bool found;
};

/* A sticky one stays, though it was read, until it is settled. */
static bson_t *read_update(struct arena *arena, int64_t now)
{
    bson_t *update = own_bson(arena), stage;

    BSON_APPEND_DOCUMENT_BEGIN(update, "0", &stage);
    BCON_APPEND(&stage, "$set", "{", "is_read", BCON_BOOL(true), "read_at", BCON_DATE_TIME(now),
                "updated_at", BCON_DATE_TIME(now), "once", BCON_UTF8("$$REMOVE"), "expires_at", "{",
                "$cond", "[", BCON_UTF8("$is_sticky"), BCON_UTF8("$$REMOVE"),
                BCON_DATE_TIME(now + NOTICE_DAYS * DAY_MS), "]", "}", "}");
    bson_append_document_end(update, &stage);
    return update;
}

static bool read_body(struct scope *scope, void *data, struct err *err)
{
    struct reading *r = data;
    const struct req *req = r->req;
    struct audit_entry entry = {.action = "notification_read",
                                .collection = NOTIFICATIONS,
                                .record_id = r->id,
                                .actor = req->principal.user_id,
                                .impersonated_by = req->principal.claims.impersonated_by,
                                .request_id = req->request_id};
    bson_t *filter = seen_filter(req, NULL, false);

    BSON_APPEND_UTF8(filter, "id", r->id);
    if (!scope_find_one(scope, NOTIFICATIONS, filter, NULL, &entry.before, err))
        return false;
    r->found = entry.before != NULL;
    if (!r->found || doc_bool(entry.before, "is_read"))
        return true;
    return scope_find_and_update(scope, NOTIFICATIONS, filter,
                                 read_update(req->arena, clock_ms()), true, false, NULL,
                                 &entry.after, err) &&
           audit_add(scope, &entry, err);
}

bool inbox_read(struct req *req, const char *id, bool *found)
{
    struct reading r = {.req = req, .id = id};

    *found = false;
    if (!notices_prepare(req, req->err) || !txn_run(&req->scope, read_body, &r, req->err))
        return false;
    *found = r.found;
    return true;
}
