/* Registry entries by tenant_id, over the wire. */
#include "base.h"
#include "platform/tenants.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/str.h"
#include "db/bson_json.h"
#include "db/doc.h"
#include "db/own.h"
#include "db/txn.h"
#include "engine/render.h"
#include "tenant/audit.h"

#define DAY_MS      INT64_C(86400000)
#define RECENT_MAX  10
#define RECENT_DAYS 7

/* --- entries ---------------------------------------------------------------------------------- */

static void add_member(const bson_t *doc, const char *name, const char *field,
                       const char *otherwise, struct str *out)
{
    bson_iter_t it;

    str_addf(out, "\"%s\":", name);
    if (bson_iter_init_find(&it, doc, field) && !BSON_ITER_HOLDS_NULL(&it))
        bson_json_value(&it, out);
    else
        str_addz(out, otherwise);
    str_addc(out, ',');
}

static bool is_active(const bson_t *doc)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, doc, "status") && BSON_ITER_HOLDS_UTF8(&it) &&
           strcmp(bson_iter_utf8(&it, NULL), tenant_status_name(TENANT_ACTIVE)) == 0;
}

void tenants_render(const bson_t *doc, const char *link, struct str *out)
{
    static const char *const members[][2] = {
        {"id", "tenant_id"},
        {"tenant_id", "tenant_id"},
        {"slug", "slug"},
        {"name", "business_name"},
        {"email", "admin_email"},
        {"business_type", "business_type"},
        {"license_type", "license_type"},
        {"status", "status"},
        {"database_name", "db_name"},
        {"created_at", "created_at"},
        {"updated_at", "updated_at"},
    };

    str_addc(out, '{');
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        add_member(doc, members[i][0], members[i][1], "null", out);
    add_member(doc, "modules_enabled", "features_enabled", "[]", out);
    str_addf(out, "\"is_active\":%s,\"password_link\":", is_active(doc) ? "true" : "false");
    if (link)
        str_add_json(out, link, strlen(link));
    else
        str_addz(out, "null");
    str_addc(out, '}');
}

/* A member in the arena; "" when it is no text. */
static const char *text_of(const struct job *job, const bson_t *doc, const char *key)
{
    const char *text = doc_text(doc, key);

    return text ? arena_strdup(job->arena, text) : "";
}

bool tenants_list(const struct job *job, const char *after, int64_t limit, struct str *out,
                  const char **last)
{
    bson_t *filter = own_bson(job->arena), *opts = own_bson(job->arena);
    const bson_t *doc = NULL;
    mongoc_cursor_t *cursor;
    struct scope scope;
    int64_t n = 0;
    bool ok = job_registry(job, &scope);

    *last = NULL;
    if (!ok)
        return false;
    if (after)
        BCON_APPEND(filter, "slug", "{", "$gt", BCON_UTF8(after), "}");
    BCON_APPEND(opts, "sort", "{", "slug", BCON_INT32(1), "}", "limit", BCON_INT64(limit));
    cursor = scope_find(&scope, ENTRIES, filter, opts);
    str_addc(out, '[');
    while ((ok = scope_next(&scope, cursor, &doc, job->err)) && doc) {
        if (n++)
            str_addc(out, ',');
        tenants_render(doc, NULL, out);
        if (n == limit)
            *last = text_of(job, doc, "slug");
    }
    str_addc(out, ']');
    return ok;
}

bool tenants_find(const struct job *job, const char *tenant_id, const bson_t **doc)
{
    bson_t *filter = own_bson(job->arena);
    struct scope scope;

    BSON_APPEND_UTF8(filter, "tenant_id", tenant_id);
    return job_registry(job, &scope) &&
           scope_find_one(&scope, ENTRIES, filter, NULL, doc, job->err) &&
           (*doc || err_set(job->err, ERR_TENANT_NOT_FOUND, "There is no such tenant."));
}

