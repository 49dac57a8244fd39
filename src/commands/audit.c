/* The audit log as an operator handles it: `audit chain` is the auditor, which `erpctl watch` runs
 * beside itself; `audit verify` compares entries and chain. */
#include "base.h"
#include "commands/platform.h"
#include "core/clock.h"
#include "core/log.h"
#include "platform/audit_check.h"
#include "platform/auditor.h"

#define ARENA_LIMIT ((size_t)256 * 1024 * 1024)
#define ROUND_US    INT64_C(5000000) /* from the beginning of a round to that of the next */

/* ---- audit chain ---- */

static void nap(int64_t us)
{
    struct timespec pause = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

    if (us > 0 && !ctl_stopping)
        nanosleep(&pause, NULL);
}

/* A registry that is away is waited for. */
static void chain_on(struct auditor *auditor, struct job *job, uint64_t *chained)
{
    int64_t delay_us = job->conf->audit_delay_s * INT64_C(1000000);
    int64_t every_us = delay_us < ROUND_US ? delay_us : ROUND_US;
    bool failing = false;

    while (!ctl_stopping) {
        int64_t begun_us = clock_mono_us();
        struct audit_round round;
        bool ok = auditor_round(auditor, false, &ctl_stopping, &round);

        if (!ok && !failing)
            log_event(LOG_LVL_WARN, "audit_waits", "why", job->err->detail, NULL);
        failing = !ok;
        err_clear(job->err);
        *chained += round.chained;
        if (!ok || !round.more)
            nap(every_us - (clock_mono_us() - begun_us));
    }
}

/* *held false: another one has the lease. */
static bool chain_once(struct auditor *auditor, uint64_t *chained, size_t *failed, bool *held)
{
    struct audit_round round;

    do {
        if (!auditor_round(auditor, true, &ctl_stopping, &round))
            return false;
        *chained += round.chained;
    } while (round.more && !ctl_stopping);
    *failed = round.failed;
    *held = round.held;
    return true;
}

static int run_chain(struct ctl *ctl)
{
    struct job job = ctl_job(ctl);
    bool ok = true, once = ctl_flag(ctl, "once"), held = true;
    struct auditor *auditor;
    uint64_t chained = 0;
    size_t failed = 0;

    job.arena = arena_new(ARENA_LIMIT);
    ctl_catch_stop();
    auditor = auditor_new(&job);
    if (once)
        ok = chain_once(auditor, &chained, &failed, &held);
    else
        chain_on(auditor, &job, &chained);
    auditor_free(auditor);
    arena_free(job.arena);
    if (!ok)
        return ctl_fail(ctl);
    if (failed)
        ctl_warn(ctl, "%zu logs were left out: the log says why", failed);
    if (!held)
        ctl_warn(ctl, "another auditor is at work: nothing was done");
    print_result(ctl, json_pack("{s:I, s:I}", "chained", (json_int_t)chained, "left_out",
                                (json_int_t)failed),
                 "%" PRIu64 " entries chained", chained);
    return ctl_done(ctl);
}

static const struct command_option chain_options[] = {
    {"once", NULL, "chain what is old enough, and end", false},
    {NULL},
};

const struct command cmd_audit_chain = {
    .name = "audit chain",
    .summary = "chain the entries of all audit logs by hash, until SIGTERM",
    .details = "erpctl watch runs this by itself. One at a time does it, across all hosts; others "
               "wait until it is gone for 30 s. Logs whose database does not answer are left for "
               "later, and the log says so.",
    .options = chain_options,
    .needs = NEEDS_PLATFORM,
    .run = run_chain,
};

/* ---- audit verify ---- */

static const struct print_column columns[] = {{"log", "LOG"},         {"entries", "ENTRIES"},
                                              {"pending", "PENDING"}, {"records", "RECORDS"},
                                              {"faults", "FAULTS"},   {"outcome", "OUTCOME"},
                                              {NULL, NULL}};

struct verify {
    struct ctl *ctl;
    json_t *rows;
    json_int_t faulty, away;
};

/* The platform's account may be allowed less than the tenant's own. */
static bool check(struct ctl *ctl, struct audit_target *target, struct audit_report *report)
{
    struct job job = ctl_job(ctl);

    if (audit_check(&job, target, report))
        return true;
    if (!target->platform || ctl->err.code == ERR_DB_UNAVAILABLE)
        return false;
    json_decref(report->list);
    err_clear(&ctl->err);
    target->platform = NULL;
    return audit_check(&job, target, report);
}

