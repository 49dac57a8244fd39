/* A new tenant out of an archive: what must not be there yet, the entry, the account, the data, the
 * switch. */
#include "base.h"
#include "platform/archive_check.h"
#include "platform/accounts.h"
#include "platform/entry.h"
#include "platform/lease.h"
#include "platform/place.h"
#include "platform/remove.h"
#include "auth/perm.h"
#include "core/clock.h"
#include "core/log.h"
#include "tenant/audit.h"
#include "tenant/schema.h"

struct import {
    struct job *job;
    const struct archive_target *target;
    struct archive_contents *contents;
    struct archive_plan plan; /* with an account that may do everything there */
    const char *own_uri;      /* as the entry has it: with the tenant's own account */
    const char *sha256;
    struct lease lease;
};

/* --- what it shall be ------------------------------------------------------------------------ */

static bool choose_database(struct import *im)
{
    const struct archive_target *target = im->target;
    struct tenant *tenant = &im->plan.tenant;
    const char *name = target->db_name;

    if (!name && target->copy)
        name =
            arena_printf(im->job->arena, "%s_%s_db",
                         *tenant->business_type ? tenant->business_type : "tenant", tenant->slug);
    if (!name)
        name = im->contents->tenant.db_name;
    if (!db_name_valid(name) || audit_db_is(name))
        return err_set(im->job->err, ERR_BAD_REQUEST, "%s is no usable name of a database", name);
    snprintf(tenant->db_name, sizeof tenant->db_name, "%s", name);
    return true;
}

static bool make_plan(struct import *im)
{
    const struct archive_target *target = im->target;
    struct tenant *tenant = &im->plan.tenant;

    im->plan.contents = im->contents;
    im->plan.copy = target->copy;
    *tenant = im->contents->tenant;
    if (target->slug) {
        if (!slug_valid(target->slug))
            return err_set(im->job->err, ERR_BAD_REQUEST, "%s is no slug", target->slug);
        snprintf(tenant->slug, sizeof tenant->slug, "%s", target->slug);
    }
    if (target->copy) {
        id_new(tenant->tenant_id);
        snprintf(tenant->admin_email, sizeof tenant->admin_email, "%s", target->admin_email);
    }
    tenant->db_uri =
        arena_strdup(im->job->arena, target->uri ? target->uri : im->job->conf->mongo_url);
    if (!choose_database(im))
        return false;
    im->own_uri = place_own_uri(im->job, tenant->db_uri, tenant->db_name);
    return true;
}

/* --- is there room for it? ------------------------------------------------------------------- */

static bool check_empty(struct import *im, const char *db_name)
{
    bson_t *command =
        BCON_NEW("listCollections", BCON_INT32(1), "nameOnly", BCON_BOOL(true), "cursor", "{", "}");
    bson_iter_t it, batch, item;
    struct scope scope;
    bson_t reply = BSON_INITIALIZER;
    bool ok = archive_scope(im->job, im->plan.tenant.db_uri, db_name, &scope);

    if (ok) {
        ok = scope_command(&scope, command, &reply, im->job->err);
        if (ok && bson_iter_init(&it, &reply) &&
            bson_iter_find_descendant(&it, "cursor.firstBatch", &batch) &&
            bson_iter_recurse(&batch, &item) && bson_iter_next(&item))
            ok = err_set(im->job->err, ERR_IN_USE, "Database %s is there already, and not empty",
                         db_name);
    }
    bson_destroy(command);
    bson_destroy(&reply);
    return ok;
}

static bool check_databases(struct import *im)
{
    const struct tenant *mine = &im->plan.tenant, *other;
    char beside[AUDIT_DB_SIZE];

    if (!registry_by_tenant_id(im->job->registry, mine->tenant_id, &other, im->job->err))
        return false;
    if (other)
        return err_set(im->job->err, ERR_IN_USE,
                       "Tenant %s has the archive's tenant_id: use a copy", other->slug);
    audit_db_name(mine->db_name, beside);
    return database_free(im->job, mine->db_uri, mine->db_name, mine->slug) &&
           check_empty(im, mine->db_name) && check_empty(im, beside);
}

