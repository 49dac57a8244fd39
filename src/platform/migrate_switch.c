/* Registry entry and users of a migrated tenant. */
#include "base.h"
#include "platform/migrate_switch.h"
#include "core/clock.h"
#include "core/log.h"
#include "db/own.h"
#include "platform/accounts.h"
#include "platform/entry.h"
#include "platform/migrate_proof.h"
#include "platform/place.h"

#define USERS_MAX 100000

bool migrate_entry(const struct job *job, const char *key, const char *value, const bson_t **doc)
{
    bson_t filter = BSON_INITIALIZER;
    struct scope scope;
    bool ok;

    *doc = NULL;
    bson_append_utf8(&filter, key, -1, value, -1);
    ok = job_registry(job, &scope) && scope_find_one(&scope, ENTRIES, &filter, NULL, doc, job->err);
    bson_destroy(&filter);
    if (ok && *doc)
        *doc = own_bson_copy(job->arena, bson_get_data(*doc), (*doc)->len);
    return ok;
}

static void tell_workers(const struct job *job, const struct migration *m)
{
    registry_forget(job->registry, NULL);
    if (!job->board)
        return;
    board_bump(job->board, m->slug);
    board_bump(job->board, arena_printf(job->arena, "id:%s", m->tenant_id));
}

static bool keep_uri(const struct job *job, struct migration *m, const char *uri)
{
    m->own_uri = uri;
    return migration_set_uri(job, m, "own_uri", uri);
}

bool migrate_make_account(const struct job *job, struct migration *m)
{
    bool refused;

    /* Stored before it is made, so that the next run goes on with the same password. */
    if (!m->own_uri && !keep_uri(job, m, place_own_uri(job, m->to_uri, m->to_db)))
        return false;
    if (strcmp(m->own_uri, m->to_uri) == 0)
        return true;
    if (place_make_account(job, m->pairs[PAIR_DATA].to.uri, m->own_uri, m->to_db, &refused))
        return true;
    if (!refused)
        return false;
    log_event(LOG_LVL_WARN, "tenant_account_shared", "tenant", m->slug, NULL);
    return keep_uri(job, m, m->to_uri);
}

static bool add_entry(const struct job *job, const struct migration *m)
{
    const struct new_entry entry = {
        .slug = m->slug,
        .tenant_id = m->tenant_id,
        .business_name = m->business_name,
        .business_type = m->business_type,
        .db_uri = m->own_uri,
        .db_name = m->to_db,
        .admin_email = m->admin_email,
        .license_type = m->license_type ? m->license_type : "free",
        .features = m->features,
        .max_users = m->max_users,
        .max_branches = m->max_branches,
        .status = TENANT_ACTIVE,
        .unversioned = true,
    };

    return entry_add(job, &entry);
}

static bool set_address(const struct job *job, const struct migration *m, const char *uri,
                        const char *db_name)
{
    bson_t *filter = BCON_NEW("slug", BCON_UTF8(m->slug), "tenant_id", BCON_UTF8(m->tenant_id));
    bson_t *update = BCON_NEW("$set", "{", "db_uri", BCON_UTF8(uri), "db_name", BCON_UTF8(db_name),
                              "updated_at", BCON_DATE_TIME(clock_ms()), "}");
    struct scope scope;
    int64_t matched = 0;
    bool ok = job_registry(job, &scope) &&
              scope_update_one(&scope, ENTRIES, filter, update, NULL, &matched, job->err);

    bson_destroy(filter);
    bson_destroy(update);
    return ok && (matched == 1 || err_set(job->err, ERR_TENANT_NOT_FOUND, "The entry is gone"));
}

bool migrate_switch(const struct job *job, struct migration *m)
{
    const char *uri;
    bool ok = m->move ? entry_seal(job, m->slug, m->own_uri, &uri) &&
                            set_address(job, m, uri, m->to_db)
                      : add_entry(job, m);

    /* Also when nobody knows whether it was stored. */
    tell_workers(job, m);
    return ok;
}

