/* The branches of a business: shops, warehouses, counters. */
#include "base.h"
#include "engine/resource.h"

#define NAMED_MAX 100

/* The users are in a database of their own: somebody who is put into the branch at this moment is
 * left with a branch that is not there, and sees nothing. */
static bool may_delete(struct req *req, const char *id)
{
    const char *ids[NAMED_MAX];
    size_t n;

    if (!users_of_branch(req->app->users, req->scope.tenant_id, id, ids, NAMED_MAX, &n, req->err))
        return false;
    if (n > 0)
        return err_set(req->err, ERR_IN_USE, "It still has %zu%s users", n,
                       n == NAMED_MAX ? " or more" : "");
    return true;
}

static const struct field fields[] = {
    {"name", K_TEXT, F_REQUIRED | F_SEARCH | F_SORT},
    {"address", K_TEXT, F_REQUIRED, .max = 500},
    {"contact_phone", K_PHONE, F_REQUIRED},
    {"manager_name", K_TEXT},
    {"manager_user_id", K_TEXT, F_READONLY, .max = 64},
    {"is_active", K_BOOL, F_FILTER, .def = "true"},
    {NULL},
};

const struct resource branch_resource = {
    .noun = "branch",
    .schema = "Branch",
    .path = "/api/branches",
    .collection = "branches",
    .module = "branches",
    .ops = OP_ALL,
    .write_roles = ROLES_OFFICE,
    .limit = LIMIT_BRANCHES,
    .may_delete = may_delete,
    .fields = fields,
    .summary = "branches",
};
