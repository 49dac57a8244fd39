/* Who is acted as, and the two entries that say so before any token exists. */
#include "base.h"
#include "platform/impersonate.h"
#include "db/own.h"
#include "platform/accounts.h"
#include "tenant/audit.h"

static bool first_admin(struct job *job, const char *tenant_id, const char **user_id)
{
    bson_t *filter = own_bson(job->arena), *opts = own_bson(job->arena);
    const bson_t *doc;
    struct scope scope;
    struct user *user = arena_alloc(job->arena, sizeof *user);

    BCON_APPEND(filter, "tenant_id", BCON_UTF8(tenant_id), "role",
                BCON_UTF8(role_name(ROLE_TENANT_ADMIN)), "disabled", "{", "$ne", BCON_BOOL(true),
                "}", "is_active", "{", "$ne", BCON_BOOL(false), "}");
    accounts_of_people(filter);
    BCON_APPEND(opts, "sort", "{", "created_at", BCON_INT32(1), "id", BCON_INT32(1), "}");
    if (!job_users(job, &scope) ||
        !scope_find_one(&scope, ACCOUNTS, filter, opts, &doc, job->err))
        return false;
    if (!doc || !user_from_bson(doc, user))
        return err_set(job->err, ERR_NOT_FOUND,
                       "This business has no administrator who may sign in.");
    *user_id = user->id;
    return true;
}

bool impersonate_begin(struct job *job, const char *tenant_id, const char *reason,
                       const char **user_id)
{
    struct account_place theirs, ours;
    struct audit_entry entry = {.kind = AUDIT_OPERATOR,
                                .action = "impersonate",
                                .collection = ACCOUNTS,
                                .actor = job->actor,
                                .request_id = job->request_id,
                                .note = reason};

    if (!accounts_place(job, tenant_id, &theirs) || !accounts_place(job, NULL, &ours) ||
        !first_admin(job, tenant_id, user_id))
        return false;
    entry.record_id = *user_id;
    return audit_add(&ours.data, &entry, job->err) && audit_add(&theirs.data, &entry, job->err);
}