static void status_change(const struct job *job, enum tenant_status status, const char *was,
                          const char *reason, bson_t *update)
{
    int64_t now = clock_ms();
    bson_t set;

    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    BSON_APPEND_UTF8(&set, "status", tenant_status_name(status));
    BSON_APPEND_DATE_TIME(&set, "updated_at", now);
    if (reason)
        BSON_APPEND_UTF8(&set, "status_reason", reason);
    else
        BSON_APPEND_NULL(&set, "status_reason");
    if (status == TENANT_DELETED) {
        BSON_APPEND_UTF8(&set, "deleted_from", was);
        BSON_APPEND_DATE_TIME(&set, "deleted_at", now);
        BSON_APPEND_DATE_TIME(&set, "purge_after", now + job->conf->delete_grace_s * 1000);
    }
    bson_append_document_end(update, &set);
    if (status != TENANT_DELETED)
        BCON_APPEND(update, "$unset", "{", "deleted_at", "", "deleted_from", "", "purge_after", "",
                    "deleted_archive", "", "}");
}

static bool is_over(const bson_t *doc)
{
    bson_iter_t it;

    return bson_has_field(doc, "purge") ||
           (bson_iter_init_find(&it, doc, "purge_after") && BSON_ITER_HOLDS_DATE_TIME(&it) &&
            bson_iter_date_time(&it) <= clock_ms());
}

static bool may_change(const struct job *job, const bson_t *doc, const char *slug, const char *was,
                       enum tenant_status to)
{
    bool deleted = strcmp(was, tenant_status_name(TENANT_DELETED)) == 0;

    if (strcmp(was, tenant_status_name(TENANT_PROVISIONING)) == 0)
        return err_set(job->err, ERR_STATE, "%s is still being set up.", slug);
    if (deleted && to == TENANT_DELETED)
        return err_set(job->err, ERR_STATE, "%s is deleted already.", slug);
    if (deleted && is_over(doc))
        return err_set(job->err, ERR_STATE, "%s is deleted, and its time of grace is over.", slug);
    return true;
}

struct status_write {
    const struct job *job;
    const char *tenant_id, *reason, *slug;
    enum tenant_status status;
    const bson_t *doc; /* outcome */
};

/* The entry, and what the platform's log says of it. */
static bool status_body(struct scope *scope, void *data, struct err *err)
{
    struct status_write *w = data;
    const struct job *job = w->job;
    bson_t *filter = own_bson(job->arena), *update = own_bson(job->arena);
    struct audit_entry entry = {.kind = AUDIT_OPERATOR,
                                .action = tenant_status_name(w->status),
                                .collection = ENTRIES,
                                .actor = job->actor,
                                .request_id = job->request_id,
                                .note = w->reason};
    const char *was;

    BSON_APPEND_UTF8(filter, "tenant_id", w->tenant_id);
    if (!scope_find_one(scope, ENTRIES, filter, NULL, &entry.before, err))
        return false;
    if (!entry.before)
        return err_set(err, ERR_TENANT_NOT_FOUND, "There is no such tenant.");
    entry.record_id = w->slug = text_of(job, entry.before, "slug");
    was = text_of(job, entry.before, "status");
    if (!may_change(job, entry.before, w->slug, was, w->status))
        return false;
    status_change(job, w->status, was, w->reason, update);
    if (!scope_find_and_update(scope, ENTRIES, filter, update, true, false, NULL, &w->doc, err))
        return false;
    entry.after = w->doc;
    return audit_add(scope, &entry, err);
}

/* The business's own log has it too, where that can be written: a cluster that is away, or an entry
 * that is not sound, keeps nobody from suspending a business. */
static void tell_business(const struct job *job, const struct status_write *w)
{
    struct job quiet = *job;
    struct tenant *tenant;
    struct err err;

    err_init(&err);
    quiet.err = &err;
    if (!entry_read(&quiet, w->doc, &tenant) ||
        !job_audit(&quiet, tenant, tenant_status_name(w->status), ENTRIES, w->slug))
        log_event(LOG_LVL_WARN, "audit_missing", "tenant", w->slug, "action",
                  tenant_status_name(w->status), "why", err.detail, NULL);
    err_release(&err);
}

bool tenants_set_status(const struct job *job, const char *tenant_id, enum tenant_status status,
                        const char *reason, const bson_t **doc)
{
    struct status_write w = {
        .job = job, .tenant_id = tenant_id, .status = status, .reason = reason};
    struct scope scope;

    if (!job_registry(job, &scope) || !txn_run(&scope, status_body, &w, job->err))
        return false;
    *doc = w.doc;
    entry_changed(job, w.slug, tenant_id);
    tell_business(job, &w);
    return true;
}

