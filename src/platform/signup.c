/* Signing up. Makes no database and no registry entry: those are an operator's to give. */
#include "base.h"
#include "platform/signup.h"
#include "core/clock.h"
#include "core/id.h"
#include "db/own.h"
#include "platform/accounts.h"

static bool add_record(struct job *job, const struct signup *signup, const char *tenant_id)
{
    bson_t *doc = own_bson(job->arena);
    struct scope scope;

    if (!job_users(job, &scope))
        return false;
    BCON_APPEND(doc, "id", BCON_UTF8(tenant_id), "tenant_id", BCON_UTF8(tenant_id), "name",
                BCON_UTF8(signup->name), "email", BCON_UTF8(signup->email), "business_type",
                BCON_UTF8(signup->business_type), "modules_enabled", "[",
                BCON_UTF8(signup->business_type), "]", "is_active", BCON_BOOL(true), "created_at",
                BCON_DATE_TIME(clock_ms()), "updated_at", BCON_DATE_TIME(clock_ms()));
    return scope_insert(&scope, "tenants", doc, job->err);
}

static bool add_admin(struct job *job, const struct signup *signup, const char *tenant_id,
                      const char **user_id)
{
    struct account_place place = {.tenant_id = tenant_id, .max_users = -1};
    struct account_fields fields = {.hash = signup->hash};
    bson_t *set = own_bson(job->arena);

    BSON_APPEND_UTF8(set, "email", signup->email);
    BSON_APPEND_UTF8(set, "full_name", arena_printf(job->arena, "%s Admin", signup->name));
    BSON_APPEND_UTF8(set, "role", role_name(ROLE_TENANT_ADMIN));
    fields.set = set;
    return clients_scope(job->clients, job->conf->default_mongo_url, job->conf->db_name, tenant_id,
                         job->arena, job_deadline(job), &place.data, job->err) &&
           accounts_create(job, &place, &fields, user_id);
}

bool signup_open(const struct job *job)
{
    return (job->conf->signup && job->conf->legacy) ||
           err_set(job->err, ERR_SIGNUP_OFF,
                   "Nobody signs up here: ask those who run this service for a business.");
}

bool signup_run(struct job *job, const struct signup *signup, const char **user_id)
{
    char *tenant_id = arena_alloc(job->arena, ID_SIZE);

    if (!signup_open(job))
        return false;
    id_new(tenant_id);
    return add_admin(job, signup, tenant_id, user_id) && add_record(job, signup, tenant_id);
}
