/* Devices of customers, and what was repaired on them. */
#include "base.h"
#include "engine/resource.h"

static const struct append appends[] = {
    {.segment = "add-repair", .list = "repair_history", .form = "RepairLink", .by_query = true,
     .summary = "Note a job card in the history of a device, once"},
};

static const struct field fields[] = {
    {"customer_id", K_REF, F_REQUIRED | F_FILTER, .ref = "customer"},
    {"device_type", K_TEXT, F_REQUIRED, .max = 64},
    {"device_brand", K_TEXT, F_REQUIRED | F_SEARCH, .max = 100},
    {"device_model", K_TEXT, F_REQUIRED | F_SEARCH},
    {"serial_number", K_TEXT, F_REQUIRED | F_FILTER | F_SEARCH, .max = 64},
    {"purchase_date", K_DAY, F_REQUIRED},
    {"warranty_expiry", K_DAY, F_REQUIRED},
    {"sale_id", K_REF, F_FILTER, .ref = "sale"},
    {"repair_history", K_TEXT_LIST, F_READONLY, .max = 1000, .def = "[]"},
    {NULL},
};

const struct resource device_history_resource = {
    .noun = "device_history",
    .schema = "DeviceHistory",
    .path = "/api/device-history",
    .collection = "device_history",
    .module = "repairs",
    .ops = OP_ALL,
    .write_roles = ROLES_TENANT,
    .delete_roles = ROLES_MANAGER,
    .fields = fields,
    .appends = appends,
    .n_appends = ARRAY_LEN(appends),
    .summary = "device histories",
};
