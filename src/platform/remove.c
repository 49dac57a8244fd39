/* Deleting, bringing back, purging. What is gone for good goes in an order in which a crash leaves
 * an entry that says so: mark, data, files, users, receipt, entry. */
#include "base.h"
#include "platform/remove.h"
#include "platform/archive.h"
#include "platform/files.h"
#include "core/clock.h"
#include "platform/accounts.h"
#include "platform/migrate_state.h"
#include "platform/place.h"
#include "tenant/audit.h"

/* --- removing -------------------------------------------------------------------------------- */

bool remove_databases(struct job *job, const struct tenant *tenant, const char *uri)
{
    char beside[AUDIT_DB_SIZE];

    uri = uri ? uri : place_strong_uri(job->conf, tenant->db_uri);
    audit_db_name(tenant->db_name, beside);
    return database_free(job, tenant->db_uri, tenant->db_name, tenant->slug) &&
           place_drop_database(job, uri, tenant->db_name) &&
           place_drop_database(job, uri, beside) &&
           place_drop_account(job, uri, tenant->db_uri, tenant->db_name);
}

bool remove_users(struct job *job, const char *tenant_id, int64_t *n)
{
    bson_t filter = BSON_INITIALIZER;
    int64_t deleted = 1;
    struct scope scope;
    bool ok = true;

    *n = 0;
    accounts_of(tenant_id, &filter);
    while (ok && deleted > 0) {
        ok = job_users(job, &scope) &&
             scope_delete_one(&scope, ACCOUNTS, &filter, &deleted, job->err);
        *n += ok ? deleted : 0;
    }
    bson_destroy(&filter);
    return ok;
}

/* --- delete and undelete --------------------------------------------------------------------- */

/* One change of an entry whose status is as it was read. *matched 0: it was changed meanwhile. */
static bool change(struct job *job, const struct tenant *tenant, const bson_t *update)
{
    bson_t filter = BSON_INITIALIZER;
    struct scope scope;
    int64_t matched = 0;
    bool ok;

    BSON_APPEND_UTF8(&filter, "slug", tenant->slug);
    BSON_APPEND_UTF8(&filter, "status", tenant_status_name(tenant->status));
    if (tenant->status == TENANT_DELETED)
        BCON_APPEND(&filter, "purge", "{", "$exists", BCON_BOOL(false), "}");
    ok = job_registry(job, &scope) &&
         scope_update_one(&scope, ENTRIES, &filter, update, NULL, &matched, job->err);
    bson_destroy(&filter);
    board_bump(job->board, tenant->slug);
    if (ok && matched == 0)
        ok = err_set(job->err, ERR_CONFLICT, "The entry of %s was changed meanwhile", tenant->slug);
    return ok;
}

bool tenant_delete(struct job *job, const char *slug, int64_t grace_s)
{
    bson_t update = BSON_INITIALIZER, set;
    struct tenant *tenant;
    const bson_t *entry;
    bool ok, again;

    if (!archive_entry(job, slug, &entry, &tenant))
        return false;
    again = tenant->status == TENANT_DELETED;
    if (again && (bson_has_field(entry, "purge_after") || bson_has_field(entry, "purge")))
        return err_set(job->err, ERR_STATE, "%s is deleted already", slug);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &set);
    BSON_APPEND_UTF8(&set, "status", tenant_status_name(TENANT_DELETED));
    if (!again) {
        BSON_APPEND_UTF8(&set, "deleted_from", tenant_status_name(tenant->status));
        BSON_APPEND_DATE_TIME(&set, "deleted_at", clock_ms());
    }
    if (grace_s != GRACE_LATER)
        BSON_APPEND_DATE_TIME(&set, "purge_after", clock_ms() + grace_s * 1000);
    BSON_APPEND_DATE_TIME(&set, "updated_at", clock_ms());
    bson_append_document_end(&update, &set);
    ok = change(job, tenant, &update);
    bson_destroy(&update);
    job_step(job, "deleted");
    return ok;
}

bool tenant_delete_archived(struct job *job, const char *slug, const char *sha256, const char *file,
                            int64_t grace_s)
{
    bson_t *update = BCON_NEW("$set", "{", "deleted_archive", "{", "sha256", BCON_UTF8(sha256),
                              "file", BCON_UTF8(file), "}", "purge_after",
                              BCON_DATE_TIME(clock_ms() + grace_s * 1000), "}");
    struct tenant *tenant;
    const bson_t *entry;
    bool ok = archive_entry(job, slug, &entry, &tenant) && change(job, tenant, update);

    bson_destroy(update);
    return ok;
}

