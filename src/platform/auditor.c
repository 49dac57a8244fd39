/* Goes over the businesses and decides what is due in each; what a step chains is audit_step.c. */
#include "base.h"
#include "platform/auditor.h"
#include "platform/audit_step.h"
#include "platform/lease.h"
#include "core/clock.h"
#include "core/log.h"

#define LEASE       "auditor"
#define LEASE_S     30
#define RENEW_US    INT64_C(10000000)
#define LIST_US     INT64_C(30000000) /* a new business is followed within so long */
#define LIST_LIMIT  ((size_t)256 * 1024 * 1024)
#define RECENT_MS   INT64_C(600000) /* no transaction is late by more */
#define STEPS_MAX   10              /* of one business in one round, so that others get theirs */

struct auditor {
    const struct job *job;
    struct arena *list_arena;
    struct audit_follow *follows;
    size_t n;
    int64_t listed_us, leased_us; /* 0: not yet */
    char holder[ID_SIZE];
    bool held, ready;
};

struct auditor *auditor_new(const struct job *job)
{
    struct auditor *auditor = calloc(1, sizeof *auditor);

    if (!auditor)
        die("out of memory: auditor");
    auditor->job = job;
    auditor->list_arena = arena_new(LIST_LIMIT);
    id_new(auditor->holder);
    return auditor;
}

void auditor_free(struct auditor *auditor)
{
    if (auditor->held)
        lease_drop(auditor->job, LEASE, auditor->holder);
    arena_free(auditor->list_arena);
    free(auditor->follows);
    free(auditor);
}

/* What is remembered of the chains is only good while nobody else adds to them. */
static bool keep_lease(struct auditor *auditor)
{
    bool held;

    if (auditor->held && clock_mono_us() - auditor->leased_us < RENEW_US)
        return true;
    if (!lease_take(auditor->job, LEASE, auditor->holder, LEASE_S, &held))
        return false;
    if (held != auditor->held)
        log_event(LOG_LVL_INFO, held ? "audit_lease_taken" : "audit_lease_lost", NULL);
    if (held && !auditor->held)
        for (size_t i = 0; i < auditor->n; i++)
            auditor->follows[i].known = false;
    auditor->held = held;
    auditor->leased_us = clock_mono_us();
    return true;
}

static int by_target(const void *a, const void *b)
{
    const struct audit_target *x = ((const struct audit_follow *)a)->target;
    const struct audit_target *y = ((const struct audit_follow *)b)->target;
    int order = strcmp(x->audit_db, y->audit_db);

    return order ? order : strcmp(x->tenant_id, y->tenant_id);
}

/* Takes over what is known of those that were there before. */
static void merge(struct auditor *auditor, struct audit_target *list)
{
    struct audit_follow *fresh;
    size_t n = 0;

    for (const struct audit_target *one = list; one; one = one->next)
        n++;
    fresh = calloc(n ? n : 1, sizeof *fresh);
    if (!fresh)
        die("out of memory: the businesses to audit");
    for (size_t i = 0; i < n; i++, list = list->next)
        fresh[i].target = list;
    qsort(fresh, n, sizeof *fresh, by_target);
    for (size_t i = 0; i < n; i++) {
        const struct audit_follow *old =
            auditor->n ? bsearch(&fresh[i], auditor->follows, auditor->n, sizeof *fresh, by_target)
                       : NULL;
        struct audit_target *target = fresh[i].target;

        if (old)
            fresh[i] = *old;
        fresh[i].target = target;
    }
    free(auditor->follows);
    auditor->follows = fresh;
    auditor->n = n;
}

static bool read_list(struct auditor *auditor)
{
    struct arena *arena = arena_new(LIST_LIMIT);
    struct job job = *auditor->job;
    struct audit_target *list;

    job.arena = arena;
    if (!audit_targets(&job, &list)) {
        arena_free(arena);
        return false;
    }
    merge(auditor, list);
    arena_free(auditor->list_arena);
    auditor->list_arena = arena;
    auditor->listed_us = clock_mono_us();
    return true;
}

/* Says so once when it begins and once when it ends. */
static void note_failure(struct audit_follow *follow, const struct err *err)
{
    if (err && !follow->away)
        log_event(LOG_LVL_WARN, "audit_left_out", "tenant", follow->target->name, "database",
                  follow->target->audit_db, "why", err->detail, NULL);
    if (!err && follow->away)
        log_event(LOG_LVL_INFO, "audit_back", "tenant", follow->target->name, NULL);
    follow->away = err != NULL;
}

static bool late_is_due(const struct audit_follow *follow, int64_t now_ms, int64_t delay_ms)
{
    return !follow->looked_back_ms ||
           (now_ms - follow->head.upto.at_ms < RECENT_MS &&
            now_ms - follow->looked_back_ms >= 2 * delay_ms);
}

/* One business: what is due by now, then what came late. */
static bool follow_one(struct auditor *auditor, struct audit_follow *follow,
                       struct audit_round *round)
{
    const struct job *job = auditor->job;
    int64_t delay_ms = job->conf->audit_delay_s * 1000, now_ms = clock_ms();
    size_t n = 0;
    int steps = 0;

    do {
        arena_reset(job->arena);
        if (!audit_step_due(job, follow, now_ms - delay_ms, &n))
            return false;
        round->chained += n;
    } while (n == CHAIN_ITEMS_MAX && ++steps < STEPS_MAX);
    if (n == CHAIN_ITEMS_MAX) {
        round->more = true;
    } else if (late_is_due(follow, now_ms, delay_ms)) {
        arena_reset(job->arena);
        if (!audit_step_late(job, follow, &n))
            return false;
        round->chained += n;
        round->more |= n == CHAIN_ITEMS_MAX;
        follow->looked_back_ms = n == CHAIN_ITEMS_MAX ? 0 : now_ms;
    }
    return true;
}

static void follow_and_judge(struct auditor *auditor, struct audit_follow *follow,
                             struct audit_round *round)
{
    struct err *err = auditor->job->err;

    if (follow_one(auditor, follow, round)) {
        note_failure(follow, NULL);
        return;
    }
    round->failed++;
    follow->known = false;
    if (follow->target->platform && err->code != ERR_DB_UNAVAILABLE && err->code != ERR_DUPLICATE)
        follow->target->platform = NULL; /* its own account may be allowed to */
    else if (err->code != ERR_DUPLICATE)
        note_failure(follow, err);
    err_clear(err);
}

static bool get_ready(struct auditor *auditor, bool fresh)
{
    struct scope scope;

    if (!auditor->ready) {
        if (!job_registry(auditor->job, &scope) || !chain_ensure(&scope, auditor->job->err))
            return false;
        auditor->ready = true;
    }
    if (!fresh && auditor->listed_us && clock_mono_us() - auditor->listed_us < LIST_US)
        return true;
    return read_list(auditor);
}

bool auditor_round(struct auditor *auditor, bool fresh, const volatile sig_atomic_t *stop,
                   struct audit_round *round)
{
    memset(round, 0, sizeof *round);
    arena_reset(auditor->job->arena);
    if (!keep_lease(auditor))
        return false;
    round->held = auditor->held;
    if (!auditor->held)
        return true;
    if (!get_ready(auditor, fresh))
        return false;
    for (size_t i = 0; i < auditor->n && !*stop; i++) {
        if (fresh)
            auditor->follows[i].looked_back_ms = 0;
        follow_and_judge(auditor, &auditor->follows[i], round);
        if (!keep_lease(auditor))
            return false;
        if (!auditor->held)
            break;
    }
    arena_reset(auditor->job->arena);
    return true;
}
