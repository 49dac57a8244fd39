/* Shipments that a clearing agent brings through the port. */
#include "base.h"
#include "engine/resource.h"

static const char *const statuses[] = {
    "pending", "in_transit", "at_port", "customs_clearance", "cleared", "delivered", NULL};

static const struct transition transitions[] = {
    {"pending", "in_transit"},
    {"in_transit", "at_port"},
    {"at_port", "customs_clearance"},
    {"customs_clearance", "cleared", .stamp = "clearance_date"},
    {"cleared", "delivered", .stamp = "delivery_date"},
    {NULL, NULL},
};

static const struct states states = {
    .field = "status",
    .segment = "status",
    .transitions = transitions,
};

static const struct field fields[] = {
    {"shipment_number", K_TEXT, F_REQUIRED | F_UNIQUE | F_FILTER | F_SEARCH, .max = 64},
    {"customer_name", K_TEXT, F_REQUIRED | F_SEARCH},
    {"consignee", K_TEXT, F_REQUIRED | F_SEARCH},
    {"origin_country", K_TEXT, F_REQUIRED, .max = 100},
    {"destination", K_TEXT, F_REQUIRED},
    {"shipping_line", K_TEXT, F_REQUIRED},
    {"vessel_name", K_TEXT},
    {"bl_number", K_TEXT, F_REQUIRED | F_FILTER | F_SEARCH, .max = 64},
    {"container_number", K_TEXT, F_FILTER | F_SEARCH, .max = 64},
    {"cargo_description", K_NOTE, F_REQUIRED},
    {"weight", K_DECIMAL, F_REQUIRED},
    {"arrival_date", K_DAY, F_REQUIRED | F_SORT | F_RANGE},
    {"clearance_date", K_DAY, F_KEEP},
    {"delivery_date", K_DAY, F_KEEP},
    {"status", K_ENUM, F_READONLY | F_FILTER, .values = statuses, .def = "\"pending\""},
    {NULL},
};

const struct resource shipment_resource = {
    .noun = "shipment",
    .schema = "Shipment",
    .path = "/api/cnf/shipments",
    .collection = "cnf_shipments",
    .module = "shipments",
    .ops = OP_ALL,
    .write_roles = ROLES_MANAGER | R(ROLE_STAFF),
    .delete_roles = ROLES_MANAGER,
    .fields = fields,
    .states = &states,
    .summary = "shipments",
};
