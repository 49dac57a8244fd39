/* What may come after the switch of a migration: comparing, going back. */
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

    if (strcmp(collection, COPY_SUMS) == 0)
        return true;
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

    if (pair->to.tenant_id != NULL && strcmp(collection, COPY_SUMS) == 0)
        return true;
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

/* With the tenant's own account goes whoever still uses it, and then the databases. A given one may
 * be in the hands of a worker that has not heard yet: the rule that refuses its writes stays. */
static bool remove_copy(const struct job *job, const struct migration *m)
{
    const struct copy_end *data = &m->pairs[PAIR_DATA].to, *audit = &m->pairs[PAIR_AUDIT].to;
    int64_t removed;

    if (!m->own_uri || strcmp(m->own_uri, m->to_uri) == 0)
        return migrate_empty(job, data, &removed);
    if (!database_free(job, m->to_uri, m->to_db, m->slug) ||
        !place_drop_account(job, data->uri, m->own_uri, m->to_db))
        return false;
    job_step(job, "back_account");
    return place_drop_database(job, data->uri, data->db_name) &&
           place_drop_database(job, audit->uri, audit->db_name);
}

bool migrate_rollback(const struct job *job, struct migration *m, int64_t *carried)
{
    bool done;

    *carried = 0;
    if (m->stage == MIGRATE_FINISHING || m->stage == MIGRATE_FINISHED)
        return err_set(job->err, ERR_STATE, "This is %s: there is nothing to go back to",
                       migrate_stage_name(m->stage));
    if (!migrate_was_switched(job, m, &done) || !migration_set_stage(job, m, MIGRATE_RETURNING))
        return false;
    job_step(job, "returning");
    if (done && !carry_back(job, m, carried))
        return false;
    job_step(job, "carried");
    /* Without an entry some users may still be linked to it, by a run that was killed here. */
    if ((done || !m->move) && !migrate_unswitch(job, m))
        return false;
    job_step(job, "unswitched");
    if (!migration_hold(job, m, false))
        return false;
    job_step(job, "released");
    if (!remove_copy(job, m))
        return false;
    job_step(job, "back_data");
    return migration_remove(job, m);
}
