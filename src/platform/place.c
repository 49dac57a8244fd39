/* Databases and accounts on the servers of tenants. Called by whatever sets a tenant up, moves or
 * removes it. */
#include "base.h"
#include "platform/place.h"
#include "db/doc.h"
#include "platform/archive.h"
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

bool place_drop_database(const struct job *job, const char *strong, const char *db_name)
{
    bson_t *command =
        BCON_NEW("dropDatabase", BCON_INT32(1), "writeConcern", "{", "w", "majority", "}");
    struct job mine = *job;
    struct scope scope;
    bson_t reply = BSON_INITIALIZER;
    bool ok = archive_scope(&mine, strong, db_name, &scope) &&
              scope_command(&scope, command, &reply, job->err);

    bson_destroy(command);
    bson_destroy(&reply);
    return ok;
}

/* --- accounts -------------------------------------------------------------------------------- */

const char *place_strong_uri(const struct conf *conf, const char *uri)
{
    const char *const ours[] = {conf->mongo_url, conf->admin_mongo_url, conf->default_mongo_url};

    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (ours[i] && dbuser_same_hosts(ours[i], uri))
            return ours[i];
    return uri;
}

const char *place_own_uri(const struct job *job, const char *base, const char *db_name)
{
    char password[DBUSER_PASSWORD_SIZE];
    const char *uri;

    dbuser_new_password(password);
    uri = dbuser_uri(job->arena, base, db_name, password);
    explicit_bzero(password, sizeof password);
    return uri;
}

static bool open_admin(const struct job *job, const char *strong, struct scope *admin)
{
    return clients_scope(job->clients, strong, "admin", NULL, job->arena, job_deadline(job), admin,
                         job->err);
}

bool place_make_account(const struct job *job, const char *strong, const char *own,
                        const char *db_name, bool *refused)
{
    const char *password = dbuser_password(job->arena, own, db_name);
    struct scope admin;

    *refused = false;
    if (!password)
        return err_set(job->err, ERR_CONFLICT, "The address of %s names another account", db_name);
    return open_admin(job, strong, &admin) &&
           dbuser_ensure(&admin, db_name, password, refused, job->err);
}

bool place_drop_account(const struct job *job, const char *strong, const char *own,
                        const char *db_name)
{
    struct scope admin;

    if (!dbuser_password(job->arena, own, db_name))
        return true;
    return open_admin(job, strong, &admin) && dbuser_drop(&admin, db_name, job->err);
}