static bool check_email(struct import *im, const char *email)
{
    struct user *user = arena_alloc(im->job->arena, sizeof *user);
    bool found;

    if (!users_by_email(im->job->users, email, user, &found, im->job->err))
        return false;
    return !found || err_set(im->job->err, ERR_DUPLICATE, "There is a user %s already", email);
}

static bool check_users(struct import *im)
{
    bson_t filter = BSON_INITIALIZER;
    struct scope scope;
    int64_t n = 0;
    bool ok;

    accounts_of(im->plan.tenant.tenant_id, &filter);
    ok = job_users(im->job, &scope) && scope_count(&scope, ACCOUNTS, &filter, 1, &n, im->job->err);
    bson_destroy(&filter);
    if (ok && n > 0)
        return err_set(im->job->err, ERR_IN_USE, "There are users with tenant_id %s already",
                       im->plan.tenant.tenant_id);
    if (im->plan.copy)
        return ok && check_email(im, im->plan.tenant.admin_email);
    for (size_t i = 0; ok && i < im->contents->n_emails; i++)
        ok = check_email(im, im->contents->emails[i]);
    return ok;
}

/* --- the entry ------------------------------------------------------------------------------- */

static bool is_ours(const char *key)
{
    static const char *const ours[] = {"_id",        "slug",        "tenant_id",     "db_uri",
                                       "db_name",    "admin_email", "status",        "import",
                                       "write_hold", "deleted",     "status_reason", "updated_at",
                                       "deleted_at", "purge_after", "provisioning",  "deleted_from",
                                       "deleted_archive"};

    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (strcmp(key, ours[i]) == 0)
            return true;
    return false;
}

static bool add_entry(struct import *im)
{
    const struct tenant *tenant = &im->plan.tenant;
    bson_t doc = BSON_INITIALIZER, mark;
    const char *sealed;
    struct scope scope;
    bson_iter_t it;
    bool ok;

    if (!entry_seal(im->job, tenant->slug, im->own_uri, &sealed))
        return false;
    BSON_APPEND_UTF8(&doc, "slug", tenant->slug);
    BSON_APPEND_UTF8(&doc, "tenant_id", tenant->tenant_id);
    BSON_APPEND_UTF8(&doc, "db_uri", sealed);
    BSON_APPEND_UTF8(&doc, "db_name", tenant->db_name);
    BSON_APPEND_UTF8(&doc, "admin_email", tenant->admin_email);
    BSON_APPEND_UTF8(&doc, "status", tenant_status_name(TENANT_PROVISIONING));
    if (bson_iter_init(&it, im->contents->entry))
        while (bson_iter_next(&it))
            if (!is_ours(bson_iter_key(&it)))
                bson_append_iter(&doc, bson_iter_key(&it), -1, &it);
    BSON_APPEND_DOCUMENT_BEGIN(&doc, "import", &mark);
    BSON_APPEND_UTF8(&mark, "sha256", im->sha256);
    BSON_APPEND_BOOL(&mark, "copy", im->plan.copy);
    BSON_APPEND_DATE_TIME(&mark, "at", clock_ms());
    BSON_APPEND_BOOL(&mark, "files",
                     im->plan.files && !files_there(im->job->conf, tenant->tenant_id));
    bson_append_document_end(&doc, &mark);
    BSON_APPEND_DATE_TIME(&doc, "updated_at", clock_ms());
    ok = job_registry(im->job, &scope) && scope_insert(&scope, ENTRIES, &doc, im->job->err);
    bson_destroy(&doc);
    job_step(im->job, "import_entry");
    return ok;
}

/* An account that may not make others is used itself. */
static bool keep_given_account(struct import *im)
{
    const struct tenant *tenant = &im->plan.tenant;
    bson_t *filter = BCON_NEW("slug", BCON_UTF8(tenant->slug), "status",
                              tenant_status_name(TENANT_PROVISIONING));
    bson_t *update = NULL;
    const char *sealed;
    struct scope scope;
    int64_t matched = 0;
    bool ok = entry_seal(im->job, tenant->slug, tenant->db_uri, &sealed) &&
              job_registry(im->job, &scope);

    log_event(LOG_LVL_WARN, "tenant_account_shared", "tenant", tenant->slug, NULL);
    if (ok) {
        update = BCON_NEW("$set", "{", "db_uri", BCON_UTF8(sealed), "}");
        ok = scope_update_one(&scope, ENTRIES, filter, update, NULL, &matched, im->job->err);
        bson_destroy(update);
    }
    bson_destroy(filter);
    im->own_uri = tenant->db_uri;
    return ok;
}

