/* What one user is told: the notifications of his business, and the platform's announcements.
 *
 * Round trips: a list 3 (two in the business's database, one in the platform's), a count 2. When
 * the platform's database is away, those of the business are shown all the same, and the reply says
 * that the others are missing. */
#include "base.h"
#include "actions/actions.h"
#include "actions/query.h"
#include "core/clock.h"
#include "core/log.h"
#include "db/txn.h"
#include "engine/render.h"
#include "platform/announce.h"
#include "trade/inbox.h"
#include "trade/reminders.h"

#define LIST_MAX     1000
#define LIST_DEFAULT 20
#define HUB_US       INT64_C(4000000) /* of the request's time, for the platform's database */
#define ANNOUNCED    "announcement"   /* as ?type= */

/* What is asked for, and what there is. */
struct told {
    struct req *req;
    const char *type; /* NULL: all */
    bool unread_only;
    int64_t limit, unread;
    struct announced *announced;
    size_t n_announced;
    bool available; /* the announcements were read */
    struct inbox_row *rows;
    size_t n_rows;
};

/* ---- the platform's part ---- */

/* A super_admin makes them, and is told of none; users of the shared database have no entry. */
static bool has_announcements(const struct told *t)
{
    return t->req->tenant && !t->req->principal.legacy &&
           (!t->type || strcmp(t->type, ANNOUNCED) == 0);
}

static void read_announcements(struct told *t)
{
    struct job job = job_of_req(t->req);
    int64_t until_us = clock_mono_us() + HUB_US;
    struct err err;

    t->available = true;
    if (!has_announcements(t))
        return;
    err_init(&err);
    job.err = &err;
    job.deadline_us = until_us < job.deadline_us ? until_us : job.deadline_us;
    t->available = announce_visible(&job, t->req->tenant, t->req->principal.user_id,
                                    &t->announced, &t->n_announced);
    if (!t->available) {
        t->n_announced = 0;
        log_event(LOG_LVL_WARN, "announcements_away", "request_id", t->req->request_id, "why",
                  err.detail, NULL);
    }
    err_release(&err);
    for (size_t i = 0; i < t->n_announced; i++)
        t->unread += !t->announced[i].is_read;
}

/* Those that are asked for, of these the most important ones. */
static void choose_announcements(struct told *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->n_announced && n < (size_t)t->limit; i++)
        if (!t->unread_only || !t->announced[i].is_read)
            t->announced[n++] = t->announced[i];
    t->n_announced = n;
}

static int by_date(const void *a, const void *b)
{
    const struct announced *one = a, *two = b;

    return (one->at < two->at) - (one->at > two->at);
}

/* ---- the business's part ---- */

static bool wants_rows(const struct told *t)
{
    return t->req->tenant && (!t->type || strcmp(t->type, ANNOUNCED) != 0);
}

static bool read_rows(struct told *t, bool listed)
{
    struct req *req = t->req;
    int64_t unread = 0;

    if (!wants_rows(t))
        return true;
    if (!req->scope.client)
        return err_set_retry(req->err, ERR_DB_UNAVAILABLE, 3,
                             "Database connection failed for this tenant. Please try again "
                             "shortly.");
    if (listed && !inbox_list(req, t->type, t->unread_only, t->limit, &t->rows, &t->n_rows))
        return false;
    if (!inbox_unread(req, t->type, &unread))
        return false;
    t->unread += unread;
    return true;
}

/* ---- both ---- */

static void show_row(const struct inbox_row *row, struct str *out)
{
    static const struct kind_env env = {.decimals = 2};

    render_record(&notices_resource, &env, row->doc, NULL, out);
    out->len--; /* goes on before the closing brace */
    str_addf(out, ",\"read\":%s,\"source\":\"tenant\"}", row->is_read ? "true" : "false");
}

