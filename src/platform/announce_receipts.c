/* The businesses' side: what a user sees, and the receipts of what he has read and dismissed. */
#include "base.h"
#include "platform/announce_priv.h"
#include "core/clock.h"
#include "db/bson_json.h"
#include "db/doc.h"
#include "db/many.h"
#include "db/own.h"
#include "db/txn.h"
#include "platform/billing.h"

#define BATCH 1000

/* A receipt's _id names both, so that a user has one of each announcement. */
static const char *receipt_id(const struct job *job, const char *announcement_id,
                              const char *user_id)
{
    return arena_printf(job->arena, "%s:%s", announcement_id, user_id);
}

/* ---- what a user sees ---- */

/* Active, not over, for this business. */
static bson_t *visible_filter(const struct job *job, const struct tenant *tenant, const char *id)
{
    bson_t *filter = own_bson(job->arena);

    if (id)
        BSON_APPEND_UTF8(filter, "id", id);
    BCON_APPEND(filter, "is_active", BCON_BOOL(true),
                "$and", "[",
                "{", "$or", "[", "{", "expires_at", BCON_NULL, "}",
                "{", "expires_at", "{", "$gt", BCON_DATE_TIME(job_now(job)), "}", "}", "]", "}",
                "{", "$or", "[", "{", "audience_type", BCON_UTF8("all_tenants"), "}",
                "{", "audience_type", BCON_UTF8("specific_sectors"), "target_sectors",
                BCON_UTF8(tenant->business_type), "}",
                "{", "audience_type", BCON_UTF8("specific_tenants"), "target_tenant_ids",
                BCON_UTF8(tenant->tenant_id), "}", "]", "}", "]");
    return filter;
}

/* Each with the user's receipt, and those that he dismissed left out. */
static bson_t *visible_pipeline(const struct job *job, const struct tenant *tenant,
                                const char *user_id)
{
    bson_t *pipeline = own_bson(job->arena);
    const char *rest = arena_printf(job->arena, ":%s", user_id);

    BCON_APPEND(pipeline, "pipeline", "[",
                "{", "$match", BCON_DOCUMENT(visible_filter(job, tenant, NULL)), "}",
                "{", "$lookup", "{", "from", BCON_UTF8(RECEIPTS),
                "let", "{", "mine", "{", "$concat", "[", BCON_UTF8("$id"), "{", "$literal",
                BCON_UTF8(rest), "}", "]", "}", "}",
                "pipeline", "[", "{", "$match", "{", "$expr", "{", "$eq", "[", BCON_UTF8("$_id"),
                BCON_UTF8("$$mine"), "]", "}", "}", "}", "]", "as", BCON_UTF8("receipts"), "}", "}",
                "{", "$match", "{", "receipts.is_dismissed", "{", "$ne", BCON_BOOL(true), "}", "}",
                "}",
                "{", "$sort", "{", "priority", BCON_INT32(-1), "created_at", BCON_INT32(-1), "id",
                BCON_INT32(-1), "}", "}",
                "{", "$limit", BCON_INT32(ANNOUNCE_OPEN_MAX), "}",
                "{", "$project", "{", "target_sectors", BCON_INT32(0), "target_tenant_ids",
                BCON_INT32(0), "}", "}", "]");
    return pipeline;
}

bool announce_visible(struct job *job, const struct tenant *tenant, const char *user_id,
                      struct announced **list, size_t *n)
{
    mongoc_cursor_t *cursor;
    const bson_t *doc = NULL;
    struct scope scope;
    bool ok = job_registry(job, &scope);

    *n = 0;
    *list = arena_alloc(job->arena, ANNOUNCE_OPEN_MAX * sizeof **list);
    if (!ok)
        return false;
    cursor = scope_aggregate(&scope, ANNOUNCEMENTS, visible_pipeline(job, tenant, user_id), NULL);
    while ((ok = scope_next(&scope, cursor, &doc, job->err)) && doc && *n < ANNOUNCE_OPEN_MAX)
        (*list)[(*n)++] = (struct announced){
            .doc = own_bson_copy(job->arena, bson_get_data(doc), doc->len),
            .at = billing_instant(doc, "created_at"),
            .is_read = doc_bool(doc, "receipts.0.is_read"),
        };
    return ok;
}

