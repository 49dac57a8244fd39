/* Vehicles that a garage looks after. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"owner_name", K_TEXT, F_REQUIRED | F_SEARCH | F_SORT},
    {"phone", K_PHONE, F_REQUIRED | F_FILTER | F_SEARCH},
    {"vehicle_number", K_TEXT, F_REQUIRED | F_FILTER | F_SEARCH, .max = 32},
    {"vehicle_model", K_TEXT, F_REQUIRED | F_SEARCH},
    {"vehicle_type", K_TEXT, F_REQUIRED | F_FILTER, .max = 64},
    {"service_history", K_TEXT_LIST, F_KEEP, .def = "[]"},
    {NULL},
};

const struct resource vehicle_resource = {
    .noun = "vehicle",
    .schema = "Vehicle",
    .path = "/api/vehicles",
    .collection = "vehicles",
    .module = "vehicles",
    .ops = OP_ALL,
    .write_roles = ROLES_TENANT,
    .delete_roles = ROLES_MANAGER,
    .fields = fields,
    .summary = "vehicles",
};