static bool make_account(struct import *im, struct archive_facts *facts)
{
    const struct tenant *tenant = &im->plan.tenant;
    bool refused;

    facts->own_account =
        place_make_account(im->job, tenant->db_uri, im->own_uri, tenant->db_name, &refused);
    if (!facts->own_account && (!refused || !keep_given_account(im)))
        return false;
    job_step(im->job, "import_account");
    return true;
}

/* Files go when there were none before: those that were there are not what a run has brought, and
 * what it brought beside them comes again. */
static bool remove_files(struct import *im, const bson_t *entry, const struct tenant *found)
{
    bson_iter_t it, files;

    return !bson_iter_init(&it, entry) || !bson_iter_find_descendant(&it, "import.files", &files) ||
           !bson_iter_as_bool(&files) ||
           files_remove_tenant(im->job->conf, found->tenant_id, im->job->err);
}

/* What an earlier run of the same archive has brought goes away, its entry last. Before that run
 * wrote anything it had seen that there was nothing of others. */
static bool begin_anew(struct import *im, const bson_t *entry, const struct tenant *found)
{
    bson_t filter = BSON_INITIALIZER;
    bson_iter_t it, sha256;
    struct scope scope;
    int64_t n;
    bool ok;

    if (found->status != TENANT_PROVISIONING || !bson_iter_init(&it, entry) ||
        !bson_iter_find_descendant(&it, "import.sha256", &sha256) ||
        !BSON_ITER_HOLDS_UTF8(&sha256) || strcmp(bson_iter_utf8(&sha256, NULL), im->sha256) != 0) {
        bson_destroy(&filter);
        return err_set(im->job->err, ERR_DUPLICATE, "There is a tenant %s already", found->slug);
    }
    job_progress(im->job, "an earlier run did not come to its end: beginning anew");
    BSON_APPEND_UTF8(&filter, "slug", found->slug);
    BSON_APPEND_UTF8(&filter, "status", tenant_status_name(TENANT_PROVISIONING));
    ok = remove_databases(im->job, found, im->target->uri) && remove_files(im, entry, found) &&
         remove_users(im->job, found->tenant_id, &n) && job_registry(im->job, &scope) &&
         scope_delete_one(&scope, ENTRIES, &filter, &n, im->job->err);
    bson_destroy(&filter);
    return ok;
}

static bool claim_slug(struct import *im)
{
    struct tenant *found;
    const bson_t *entry;

    if (archive_entry(im->job, im->plan.tenant.slug, &entry, &found))
        return begin_anew(im, entry, found);
    if (im->job->err->code != ERR_TENANT_NOT_FOUND)
        return false;
    err_clear(im->job->err);
    return true;
}

/* --- the end --------------------------------------------------------------------------------- */

static bool add_admin(struct import *im)
{
    const struct tenant *tenant = &im->plan.tenant;
    bson_t doc = BSON_INITIALIZER;
    struct scope scope;
    char id[ID_SIZE];
    bool ok;

    id_new(id);
    BSON_APPEND_UTF8(&doc, "id", id);
    BSON_APPEND_UTF8(&doc, "email", tenant->admin_email);
    BSON_APPEND_UTF8(&doc, "full_name",
                     arena_printf(im->job->arena, "%s Admin", tenant->business_name));
    BSON_APPEND_UTF8(&doc, "hashed_password", im->target->admin_hash);
    BSON_APPEND_UTF8(&doc, "role", role_name(ROLE_TENANT_ADMIN));
    BSON_APPEND_UTF8(&doc, "tenant_id", tenant->tenant_id);
    BSON_APPEND_UTF8(&doc, "tenant_slug", tenant->slug);
    BSON_APPEND_DATE_TIME(&doc, "created_at", clock_ms());
    BSON_APPEND_DATE_TIME(&doc, "updated_at", clock_ms());
    ok = job_users(im->job, &scope) && scope_insert(&scope, ACCOUNTS, &doc, im->job->err);
    bson_destroy(&doc);
    job_step(im->job, "import_admin");
    return ok;
}

