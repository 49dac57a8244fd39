/* The table of jobs, and the loop around them. To add one: a function for one record, and its row,
 * which says what the records are. Records that expire by themselves (sign-in attempts, idempotency
 * keys) have TTL indexes instead. */
#include "base.h"
#include "platform/jobs.h"
#include "core/clock.h"
#include "core/id.h"
#include "db/doc.h"
#include "db/own.h"
#include "platform/announce.h"
#include "platform/entry.h"
#include "platform/lease.h"
#include "platform/remove.h"
#include "platform/subscription.h"
#include "platform/sweep.h"
#include "tenant/standing.h"

#define LEASE         "jobs"
#define LEASE_SECONDS 60
#define PROLONG_US    INT64_C(15000000)
#define ONE_ARENA     (4 * 1024 * 1024)
#define STEPS_MAX     4

struct run {
    struct job *job;
    struct jobs_report *report;
    const struct jobs_more *more; /* may be NULL */
    const struct row *row;        /* of the job that runs */
    char holder[ID_SIZE];
    int64_t prolong_us; /* when the lease is to be prolonged */
    bool dry;
};

struct item {
    const char *id;
    struct item *next;
};

/* The ids of the records that there is something to do with, in `job`'s arena: a cursor would not
 * outlive the work. */
typedef bool list_items(struct run *run, struct job *job, struct item **list);
/* The record is that of `job`'s arena. False: job->err says why. */
typedef bool one_job(struct run *run, struct job *job, const bson_t *doc);

struct row {
    const char *name;
    const char *collection, *key; /* of the records, in the registry's database; what names one */
    const char *slug;             /* the member that says whose it is */
    list_items *list;
    one_job *one;
};

/* The id when it is that of a subscription, else NULL. */
static const char *subscription_of(const struct run *run, const char *id)
{
    return strcmp(run->row->collection, SUBSCRIPTIONS) == 0 ? id : NULL;
}

static void add_row(struct run *run, const bson_t *doc, const char *outcome)
{
    const char *slug = doc_text(doc, run->row->slug);
    const char *id = subscription_of(run, doc_text(doc, "id"));

    json_array_append_new(run->report->rows,
                          json_pack("{s:s, s:s?, s:s?, s:s}", "job", run->row->name, "tenant", slug,
                                    "subscription", id, "outcome", outcome));
}

/* ---- expiry ---- */

static bool expire(struct run *run, struct job *job, const bson_t *doc)
{
    struct subscription sub;
    enum sub_status to;

    for (int i = 0; i < STEPS_MAX; i++) {
        if (!subscription_read(doc, &sub, job->err))
            return false;
        if (!subscription_due(&sub, job_now(job), &to))
            return true;
        if (!run->dry && !subscription_advance(job, sub.id, &doc))
            return false;
        if (!doc)
            return true; /* somebody paid meanwhile */
        add_row(run, doc, arena_printf(job->arena, "%s to %s", sub_status_names[sub.status],
                                       sub_status_names[to]));
        if (run->dry)
            return true;
        run->report->done++;
        job_step(job, "expiry");
    }
    return true;
}

/* ---- reminders ---- */

/* Days before the end, the most urgent first. */
static const int32_t notices[] = {1, 3, 7};

static int64_t end_of(const struct subscription *sub)
{
    switch (sub->status) {
    case SUB_TRIAL:
        return sub->trial_ends_ms;
    case SUB_ACTIVE:
        return sub->expires_ms;
    case SUB_GRACE:
        return sub->grace_ends_ms;
    default:
        return 0;
    }
}

static bool reminded(const bson_t *doc, int64_t ends_ms, int32_t days)
{
    bson_iter_t it;

    return billing_instant(doc, "reminded_for") == ends_ms &&
           bson_iter_init_find(&it, doc, "reminded_days") && BSON_ITER_HOLDS_INT32(&it) &&
           bson_iter_int32(&it) <= days;
}

static bool remind(struct run *run, struct job *job, const bson_t *doc)
{
    struct subscription sub;
    int64_t ends, left;

    if (!subscription_read(doc, &sub, job->err))
        return false;
    ends = end_of(&sub);
    left = ends - job_now(job);
    if (!ends || left <= 0)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(notices); i++) {
        if (left > notices[i] * DAY_MS)
            continue;
        if (reminded(doc, ends, notices[i]))
            return true;
        if (!run->dry && !subscription_remind(job, &sub, ends, notices[i]))
            return false;
        add_row(run, doc, arena_printf(job->arena, "ends within %d days", (int)notices[i]));
        run->report->done += !run->dry;
        job_step(job, "reminder");
        return true;
    }
    return true;
}

