/* The steps of setting up a tenant. */
#include "base.h"
#include "platform/provision.h"
#include "auth/password_link.h"
#include "core/clock.h"
#include "core/id.h"
#include "core/log.h"
#include "db/own.h"
#include "engine/crud.h"
#include "engine/index.h"
#include "platform/accounts.h"
#include "platform/place.h"

/* The entry as it is stored now. */
static bool read_tenant(struct job *job, const struct provision *p, struct tenant **tenant)
{
    const bson_t *doc;

    if (!entry_find(job, p->entry.slug, &doc))
        return false;
    if (!doc)
        return err_set(job->err, ERR_TENANT_NOT_FOUND, "There is no tenant %s", p->entry.slug);
    return entry_read(job, doc, tenant);
}

static bool make_entry(struct job *job, struct provision *p)
{
    struct new_entry entry = p->entry;
    bson_t *more = own_bson(job->arena);

    if (p->resumed)
        return true;
    if (!entry.tenant_id) {
        char *fresh = arena_alloc(job->arena, ID_SIZE);

        id_new(fresh);
        entry.tenant_id = p->entry.tenant_id = fresh;
    }
    entry.status = TENANT_PROVISIONING;
    p->own_account = !p->given_account;
    if (p->own_account)
        entry.db_uri = place_own_uri(job, entry.db_uri, entry.db_name);
    if (p->linked)
        BSON_APPEND_BOOL(more, "admin_linked", true);
    provision_claim(p, more);
    entry.more = more;
    return entry_add(job, &entry);
}

/* An account that may not make others is used itself. */
static bool keep_given_account(struct job *job, struct provision *p)
{
    bson_t filter, update = BSON_INITIALIZER, set;
    const char *sealed;
    struct scope scope;
    int64_t matched = 0;
    bool ok;

    log_event(LOG_LVL_WARN, "tenant_account_shared", "tenant", p->entry.slug, NULL);
    p->own_account = false;
    if (!entry_seal(job, p->entry.slug, p->entry.db_uri, &sealed) || !job_registry(job, &scope))
        return false;
    provision_filter(p, &filter);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &set);
    BSON_APPEND_UTF8(&set, "db_uri", sealed);
    bson_append_document_end(&update, &set);
    ok = scope_update_one(&scope, ENTRIES, &filter, &update, NULL, &matched, job->err);
    bson_destroy(&filter);
    bson_destroy(&update);
    return ok;
}

static bool make_account(struct job *job, struct provision *p)
{
    struct tenant *tenant;
    bool refused;

    if (!p->own_account)
        return true;
    if (!read_tenant(job, p, &tenant))
        return false;
    if (place_make_account(job, p->entry.db_uri, tenant->db_uri, tenant->db_name, &refused))
        return true;
    return refused && keep_given_account(job, p);
}

static bool make_settings(struct job *job, struct provision *p)
{
    const struct resource *settings = resource_by_collection("settings");
    json_auto_t *record = json_pack("{s:s}", "website_name", p->entry.business_name);
    struct tenant *tenant;
    struct kind_env env;
    struct scope scope;
    bool created;

    if (!settings)
        die("there is no resource for settings");
    if (!read_tenant(job, p, &tenant) || !job_tenant(job, tenant, &scope))
        return false;
    env = (struct kind_env){.decimals = tenant->decimals};
    return index_ensure(job->indexes, settings, &scope, job->err) &&
           crud_seed(settings, &scope, &env, NULL, job->actor, record, &created, job->err);
}

/* --- the administrator ------------------------------------------------------------------------ */

static bool create_admin(struct job *job, struct provision *p, const struct tenant *tenant)
{
    struct account_fields fields = {.hash = p->hash};
    struct account_place place = {.tenant_id = tenant->tenant_id, .slug = tenant->slug,
                                  .max_users = -1};
    bson_t *set = own_bson(job->arena);

    BSON_APPEND_UTF8(set, "email", p->entry.admin_email);
    BSON_APPEND_UTF8(set, "full_name", p->admin_name);
    BSON_APPEND_UTF8(set, "role", role_name(ROLE_TENANT_ADMIN));
    fields.set = set;
    return job_tenant(job, tenant, &place.data) &&
           accounts_create(job, &place, &fields, &p->admin_id);
}

/* Who was there before keeps the password; a given one is set again, it may be a new one. */
static bool admin_password(struct job *job, struct provision *p)
{
    if (p->linked)
        return true;
    if (p->hash)
        return users_set_password(job->users, p->admin_id, p->hash, true, job->err);
    return password_link_make(job->users, p->admin_id, job->conf->public_url, job->arena, &p->link,
                              job->err);
}

static bool make_admin(struct job *job, struct provision *p)
{
    struct user *user = arena_alloc(job->arena, sizeof *user);
    struct tenant *tenant;
    bool found;

    if (!read_tenant(job, p, &tenant) ||
        !users_by_email(job->users, p->entry.admin_email, user, &found, job->err))
        return false;
    if (found) {
        p->admin_id = user->id;
        return users_link_tenant(job->users, user->id, tenant, job->err) && admin_password(job, p);
    }
    return create_admin(job, p, tenant) && (p->hash || admin_password(job, p));
}

/* The audit log is not worth a tenant that does not work: its owner sees p->audited. */
static bool make_audit(struct job *job, struct provision *p)
{
    struct job quiet = *job;
    struct tenant *tenant;
    struct err ignored;

    if (!read_tenant(job, p, &tenant))
        return false;
    err_init(&ignored);
    quiet.err = &ignored;
    p->audited = job_audit(&quiet, tenant, "tenant_add", ENTRIES, tenant->slug);
    err_release(&ignored);
    return true;
}

static bool make_active(struct job *job, struct provision *p)
{
    bson_t filter, *update;
    struct scope scope;
    int64_t matched = 0;
    bool ok;

    if (!job_registry(job, &scope))
        return false;
    update = BCON_NEW("$set", "{", "status", BCON_UTF8(tenant_status_name(TENANT_ACTIVE)),
                      "updated_at", BCON_DATE_TIME(clock_ms()), "}", "$unset", "{", "provisioning",
                      BCON_UTF8(""), "admin_linked", BCON_UTF8(""), "}");
    provision_filter(p, &filter);
    ok = scope_update_one(&scope, ENTRIES, &filter, update, NULL, &matched, job->err);
    bson_destroy(&filter);
    bson_destroy(update);
    entry_changed(job, p->entry.slug, p->entry.tenant_id);
    return ok && (matched == 1 || err_set(job->err, ERR_CONFLICT,
                                          "Somebody else has gone on with %s", p->entry.slug));
}

/* To add one: a row, in its order, of a function that may be repeated. */
static const struct {
    const char *name;
    bool (*run)(struct job *job, struct provision *p);
} steps[] = {
    {"entry", make_entry},
    {"account", make_account},
    {"settings", make_settings},
    {"admin", make_admin},
    {"audit", make_audit},
    {"active", make_active},
};

bool provision_run(struct job *job, struct provision *p)
{
    if (!provision_check(job, p))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        if (!steps[i].run(job, p)) {
            if (i > 0)
                provision_let_go(job, p);
            return false;
        }
        job_step(job, steps[i].name);
    }
    log_event(LOG_LVL_INFO, "tenant_added", "tenant", p->entry.slug, "by", job->actor, NULL);
    return true;
}
