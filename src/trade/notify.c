/* Gathering, storing and settling notifications. Refuses to store outside a transaction. The unique
 * index over `once` (type and reference, only while unread) decides between two at the same moment:
 * the second one's transaction starts again and finds the first one's. */
#include "base.h"
#include "trade/inbox.h"
#include "core/clock.h"
#include "core/id.h"
#include "core/log.h"
#include "db/doc.h"
#include "db/many.h"
#include "db/own.h"
#include "engine/ids.h"
#include "engine/index.h"
#include "tenant/standing.h"

#define USERS      "users"
#define ADMINS_MAX 50
#define ADMINS_US  INT64_C(1500000)

const char *const notice_type_names[NOTICE_TYPES + 1] = {
    [NOTICE_UNPAID_INVOICE] = "unpaid_invoice",
    [NOTICE_LOW_STOCK] = "low_stock",
    [NOTICE_PAYMENT_RECEIVED] = "payment_received",
    [NOTICE_SALE_CANCELLED] = "sale_cancelled",
    [NOTICE_ACTIVITY] = "activity",
    [NOTICE_DUE_REQUEST] = "due_request",
    [NOTICE_DUE_REQUEST_APPROVED] = "due_request_approved",
    [NOTICE_DUE_REQUEST_REJECTED] = "due_request_rejected",
    [NOTICE_TYPES] = NULL,
};

/* ---- the list ---- */

void notices_init(struct notices *list, struct arena *arena)
{
    *list = (struct notices){.arena = arena};
}

void notices_add(struct notices *list, const struct notice *notice)
{
    if (!notice->message || (notice->once && !notice->reference_id))
        die("a notification without a message, or `once` without a reference");
    if (list->n == NOTICES_MAX)
        die("more than %d notifications at once", NOTICES_MAX);
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 8;
        struct notice *rows = arena_alloc(list->arena, cap * sizeof *rows);

        if (list->n)
            memcpy(rows, list->rows, list->n * sizeof *rows);
        list->rows = rows;
        list->cap = cap;
    }
    list->rows[list->n++] = *notice;
}

/* ---- activities ---- */

/* The administrators' ids; the accounts may be on another cluster than the business's data. */
static bool add_admins(struct notices *list, struct req *req, const struct notice *notice,
                       struct err *err)
{
    bson_t *filter = own_bson(req->arena), *opts = own_bson(req->arena);
    int64_t until_us = clock_mono_us() + ADMINS_US;
    const bson_t *doc = NULL;
    mongoc_cursor_t *cursor;
    struct notice one = *notice;
    struct scope scope;
    bool ok = registry_users_scope(req->app->registry, req->arena,
                                   until_us < req->deadline_us ? until_us : req->deadline_us,
                                   &scope, err);

    BCON_APPEND(filter, "tenant_id", BCON_UTF8(req->tenant->tenant_id), "role",
                BCON_UTF8(role_name(ROLE_TENANT_ADMIN)), "disabled", "{", "$ne", BCON_BOOL(true),
                "}");
    BCON_APPEND(opts, "projection", "{", "id", BCON_INT32(1), "}", "limit",
                BCON_INT64(ADMINS_MAX));
    cursor = ok ? scope_find(&scope, USERS, filter, opts) : NULL;
    while (ok && (ok = scope_next(&scope, cursor, &doc, err)) && doc) {
        one.user_id = arena_strdup(req->arena, doc_text(doc, "id"));
        if (one.user_id)
            notices_add(list, &one);
    }
    return ok;
}

