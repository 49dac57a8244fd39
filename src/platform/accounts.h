/* The accounts of people: made, changed and removed for a business, or for the platform itself.
 *
 * A write is one transaction in the users' database, begun with the guard of the business's
 * accounts, so that its limits and its last administrator are counted without races. The audit
 * entry goes to the business's own log: in the same transaction where both are on one cluster,
 * otherwise just before the commit. What the record says takes effect in every worker at once.
 *
 * Who may do what to whom is accounts_may(); nothing else here asks who is asking.
 */
#ifndef ERP_PLATFORM_ACCOUNTS_H
#define ERP_PLATFORM_ACCOUNTS_H

#include "platform/job.h"

/* Whose accounts: a registered business, one of the shared database, or the platform. */
struct account_place {
    const char *tenant_id; /* NULL: the platform's own, super_admins */
    const char *slug;      /* NULL: the shared database, or the platform */
    int64_t max_users;     /* -1: no limit */
    struct scope data;     /* its records and its audit log; of the platform: the registry's */
};

/* The place of a tenant_id (NULL: the platform), whatever the tenant's status.
 * ERR_TENANT_NOT_FOUND when neither the registry nor the shared database knows it. */
bool accounts_place(struct job *job, const char *tenant_id, struct account_place *place);

/* Never one's own account, never one above one's own role: ERR_FORBIDDEN. */
bool accounts_may(const struct principal *who, const struct user *target, struct err *err);

/* Appends what matches the accounts of a business. A super_admin is none of them, even one whose
 * record names the business. */
void accounts_of(const char *tenant_id, bson_t *filter);

/* An account that `tenant verify-isolation` made for minutes has this member, true. It is nobody's:
 * not shown, not counted, not the administrator that has to be left. */
#define ACCOUNT_CANARY "isolation_check"
/* Appends what leaves those out. */
void accounts_of_people(bson_t *filter);

/* An account of a business (NULL: any there is), read into the arena; ERR_NOT_FOUND. */
bool accounts_find(struct job *job, const char *tenant_id, const char *id, struct user **user);

/* Appends a JSON array of at most `limit` accounts of a business (NULL: all there are), in the
 * order of their ids, after the id `after` (may be NULL). *last is the id of the last one when
 * there may be more, else NULL. */
bool accounts_list(struct job *job, const char *tenant_id, const char *after, int64_t limit,
                   struct str *out, const char **last);

/* What an account shall be. `set` holds checked members by the names of the record: email,
 * username, full_name, role, branch_id, allowed_routes, is_active. */
struct account_fields {
    const bson_t *set;
    const char *hash; /* of the password; NULL: it stays */
};

/* *id (arena-owned) is the new account's. ERR_DUPLICATE (email, username), ERR_LIMIT_REACHED; a
 * field error for a branch that is not there. */
bool accounts_create(struct job *job, struct account_place *place,
                     const struct account_fields *fields, const char **id);

/* As accounts_create, and ERR_NOT_FOUND, ERR_LAST_ADMIN. A new password, or being disabled, ends
 * the account's tokens. */
bool accounts_change(struct job *job, struct account_place *place, const char *id,
                     const struct account_fields *fields);

/* Its tokens end with it. ERR_NOT_FOUND, ERR_LAST_ADMIN. */
bool accounts_remove(struct job *job, struct account_place *place, const char *id);

#endif