bool migrate_was_switched(const struct job *job, const struct migration *m, bool *done)
{
    struct tenant tenant;
    const bson_t *doc;

    *done = m->stage == MIGRATE_SWITCHED;
    if (*done || (!m->held && m->stage != MIGRATE_RETURNING))
        return true;
    if (!migrate_entry(job, "slug", m->slug, &doc))
        return false;
    if (!doc)
        return true;
    if (!tenant_from_bson(doc, job->conf, &tenant, job->err))
        return false;
    *done = strcmp(tenant.tenant_id, m->tenant_id) == 0 && strcmp(tenant.db_name, m->to_db) == 0 &&
            strcmp(tenant.db_uri, m->own_uri ? m->own_uri : m->to_uri) == 0;
    tenant_release(&tenant);
    return true;
}

bool migrate_users(const struct job *job, const char *tenant_id, const char ***ids, size_t *n)
{
    bson_t *filter = bson_new();
    bson_t *opts = BCON_NEW("projection", "{", "id", BCON_BOOL(true), "}");
    mongoc_cursor_t *cursor;
    const bson_t *doc = NULL;
    struct scope scope;
    bson_iter_t it;
    bool ok = job_users(job, &scope);

    accounts_of(tenant_id, filter);
    *n = 0;
    *ids = arena_alloc(job->arena, USERS_MAX * sizeof **ids);
    cursor = ok ? scope_find(&scope, ACCOUNTS, filter, opts) : NULL;
    while (ok && *n < USERS_MAX && (ok = scope_next(&scope, cursor, &doc, job->err)) && doc)
        if (bson_iter_init_find(&it, doc, "id") && BSON_ITER_HOLDS_UTF8(&it))
            (*ids)[(*n)++] = arena_strdup(job->arena, bson_iter_utf8(&it, NULL));
    bson_destroy(filter);
    bson_destroy(opts);
    if (ok && doc)
        return err_set(job->err, ERR_STATE, "There are more than %d users", USERS_MAX);
    return ok;
}

static bool link_users(const struct job *job, const struct migration *m)
{
    struct tenant tenant = {0};
    const char **ids;
    size_t n;

    snprintf(tenant.slug, sizeof tenant.slug, "%s", m->slug);
    snprintf(tenant.tenant_id, sizeof tenant.tenant_id, "%s", m->tenant_id);
    if (!migrate_users(job, m->tenant_id, &ids, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!users_link_tenant(job->users, ids[i], &tenant, job->err))
            return false;
    return true;
}

bool migrate_after_switch(const struct job *job, struct migration *m)
{
    if (m->stage != MIGRATE_SWITCHED && !migration_set_stage(job, m, MIGRATE_SWITCHED))
        return false;
    job_step(job, "switched");
    tell_workers(job, m);
    if (!m->move && !link_users(job, m))
        return false;
    job_step(job, "linked");
    if (!migrate_note_source(job, m))
        return false;
    job_step(job, "noted");
    return true;
}

static bool unlink_user(const struct job *job, const struct migration *m, const char *id)
{
    bson_t *filter = BCON_NEW("id", BCON_UTF8(id), "tenant_id", BCON_UTF8(m->tenant_id));
    bson_t *update = BCON_NEW("$unset", "{", "tenant_slug", "", "tenant_linked_at", "", "}");
    struct scope scope;
    int64_t matched;
    bool ok = job_users(job, &scope) &&
              scope_update_one(&scope, ACCOUNTS, filter, update, NULL, &matched, job->err);

    bson_destroy(filter);
    bson_destroy(update);
    if (job->board)
        board_bump(job->board, arena_printf(job->arena, "user:%s", id));
    return ok;
}

static bool remove_entry(const struct job *job, const struct migration *m)
{
    bson_t *filter = BCON_NEW("slug", BCON_UTF8(m->slug), "tenant_id", BCON_UTF8(m->tenant_id));
    struct scope scope;
    const char **ids;
    int64_t n;
    size_t users;
    bool ok = job_registry(job, &scope) &&
              scope_delete_one(&scope, ENTRIES, filter, &n, job->err) &&
              migrate_users(job, m->tenant_id, &ids, &users);

    bson_destroy(filter);
    job_step(job, "unlinking");
    for (size_t i = 0; ok && i < users; i++)
        ok = unlink_user(job, m, ids[i]);
    return ok;
}

bool migrate_unswitch(const struct job *job, const struct migration *m)
{
    const char *uri;
    bool ok = m->move ? entry_seal(job, m->slug, m->from_uri, &uri) &&
                            set_address(job, m, uri, m->from_db)
                      : remove_entry(job, m);

    tell_workers(job, m);
    return ok;
}
