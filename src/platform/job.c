/* Scopes and progress for work on whole tenants. Called by every other file of the room. */
#include "base.h"
#include "platform/job.h"
#include "core/clock.h"
#include "tenant/audit.h"

#include <signal.h>

#define OPERATION_US INT64_C(8000000)

struct job job_of_req(struct req *req)
{
    struct app *app = req->app;

    return (struct job){
        .conf = &app->conf,
        .board = app->board,
        .clients = app->clients,
        .registry = app->registry,
        .users = app->users,
        .indexes = app->indexes,
        .arena = req->arena,
        .err = req->err,
        .actor = req->principal.user_id,
        .impersonated_by = req->principal.claims.impersonated_by,
        .request_id = req->request_id,
        .who = &req->who,
        .within = req->scope.session && !req->scope.tenant_id ? &req->scope : NULL,
        .deadline_us = req->deadline_us,
    };
}

int64_t job_now(const struct job *job)
{
    return job->now_ms ? job->now_ms : clock_ms();
}

int64_t job_deadline(const struct job *job)
{
    return job->deadline_us ? job->deadline_us : clock_mono_us() + OPERATION_US;
}

/* What is entered through the scope says who asked for it. */
static bool on_behalf(const struct job *job, bool ok, struct scope *scope)
{
    if (ok)
        scope->who = job->who;
    return ok;
}

bool job_registry(const struct job *job, struct scope *scope)
{
    return on_behalf(job,
                     registry_admin_scope(job->registry, job->arena, job_deadline(job), scope,
                                          job->err),
                     scope);
}

bool job_users(const struct job *job, struct scope *scope)
{
    return on_behalf(job,
                     registry_users_scope(job->registry, job->arena, job_deadline(job), scope,
                                          job->err),
                     scope);
}

bool job_tenant(const struct job *job, const struct tenant *tenant, struct scope *scope)
{
    if (!tenant->db_uri || !*tenant->db_uri)
        return err_set(job->err, ERR_DB_NOT_CONFIGURED, "The entry of %s has no db_uri",
                       tenant->slug);
    if (!db_name_valid(tenant->db_name))
        return err_set(job->err, ERR_DB_NOT_CONFIGURED, "The entry of %s has no usable db_name",
                       tenant->slug);
    return on_behalf(job,
                     clients_scope(job->clients, tenant->db_uri, tenant->db_name,
                                   tenant->tenant_id, job->arena, job_deadline(job), scope,
                                   job->err),
                     scope);
}

bool job_audit(const struct job *job, const struct tenant *tenant, const char *action,
               const char *collection, const char *record_id)
{
    const struct audit_entry entry = {.kind = AUDIT_OPERATOR,
                                      .action = action,
                                      .collection = collection,
                                      .record_id = record_id,
                                      .actor = job->actor,
                                      .impersonated_by = job->impersonated_by,
                                      .request_id = job->request_id};
    struct scope scope;

    return (tenant ? job_tenant(job, tenant, &scope) : job_registry(job, &scope)) &&
           audit_add(&scope, &entry, job->err);
}

void job_step(const struct job *job, const char *step)
{
    const char *stop = job->request_id ? NULL : getenv("ERP_STOP_AFTER");

    if (stop && strcmp(stop, step) == 0)
        kill(getpid(), SIGKILL);
}

void job_progress(const struct job *job, const char *fmt, ...)
{
    char text[512];
    va_list args;

    if (!job->progress)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    job->progress(job->progress_data, text);
}
