/* The end of a migration: what was left at the source goes. */
#include "base.h"
#include "platform/migrate.h"
#include "core/clock.h"
#include "platform/migrate_proof.h"
#include "platform/migrate_switch.h"
#include "platform/place.h"
#include "tenant/hold.h"

/* By then every worker of every host has read the entry anew, also where no watcher lives. */
#define HEARD_MS INT64_C(6000)

/* ---- may it go? ---- */

static bool check_held(const struct job *job, const struct migration *m)
{
    struct scope scope;
    bool held;

    if (!copy_scope(job, &m->pairs[PAIR_DATA].from, &scope) ||
        !hold_is(&scope, m->tenant_id, &held, job->err))
        return false;
    return held ||
           err_set(job->err, ERR_STATE,
                   "The source is not held any more: it may have been written since the switch");
}

static bool check_same(const struct job *job, const struct migration *m)
{
    const char *what;

    if (m->late)
        return err_set(job->err, ERR_STATE,
                       "%s was written at the source, past the service, during the switch: what is "
                       "there was not carried over",
                       m->late);
    job_progress(job, "comparing what is left in %s", m->from_db);
    if (!migrate_source_same(job, m, &what))
        return false;
    return !what || err_set(job->err, ERR_STATE,
                            "%s was written at the source since the switch: what is there is not "
                            "what was carried over",
                            what);
}

static bool may_finish(const struct job *job, struct migration *m, bool force)
{
    bool done;

    if (m->stage == MIGRATE_FINISHED || m->stage == MIGRATE_RETURNING)
        return err_set(job->err, ERR_STATE, "Nothing is switched: this is %s",
                       migrate_stage_name(m->stage));
    if (!migrate_was_switched(job, m, &done))
        return false;
    if (!done)
        return err_set(job->err, ERR_STATE, "Nothing is switched yet: this is %s",
                       migrate_stage_name(m->stage));
    return migrate_after_switch(job, m) &&
           (force || (check_held(job, m) && check_same(job, m)));
}

/* ---- of the shared database: the tenant's documents ---- */

struct removal {
    const struct job *job;
    const struct copy_end *end;
    int64_t n;
};

static bool remove_one(struct removal *r, const char *collection)
{
    struct copy_reader *reader = copy_reader_new(r->job, r->end, collection, NULL);
    const bson_t **docs;
    size_t n = 0;
    bool ok;

    while ((ok = copy_read(reader, &docs, &n)) && n) {
        ok = copy_remove(r->job, r->end, collection, docs, n);
        if (!ok)
            break;
        r->n += (int64_t)n;
        job_step(r->job, "finish_chunk");
    }
    copy_reader_free(reader);
    return ok;
}

/* Documents, not collections: a collection that is gone would come into being again by the write of
 * a worker that has not heard of the switch yet; the rule on the audit log refuses it. */
bool migrate_empty(const struct job *job, const struct copy_end *end, int64_t *removed)
{
    struct removal r = {.job = job, .end = end};
    const char **names;
    size_t n;

    if (!copy_names(job, end, &names, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!remove_one(&r, names[i]))
            return false;
    *removed = r.n;
    return true;
}

/* ---- of a move: everything ---- */

static bool count_all(const struct job *job, const struct copy_end *end, int64_t *n)
{
    const char **names;
    int64_t one;
    size_t count;

    *n = 0;
    if (!copy_names(job, end, &names, &count))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!copy_count(job, end, names[i], &one))
            return false;
        *n += one;
    }
    return true;
}

/* With the audit database the rule goes that refuses late writes. */
static void wait_until_heard(const struct job *job, const struct migration *m)
{
    int64_t left;

    while ((left = m->switched_ms + HEARD_MS - clock_ms()) > 0 && left <= HEARD_MS) {
        job_progress(job, "waiting until every worker has heard of the switch");
        usleep((useconds_t)(left * 1000));
    }
}

static bool drop_source(const struct job *job, const struct migration *m, int64_t *removed)
{
    const struct copy_end *data = &m->pairs[PAIR_DATA].from, *audit = &m->pairs[PAIR_AUDIT].from;

    /* Somebody may have been given its name meanwhile. */
    if (!database_free(job, m->from_uri, m->from_db, m->slug) || !count_all(job, data, removed) ||
        !place_drop_account(job, data->uri, m->from_uri, m->from_db))
        return false;
    job_step(job, "finish_account");
    if (!place_drop_database(job, data->uri, data->db_name))
        return false;
    job_step(job, "finish_data");
    wait_until_heard(job, m);
    if (!place_drop_database(job, audit->uri, audit->db_name))
        return false;
    job_step(job, "finish_audit");
    return true;
}

bool migrate_finish(const struct job *job, struct migration *m, bool force, int64_t *removed)
{
    *removed = 0;
    if (m->stage != MIGRATE_FINISHING) {
        if (!may_finish(job, m, force) || !migration_set_stage(job, m, MIGRATE_FINISHING))
            return false;
        job_step(job, "finishing");
    }
    return (m->move ? drop_source(job, m, removed)
                    : migrate_empty(job, &m->pairs[PAIR_DATA].from, removed)) &&
           migration_set_stage(job, m, MIGRATE_FINISHED);
}