static void add_member(const bson_t *doc, const char *name, const char *key, struct str *out)
{
    bson_iter_t it;

    str_addf(out, ",\"%s\":", name);
    if (bson_iter_init_find(&it, doc, key))
        bson_json_value(&it, out);
    else
        str_addz(out, "null");
}

void announce_show(const struct announced *one, struct str *out)
{
    const char *id = doc_text(one->doc, "id"), *yes = one->is_read ? "true" : "false";

    str_addz(out, "{\"id\":");
    str_add_json(out, id ? id : "", id ? strlen(id) : 0);
    add_member(one->doc, "announcement_id", "id", out);
    add_member(one->doc, "type", "announcement_type", out);
    add_member(one->doc, "title", "title", out);
    add_member(one->doc, "message", "message", out);
    add_member(one->doc, "priority", "priority", out);
    add_member(one->doc, "expires_at", "expires_at", out);
    add_member(one->doc, "created_at", "created_at", out);
    str_addf(out, ",\"is_sticky\":false,\"is_read\":%s,\"read\":%s,\"source\":\"announcement\"}",
             yes, yes);
}

/* ---- what he did ---- */

struct marking {
    struct job *job;
    const struct tenant *tenant;
    const char *user_id, *id;
    enum announce_mark mark;
    bool found;
};

static const struct mark_row {
    const char *flag, *when, *action;
} marks[] = {
    [ANNOUNCE_READ] = {"is_read", "read_at", "announcement_read"},
    [ANNOUNCE_DISMISS] = {"is_dismissed", "dismissed_at", "announcement_dismiss"},
};

/* `$field`, or what stands there if it is missing or null. */
static void append_kept(bson_t *set, const char *field, const bson_t *otherwise)
{
    const char *old = field;
    bson_t cond, pair;
    bson_iter_t it;
    char ref[32];

    snprintf(ref, sizeof ref, "$%s", old);
    bson_append_document_begin(set, field, -1, &cond);
    BSON_APPEND_ARRAY_BEGIN(&cond, "$ifNull", &pair);
    BSON_APPEND_UTF8(&pair, "0", ref);
    bson_iter_init_find(&it, otherwise, "v");
    bson_append_iter(&pair, "1", 1, &it);
    bson_append_array_end(&cond, &pair);
    bson_append_document_end(set, &cond);
}

/* What is noted already stays as it is. */
static bson_t *mark_update(const struct marking *m)
{
    const struct mark_row *row = &marks[m->mark];
    bson_t *update = own_bson(m->job->arena), *now = own_bson(m->job->arena);
    bson_t *no = own_bson(m->job->arena), stage, set;

    BSON_APPEND_DATE_TIME(now, "v", job_now(m->job));
    BSON_APPEND_BOOL(no, "v", false);
    BSON_APPEND_DOCUMENT_BEGIN(update, "0", &stage);
    BSON_APPEND_DOCUMENT_BEGIN(&stage, "$set", &set);
    BCON_APPEND(&set, "announcement_id", "{", "$literal", BCON_UTF8(m->id), "}", "user_id", "{",
                "$literal", BCON_UTF8(m->user_id), "}", "tenant_id", "{", "$literal",
                BCON_UTF8(m->tenant->tenant_id), "}");
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (i != (size_t)m->mark)
            append_kept(&set, marks[i].flag, no);
    BSON_APPEND_BOOL(&set, row->flag, true);
    append_kept(&set, row->when, now);
    append_kept(&set, "created_at", now);
    bson_append_document_end(&stage, &set);
    bson_append_document_end(update, &stage);
    return update;
}

static bool mark_body(struct scope *scope, void *data, struct err *err)
{
    struct marking *m = data;
    bson_t *filter = own_bson(m->job->arena);
    const bson_t *announcement, *before;

    m->found = false;
    if (!scope_find_one(scope, ANNOUNCEMENTS, visible_filter(m->job, m->tenant, m->id), NULL,
                        &announcement, err))
        return false;
    if (!announcement)
        return true;
    BSON_APPEND_UTF8(filter, "_id", receipt_id(m->job, m->id, m->user_id));
    if (!scope_find_and_update(scope, RECEIPTS, filter, mark_update(m), false, true, NULL, &before,
                               err)) {
        if (err->code == ERR_DUPLICATE)
            scope->transient = true; /* his other device did it meanwhile */
        return false;
    }
    m->found = true;
    return doc_bool(before, marks[m->mark].flag) ||
           announce_note(m->job, scope, AUDIT_DATA, marks[m->mark].action, m->id, before, NULL,
                         err);
}

