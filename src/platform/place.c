/* Compares a database with those of the registry's entries. Called before a tenant is set up, moved
 * or removed. */
#include "base.h"
#include "platform/place.h"
#include "db/doc.h"
#include "platform/entry.h"
#include "tenant/dbuser.h"

static bool same_place(const char *uri, const char *db_name, const char *other_uri,
                       const char *other_name)
{
    return strcasecmp(db_name, other_name) == 0 && dbuser_same_hosts(uri, other_uri);
}

static bool check_neighbour(const struct job *job, const char *uri, const char *db_name,
                            const char *own_slug, const bson_t *doc)
{
    const char *name = doc_text(doc, "db_name"), *slug = doc_text(doc, "slug");
    struct tenant *other;

    if (!name || strcasecmp(db_name, name) != 0 || (slug && strcmp(slug, own_slug) == 0))
        return true;
    return entry_read(job, doc, &other) &&
           (!same_place(uri, db_name, other->db_uri, name) ||
            err_set(job->err, ERR_IN_USE, "Database %s of this server is that of tenant %s", name,
                    slug ? slug : "?"));
}

static bool check_neighbours(const struct job *job, const char *uri, const char *db_name,
                             const char *own_slug)
{
    bson_t all = BSON_INITIALIZER;
    const bson_t *doc = NULL;
    mongoc_cursor_t *cursor;
    struct scope scope;
    bool ok = job_registry(job, &scope);

    cursor = ok ? scope_find(&scope, ENTRIES, &all, NULL) : NULL;
    while (ok && (ok = scope_next(&scope, cursor, &doc, job->err)) && doc)
        ok = check_neighbour(job, uri, db_name, own_slug, doc);
    bson_destroy(&all);
    return ok;
}

bool database_free(const struct job *job, const char *uri, const char *db_name,
                   const char *own_slug)
{
    const struct conf *conf = job->conf;

    if (same_place(uri, db_name, conf->admin_mongo_url, conf->admin_db_name) ||
        same_place(uri, db_name, conf->mongo_url, conf->db_name) ||
        same_place(uri, db_name, conf->default_mongo_url, conf->db_name))
        return err_set(job->err, ERR_IN_USE, "Database %s is the platform's own", db_name);
    return check_neighbours(job, uri, db_name, own_slug);
}
