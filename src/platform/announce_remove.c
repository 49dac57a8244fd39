/* The end of announcements: removed by who made them, or over for long. What the receipts say is
 * stored before they go. One that came at the very moment of the removal is found by the job, which
 * looks once more a minute later. */
#include "base.h"
#include "platform/announce_priv.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "db/txn.h"
#include "platform/billing.h"
#include "tenant/standing.h"

#define REMOVE_US INT64_C(2000000)
#define SWEEP_US  INT64_C(10000000)
#define SETTLE_MS INT64_C(60000)   /* longer than any request goes on */
#define KEPT_MS   (90 * DAY_MS)    /* after the end of an announcement */
#define DUE_MAX   1000             /* of one run; the next one goes on */

struct ending {
    struct job *job;
    const char *id;
    bool removed; /* by who made it; else its time is over */
};

/* The counts are kept, and "receipts_removed" says that they are not to be made again. */
static bson_t *ending_update(const struct ending *e, const struct receipt_counts *counts)
{
    bson_t *update = own_bson(e->job->arena), set;
    int64_t now = job_now(e->job);

    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    BSON_APPEND_INT64(&set, "read_count", counts->read);
    BSON_APPEND_INT64(&set, "dismissed_count", counts->dismissed);
    BSON_APPEND_BOOL(&set, "receipts_removed", false);
    if (e->removed) {
        BSON_APPEND_BOOL(&set, "is_active", false);
        BSON_APPEND_DATE_TIME(&set, "deleted_at", now);
        BSON_APPEND_DATE_TIME(&set, "updated_at", now);
    }
    bson_append_document_end(update, &set);
    return update;
}

static bool end_body(struct scope *scope, void *data, struct err *err)
{
    struct ending *e = data;
    bson_t *filter = own_bson(e->job->arena), *ids = own_bson(e->job->arena);
    struct receipt_counts counts = {0};
    const bson_t *after;
    size_t n = 0;

    BSON_APPEND_UTF8(ids, "0", e->id);
    if (!receipts_count(e->job, scope, ids, &counts, 1, &n, err))
        return false;
    BSON_APPEND_UTF8(filter, "id", e->id);
    BCON_APPEND(filter, "receipts_removed", "{", "$exists", BCON_BOOL(false), "}");
    if (e->removed)
        BSON_APPEND_BOOL(filter, "is_active", true);
    if (!scope_find_and_update(scope, ANNOUNCEMENTS, filter, ending_update(e, &counts), true,
                               false, NULL, &after, err))
        return false;
    if (!after)
        return err_set(err, ERR_NOT_FOUND, "There is no such announcement.");
    return announce_note(e->job, scope, AUDIT_OPERATOR,
                         e->removed ? "announcement_delete" : "announcement_end", e->id, NULL,
                         after, err);
}

/* The receipts go afterwards: it stands whether or not all of them go at once. */
bool announce_remove(struct job *job, const char *id)
{
    struct ending e = {.job = job, .id = id, .removed = true};
    struct job quiet = *job;
    struct scope scope;
    struct err ignored;
    bool all;

    if (!job_registry(job, &scope) || !txn_run(&scope, end_body, &e, job->err))
        return false;
    err_init(&ignored);
    quiet.err = &ignored;
    receipts_remove(&quiet, id, clock_mono_us() + REMOVE_US, &all);
    err_release(&ignored);
    return true;
}

/* ---- by the clock ---- */

bool announce_due(struct job *job, const char ***ids, size_t *n)
{
    bson_t *filter = own_bson(job->arena), *opts = own_bson(job->arena);
    int64_t now = job_now(job);
    const bson_t *doc = NULL;
    mongoc_cursor_t *cursor;
    struct scope scope;
    bool ok = job_registry(job, &scope);

    *n = 0;
    *ids = arena_alloc(job->arena, DUE_MAX * sizeof **ids);
    BCON_APPEND(filter, "$or", "[",
                "{", "receipts_removed", BCON_BOOL(false), "updated_at", "{", "$lte",
                BCON_DATE_TIME(now - SETTLE_MS), "}", "}",
                "{", "receipts_removed", "{", "$exists", BCON_BOOL(false), "}", "expires_at", "{",
                "$lte", BCON_DATE_TIME(now - KEPT_MS), "}", "}", "]");
    BCON_APPEND(opts, "projection", "{", "id", BCON_INT32(1), "}", "limit", BCON_INT64(DUE_MAX));
    cursor = ok ? scope_find(&scope, ANNOUNCEMENTS, filter, opts) : NULL;
    while (ok && (ok = scope_next(&scope, cursor, &doc, job->err)) && doc)
        if (doc_text(doc, "id"))
            (*ids)[(*n)++] = arena_strdup(job->arena, doc_text(doc, "id"));
    return ok;
}

static bool mark_done(struct job *job, const char *id)
{
    bson_t *filter = own_bson(job->arena), *update = own_bson(job->arena);
    struct scope scope;
    int64_t matched;

    BSON_APPEND_UTF8(filter, "id", id);
    BCON_APPEND(update, "$set", "{", "receipts_removed", BCON_BOOL(true), "}");
    return job_registry(job, &scope) &&
           scope_update_one(&scope, ANNOUNCEMENTS, filter, update, NULL, &matched, job->err);
}

bool announce_sweep(struct job *job, const bson_t *doc)
{
    struct ending e = {.job = job, .id = doc_text(doc, "id")};
    struct scope scope;
    bool all;

    if (!bson_has_field(doc, "receipts_removed") &&
        (!job_registry(job, &scope) || !txn_run(&scope, end_body, &e, job->err)))
        return false;
    return receipts_remove(job, e.id, clock_mono_us() + SWEEP_US, &all) &&
           (!all || mark_done(job, e.id));
}