void notices_activity(struct notices *list, struct req *req, const char *subtype,
                      const char *title, const char *message)
{
    const struct principal *who = &req->principal;
    bson_t *metadata = own_bson(req->arena);
    struct notice notice = {.type = NOTICE_ACTIVITY, .title = title, .message = message,
                            .metadata = metadata};
    size_t begun = list->n;
    struct err err;

    if (R(who->role) & ROLES_USERS)
        return;
    BSON_APPEND_UTF8(metadata, "activity_subtype", subtype);
    BSON_APPEND_UTF8(metadata, "actor_name",
                     who->full_name && *who->full_name ? who->full_name : who->email);
    err_init(&err);
    if (!add_admins(list, req, &notice, &err)) {
        list->n = begun;
        log_event(LOG_LVL_WARN, "activity_not_told", "request_id", req->request_id, "subtype",
                  subtype, "why", err.detail, NULL);
    }
    err_release(&err);
}

/* ---- storing ---- */

bool notices_prepare(struct req *req, struct err *err)
{
    return index_ensure(req->app->indexes, &notices_resource, &req->scope, err);
}

static const char *once_key(const struct notices *list, const struct notice *notice)
{
    return arena_printf(list->arena, "%s:%s", notice_type_names[notice->type],
                        notice->reference_id);
}

/* How much of a text is stored: at most NOTICE_TEXT_MAX bytes, and no half character. */
static int text_len(const char *text)
{
    size_t len = strlen(text);

    if (len <= NOTICE_TEXT_MAX)
        return (int)len;
    len = NOTICE_TEXT_MAX;
    while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
        len--;
    return (int)len;
}

static void append_text(bson_t *doc, const char *key, const char *text)
{
    if (text)
        bson_append_utf8(doc, key, -1, text, text_len(text));
    else
        bson_append_null(doc, key, -1);
}

static bson_t *notice_doc(const struct scope *scope, const struct notices *list,
                          const struct notice *notice, int64_t now)
{
    static const bson_t nothing = BSON_INITIALIZER;
    bson_t *doc = own_bson(list->arena);
    char id[ID_SIZE];

    id_new(id);
    BSON_APPEND_UTF8(doc, "id", id);
    BSON_APPEND_UTF8(doc, "tenant_id", scope->tenant_id);
    BSON_APPEND_DATE_TIME(doc, "created_at", now);
    BSON_APPEND_DATE_TIME(doc, "updated_at", now);
    append_text(doc, "type", notice_type_names[notice->type]);
    append_text(doc, "title", notice->title);
    append_text(doc, "message", notice->message);
    append_text(doc, "sale_id", notice->sale_id);
    append_text(doc, "reference_id", notice->reference_id);
    append_text(doc, "user_id", notice->user_id);
    append_text(doc, "branch_id", notice->branch_id);
    BSON_APPEND_BOOL(doc, "is_sticky", notice->sticky);
    BSON_APPEND_BOOL(doc, "is_read", false);
    BSON_APPEND_NULL(doc, "read_at");
    BSON_APPEND_DOCUMENT(doc, "metadata", notice->metadata ? notice->metadata : &nothing);
    if (notice->once)
        append_text(doc, "once", once_key(list, notice));
    if (notice->type == NOTICE_ACTIVITY)
        BSON_APPEND_DATE_TIME(doc, "expires_at", now + NOTICE_DAYS * DAY_MS);
    return doc;
}

/* Is there an earlier one of the list with its type and reference? */
static bool said_before(const struct notices *list, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (list->rows[k].once && list->rows[k].type == list->rows[i].type &&
            strcmp(list->rows[k].reference_id, list->rows[i].reference_id) == 0)
            return true;
    return false;
}

static void forget(const struct notices *list, const bson_t *doc, bool *wanted)
{
    const char *type = doc_text(doc, "type"), *reference = doc_text(doc, "reference_id");

    for (size_t i = 0; type && reference && i < list->n; i++)
        if (list->rows[i].once && strcmp(notice_type_names[list->rows[i].type], type) == 0 &&
            strcmp(list->rows[i].reference_id, reference) == 0)
            wanted[i] = false;
}

