/* What must hold before a tenant is set up. */
#include "base.h"
#include "platform/provision.h"
#include "platform/place.h"
#include "tenant/audit.h"
#include "tenant/dbuser.h"
#include "tenant/modules.h"

#define NAME_MAX_BYTES 240 /* with " Admin" it is the administrator's name */

/* By the names that commands and requests give them. */
static bool check_names(const struct job *job, const struct new_entry *e)
{
    static const char *const licenses[] = {"free", "pro", "enterprise"};
    bool licensed = false;

    if (!slug_valid(e->slug))
        err_field(job->err, "slug", "format",
                  "A slug has 2 to 40 lower-case letters, digits and hyphens");
    if (!*e->business_name || strlen(e->business_name) > NAME_MAX_BYTES)
        err_field(job->err, "name", "too_long", "1 to %d bytes", NAME_MAX_BYTES);
    if (!entry_type_ok(e->business_type))
        err_field(job->err, "business_type", "format",
                  "At most 31 lower-case letters, digits and underscores");
    for (size_t i = 0; i < ARRAY_LEN(licenses); i++)
        licensed = licensed || strcmp(e->license_type, licenses[i]) == 0;
    if (!licensed)
        err_field(job->err, "license_type", "enum", "free, pro or enterprise");
    if (!db_name_valid(e->db_name) || audit_db_is(e->db_name))
        err_field(job->err, "db_name", "format",
                  "%.64s is no usable name of a database", e->db_name);
    entry_features_ok(e->features, "features_enabled", job->err);
    return !err_is_set(job->err);
}

/* --- its database ---------------------------------------------------------------------------- */

static bool check_database(const struct job *job, const struct new_entry *e)
{
    bson_t *ping = BCON_NEW("ping", BCON_INT32(1));
    struct scope scope;
    bson_t reply;
    bool ok;

    ok = database_free(job, e->db_uri, e->db_name, e->slug) &&
         clients_scope(job->clients, e->db_uri, e->db_name, NULL, job->arena, job_deadline(job),
                       &scope, job->err);
    if (ok) {
        ok = scope_command(&scope, ping, &reply, job->err);
        bson_destroy(&reply);
    }
    bson_destroy(ping);
    return ok;
}

/* --- the administrator ------------------------------------------------------------------------ */

/* Another entry with this address would be taken for this user's at the sign-in. */
static bool check_address(const struct job *job, const struct new_entry *e)
{
    const struct tenant *other = NULL;

    return registry_by_admin_email(job->registry, e->admin_email, &other, job->err) &&
           (!other || strcmp(other->slug, e->slug) == 0 ||
            err_set(job->err, ERR_DUPLICATE, "%s administers tenant %s already", e->admin_email,
                    other->slug));
}

static bool check_admin(const struct job *job, struct provision *p)
{
    struct user *user = arena_alloc(job->arena, sizeof *user);
    const char *email = p->entry.admin_email;
    bool found;

    if (!check_address(job, &p->entry) ||
        !users_by_email(job->users, email, user, &found, job->err))
        return false;
    if (!found)
        return true;
    /* Of this slug: made by an earlier run, or left over by a tenant that is gone. */
    if (strcmp(user->tenant_slug, p->entry.slug) != 0 &&
        (user->had_tenant || user->role == ROLE_SUPER_ADMIN))
        return err_set(job->err, ERR_DUPLICATE, "%s is a user already, %s %s", email,
                       *user->tenant_slug ? "of tenant" : "without a tenant:",
                       *user->tenant_slug ? user->tenant_slug : role_name(user->role));
    p->linked = true;
    p->admin_id = user->id;
    if (*user->tenant_id) /* records that he brings along carry this id */
        p->entry.tenant_id = user->tenant_id;
    return true;
}

/* --- what an earlier run has left ------------------------------------------------------------- */

/* Asked for modules, are they those that are stored? Not asked: those of its type are. */
static bool same_features(const struct new_entry *e, const struct tenant *there)
{
    size_t n = 0, i;
    const struct module *module;
    const json_t *item;

    json_array_foreach(e->features, i, item)
        if (n == there->n_features || strcmp(there->features[n++], json_string_value(item)) != 0)
            return false;
    for (i = 0; !e->features && (module = module_at(i)); i++)
        if (!module_is_core(module) && module_by_default(module, e->business_type) &&
            (n == there->n_features || strcmp(there->features[n++], module->name) != 0))
            return false;
    return n == there->n_features;
}

/* Only the same again goes on. */
static bool check_same(const struct job *job, const struct provision *p,
                       const struct tenant *there)
{
    const struct new_entry *e = &p->entry;
    const char *other = NULL;

    if (strcmp(there->business_name, e->business_name) != 0)
        other = "name";
    else if (strcmp(there->license_type, e->license_type) != 0)
        other = "licence";
    else if (there->max_users != e->max_users || there->max_branches != e->max_branches)
        other = "limit";
    else if (!same_features(e, there))
        other = "list of modules";
    else if (strcmp(there->business_type, e->business_type) != 0)
        other = "type";
    else if (strcmp(there->admin_email, e->admin_email) != 0)
        other = "administrator";
    else if (strcmp(there->db_name, e->db_name) != 0)
        other = "database name";
    else if (!dbuser_same_hosts(there->db_uri, e->db_uri))
        other = "server";
    return !other || err_set(job->err, ERR_DUPLICATE,
                             "Tenant %s is being set up already, with another %s", e->slug, other);
}

static bool check_slug(struct job *job, struct provision *p)
{
    const bson_t *doc;
    struct tenant *there;
    bson_iter_t it;

    if (!entry_find(job, p->entry.slug, &doc))
        return false;
    if (!doc)
        return true;
    if (!entry_read(job, doc, &there))
        return false;
    if (there->status != TENANT_PROVISIONING)
        return err_set(job->err, ERR_DUPLICATE, "There is a tenant %s already", p->entry.slug);
    if (bson_has_field(doc, "import"))
        return err_set(job->err, ERR_DUPLICATE,
                       "Tenant %s is being brought back from an archive", p->entry.slug);
    if (!check_same(job, p, there))
        return false;
    p->resumed = true;
    p->entry.tenant_id = there->tenant_id;
    p->own_account = dbuser_password(job->arena, there->db_uri, there->db_name) != NULL;
    p->linked = bson_iter_init_find(&it, doc, "admin_linked") && bson_iter_as_bool(&it);
    return provision_take(job, p, doc);
}

bool provision_check(struct job *job, struct provision *p)
{
    return check_names(job, &p->entry) && check_admin(job, p) && check_database(job, &p->entry) &&
           check_slug(job, p);
}