/* ---- subscriptions ---- */

static void add_item(struct job *job, const char *id, struct item ***tail)
{
    if (!id)
        return; /* the unique index lets none be made */
    **tail = arena_alloc(job->arena, sizeof ***tail);
    (**tail)->id = arena_strdup(job->arena, id);
    *tail = &(**tail)->next;
}

static bool add_items(struct job *job, const char *const *ids, size_t n, struct item **list)
{
    for (size_t i = 0; i < n; i++)
        add_item(job, ids[i], &list);
    return true;
}

/* Those that the clock can move. */
static bool list_moving(struct run *run, struct job *job, struct item **list)
{
    bson_t *filter = own_bson(job->arena), *opts = own_bson(job->arena);
    mongoc_cursor_t *cursor;
    const bson_t *doc = NULL;
    struct item **tail = list;
    struct scope scope;
    bool ok = job_registry(job, &scope);

    (void)run;
    BCON_APPEND(filter, "status", "{", "$nin", "[", BCON_UTF8("suspended"),
                BCON_UTF8("cancelled"), "]", "}");
    BCON_APPEND(opts, "projection", "{", "id", BCON_INT32(1), "}", "sort", "{", "id",
                BCON_INT32(1), "}");
    cursor = ok ? scope_find(&scope, SUBSCRIPTIONS, filter, opts) : NULL;
    while (ok && (ok = scope_next(&scope, cursor, &doc, job->err)) && doc)
        add_item(job, doc_text(doc, "id"), &tail);
    return ok;
}

/* ---- deleted businesses ---- */

static bool list_deleted(struct run *run, struct job *job, struct item **list)
{
    const char **slugs;
    size_t n;

    /* What cannot be taken back is never done before its time by the clock. */
    if (!tenant_purge_due(job, run->dry ? job_now(job) : clock_ms(), &slugs, &n))
        return false;
    return add_items(job, slugs, n, list);
}

static bool purge(struct run *run, struct job *job, const bson_t *doc)
{
    struct removed gone;
    const char *slug = doc_text(doc, "slug");

    if (run->dry) {
        add_row(run, doc, "to be removed for good");
        return true;
    }
    if (!tenant_purge(job, slug, false, NULL, &gone))
        return false;
    add_row(run, doc, arena_printf(job->arena, "removed for good: %" PRId64 " documents",
                                   gone.documents));
    run->report->done++;
    job_step(job, "purge");
    return true;
}

/* ---- announcements that are over ---- */

static bool list_over(struct run *run, struct job *job, struct item **list)
{
    const char **ids;
    size_t n;

    (void)run;
    if (!announce_due(job, &ids, &n))
        return false;
    return add_items(job, ids, n, list);
}

static bool sweep(struct run *run, struct job *job, const bson_t *doc)
{
    if (!run->dry && !announce_sweep(job, doc))
        return false;
    add_row(run, doc, arena_printf(job->arena, "receipts of announcement %s",
                                   doc_text(doc, "id")));
    run->report->done += !run->dry;
    job_step(job, "announcement");
    return true;
}

/* ---- files without a record ---- */

/* As for what is purged: never before its time by the clock. */
static int64_t sweep_now(const struct run *run)
{
    return run->dry ? job_now(run->job) : clock_ms();
}

static bool list_files(struct run *run, struct job *job, struct item **list)
{
    const char **slugs;
    size_t n;

    if (!sweep_due(job, sweep_now(run), &slugs, &n))
        return false;
    return add_items(job, slugs, n, list);
}

static bool sweep_files(struct run *run, struct job *job, const bson_t *doc)
{
    struct tenant *tenant;
    size_t gone;

    if (!entry_read(job, doc, &tenant))
        return false;
    for (size_t i = 0; i < sweeps_n; i++) {
        if (!sweep_room(job, &sweeps[i], tenant, sweep_now(run), run->dry, &gone))
            return false;
        if (gone == 0)
            continue;
        add_row(run, doc, arena_printf(job->arena, "%zu %s", gone, sweeps[i].what));
        run->report->done += !run->dry;
        job_step(job, "files");
    }
    return true;
}