/* Which of the list are to be stored: not those of which an unread one is there already. */
static bool choose(struct scope *scope, const struct notices *list, bool *wanted, struct err *err)
{
    bson_t *filter = own_bson(list->arena), *opts = own_bson(list->arena);
    const bson_t *doc = NULL;
    mongoc_cursor_t *cursor;
    struct ids references;
    bool ok;

    ids_init(&references, list->arena, list->n);
    for (size_t i = 0; i < list->n; i++) {
        wanted[i] = !list->rows[i].once || !said_before(list, i);
        if (list->rows[i].once && wanted[i])
            ids_add(&references, list->rows[i].reference_id);
    }
    if (references.n == 0)
        return true;
    scope_filter(scope, NULL, filter);
    ids_append_in(&references, "reference_id", filter);
    BSON_APPEND_BOOL(filter, "is_read", false);
    BCON_APPEND(opts, "projection", "{", "type", BCON_INT32(1), "reference_id", BCON_INT32(1), "}");
    cursor = scope_find(scope, NOTIFICATIONS, filter, opts);
    while ((ok = scope_next(scope, cursor, &doc, err)) && doc)
        forget(list, doc, wanted);
    return ok;
}

bool notices_store(struct scope *scope, const struct notices *list, struct err *err)
{
    const bson_t **docs;
    int64_t now = clock_ms();
    bool *wanted;
    size_t n = 0;

    if (list->n == 0)
        return true;
    docs = arena_alloc(list->arena, list->n * sizeof *docs);
    wanted = arena_alloc(list->arena, list->n * sizeof *wanted);
    if (!choose(scope, list, wanted, err))
        return false;
    for (size_t i = 0; i < list->n; i++)
        if (wanted[i])
            docs[n++] = notice_doc(scope, list, &list->rows[i], now);
    if (scope_insert_all(scope, NOTIFICATIONS, docs, n, err))
        return true;
    if (err->code == ERR_DUPLICATE)
        scope->transient = true; /* another one stored it meanwhile: again, with it there */
    return false;
}

/* ---- settling ---- */

static void append_settled(int64_t now, bson_t *update)
{
    bson_t set;

    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    BSON_APPEND_BOOL(&set, "is_read", true);
    BSON_APPEND_BOOL(&set, "is_sticky", false);
    BSON_APPEND_DATE_TIME(&set, "read_at", now);
    BSON_APPEND_DATE_TIME(&set, "updated_at", now);
    BSON_APPEND_DATE_TIME(&set, "expires_at", now + NOTICE_DAYS * DAY_MS);
    bson_append_document_end(update, &set);
    BCON_APPEND(update, "$unset", "{", "once", BCON_UTF8(""), "}");
}

/* Those of the filter. Sticky ones that somebody has read are settled too. */
static bool settle(struct scope *scope, enum notice_type type, bson_t *filter, struct err *err)
{
    bson_t *update = own_bson(scope->arena);
    int64_t changed;

    BSON_APPEND_UTF8(filter, "type", notice_type_names[type]);
    BCON_APPEND(filter, "$or", "[", "{", "is_read", BCON_BOOL(false), "}", "{", "is_sticky",
                BCON_BOOL(true), "}", "]");
    append_settled(clock_ms(), update);
    return scope_update_all(scope, NOTIFICATIONS, filter, update, &changed, err);
}

bool notices_settle_all(struct scope *scope, enum notice_type type, const char *by,
                        const struct ids *ids, struct err *err)
{
    bson_t *filter = own_bson(scope->arena);

    if (ids->n == 0)
        return true;
    scope_filter(scope, NULL, filter);
    ids_append_in(ids, by, filter);
    return settle(scope, type, filter, err);
}

bool notices_settle(struct scope *scope, enum notice_type type, const char *sale_id,
                    const char *reference_id, struct err *err)
{
    bson_t *filter = own_bson(scope->arena);

    if (!sale_id == !reference_id)
        die("notifications are settled by a sale or by a reference");
    scope_filter(scope, NULL, filter);
    bson_append_utf8(filter, sale_id ? "sale_id" : "reference_id", -1,
                     sale_id ? sale_id : reference_id, -1);
    return settle(scope, type, filter, err);
}
