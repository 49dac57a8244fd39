/* The branches of a business: shops, warehouses, counters. */
#include "base.h"
#include "engine/resource.h"

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
    .fields = fields,
    .summary = "branches",
};
