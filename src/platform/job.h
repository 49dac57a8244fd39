/* What work on whole tenants stands on, whoever asks: a request (job_of_req) or a command
 * (ctl_job). Functions of this room take a job and never a request or a command.
 *
 * Failures fill job->err. Documents and scopes live in job->arena.
 */
#ifndef ERP_PLATFORM_JOB_H
#define ERP_PLATFORM_JOB_H

#include "http/req.h"

#define ENTRIES  "tenants_registry" /* in ADMIN_DB_NAME */
#define ACCOUNTS "users"            /* in DB_NAME */

struct lease;

struct job {
    const struct conf *conf;
    struct board *board;
    struct clients *clients;
    struct registry *registry;
    struct users *users;
    struct index_cache *indexes;
    struct arena *arena;
    struct err *err;
    struct scope *within;   /* a running transaction on the registry's database to join; or NULL */
    int64_t now_ms;         /* the instant that the work is done for; 0: the clock's */
    const char *actor; /* user id, or "erpctl" */
    const char *impersonated_by; /* the super_admin who acts as the actor; NULL: nobody */
    const char *request_id;      /* NULL outside requests */
    const struct scope_who *who; /* borrowed from the request; NULL outside */
    struct lease *lease;         /* of long work, which prolongs it as it goes; NULL: none */
    int64_t deadline_us;         /* of everything; 0: each operation has job_deadline()'s time */
    /* One line for people about long work; may be NULL. */
    void (*progress)(void *data, const char *text);
    void *progress_data;
};

struct job job_of_req(struct req *req);

/* The instant that the work is done for. */
int64_t job_now(const struct job *job);
/* When the time of the next operation is over. */
int64_t job_deadline(const struct job *job);

/* Fresh scopes on the registry's and the users' databases. */
bool job_registry(const struct job *job, struct scope *scope);
bool job_users(const struct job *job, struct scope *scope);
/* A fresh scope on a tenant's own database, whatever its status. ERR_DB_NOT_CONFIGURED. */
bool job_tenant(const struct job *job, const struct tenant *tenant, struct scope *scope);

/* Adds the audit entry of what the operator did to a tenant, or (NULL) to the platform. What was
 * done stands whether or not this works. */
bool job_audit(const struct job *job, const struct tenant *tenant, const char *action,
               const char *collection, const char *record_id);

/* Marks that a step is done which a run after a crash must be able to go on from. For tests of
 * recovery a command kills itself here, as by kill -9, when ERP_STOP_AFTER names the step; requests
 * never look at it. */
void job_step(const struct job *job, const char *step);

void job_progress(const struct job *job, const char *fmt, ...) ERP_PRINTF(2, 3);

#endif