static int64_t date_of(const bson_t *doc, const char *key)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, doc, key) && BSON_ITER_HOLDS_DATE_TIME(&it)
               ? bson_iter_date_time(&it)
               : INT64_MAX;
}

bool tenant_undelete(struct job *job, const char *slug)
{
    enum tenant_status was = TENANT_SUSPENDED;
    struct tenant *tenant;
    const char *from;
    const bson_t *entry;
    bson_t *update;
    bool ok;

    if (!archive_entry(job, slug, &entry, &tenant))
        return false;
    if (tenant->status != TENANT_DELETED)
        return err_set(job->err, ERR_STATE, "%s is not deleted", slug);
    if (date_of(entry, "purge_after") <= clock_ms() || bson_has_field(entry, "purge"))
        return err_set(job->err, ERR_STATE, "The time of grace of %s is over", slug);
    /* An entry that was deleted by hand does not say what it was. */
    if ((from = archive_text(entry, "deleted_from")) != NULL)
        tenant_status_parse(from, &was);
    update = BCON_NEW("$set", "{", "status", tenant_status_name(was), "updated_at",
                      BCON_DATE_TIME(clock_ms()), "}", "$unset", "{", "deleted_at", "",
                      "deleted_from", "", "purge_after", "", "deleted_archive", "", "}");
    ok = change(job, tenant, update);
    bson_destroy(update);
    return ok;
}

/* --- purge ----------------------------------------------------------------------------------- */

/* How many documents there are in all collections, fast and near enough for a receipt. */
static bool count_documents(struct job *job, const char *uri, const char *db_name, int64_t *n)
{
    bson_t *command = BCON_NEW("dbStats", BCON_INT32(1));
    bson_t reply = BSON_INITIALIZER;
    struct scope scope;
    bson_iter_t it;
    bool ok = archive_scope(job, uri, db_name, &scope) &&
              scope_command(&scope, command, &reply, job->err);

    if (ok && bson_iter_init_find(&it, &reply, "objects"))
        *n = bson_iter_as_int64(&it);
    bson_destroy(command);
    bson_destroy(&reply);
    return ok;
}

static int64_t number_at(const bson_t *doc, const char *path)
{
    bson_iter_t it, value;

    return bson_iter_init(&it, doc) && bson_iter_find_descendant(&it, path, &value)
               ? bson_iter_as_int64(&value)
               : 0;
}

static bool count_users(struct job *job, const char *tenant_id, int64_t *n)
{
    bson_t filter = BSON_INITIALIZER;
    struct scope scope;
    bool ok;

    accounts_of(tenant_id, &filter);
    ok = job_users(job, &scope) && scope_count(&scope, ACCOUNTS, &filter, 0, n, job->err);
    bson_destroy(&filter);
    return ok;
}

/* Writes down what there is before the first of it goes: from here on nothing leads back. */
static bool mark(struct job *job, const struct tenant *tenant, const char *uri, struct removed *out)
{
    char beside[AUDIT_DB_SIZE];
    bson_t *update;
    bool ok;

    uri = uri ? uri : place_strong_uri(job->conf, tenant->db_uri);
    audit_db_name(tenant->db_name, beside);
    if (!database_free(job, tenant->db_uri, tenant->db_name, tenant->slug) ||
        !count_documents(job, uri, tenant->db_name, &out->documents) ||
        !count_documents(job, uri, beside, &out->audit_entries) ||
        !count_users(job, tenant->tenant_id, &out->users) ||
        !files_count(job->conf, tenant->tenant_id, &out->files, &out->file_bytes, job->err))
        return false;
    update = BCON_NEW("$set", "{", "purge", "{", "at", BCON_DATE_TIME(clock_ms()), "documents",
                      BCON_INT64(out->documents), "audit_entries", BCON_INT64(out->audit_entries),
                      "users", BCON_INT64(out->users), "files", BCON_INT64(out->files),
                      "file_bytes", BCON_INT64(out->file_bytes), "}", "}");
    ok = change(job, tenant, update);
    bson_destroy(update);
    return ok;
}

static bool receipt(struct job *job, const struct removed *out)
{
    const struct audit_entry entry = {
        .kind = AUDIT_OPERATOR,
        .action = "tenant_purge",
        .collection = ENTRIES,
        .record_id = out->slug,
        .actor = job->actor,
        .request_id = job->request_id,
        .note = arena_printf(job->arena,
                             "tenant_id %s, database %s: %" PRId64 " documents, %" PRId64
                             " audit entries, %" PRId64 " files of %" PRId64 " bytes, %" PRId64
                             " users; %s%s",
                             out->tenant_id, out->db_name, out->documents, out->audit_entries,
                             out->files, out->file_bytes, out->users,
                             *out->archive_sha256 ? "archive SHA-256 " : "no archive",
                             out->archive_sha256)};
    struct scope scope;

    return job_registry(job, &scope) && audit_add(&scope, &entry, job->err);
}