bool announce_mark(struct job *job, const struct tenant *tenant, const char *user_id,
                   const char *id, enum announce_mark mark, bool *found)
{
    struct marking m = {.job = job, .tenant = tenant, .user_id = user_id, .id = id, .mark = mark};
    struct scope scope;

    *found = false;
    if (!job_registry(job, &scope) || !txn_run(&scope, mark_body, &m, job->err))
        return false;
    *found = m.found;
    return true;
}

/* ---- counting and removing receipts ---- */

bool receipts_count(struct job *job, struct scope *scope, const bson_t *ids,
                    struct receipt_counts *out, size_t room, size_t *n, struct err *err)
{
    bson_t *pipeline = own_bson(job->arena);
    const bson_t *doc = NULL;
    mongoc_cursor_t *cursor;
    bool ok;

    *n = 0;
    if (bson_empty(ids))
        return true;
    BCON_APPEND(pipeline, "pipeline", "[", "{", "$match", "{", "announcement_id", "{", "$in",
                BCON_ARRAY(ids), "}", "}", "}", "{", "$group", "{", "_id",
                BCON_UTF8("$announcement_id"), "read", "{", "$sum", "{", "$cond", "[",
                BCON_UTF8("$is_read"), BCON_INT32(1), BCON_INT32(0), "]", "}", "}", "dismissed",
                "{", "$sum", "{", "$cond", "[", BCON_UTF8("$is_dismissed"), BCON_INT32(1),
                BCON_INT32(0), "]", "}", "}", "}", "}", "]");
    cursor = scope_aggregate(scope, RECEIPTS, pipeline, NULL);
    while ((ok = scope_next(scope, cursor, &doc, err)) && doc && *n < room)
        out[(*n)++] = (struct receipt_counts){
            .id = arena_strdup(job->arena, doc_text(doc, "_id")),
            .read = doc_int(doc, "read", 0),
            .dismissed = doc_int(doc, "dismissed", 0),
        };
    return ok;
}

struct batch {
    const char *id;
    struct arena *arena;
    int64_t found, gone;
};

static bool batch_body(struct scope *scope, void *data, struct err *err)
{
    struct batch *b = data;
    bson_t *filter = own_bson(b->arena), *opts = own_bson(b->arena), *list = own_bson(b->arena);
    bson_t *chosen = own_bson(b->arena);
    const bson_t *doc = NULL;
    mongoc_cursor_t *cursor;
    char key[24];

    b->found = b->gone = 0;
    BSON_APPEND_UTF8(filter, "announcement_id", b->id);
    BCON_APPEND(opts, "projection", "{", "_id", BCON_INT32(1), "}", "limit", BCON_INT64(BATCH));
    cursor = scope_find(scope, RECEIPTS, filter, opts);
    while (scope_next(scope, cursor, &doc, err) && doc) {
        snprintf(key, sizeof key, "%" PRId64, b->found++);
        BSON_APPEND_UTF8(list, key, doc_text(doc, "_id"));
    }
    if (err_is_set(err) || b->found == 0)
        return !err_is_set(err);
    BCON_APPEND(chosen, "_id", "{", "$in", BCON_ARRAY(list), "}");
    return scope_delete_all(scope, RECEIPTS, chosen, &b->gone, err);
}

bool receipts_remove(struct job *job, const char *id, int64_t until_us, bool *all)
{
    struct batch batch = {.id = id, .arena = job->arena, .found = BATCH};
    struct scope scope;

    *all = false;
    while (batch.found == BATCH && clock_mono_us() < until_us)
        if (!job_registry(job, &scope) || !txn_run(&scope, batch_body, &batch, job->err))
            return false;
    *all = batch.found < BATCH;
    return true;
}