/* --- how they do ------------------------------------------------------------------------------ */

/* Real sales, since a time (0: ever). */
static void match_sales(const struct scope *scope, int64_t since_ms, bson_t *filter)
{
    scope_filter(scope, NULL, filter);
    if (since_ms > 0)
        BCON_APPEND(filter, "created_at", "{", "$gte", BCON_DATE_TIME(since_ms), "}");
    BCON_APPEND(filter, "status", "{", "$nin", "[", BCON_UTF8("draft"), BCON_UTF8("cancelled"), "]",
                "}");
}

static bool add_totals(const struct job *job, struct scope *scope, int64_t since_ms,
                       const char *count_name, const char *sum_name, struct str *out)
{
    bson_t *match = own_bson(job->arena), *pipeline = own_bson(job->arena);
    mongoc_cursor_t *cursor;
    const bson_t *doc = NULL;
    bson_iter_t it;

    match_sales(scope, since_ms, match);
    BCON_APPEND(pipeline, "0", "{", "$match", BCON_DOCUMENT(match), "}", "1", "{", "$group", "{",
                "_id", BCON_NULL, "count", "{", "$sum", BCON_INT32(1), "}", "total", "{", "$sum",
                BCON_UTF8("$total"), "}", "}", "}");
    cursor = scope_aggregate(scope, "sales", pipeline, NULL);
    if (!scope_next(scope, cursor, &doc, job->err))
        return false;
    str_addf(out, "\"%s\":", count_name);
    if (doc && bson_iter_init_find(&it, doc, "count"))
        bson_json_value(&it, out);
    else
        str_addc(out, '0');
    str_addf(out, ",\"%s\":", sum_name);
    if (doc && bson_iter_init_find(&it, doc, "total"))
        bson_json_value(&it, out);
    else
        str_addc(out, '0');
    str_addc(out, ',');
    return true;
}

static bool add_recent(const struct job *job, struct scope *scope, const struct kind_env *env,
                       struct str *out)
{
    const struct resource *sales = resource_by_collection("sales");
    bson_t *filter = own_bson(job->arena), *opts = own_bson(job->arena);
    mongoc_cursor_t *cursor;
    const bson_t *doc = NULL;
    bool ok, first = true;

    if (!sales)
        die("there is no resource for sales");
    match_sales(scope, clock_ms() - RECENT_DAYS * DAY_MS, filter);
    BCON_APPEND(opts, "sort", "{", "created_at", BCON_INT32(-1), "}", "limit",
                BCON_INT64(RECENT_MAX));
    cursor = scope_find(scope, "sales", filter, opts);
    str_addz(out, "\"recent_sales\":[");
    while ((ok = scope_next(scope, cursor, &doc, job->err)) && doc) {
        if (!first)
            str_addc(out, ',');
        first = false;
        render_record(sales, env, doc, NULL, out);
    }
    str_addz(out, "]}");
    return ok;
}

bool tenants_stats(const struct job *job, const char *tenant_id, struct str *out)
{
    int64_t today_ms = clock_ms() / DAY_MS * DAY_MS;
    struct tenant *tenant;
    struct kind_env env;
    struct scope scope;
    const bson_t *doc;

    if (!tenants_find(job, tenant_id, &doc) || !entry_read(job, doc, &tenant) ||
        !job_tenant(job, tenant, &scope))
        return false;
    env = (struct kind_env){.decimals = tenant->decimals};
    str_addz(out, "{\"tenant_id\":");
    str_add_json(out, tenant->tenant_id, strlen(tenant->tenant_id));
    str_addz(out, ",\"tenant_slug\":");
    str_add_json(out, tenant->slug, strlen(tenant->slug));
    str_addc(out, ',');
    return add_totals(job, &scope, 0, "sales_count", "total_sales", out) &&
           add_totals(job, &scope, today_ms, "today_count", "today_sales", out) &&
           add_recent(job, &scope, &env, out);
}
