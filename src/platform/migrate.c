/* The way of a migration up to the switch. What comes after is migrate_end.c. */
#include "base.h"
#include "platform/migrate.h"
#include "core/clock.h"
#include "db/own.h"
#include "platform/copy_follow.h"
#include "platform/migrate_switch.h"
#include "tenant/hold.h"

#define ROUNDS      5   /* of catching up before the hold, until little is left */
#define LITTLE      200 /* touched documents: one question */
#define HOLDS       3   /* tries */
#define SCRATCH_MAX ((size_t)256 * 1024 * 1024)

struct run {
    const struct job *job;
    struct migration *m;
    struct copy_follow *follow[N_PAIRS];
};

/* ---- the copy ---- */

static bool copy_one(const struct job *job, const struct migration *m, int pair,
                     const char *collection)
{
    const struct copy_end *to = &m->pairs[pair].to;
    struct copy_reader *reader;
    const bson_t *last, **docs;
    bson_t key;
    size_t n = 0;
    bool ok;

    if (migration_is_done(job, m, pair, collection, &last))
        return true;
    if (!last && !copy_indexes(job, &m->pairs[pair], collection))
        return false;
    reader = copy_reader_new(job, &m->pairs[pair].from, collection, last);
    while ((ok = copy_read(reader, &docs, &n)) && n) {
        ok = copy_put(job, to, collection, docs, n);
        if (ok && copy_key(docs[n - 1], &key)) {
            ok = migration_set_last(job, m, pair, collection, &key);
            bson_destroy(&key);
        }
        if (!ok)
            break;
        job_step(job, "chunk");
    }
    copy_reader_free(reader);
    return ok && migration_add_done(job, m, pair, collection);
}

static bool copy_all(const struct job *job, const struct migration *m)
{
    struct job step = *job;
    const char **names;
    size_t n;
    bool ok = true;

    step.arena = arena_new(SCRATCH_MAX);
    for (int pair = 0; ok && pair < N_PAIRS; pair++) {
        ok = copy_names(job, &m->pairs[pair].from, &names, &n);
        for (size_t i = 0; ok && i < n; i++) {
            job_progress(job, "copying %s", names[i]);
            ok = copy_one(&step, m, pair, names[i]);
            arena_reset(step.arena);
        }
    }
    arena_free(step.arena);
    return ok;
}

/* ---- catching up ---- */

static bool follow_open(struct run *run)
{
    for (int pair = 0; pair < N_PAIRS; pair++) {
        run->follow[pair] = copy_follow_new(run->job, &run->m->pairs[pair], run->m->places[pair]);
        if (!copy_follow_open(run->follow[pair]))
            return false;
    }
    return true;
}

static void follow_close(struct run *run)
{
    for (int pair = 0; pair < N_PAIRS; pair++)
        copy_follow_free(run->follow[pair]);
}

static bool store_places(struct run *run, bool proved)
{
    const bson_t *data = copy_follow_place(run->follow[PAIR_DATA]);
    const bson_t *audit = copy_follow_place(run->follow[PAIR_AUDIT]);

    if (!data || !audit)
        return err_set(run->job->err, ERR_STATE, "The source's change stream has no place yet");
    return migration_set_places(run->job, run->m, data, audit, proved);
}

static bool catch_up(struct run *run)
{
    return copy_follow_catch_up(run->follow[PAIR_DATA]) &&
           copy_follow_catch_up(run->follow[PAIR_AUDIT]);
}

/* The whole comparison, while the tenant works: what differs by a moment only is looked at again.
 */
static bool compare_all(struct run *run)
{
    const char **names;
    struct copy_check check;
    size_t n;

    for (int pair = 0; pair < N_PAIRS; pair++) {
        if (!copy_names(run->job, &run->m->pairs[pair].from, &names, &n))
            return false;
        for (size_t i = 0; i < n; i++) {
            job_progress(run->job, "comparing %s", names[i]);
            if (!copy_indexes(run->job, &run->m->pairs[pair], names[i]) ||
                !copy_compare(run->job, &run->m->pairs[pair], names[i], false, &check,
                              copy_follow_touch, run->follow[pair]))
                return false;
        }
    }
    return true;
}

static bool check_touched(struct run *run, size_t *differ)
{
    size_t data, audit;

    if (!copy_follow_check(run->follow[PAIR_DATA], &data) ||
        !copy_follow_check(run->follow[PAIR_AUDIT], &audit))
        return false;
    *differ = data + audit;
    return true;
}

static bool get_close(struct run *run)
{
    size_t differ;

    for (int round = 0; round < ROUNDS; round++) {
        size_t touched;

        if (!catch_up(run))
            return false;
        touched = copy_follow_touched(run->follow[PAIR_DATA]) +
                  copy_follow_touched(run->follow[PAIR_AUDIT]);
        if (!check_touched(run, &differ))
            return false;
        if (touched <= LITTLE)
            break;
    }
    return store_places(run, false);
}

