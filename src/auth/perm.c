#include "base.h"
#include "auth/perm.h"

const char *const role_names[ROLE_COUNT + 1] = {
    [ROLE_SUPER_ADMIN] = "super_admin",
    [ROLE_TENANT_ADMIN] = "tenant_admin",
    [ROLE_HEAD_OFFICE] = "head_office",
    [ROLE_BRANCH_MANAGER] = "branch_manager",
    [ROLE_STAFF] = "staff",
    [ROLE_CASHIER] = "cashier",
    [ROLE_TECHNICIAN] = "technician",
};
const char *role_name(enum role role)
{
    assert((unsigned)role < ROLE_COUNT);
    return role_names[role];
}

bool role_parse(const char *text, enum role *out)
{
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        if (strcmp(text, role_names[i]) == 0) {
            *out = (enum role)i;
            return true;
        }
    }
    return false;
}