static bool remove_entry(struct job *job, const struct tenant *tenant)
{
    bson_t filter = BSON_INITIALIZER;
    struct scope scope;
    int64_t n;
    bool ok;

    BSON_APPEND_UTF8(&filter, "slug", tenant->slug);
    BSON_APPEND_UTF8(&filter, "status", tenant_status_name(TENANT_DELETED));
    ok = job_registry(job, &scope) && scope_delete_one(&scope, ENTRIES, &filter, &n, job->err);
    bson_destroy(&filter);
    board_bump(job->board, tenant->slug);
    board_bump(job->board, arena_printf(job->arena, "id:%s", tenant->tenant_id));
    return ok;
}

static bool purge(struct job *job, const struct tenant *tenant, const char *uri,
                  const struct removed *out)
{
    int64_t n;

    job_step(job, "purge_mark");
    if (!remove_databases(job, tenant, uri))
        return false;
    job_step(job, "purge_data");
    if (!files_remove_tenant(job->conf, tenant->tenant_id, job->err))
        return false;
    job_step(job, "purge_files");
    if (!remove_users(job, tenant->tenant_id, &n))
        return false;
    job_step(job, "purge_users");
    if (!receipt(job, out))
        return false;
    job_step(job, "purge_receipt");
    return remove_entry(job, tenant);
}

bool tenant_purge(struct job *job, const char *slug, bool now, const char *uri, struct removed *out)
{
    enum migrate_stage stage;
    struct tenant *tenant;
    const bson_t *entry;
    bson_iter_t it, sha256;

    *out = (struct removed){0};
    if (!archive_entry(job, slug, &entry, &tenant))
        return false;
    if (tenant->status != TENANT_DELETED)
        return err_set(job->err, ERR_STATE, "%s is not deleted", slug);
    if (!now && date_of(entry, "purge_after") > clock_ms())
        return err_set(job->err, ERR_STATE, "The time of grace of %s is not over", slug);
    if (!*tenant->tenant_id || !db_name_valid(tenant->db_name))
        return err_set(job->err, ERR_STATE, "The entry of %s names no tenant_id or database", slug);
    if (!migration_pending(job, tenant->tenant_id, &stage))
        return false;
    if (stage != MIGRATE_FINISHED)
        return err_set(job->err, ERR_STATE,
                       "A move of %s is %s: erpctl migrate finish or rollback %s first", slug,
                       migrate_stage_name(stage), tenant->tenant_id);
    if (!files_here(job->conf, true, job->err))
        return false;
    memcpy(out->slug, tenant->slug, sizeof out->slug);
    memcpy(out->tenant_id, tenant->tenant_id, sizeof out->tenant_id);
    memcpy(out->db_name, tenant->db_name, sizeof out->db_name);
    if (bson_iter_init(&it, entry) &&
        bson_iter_find_descendant(&it, "deleted_archive.sha256", &sha256) &&
        BSON_ITER_HOLDS_UTF8(&sha256))
        snprintf(out->archive_sha256, sizeof out->archive_sha256, "%s",
                 bson_iter_utf8(&sha256, NULL));
    if (bson_has_field(entry, "purge")) {
        out->documents = number_at(entry, "purge.documents");
        out->audit_entries = number_at(entry, "purge.audit_entries");
        out->users = number_at(entry, "purge.users");
        out->files = number_at(entry, "purge.files");
        out->file_bytes = number_at(entry, "purge.file_bytes");
    } else if (!mark(job, tenant, uri, out)) {
        return false;
    }
    return purge(job, tenant, uri, out);
}

bool tenant_purge_due(struct job *job, int64_t now_ms, const char ***slugs, size_t *n)
{
    bson_t *filter = BCON_NEW("status", tenant_status_name(TENANT_DELETED), "purge_after", "{",
                              "$lte", BCON_DATE_TIME(now_ms), "}");
    const bson_t *doc = NULL;
    mongoc_cursor_t *cursor;
    struct scope scope;
    bool ok = job_registry(job, &scope);

    *n = 0;
    *slugs = arena_alloc(job->arena, PURGE_MAX * sizeof **slugs);
    cursor = ok ? scope_find(&scope, ENTRIES, filter, NULL) : NULL;
    while (ok && *n < PURGE_MAX && (ok = scope_next(&scope, cursor, &doc, job->err)) && doc)
        if (archive_text(doc, "slug"))
            (*slugs)[(*n)++] = arena_strdup(job->arena, archive_text(doc, "slug"));
    bson_destroy(filter);
    return ok;
}
