/* erpctl jobs: what the clock brings, once across hosts. Run by a timer (systemd/erpd-jobs.timer).
 * What there is to do is platform/jobs.c. */
#include "base.h"
#include "commands/commands.h"
#include "core/clock.h"
#include "trade/daily.h"

static void print_report(const struct ctl *ctl, const struct job *job,
                         const struct jobs_report *report)
{
    static const struct print_column columns[] = {
        {"job", "JOB"}, {"tenant", "TENANT"}, {"outcome", "OUTCOME"}, {NULL, NULL}};
    char now[CLOCK_TEXT_SIZE];
    json_t *result;

    clock_format(now, job_now(job));
    if (!ctl->json && json_array_size(report->rows) > 0) {
        print_rows(ctl, report->rows, columns);
        putchar('\n');
    }
    result = json_pack("{s:b, s:s, s:I, s:I, s:O}", "ran", (int)report->ran, "now", now, "done",
                       (json_int_t)report->done, "failed", (json_int_t)report->failed, "rows",
                       report->rows);
    if (report->ran)
        print_result(ctl, result, "%" PRId64 " done, %" PRId64 " failed", report->done,
                     report->failed);
    else
        print_result(ctl, result, "Another process is doing it");
}

/* Records that clash in one index, written by hand, must not cost all others what is due. */
static bool ensure_indexes(struct ctl *ctl)
{
    if (registry_ensure_indexes(ctl->registry, &ctl->err))
        return true;
    if (ctl->err.code == ERR_DB_UNAVAILABLE || ctl->err.code == ERR_TIMEOUT)
        return false;
    ctl_warn(ctl, "%s", ctl->err.detail);
    err_clear(&ctl->err);
    return true;
}

static int run_jobs(struct ctl *ctl)
{
    json_auto_t *rows = json_array();
    struct jobs_report report = {.rows = rows};
    struct job job = ctl_job(ctl);
    const char *now = ctl_option(ctl, "now");

    if (now && !clock_parse(now, strlen(now), &job.now_ms))
        return ctl_usage(ctl, "--now takes an instant such as 2026-01-31T00:00:00Z");
    if (!ensure_indexes(ctl) || !jobs_run(&job, ctl_flag(ctl, "dry-run"), &daily_jobs, &report))
        return ctl_fail(ctl);
    if (report.lost)
        ctl_warn(ctl, "stopped: this took longer than its lease, and another process goes on");
    if (report.failed)
        ctl_warn(ctl, "%" PRId64 " failed; the others are done", report.failed);
    print_report(ctl, &job, &report);
    return ctl_done(ctl);
}

static const struct command_option jobs_options[] = {
    {"dry-run", NULL, "say what there is to do, and do nothing", false},
    {"now", "INSTANT", "work as if it were then (default: the clock); for tests and --dry-run",
     false},
    {NULL},
};

const struct command cmd_jobs = {
    .name = "jobs",
    .summary = "do what is due: subscriptions that are over, reminders, deleted tenants, receipts",
    .details = "Meant for a timer on every host: one process at a time does the work, the others "
               "end at once with 0. Subscriptions whose trial or grace is over are suspended, "
               "those whose period is over get their grace; 7, 3 and 1 days before an end a "
               "billing event says so. A deleted tenant whose time of grace is over is removed "
               "for good, with a receipt, as by tenant purge; --now brings nobody's end forward. "
               "Who has read an announcement that is removed, or over for 90 days, is forgotten, "
               "and how many did is kept. Receipts that no purchase names and pictures that no "
               "warranty names, a day to eight days old, are removed. Every business is looked at "
               "once a day, from nine in the morning by the time zone of its settings: its people "
               "are told of what is nearly sold out, overdue or still due, as by POST "
               "/api/notifications/scheduled-check. "
               "Workers refuse what is over at its instant, whether or not this has run. What "
               "fails for one business is said, the others go on, and the exit code is 2. One "
               "that was killed is followed by another after a minute at most.",
    .options = jobs_options,
    .needs = NEEDS_PLATFORM,
    .run = run_jobs,
};
