/* Holding a tenant's writes at the source of its migration (tenant/hold.h). */
#include "base.h"
#include "platform/migrate_state.h"
#include "db/doc.h"
#include "tenant/hold.h"

#define HELD_MAX 4096

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

bool migration_hold(const struct job *job, struct migration *m, bool held)
{
    const char **ids = arena_alloc(job->arena, HELD_MAX * sizeof *ids);
    bson_t set = BSON_INITIALIZER;
    struct scope scope;
    size_t n = 0;
    bool ok;

    BSON_APPEND_BOOL(&set, "held", held);
    ok = migration_set(job, m, &set);
    bson_destroy(&set);
    if (!ok)
        return false;
    m->held = held;
    if (m->move && held)
        ids[n++] = m->tenant_id;
    else if (!m->move && !held_ids(job, ids, &n))
        return false;
    return copy_scope(job, &m->pairs[PAIR_DATA].from, &scope) && hold_set(&scope, ids, n, job->err);
}
