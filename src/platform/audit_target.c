/* Lists what is chained and checked. Called by the auditor and by `erpctl audit verify`. */
#include "base.h"
#include "platform/audit_target.h"

static struct audit_target *new_target(const struct job *job, const char *db_name,
                                       const char *tenant_id, const char *uri, const char *name)
{
    struct audit_target *target = arena_alloc(job->arena, sizeof *target);

    audit_db_name(db_name, target->audit_db);
    snprintf(target->tenant_id, sizeof target->tenant_id, "%s", tenant_id);
    target->uri = arena_strdup(job->arena, uri);
    target->name = arena_strdup(job->arena, name);
    return target;
}

/* The platform's own account reads every log of its clusters through one client; an account a
 * tenant costs a connection and a handshake each. */
static const char *platform_uri(const struct conf *conf, const char *uri)
{
    const char *const ours[] = {conf->mongo_url, conf->admin_mongo_url, conf->default_mongo_url};

    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (clients_cluster(ours[i]) == clients_cluster(uri))
            return ours[i];
    return NULL;
}

struct audit_target *audit_target_of(const struct job *job, const struct tenant *tenant)
{
    struct audit_target *target;
    bool usable = tenant->db_uri && *tenant->db_uri;

    target = new_target(job, tenant->db_name, tenant->tenant_id, usable ? tenant->db_uri : NULL,
                        tenant->slug);
    target->deleted = tenant->status == TENANT_DELETED;
    if (usable)
        target->platform = platform_uri(job->conf, tenant->db_uri);
    else
        target->why = "its entry has no db_uri";
    return target;
}

static void add(struct audit_target ***tail, struct audit_target *target)
{
    **tail = target;
    *tail = &target->next;
}

static bool add_tenants(const struct job *job, struct audit_target ***tail)
{
    bson_t filter = BSON_INITIALIZER;
    mongoc_cursor_t *cursor;
    const bson_t *doc = NULL;
    struct tenant tenant;
    struct scope scope;
    struct err why;
    bool ok = job_registry(job, &scope);

    cursor = ok ? scope_find(&scope, ENTRIES, &filter, NULL) : NULL;
    bson_destroy(&filter);
    err_init(&why);
    while (ok && (ok = scope_next(&scope, cursor, &doc, job->err)) && doc) {
        struct audit_target *target;
        bool sound = tenant_from_bson(doc, job->conf, &tenant, &why);

        /* What was read before its fault is there, and enough to say whose it is. */
        if (db_name_valid(tenant.db_name) && tenant.tenant_id[0]) {
            target = audit_target_of(job, &tenant);
            if (!sound)
                target->why = arena_strdup(job->arena, why.detail);
            add(tail, target);
        }
        if (sound)
            tenant_release(&tenant);
        err_clear(&why);
    }
    err_release(&why);
    return ok;
}

static bool has_tenant(const struct audit_target *list, const char *tenant_id)
{
    for (; list; list = list->next)
        if (strcmp(list->tenant_id, tenant_id) == 0)
            return true;
    return false;
}

/* Those who have a database of their own by now are followed there. */
static void add_shared(const struct job *job, const struct audit_target *known,
                       struct audit_target ***tail)
{
    const struct conf *conf = job->conf;
    bson_t *pipeline =
        BCON_NEW("pipeline", "[", "{", "$sort", "{", "tenant_id", BCON_INT32(1), "}", "}", "{",
                 "$group", "{", "_id", "$tenant_id", "}", "}", "]");
    char beside[AUDIT_DB_SIZE];
    mongoc_cursor_t *cursor;
    const bson_t *doc = NULL;
    struct scope scope;
    bson_iter_t it;

    audit_db_name(conf->db_name, beside);
    if (clients_scope(job->clients, conf->default_mongo_url, beside, NULL, job->arena,
                      job_deadline(job), &scope, job->err)) {
        cursor = scope_aggregate(&scope, AUDIT_COLLECTION, pipeline, NULL);
        while (scope_next(&scope, cursor, &doc, job->err) && doc) {
            const char *id;

            if (!bson_iter_init_find(&it, doc, "_id") || !BSON_ITER_HOLDS_UTF8(&it))
                continue;
            id = bson_iter_utf8(&it, NULL);
            if (strlen(id) < 64 && !has_tenant(known, id))
                add(tail, new_target(job, conf->db_name, id, conf->default_mongo_url,
                                     arena_printf(job->arena, "shared/%s", id)));
        }
    }
    err_clear(job->err);
    bson_destroy(pipeline);
}

bool audit_targets(const struct job *job, struct audit_target **list)
{
    const struct conf *conf = job->conf;
    struct audit_target **tail = list;

    *list = NULL;
    add(&tail, new_target(job, conf->admin_db_name, "", conf->admin_mongo_url, "platform"));
    if (!add_tenants(job, &tail))
        return false;
    add_shared(job, *list, &tail);
    return true;
}

bool audit_target_scope(const struct job *job, const struct audit_target *target,
                        struct scope *scope)
{
    if (!target->uri)
        return err_set(job->err, ERR_DB_NOT_CONFIGURED, "%s", target->why);
    return clients_scope(job->clients, target->platform ? target->platform : target->uri,
                         target->audit_db, target->tenant_id[0] ? target->tenant_id : NULL,
                         job->arena, job_deadline(job), scope, job->err);
}
