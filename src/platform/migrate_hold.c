/* Holding a tenant's writes at the source of its migration (tenant/hold.h). */
#include "base.h"
#include "platform/migrate_state.h"
#include "core/clock.h"
#include "core/id.h"
#include "db/doc.h"
#include "platform/lease.h"
#include "tenant/hold.h"

#define HELD_MAX 4096

/* The rule of the shared database names everybody who is held there: who sets it reads the others
 * first, and so only one may be at it. */
#define TURN         "migrate-hold"
#define TURN_SECONDS 10
#define TURN_WAIT_US INT64_C(15000000)

static bool take_turn(const struct job *job, const char *holder)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    int64_t until = clock_mono_us() + TURN_WAIT_US;
    bool held;

    for (;;) {
        if (!lease_take(job, TURN, holder, TURN_SECONDS, &held))
            return false;
        if (held)
            return true;
        if (clock_mono_us() > until)
            return err_set(job->err, ERR_CONFLICT,
                           "Another migration has been holding its tenant for too long");
        nanosleep(&pause, NULL);
    }
}

/* All that hold writes of the shared database. */
static bool held_ids(const struct job *job, const char **ids, size_t *n)
{
    bson_t *filter = BCON_NEW("kind", "migrate", "held", BCON_BOOL(true));
    mongoc_cursor_t *cursor;
    const bson_t *doc = NULL;
    struct scope scope;
    bool ok = job_registry(job, &scope);

    cursor = ok ? scope_find(&scope, MIGRATIONS, filter, NULL) : NULL;
    while (ok && *n < HELD_MAX && (ok = scope_next(&scope, cursor, &doc, job->err)) && doc)
        ids[(*n)++] = arena_strdup(job->arena, doc_text(doc, "_id"));
    bson_destroy(filter);
    if (ok && doc)
        return err_set(job->err, ERR_STATE, "More than %d tenants are being migrated", HELD_MAX);
    return ok;
}

static bool set_rule(const struct job *job, const struct migration *m, bool held)
{
    const char **ids = arena_alloc(job->arena, HELD_MAX * sizeof *ids);
    struct scope scope;
    size_t n = 0;

    if (m->move && held)
        ids[n++] = m->tenant_id;
    else if (!m->move && !held_ids(job, ids, &n))
        return false;
    return copy_scope(job, &m->pairs[PAIR_DATA].from, &scope) && hold_set(&scope, ids, n, job->err);
}

bool migration_hold(const struct job *job, struct migration *m, bool held)
{
    bson_t set = BSON_INITIALIZER;
    char holder[ID_SIZE];
    bool ok;

    BSON_APPEND_BOOL(&set, "held", held);
    ok = migration_set(job, m, &set);
    bson_destroy(&set);
    if (!ok)
        return false;
    m->held = held;
    if (m->move) /* the rule of its own database */
        return set_rule(job, m, held);
    id_new(holder);
    ok = take_turn(job, holder) && set_rule(job, m, held);
    if (ok)
        lease_drop(job, TURN, holder);
    return ok;
}
