/* Shared by plan.c, subscription*.c and jobs.c. Decides nothing. */
#include "base.h"
#include "platform/billing.h"
#include "core/id.h"
#include "db/bson_json.h"
#include "db/doc.h"
#include "db/own.h"
#include "tenant/audit.h"

struct scope *billing_scope(struct job *job, struct scope *own)
{
    if (job->within)
        return job->within;
    return job_registry(job, own) ? own : NULL;
}

bool billing_find(struct job *job, struct scope *scope, const char *collection, const char *key,
                  const char *value, const bson_t **doc, struct err *err)
{
    bson_t *filter = own_bson(job->arena);
    bson_t *opts = own_bson(job->arena);

    bson_append_utf8(filter, key, -1, value, -1);
    BCON_APPEND(opts, "sort", "{", "created_at", BCON_INT32(-1), "}");
    return scope_find_one(scope, collection, filter, opts, doc, err);
}

/* ---- records as JSON ---- */

static bool is_ours(const char *key)
{
    static const char *const ours[] = {"_id", "version", "open_tenant_id", "due_at",
                                       "reminded_for", "reminded_days"};

    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (strcmp(ours[i], key) == 0)
            return true;
    return false;
}

void billing_show(const bson_t *doc, struct str *out)
{
    bson_iter_t it;
    bool first = true;

    str_addc(out, '{');
    if (bson_iter_init(&it, doc))
        while (bson_iter_next(&it)) {
            if (is_ours(bson_iter_key(&it)))
                continue;
            if (!first)
                str_addc(out, ',');
            first = false;
            str_add_json(out, bson_iter_key(&it), strlen(bson_iter_key(&it)));
            str_addc(out, ':');
            bson_json_value(&it, out);
        }
    str_addc(out, '}');
}

static void append_behind(const bson_t *after, bson_t *filter)
{
    bson_t *older = bson_new(), *same = bson_new(), child, array;
    bson_iter_t value, id;

    if (bson_iter_init_find(&value, after, "v") && bson_iter_init_find(&id, after, "id")) {
        BSON_APPEND_DOCUMENT_BEGIN(older, "created_at", &child);
        bson_append_iter(&child, "$lt", -1, &value);
        bson_append_document_end(older, &child);
        bson_append_iter(same, "created_at", -1, &value);
        BSON_APPEND_DOCUMENT_BEGIN(same, "id", &child);
        bson_append_iter(&child, "$lt", -1, &id);
        bson_append_document_end(same, &child);
        BSON_APPEND_ARRAY_BEGIN(filter, "$or", &array);
        BSON_APPEND_DOCUMENT(&array, "0", older);
        BSON_APPEND_DOCUMENT(&array, "1", same);
        bson_append_array_end(filter, &array);
    }
    bson_destroy(older);
    bson_destroy(same);
}

bool billing_list(struct job *job, const char *collection, const struct billing_query *query,
                  struct str *out, const bson_t **more)
{
    bson_t *filter = own_bson(job->arena), *opts = own_bson(job->arena);
    mongoc_cursor_t *cursor;
    const bson_t *doc = NULL, *last = NULL;
    struct scope own, *scope = billing_scope(job, &own);
    bool ok = scope != NULL;
    int64_t n = 0;

    if (query->value)
        bson_append_utf8(filter, query->key, -1, query->value, -1);
    if (query->after)
        append_behind(query->after, filter);
    /* One more than is shown: is there another page? */
    BCON_APPEND(opts, "sort", "{", "created_at", BCON_INT32(-1), "id", BCON_INT32(-1), "}",
                "limit", BCON_INT64(query->limit + 1));
    cursor = ok ? scope_find(scope, collection, filter, opts) : NULL;
    str_addc(out, '[');
    while (ok && (ok = scope_next(scope, cursor, &doc, job->err)) && doc && n < query->limit) {
        if (n++)
            str_addc(out, ',');
        billing_show(doc, out);
        last = own_bson_copy(job->arena, bson_get_data(doc), doc->len);
    }
    str_addc(out, ']');
    if (more)
        *more = doc ? last : NULL;
    return ok;
}

/* ---- members ---- */

int64_t billing_instant(const bson_t *doc, const char *key)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, doc, key) && BSON_ITER_HOLDS_DATE_TIME(&it)
               ? bson_iter_date_time(&it)
               : 0;
}

void billing_append_instant(bson_t *doc, const char *key, int64_t ms)
{
    if (ms)
        bson_append_date_time(doc, key, -1, ms);
    else
        bson_append_null(doc, key, -1);
}

/* ---- events ---- */

static bson_t *event_doc(const struct job *job, const struct billing_event *event)
{
    bson_t *doc = own_bson(job->arena);
    char id[ID_SIZE];

    id_new(id);
    doc_append_text_or_null(doc, "id", id);
    doc_append_text_or_null(doc, "subscription_id", event->subscription_id);
    doc_append_text_or_null(doc, "tenant_id", event->tenant_id);
    doc_append_text_or_null(doc, "event", event->what);
    doc_append_text_or_null(doc, "old", event->old);
    doc_append_text_or_null(doc, "new", event->new);
    doc_append_text_or_null(doc, "triggered_by", job->actor);
    doc_append_text_or_null(doc, "reason", event->reason);
    BSON_APPEND_DATE_TIME(doc, "created_at", job_now(job));
    return doc;
}

bool billing_note(struct job *job, struct scope *scope, const struct billing_event *event,
                  struct err *err)
{
    const struct audit_entry entry = {.kind = AUDIT_OPERATOR,
                                      .action = event->action,
                                      .collection = SUBSCRIPTIONS,
                                      .record_id = event->subscription_id,
                                      .actor = job->actor,
                                      .request_id = job->request_id,
                                      .note = event->reason,
                                      .before = event->before,
                                      .after = event->after};

    return scope_insert(scope, BILLING_EVENTS, event_doc(job, event), err) &&
           audit_add(scope, &entry, err);
}
