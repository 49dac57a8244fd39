/* Shared by plan.c, subscription*.c and jobs.c. Decides nothing. */
#include "base.h"
#include "platform/billing.h"
#include "core/id.h"
#include "db/bson_json.h"
#include "db/decimal.h"
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

bool billing_list(struct job *job, const char *collection, const char *key, const char *value,
                  const char *order, int limit, struct str *out)
{
    bson_t *filter = own_bson(job->arena), *opts = own_bson(job->arena);
    mongoc_cursor_t *cursor;
    const bson_t *doc = NULL;
    struct scope own, *scope = billing_scope(job, &own);
    bool ok = scope != NULL, first = true;
    bson_t sort;

    if (value)
        bson_append_utf8(filter, key, -1, value, -1);
    BSON_APPEND_DOCUMENT_BEGIN(opts, "sort", &sort);
    bson_append_int32(&sort, order, -1, -1);
    BSON_APPEND_INT32(&sort, "id", -1);
    bson_append_document_end(opts, &sort);
    BSON_APPEND_INT64(opts, "limit", limit);
    cursor = ok ? scope_find(scope, collection, filter, opts) : NULL;
    str_addc(out, '[');
    while (ok && (ok = scope_next(scope, cursor, &doc, job->err)) && doc) {
        if (!first)
            str_addc(out, ',');
        first = false;
        billing_show(doc, out);
    }
    str_addc(out, ']');
    return ok;
}

/* ---- members ---- */

const char *billing_text(const bson_t *doc, const char *key)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, doc, key) && BSON_ITER_HOLDS_UTF8(&it)
               ? bson_iter_utf8(&it, NULL)
               : NULL;
}

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

money_t billing_money(const bson_t *doc, const char *key, int decimals)
{
    bson_iter_t it;
    money_t amount;

    return bson_iter_init_find(&it, doc, key) && decimal_to_money(&it, decimals, &amount) ? amount
                                                                                         : -1;
}

/* ---- events ---- */

static void append_text(bson_t *doc, const char *key, const char *text)
{
    if (text)
        bson_append_utf8(doc, key, -1, text, -1);
    else
        bson_append_null(doc, key, -1);
}

static bson_t *event_doc(const struct job *job, const struct billing_event *event)
{
    bson_t *doc = own_bson(job->arena);
    char id[ID_SIZE];

    id_new(id);
    append_text(doc, "id", id);
    append_text(doc, "subscription_id", event->subscription_id);
    append_text(doc, "tenant_id", event->tenant_id);
    append_text(doc, "event", event->what);
    append_text(doc, "old", event->old);
    append_text(doc, "new", event->new);
    append_text(doc, "triggered_by", job->actor);
    append_text(doc, "reason", event->reason);
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