static bool activate(struct import *im)
{
    const struct tenant *tenant = &im->plan.tenant;
    bson_t *update =
        BCON_NEW("$set", "{", "status", tenant_status_name(TENANT_ACTIVE), "updated_at",
                 BCON_DATE_TIME(clock_ms()), "}", "$unset", "{", "import", BCON_UTF8(""), "}");
    bson_t filter = BSON_INITIALIZER;
    struct scope scope;
    int64_t matched = 0;
    bool ok;

    BSON_APPEND_UTF8(&filter, "slug", tenant->slug);
    BSON_APPEND_UTF8(&filter, "status", tenant_status_name(TENANT_PROVISIONING));
    ok = job_registry(im->job, &scope) &&
         scope_update_one(&scope, ENTRIES, &filter, update, NULL, &matched, im->job->err);
    bson_destroy(update);
    bson_destroy(&filter);
    if (ok && matched == 0)
        ok = err_set(im->job->err, ERR_CONFLICT, "The entry of %s was changed meanwhile",
                     tenant->slug);
    board_bump(im->job->board, tenant->slug);
    board_bump(im->job->board, arena_printf(im->job->arena, "id:%s", tenant->tenant_id));
    return ok;
}

/* By the account that the tenant will work with. */
static bool note(struct import *im)
{
    struct tenant tenant = im->plan.tenant;

    tenant.db_uri = arena_strdup(im->job->arena, im->own_uri);
    return job_audit(im->job, &tenant, im->plan.copy ? "tenant_restore" : "tenant_import", ENTRIES,
                     tenant.slug);
}

static bool bring(struct import *im, struct unpack *unpack, struct archive_facts *facts)
{
    struct job *job = im->job;
    struct err *err = job->err;

    /* Where a newer version keeps tenant_id nobody here knows, nor what it makes of a record. */
    if (im->contents->tenant.schema_version > schema_current())
        return err_set(err, ERR_SCHEMA_NEWER, "The archive has version %d, this program knows %d",
                       (int)im->contents->tenant.schema_version, (int)schema_current());
    im->plan.files = facts->files > 0 && !im->target->no_files;
    if (im->plan.files && !files_here(job->conf, true, err))
        return false;
    if (!registry_ensure_indexes(job->registry, err) || !claim_slug(im) ||
        !check_databases(im) || !check_users(im))
        return false;
    return add_entry(im) && make_account(im, facts) && archive_write(job, unpack, &im->plan) &&
           (!im->plan.copy || add_admin(im)) && note(im) && activate(im);
}

/* One at a time: who begins anew takes away what another one has just brought. */
static bool import(struct import *im, struct unpack *unpack, struct archive_facts *facts)
{
    struct job *job = im->job;
    bool ok;

    if (!make_plan(im) ||
        !lease_open(job, &im->lease, arena_printf(job->arena, "import:%s", im->plan.tenant.slug)))
        return false;
    job->lease = &im->lease;
    ok = bring(im, unpack, facts);
    lease_close(job, &im->lease);
    job->lease = NULL;
    return ok;
}

bool archive_import(struct job *job, const char *path, const struct archive_target *target,
                    struct archive_facts *facts)
{
    struct import *im = arena_alloc(job->arena, sizeof *im);
    struct unpack *unpack;
    bool ok;

    *facts = (struct archive_facts){0};
    im->job = job;
    im->target = target;
    im->contents = arena_alloc(job->arena, sizeof *im->contents);
    im->sha256 = facts->sha256;
    if (!(unpack = unpack_open(path, facts->sha256, job->err)))
        return false;
    ok = archive_check(job, unpack, im->contents, facts) && import(im, unpack, facts);
    unpack_free(unpack);
    if (!ok)
        return false;
    facts->with_files = facts->with_files && !target->no_files;
    if (!facts->with_files)
        facts->files = facts->file_bytes = 0;
    memcpy(facts->slug, im->plan.tenant.slug, sizeof facts->slug);
    memcpy(facts->tenant_id, im->plan.tenant.tenant_id, sizeof facts->tenant_id);
    memcpy(facts->db_name, im->plan.tenant.db_name, sizeof facts->db_name);
    return true;
}
