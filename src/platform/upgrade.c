/* Runs the steps that a tenant lacks, and keeps in its entry how far they got: a run that ended
 * anywhere is seen there, and the next one goes on. */
#include "base.h"
#include "platform/upgrade.h"
#include "core/clock.h"
#include "core/log.h"
#include "tenant/schema.h"

#define STEP_US (INT64_C(6) * 3600 * 1000000)

/* Changes the entry while it has the version that we know of: two runs do not undo each other. */
static bool change_entry(const struct job *job, const struct tenant *tenant, bson_t *update)
{
    bson_t filter = BSON_INITIALIZER, in, list;
    struct scope scope;
    int64_t matched = 0;
    bool ok;

    BSON_APPEND_UTF8(&filter, "slug", tenant->slug);
    if (tenant->schema_version == 0) {
        BSON_APPEND_DOCUMENT_BEGIN(&filter, "schema_version", &in);
        BSON_APPEND_ARRAY_BEGIN(&in, "$in", &list);
        BSON_APPEND_NULL(&list, "0");
        BSON_APPEND_INT32(&list, "1", 0);
        bson_append_array_end(&in, &list);
        bson_append_document_end(&filter, &in);
    } else {
        BSON_APPEND_INT32(&filter, "schema_version", tenant->schema_version);
    }
    ok = job_registry(job, &scope) &&
         scope_update_one(&scope, ENTRIES, &filter, update, NULL, &matched, job->err);
    bson_destroy(&filter);
    bson_destroy(update);
    registry_forget(job->registry, tenant->slug);
    if (job->board)
        board_bump(job->board, tenant->slug);
    if (!ok || matched == 1)
        return ok;
    return err_set(job->err, ERR_CONFLICT, "%s: the entry was changed meanwhile", tenant->slug);
}

static bool note_start(const struct job *job, const struct tenant *tenant)
{
    return change_entry(job, tenant,
                        BCON_NEW("$set", "{", "schema_upgrade", "{", "to",
                                 BCON_INT32(schema_current()), "started_at",
                                 BCON_DATE_TIME(clock_ms()), "}", "}"));
}

static bool note_step(const struct job *job, struct tenant *tenant, int32_t version)
{
    bson_t *update = BCON_NEW("$set", "{", "schema_version", BCON_INT32(version), "updated_at",
                              BCON_DATE_TIME(clock_ms()), "}");

    if (version == schema_current())
        BCON_APPEND(update, "$unset", "{", "schema_upgrade", BCON_UTF8(""), "}");
    if (!change_entry(job, tenant, update))
        return false;
    tenant->schema_version = version;
    return true;
}

/* For the list of failures; the first error stays the one that is told. */
static void note_failure(const struct job *job, const struct tenant *tenant,
                         const struct upgrade_step *step)
{
    struct err second;
    struct job quiet = *job;

    err_init(&second);
    quiet.err = &second;
    change_entry(&quiet, tenant,
                 BCON_NEW("$set", "{", "schema_upgrade", "{", "to", BCON_INT32(schema_current()),
                          "step", BCON_UTF8(step->name), "failed_at", BCON_DATE_TIME(clock_ms()),
                          "error", BCON_UTF8(job->err->detail), "}", "}"));
    err_release(&second);
}

static bool run_step(const struct job *job, struct tenant *tenant, const struct upgrade_step *step)
{
    struct scope scope;

    job_progress(job, "%s: step %d, %s", tenant->slug, (int)step->number, step->name);
    if (job_tenant(job, tenant, &scope)) {
        scope.deadline_us = clock_mono_us() + STEP_US;
        scope.max_time_ms = UPGRADE_COMMAND_MS;
        if (step->run(job, tenant, &scope))
            return note_step(job, tenant, step->number);
    }
    note_failure(job, tenant, step);
    return false;
}

/* A copy of the entry as it is now, in the arena. */
static bool read_tenant(const struct job *job, const char *slug, struct tenant **tenant)
{
    const struct tenant *entry;

    registry_forget(job->registry, slug);
    if (!registry_by_slug(job->registry, slug, &entry, job->err))
        return false;
    *tenant = arena_alloc(job->arena, sizeof **tenant);
    **tenant = *entry;
    (*tenant)->db_uri = arena_strdup(job->arena, entry->db_uri);
    return true;
}

bool upgrade_tenant(const struct job *job, const char *slug, struct upgrade_result *result)
{
    struct tenant *tenant;

    if (!read_tenant(job, slug, &tenant))
        return false;
    result->from = result->to = tenant->schema_version;
    if (tenant->schema_version > schema_current())
        return err_set(job->err, ERR_SCHEMA_NEWER, "%s has version %d, this program knows %d", slug,
                       (int)tenant->schema_version, (int)schema_current());
    if (tenant->schema_version == schema_current())
        return true;
    if (!tenant->tenant_id[0])
        return err_set(job->err, ERR_TENANT_MISMATCH,
                       "%s has no tenant_id yet: its administrator has to sign in once", slug);
    if (!note_start(job, tenant))
        return false;
    while (tenant->schema_version < schema_current())
        if (!run_step(job, tenant, upgrade_step(tenant->schema_version + 1)))
            return false;
    result->to = tenant->schema_version;
    return job_audit(job, tenant, "upgrade", ENTRIES, slug);
}
