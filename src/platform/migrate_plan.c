/* May this tenant go there? Asked before anything is written. */
#include "base.h"
#include "platform/migrate.h"
#include "platform/migrate_switch.h"
#include "platform/entry.h"
#include "platform/place.h"
#include "platform/policy.h"
#include "db/doc.h"
#include "tenant/audit.h"
#include "tenant/dbuser.h"

static const char *default_db(const struct job *job, const struct migration *m)
{
    return arena_printf(job->arena, "%s_%s_db", m->business_type, m->slug);
}

/* The email of an administrator, whose the entry will be; and what their record says of the
 * business, where the operator says nothing. */
static bool find_admin(const struct job *job, struct migration *m)
{
    bson_t *filter = BCON_NEW("tenant_id", BCON_UTF8(m->tenant_id), "role",
                              BCON_UTF8(role_name(ROLE_TENANT_ADMIN)));
    bson_t *opts = BCON_NEW("sort", "{", "created_at", BCON_INT32(1), "}");
    const bson_t *doc = NULL;
    struct scope scope;
    bool ok =
        job_users(job, &scope) && scope_find_one(&scope, ACCOUNTS, filter, opts, &doc, job->err);

    bson_destroy(filter);
    bson_destroy(opts);
    if (!ok)
        return false;
    if (!doc_text(doc, "email"))
        return err_set(job->err, ERR_STATE,
                       "There is no tenant_admin among the users of this tenant_id");
    if (!m->admin_email)
        m->admin_email = doc_text(doc, "email");
    if (!m->business_type)
        m->business_type = doc_text(doc, "business_type");
    if (!m->business_name)
        m->business_name = doc_text(doc, "business_name");
    return true;
}

static bool is_free(const struct job *job, const char *key, const char *value, const char *what)
{
    const bson_t *doc;

    if (!migrate_entry(job, key, value, &doc))
        return false;
    return !doc || err_set(job->err, ERR_STATE, "There is an entry with this %s already", what);
}

/* Collections without documents do no harm: a rollback leaves them. */
static bool is_empty(const struct job *job, const struct copy_end *end)
{
    const char **names;
    int64_t count;
    size_t n;

    if (!copy_names(job, end, &names, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!copy_count(job, end, names[i], &count))
            return false;
        if (count)
            return err_set(job->err, ERR_STATE, "The database %s at the target is not empty",
                           end->db_name);
    }
    return true;
}

static bool check_target(const struct job *job, struct migration *m)
{
    struct err *err = job->err;

    if (!db_name_valid(m->to_db) || audit_db_is(m->to_db) ||
        strcasecmp(m->to_db, job->conf->db_name) == 0 ||
        strcasecmp(m->to_db, job->conf->admin_db_name) == 0)
        return err_set(err, ERR_STATE, "%s cannot be a tenant's database", m->to_db);
    if (!clients_uri_usable(m->to_uri))
        return err_set(err, ERR_STATE, "The address of the target does not parse");
    if (dbuser_same_hosts(m->to_uri, m->from_uri) && strcasecmp(m->to_db, m->from_db) == 0)
        return err_set(err, ERR_STATE, "The tenant's data is there already");
    migration_pairs(job, m);
    return database_free(job, m->to_uri, m->to_db, m->slug) &&
           is_empty(job, &m->pairs[PAIR_DATA].to);
}

static bool check_new(const struct job *job, struct migration *m)
{
    if (!slug_valid(m->slug))
        return err_set(job->err, ERR_STATE, "A slug has 2 to 40 small letters, digits and hyphens");
    if (!find_admin(job, m))
        return false;
    if (!m->business_name)
        m->business_name = m->slug;
    if (!m->business_type)
        return err_set(job->err, ERR_STATE, "The administrator's record names no business type: "
                                            "say --type");
    if (!entry_type_ok(m->business_type))
        return err_set(job->err, ERR_STATE, "%s is no business type", m->business_type);
    if (m->license_type && !licence_find(m->license_type))
        return err_set(job->err, ERR_STATE, "%s is no licence: free, pro or enterprise",
                       m->license_type);
    if (!entry_features_ok(m->features, "features", job->err))
        return false;
    if (!m->to_uri)
        m->to_uri = job->conf->default_mongo_url;
    if (!m->to_db)
        m->to_db = default_db(job, m);
    m->from_uri = job->conf->default_mongo_url;
    m->from_db = job->conf->db_name;
    return is_free(job, "tenant_id", m->tenant_id, "tenant_id") &&
           is_free(job, "slug", m->slug, "slug") && is_free(job, "db_name", m->to_db, "db_name");
}

bool migrate_check(const struct job *job, struct migration *m)
{
    m->stage = MIGRATE_PLANNED;
    if (!m->move && !check_new(job, m))
        return false;
    /* A move takes everything that is in the database. */
    if (m->move && !database_free(job, m->from_uri, m->from_db, m->slug))
        return false;
    if (m->from_strong && !dbuser_same_hosts(m->from_strong, m->from_uri))
        return err_set(job->err, ERR_STATE, "The source is on another server than --from-uri says");
    if (!m->to_db)
        m->to_db = m->from_db;
    return check_target(job, m);
}

bool migrate_size(const struct job *job, const struct migration *m, struct migrate_size *size)
{
    const struct copy_end *from = &m->pairs[PAIR_DATA].from;
    const char **names, **ids;
    size_t n, users;
    int64_t count;

    memset(size, 0, sizeof *size);
    if (!copy_names(job, from, &names, &n) || !migrate_users(job, m->tenant_id, &ids, &users))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!copy_count(job, from, names[i], &count))
            return false;
        size->collections += count > 0;
        size->documents += count;
    }
    size->users = (int64_t)users;
    return true;
}
