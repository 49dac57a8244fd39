/* What comes after the switch of a migration: comparing, finishing, going back. */
#include "base.h"
#include "platform/migrate.h"
#include "platform/migrate_switch.h"
#include "platform/place.h"
#include "tenant/hold.h"

#define KEYS 400

/* Calls `each` for every collection of either side, once. */
static bool each_collection(const struct job *job, const struct copy_pair *pair,
                            bool (*each)(void *data, const struct copy_pair *pair,
                                         const char *collection),
                            void *data)
{
    const char **a, **b;
    size_t n_a, n_b;

    if (!copy_names(job, &pair->from, &a, &n_a) || !copy_names(job, &pair->to, &b, &n_b))
        return false;
    for (size_t i = 0; i < n_a; i++)
        if (!each(data, pair, a[i]))
            return false;
    for (size_t i = 0; i < n_b; i++) {
        bool seen = false;

        for (size_t k = 0; k < n_a && !seen; k++)
            seen = strcmp(b[i], a[k]) == 0;
        if (!seen && !each(data, pair, b[i]))
            return false;
    }
    return true;
}

/* ---- comparing ---- */

struct comparison {
    const struct job *job;
    void (*tell)(void *data, const char *collection, const struct copy_check *check);
    void *data;
    bool same;
};

static bool compare_one(void *data, const struct copy_pair *pair, const char *collection)
{
    struct comparison *c = data;
    struct copy_check check;

    if (!copy_compare(c->job, pair, collection, true, &check, NULL, NULL))
        return false;
    if (!check.from && !check.to)
        return true; /* of a shared database: others' alone */
    c->same = c->same && strcmp(check.from_sha256, check.to_sha256) == 0;
    c->tell(c->data, collection, &check);
    return true;
}

bool migrate_compare(const struct job *job, const struct migration *m,
                     void (*tell)(void *data, const char *collection,
                                  const struct copy_check *check),
                     void *data, bool *same)
{
    struct comparison c = {.job = job, .tell = tell, .data = data, .same = true};
    bool ok = true;

    for (int pair = 0; ok && pair < N_PAIRS; pair++)
        ok = each_collection(job, &m->pairs[pair], compare_one, &c);
    *same = ok && c.same;
    return ok;
}

/* ---- removing ---- */

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
    }
    copy_reader_free(reader);
    return ok;
}

/* Documents, not collections: a collection that is gone would come into being again by the write of
 * a worker that has not heard of the switch yet; the rule on the audit log refuses it. */
static bool remove_all(const struct job *job, const struct copy_end *end, int64_t *removed)
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

bool migrate_finish(const struct job *job, struct migration *m, int64_t *removed)
{
    const struct copy_end *from = &m->pairs[PAIR_DATA].from;
    struct scope scope;
    bool held, done;

    *removed = 0;
    if (!migrate_was_switched(job, m, &done))
        return false;
    if (!done)
        return err_set(job->err, ERR_STATE, "Nothing is switched yet: this is %s",
                       migrate_stage_name(m->stage));
    if (!copy_scope(job, from, &scope) || !hold_is(&scope, m->tenant_id, &held, job->err))
        return false;
    if (!held)
        return err_set(
            job->err, ERR_STATE,
            "The source is not held any more: it may have been written since the switch");
    if (!migrate_after_switch(job, m))
        return false;
    if (m->move && !place_drop_account(job, from->uri, m->from_uri, m->from_db))
        return false;
    job_step(job, "finish_account");
    return remove_all(job, from, removed) && migration_set_stage(job, m, MIGRATE_FINISHED);
}

/* ---- going back ---- */

struct way_back {
    const struct job *job;
    const struct copy_pair *pair;
    const char *collection;
    bson_t *keys[KEYS];
    size_t n;
    int64_t carried;
    bool ok;
};

static void carry(struct way_back *w)
{
    if (w->n && w->ok)
        w->ok = copy_carry(w->job, w->pair, w->collection, (const bson_t *const *)w->keys, w->n);
    w->carried += (int64_t)w->n;
    while (w->n)
        bson_destroy(w->keys[--w->n]);
}

static void note_key(void *data, const char *collection, const bson_t *key)
{
    struct way_back *w = data;

    (void)collection;
    w->keys[w->n++] = bson_copy(key);
    if (w->n == KEYS)
        carry(w);
}

static bool carry_one(void *data, const struct copy_pair *pair, const char *collection)
{
    struct way_back *w = data;
    struct copy_check check;

    w->pair = pair;
    w->collection = collection;
    w->ok = true;
    w->ok = copy_compare(w->job, pair, collection, false, &check, note_key, w) && w->ok;
    carry(w);
    return w->ok;
}

/* Holds the target's writes, then gives the source what it lacks. */
static bool carry_back(const struct job *job, const struct migration *m, int64_t *carried)
{
    struct way_back w = {.job = job};
    struct scope scope;
    bool ok = copy_scope(job, &m->pairs[PAIR_DATA].to, &scope) &&
              hold_set(&scope, &m->tenant_id, 1, job->err);

    for (int pair = 0; ok && pair < N_PAIRS; pair++) {
        const struct copy_pair back = {m->pairs[pair].to, m->pairs[pair].from};

        ok = each_collection(job, &back, carry_one, &w);
    }
    *carried = w.carried;
    return ok;
}

bool migrate_rollback(const struct job *job, struct migration *m, int64_t *carried)
{
    int64_t removed;
    bool done;

    *carried = 0;
    if (m->stage == MIGRATE_FINISHED)
        return err_set(job->err, ERR_STATE, "This is finished: there is nothing to go back to");
    if (!migrate_was_switched(job, m, &done))
        return false;
    if (done && !carry_back(job, m, carried))
        return false;
    job_step(job, "carried");
    if (done && !migrate_unswitch(job, m))
        return false;
    job_step(job, "unswitched");
    if (done && !migration_set_stage(job, m, MIGRATE_COPYING))
        return false;
    return migration_hold(job, m, false) && migrate_drop_account(job, m) &&
           remove_all(job, &m->pairs[PAIR_DATA].to, &removed) && migration_remove(job, m);
}