/* What another room brings. */
static bool list_more(struct run *run, struct job *job, struct item **list)
{
    const char **slugs = NULL;
    size_t n = 0;

    if (run->more && !run->more->list(job, &slugs, &n))
        return false;
    return add_items(job, slugs, n, list);
}

static bool do_more(struct run *run, struct job *job, const bson_t *doc)
{
    struct tenant *tenant;
    const char *outcome;

    if (!entry_read(job, doc, &tenant) || !run->more->one(job, tenant, run->dry, &outcome))
        return false;
    if (outcome)
        add_row(run, doc, outcome);
    run->report->done += outcome && !run->dry;
    return true;
}

/* ---- the table ---- */

static const struct row rows[] = {
    /* What is over gets its grace, or is suspended. */
    {"expiry", SUBSCRIPTIONS, "id", "tenant_slug", list_moving, expire},
    /* A billing event 7, 3 and 1 days before an end. */
    {"reminders", SUBSCRIPTIONS, "id", "tenant_slug", list_moving, remind},
    /* What was deleted and whose time of grace is over goes for good. */
    {"purge", ENTRIES, "slug", "slug", list_deleted, purge},
    /* Who has read what is removed, or over for long: the numbers stay, the receipts go. */
    {"announcements", ANNOUNCEMENTS, "id", "tenant_slug", list_over, sweep},
    /* Files whose record was never stored, because the worker was killed. */
    {"files", ENTRIES, "slug", "slug", list_files, sweep_files},
    /* Whose morning it is. */
    {"daily", ENTRIES, "slug", "slug", list_more, do_more},
};

/* ---- the loop ---- */

static void failed(struct run *run, const bson_t *doc, const char *id, const struct err *err)
{
    const char *slug = doc ? doc_text(doc, run->row->slug) : NULL;
    const char *sub = subscription_of(run, id);

    run->report->failed++;
    json_array_append_new(run->report->rows,
                          json_pack("{s:s, s:s?, s:s?, s:s, s:s}", "job", run->row->name,
                                    "tenant", slug, "subscription", sub, "outcome", "failed",
                                    "why", err->detail));
    job_progress(run->job, "%s: %s: %s", run->row->name, slug ? slug : id, err->detail);
}

/* With memory and error of its own, so that nothing of it reaches the next one. */
static void do_one(struct run *run, const char *id)
{
    const struct row *row = run->row;
    struct job job = *run->job;
    struct scope scope;
    struct err err;
    const bson_t *doc = NULL;

    err_init(&err);
    job.err = &err;
    job.arena = arena_new(ONE_ARENA);
    if (!job_registry(&job, &scope) ||
        !billing_find(&job, &scope, row->collection, row->key, id, &doc, &err) ||
        (doc && !row->one(run, &job, doc)))
        failed(run, doc, id, &err);
    arena_free(job.arena);
    err_release(&err);
}

static bool keep_lease(struct run *run, bool *held)
{
    *held = true;
    if (run->dry || clock_mono_us() < run->prolong_us)
        return true;
    run->prolong_us = clock_mono_us() + PROLONG_US;
    return lease_take(run->job, LEASE, run->holder, LEASE_SECONDS, held);
}

static bool run_row(struct run *run, const struct row *row)
{
    struct item *list = NULL;
    bool held;

    run->row = row;
    if (!row->list(run, run->job, &list))
        return false;
    for (const struct item *item = list; item; item = item->next) {
        if (!keep_lease(run, &held))
            return false;
        run->report->lost = !held;
        if (!held)
            return true;
        do_one(run, item->id);
    }
    return true;
}

bool jobs_run(struct job *job, bool dry, const struct jobs_more *more, struct jobs_report *report)
{
    struct run run = {.job = job, .report = report, .more = more, .dry = dry};
    bool ok = true;

    id_new(run.holder);
    if (!keep_lease(&run, &report->ran))
        return false;
    if (!report->ran)
        return true;
    job_step(job, "lease");
    for (size_t i = 0; i < ARRAY_LEN(rows) && ok && !report->lost; i++)
        ok = run_row(&run, &rows[i]);
    if (!dry && ok)
        lease_drop(job, LEASE, run.holder);
    return ok;
}