/* ---- the hold ---- */

static bool counts_match(struct run *run, int pair, bool *same)
{
    const struct copy_pair *ends = &run->m->pairs[pair];
    const char **names;
    int64_t from, to;
    size_t n;

    if (!copy_names(run->job, &ends->from, &names, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!copy_count(run->job, &ends->from, names[i], &from) ||
            !copy_count(run->job, &ends->to, names[i], &to))
            return false;
        if (from == to)
            continue;
        job_progress(run->job, "%s: %" PRId64 " documents here, %" PRId64 " there", names[i], from,
                     to);
        *same = false;
    }
    return true;
}

/* Every document was the same at the comparison or has been touched since; those are compared now,
 * when nothing changes any more. So both sides are the same. */
static bool prove(struct run *run, bool *same)
{
    struct scope scope;
    size_t differ;
    bool held;

    *same = true;
    if (!catch_up(run) || !check_touched(run, &differ) || !counts_match(run, PAIR_DATA, same) ||
        !counts_match(run, PAIR_AUDIT, same) ||
        !copy_scope(run->job, &run->m->pairs[PAIR_DATA].from, &scope) ||
        !hold_is(&scope, run->m->tenant_id, &held, run->job->err))
        return false;
    if (differ)
        job_progress(run->job, "%zu documents differ", differ);
    *same = *same && !differ && held;
    return true;
}

/* Gives the writes back after a failure, which stays the one that is told. */
static bool let_go(struct run *run)
{
    struct job job = *run->job;
    struct err mine;

    err_init(&mine);
    job.err = &mine;
    if (!migration_hold(&job, run->m, false))
        job_progress(run->job, "the tenant's writes are still held: %s", mine.detail);
    err_release(&mine);
    return false;
}

static bool hold_and_switch(struct run *run, int64_t *held_us, bool *same)
{
    int64_t begun_us = clock_mono_us();

    if (!migration_hold(run->job, run->m, true))
        return let_go(run);
    job_step(run->job, "held");
    if (!prove(run, same))
        return let_go(run);
    if (!*same) {
        let_go(run);
        return true;
    }
    /* Whatever is written at the source from here on is late, and looked for after the switch. */
    if (!store_places(run, true))
        return let_go(run);
    job_step(run->job, "proved");
    /* A failure may hide that it was done: the hold stays, and the next run looks. */
    if (!migrate_switch(run->job, run->m))
        return false;
    *held_us = clock_mono_us() - begun_us;
    return true;
}

static bool switch_over(struct run *run, int64_t *held_us)
{
    bool same = false;

    /* From a run that ended under its hold: this one will be as short as any. */
    if (run->m->held && !migration_hold(run->job, run->m, false))
        return false;
    for (int i = 0; i < HOLDS && !same; i++)
        if (!get_close(run) || !hold_and_switch(run, held_us, &same))
            return false;
    return same || err_set(run->job->err, ERR_CONFLICT,
                           "The copy differs from the source: nothing was switched");
}

static bool run_stages(struct run *run, int64_t *held_us)
{
    const struct job *job = run->job;
    struct migration *m = run->m;

    if (!follow_open(run))
        return false;
    if (m->stage == MIGRATE_PLANNED) {
        if (!store_places(run, false) || !migration_set_stage(job, m, MIGRATE_COPYING))
            return false;
        job_step(job, "places");
    }
    if (m->stage == MIGRATE_COPYING) {
        if (!copy_all(job, m) || !migration_set_stage(job, m, MIGRATE_COPIED))
            return false;
        job_step(job, "copied");
    }
    job_progress(job, "catching up");
    if (!catch_up(run) || !compare_all(run))
        return false;
    job_step(job, "compared");
    if (!migrate_make_account(job, m))
        return false;
    job_step(job, "account");
    return switch_over(run, held_us);
}

/* The audit databases must be there to be followed and held, and the target's must accept. */
static bool prepare(const struct job *job, const struct migration *m)
{
    struct scope scope;

    return copy_scope(job, &m->pairs[PAIR_DATA].from, &scope) && hold_ensure(&scope, job->err) &&
           copy_scope(job, &m->pairs[PAIR_DATA].to, &scope) && hold_set(&scope, NULL, 0, job->err);
}

bool migrate_run(const struct job *job, struct migration *m, int64_t *held_us)
{
    struct run run = {.job = job, .m = m};
    bool ok = true, done;

    *held_us = 0;
    if (m->stage > MIGRATE_SWITCHED)
        return err_set(job->err, ERR_STATE, "There is no way on: this is %s",
                       migrate_stage_name(m->stage));
    if (!migrate_was_switched(job, m, &done))
        return false;
    if (!done) {
        ok = prepare(job, m) && run_stages(&run, held_us);
        follow_close(&run);
    }
    return ok && migrate_after_switch(job, m);
}
