/* Roles: an enum, a bit mask for tables, names on the wire. */
#ifndef ERP_AUTH_PERM_H
#define ERP_AUTH_PERM_H

#include "base.h"

/* From the highest to the lowest. */
enum role {
    ROLE_SUPER_ADMIN,
    ROLE_TENANT_ADMIN,
    ROLE_HEAD_OFFICE,
    ROLE_BRANCH_MANAGER,
    ROLE_STAFF,
    ROLE_CASHIER,
    ROLE_TECHNICIAN,
    ROLE_COUNT
};

#define R(role)       (1u << (role))
#define ROLES_NONE    0u
#define ROLES_SUPER   R(ROLE_SUPER_ADMIN)
#define ROLES_ADMIN   R(ROLE_TENANT_ADMIN)
#define ROLES_USERS   (ROLES_SUPER | ROLES_ADMIN) /* who keep accounts */
#define ROLES_OFFICE  (ROLES_ADMIN | R(ROLE_HEAD_OFFICE))
#define ROLES_MANAGER (ROLES_OFFICE | R(ROLE_BRANCH_MANAGER))
#define ROLES_TENANT  (ROLES_MANAGER | R(ROLE_STAFF) | R(ROLE_CASHIER) | R(ROLE_TECHNICIAN))
#define ROLES_ANY     (ROLES_SUPER | ROLES_TENANT)

/* By role, then a NULL: what a field of a table lists. */
extern const char *const role_names[ROLE_COUNT + 1];

const char *role_name(enum role role);
bool role_parse(const char *text, enum role *out);

/* Whether somebody with the role `own` may deal with an account of the role `other`, or give that
 * role away: never with one above. A super_admin alone deals with super_admins. */
static inline bool role_within(enum role own, enum role other)
{
    return other >= own;
}

/* Roles that see all branches; the others need a branch_id and see only it. */
static inline bool role_all_branches(enum role role)
{
    return (R(role) & (ROLES_SUPER | ROLES_OFFICE)) != 0;
}

#endif