/* The newest first; a list of announcements alone stays in the order of their priority. */
static void show_all(struct told *t, struct str *out)
{
    size_t a = 0, r = 0;

    if (t->n_announced && wants_rows(t))
        qsort(t->announced, t->n_announced, sizeof *t->announced, by_date);
    for (int64_t i = 0; i < t->limit && (a < t->n_announced || r < t->n_rows); i++) {
        if (i)
            str_addc(out, ',');
        if (r == t->n_rows || (a < t->n_announced && t->announced[a].at >= t->rows[r].at))
            announce_show(&t->announced[a++], out);
        else
            show_row(&t->rows[r++], out);
    }
}

static void show_counts(const struct told *t, struct str *out)
{
    str_addf(out, "\"unread_count\":%" PRId64 ",\"announcements_available\":%s}", t->unread,
             t->available ? "true" : "false");
}

static bool read_type(struct req *req, const char **type)
{
    *type = req_query(req, "type");
    if (!*type || strcmp(*type, ANNOUNCED) == 0)
        return true;
    for (size_t i = 0; i < NOTICE_TYPES; i++)
        if (strcmp(*type, notice_type_names[i]) == 0)
            return true;
    return err_set(req->err, ERR_BAD_QUERY, "There is no type \"%.40s\" of notifications.", *type);
}

bool action_notification_list(struct req *req)
{
    struct told t = {.req = req};
    struct str *out = resp_body(req);

    if (!read_type(req, &t.type) || !req_flag(req, "unread_only", &t.unread_only) ||
        !query_number(req, "limit", 1, LIST_MAX, LIST_DEFAULT, &t.limit) || !read_rows(&t, true))
        return false;
    read_announcements(&t);
    choose_announcements(&t);
    str_addz(out, "{\"success\":true,\"notifications\":[");
    show_all(&t, out);
    str_addz(out, "],");
    show_counts(&t, out);
    return true;
}

bool action_notification_unread(struct req *req)
{
    struct told t = {.req = req};
    struct str *out = resp_body(req);

    if (!read_rows(&t, false))
        return false;
    read_announcements(&t);
    str_addz(out, "{\"success\":true,");
    show_counts(&t, out);
    return true;
}

static bool done(struct req *req, const char *message)
{
    str_addf(resp_body(req), "{\"success\":true,\"message\":\"%s\"}", message);
    return true;
}

/* Whoever marks what is not there any more has what he wants; so it says yes, always. */
bool action_notification_read(struct req *req)
{
    struct job job = job_of_req(req);
    const char *id = req_param(req, "notification_id");
    bool found;

    if (!inbox_read(req, id, &found))
        return false;
    if (!found && !req->principal.legacy &&
        !announce_mark(&job, req->tenant, req->principal.user_id, id, ANNOUNCE_READ, &found))
        return false;
    return done(req, "Marked as read.");
}

bool action_notification_dismiss(struct req *req)
{
    struct job job = job_of_req(req);
    bool found = false;

    if (!req->principal.legacy &&
        !announce_mark(&job, req->tenant, req->principal.user_id,
                       req_param(req, "announcement_id"), ANNOUNCE_DISMISS, &found))
        return false;
    return found ? done(req, "Dismissed.")
                 : err_set(req->err, ERR_NOT_FOUND, "There is no such announcement.");
}

/* ---- the daily look ---- */

struct check {
    struct req *req;
    struct reminded done;
};

static bool check_body(struct scope *scope, void *data, struct err *err)
{
    struct check *check = data;
    const struct req *req = check->req;
    const struct audit_entry who = {.actor = req->principal.user_id,
                                    .impersonated_by = req->principal.claims.impersonated_by,
                                    .request_id = req->request_id};

    return reminders_run(scope, req->tenant, clock_ms(), &who, &check->done, err);
}

bool action_notification_check(struct req *req)
{
    struct check check = {.req = req};
    const struct reminded *done = &check.done;

    if (!reminders_prepare(req->app->indexes, &req->scope, req->err) ||
        !txn_run(&req->scope, check_body, &check, req->err))
        return false;
    str_addf(resp_body(req),
             "{\"message\":\"Scheduled check done\",\"notifications_created\":%" PRId64
             ",\"low_stock_products\":%" PRId64 ",\"overdue_invoices\":%" PRId64
             ",\"daily_due_reminders\":%" PRId64 "}",
             done->created, done->products, done->invoices, done->dues);
    return true;
}