static void say_faults(const struct verify *v, const struct audit_target *target,
                       const struct audit_report *report)
{
    const json_t *one;
    size_t i;

    if (v->ctl->json)
        return;
    json_array_foreach(report->list, i, one)
    {
        const char *id = json_string_value(json_object_get(one, "id"));
        json_int_t seq = json_integer_value(json_object_get(one, "seq"));

        printf("%s: %s %s: %s\n", print_clean(v->ctl, target->name),
               json_string_value(json_object_get(one, "fault")),
               id ? print_clean(v->ctl, id)
                  : arena_printf(v->ctl->arena, "record %" JSON_INTEGER_FORMAT, seq),
               json_string_value(json_object_get(one, "detail")));
    }
    if (report->faults > AUDIT_FAULTS_MAX)
        printf("%s: … %" PRId64 " faults in all\n", print_clean(v->ctl, target->name),
               report->faults);
}

static void verify_one(struct verify *v, struct audit_target *target)
{
    struct ctl *ctl = v->ctl;
    struct audit_report report;
    const char *outcome = "whole";

    if (!check(ctl, target, &report)) {
        ctl_warn(ctl, "the log of %s cannot be read: %s", target->name, ctl->err.detail);
        err_clear(&ctl->err);
        v->away++;
        outcome = "not read";
    } else if (report.faults) {
        v->faulty++;
        outcome = "FAULTY";
        say_faults(v, target, &report);
    }
    json_array_append_new(
        v->rows, json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:s, s:O}", "log",
                           target->name, "database", target->audit_db, "tenant_id",
                           target->tenant_id, "entries", (json_int_t)report.entries, "pending",
                           (json_int_t)report.pending, "records", (json_int_t)report.records,
                           "faults", (json_int_t)report.faults, "hash", report.hash, "outcome",
                           outcome, "found", report.list));
    json_decref(report.list);
}

static int finish(struct verify *v)
{
    if (!v->ctl->json)
        print_rows(v->ctl, v->rows, columns);
    else
        print_result(v->ctl, json_pack("{s:I, s:I, s:O}", "faulty", v->faulty, "not_read", v->away,
                                       "logs", v->rows),
                     "%s", "");
    if (v->faulty)
        return EXIT_FAILED;
    return ctl_done(v->ctl);
}

/* A deleted business may have no database any more; it is verified when it is named. */
static bool verify_all(struct verify *v)
{
    struct job job = ctl_job(v->ctl);
    struct audit_target *list;

    if (!audit_targets(&job, &list))
        return false;
    for (; list; list = list->next)
        if (!list->deleted)
            verify_one(v, list);
    return true;
}

static bool verify_slug(struct verify *v, const char *slug)
{
    struct job job = ctl_job(v->ctl);
    struct tenant *tenant;

    if (!platform_tenant(v->ctl, slug, &tenant))
        return false;
    if (!tenant->tenant_id[0])
        return err_set(&v->ctl->err, ERR_STATE, "%s has no tenant_id yet, and so no log", slug);
    verify_one(v, audit_target_of(&job, tenant));
    return true;
}

static int run_verify(struct ctl *ctl)
{
    json_auto_t *rows = json_array();
    struct verify v = {.ctl = ctl, .rows = rows};
    bool all = ctl_flag(ctl, "all");

    if (all == (ctl->n_args > 0))
        return ctl_usage(ctl, "give either a SLUG or --all");
    if (!(all ? verify_all(&v) : verify_slug(&v, ctl->args[0])))
        return ctl_fail(ctl);
    return finish(&v);
}

static const struct command_option verify_options[] = {
    {"all", NULL, "every tenant, the shared database and the platform's own log", false},
    {NULL},
};

const struct command cmd_audit_verify = {
    .name = "audit verify",
    .args = "[SLUG]",
    .max_args = 1,
    .summary = "find entries of the audit log that were changed, removed or smuggled in",
    .details = "Compares every entry with the chain that the auditor keeps outside the tenant's "
               "reach, and the chain with itself. Entries that are not chained yet are counted as "
               "pending. Exits with 1 when there is a fault, and says which.",
    .options = verify_options,
    .needs = NEEDS_PLATFORM,
    .run = run_verify,
};
