/* Lorries that take cleared goods to the client. */
#include "base.h"
#include "engine/resource.h"

static const char *const statuses[] = {"scheduled", "in_transit", "delivered", "cancelled", NULL};

static const struct transition transitions[] = {
    {"scheduled", "in_transit"},
    {"scheduled", "cancelled"},
    {"in_transit", "delivered", .stamp = "actual_delivery_date"},
    {"in_transit", "cancelled", .roles = ROLES_MANAGER},
    {NULL, NULL},
};

static const struct states states = {
    .field = "status",
    .segment = "status",
    .transitions = transitions,
};

static const struct field fields[] = {
    {"transport_number", K_TEXT, F_READONLY | F_UNIQUE | F_FILTER | F_SEARCH,
     .min = 5, .series = "TRN-"},
    {"job_file_id", K_REF, F_REQUIRED | F_FILTER, .ref = "job_file"},
    {"shipment_id", K_REF, F_REQUIRED | F_FILTER, .ref = "shipment"},
    {"vehicle_number", K_TEXT, F_REQUIRED | F_FILTER | F_SEARCH, .max = 32},
    {"driver_name", K_TEXT, F_REQUIRED | F_SEARCH},
    {"driver_phone", K_PHONE, F_REQUIRED},
    {"pickup_location", K_TEXT, F_REQUIRED},
    {"delivery_location", K_TEXT, F_REQUIRED},
    {"scheduled_date", K_DAY, F_REQUIRED | F_SORT | F_RANGE},
    {"actual_delivery_date", K_DAY, F_READONLY},
    {"transport_cost", K_MONEY, F_REQUIRED},
    {"status", K_ENUM, F_READONLY | F_FILTER, .values = statuses, .def = "\"scheduled\""},
    {NULL},
};

const struct resource transport_resource = {
    .noun = "transport",
    .schema = "Transport",
    .path = "/api/cnf/transport",
    .collection = "cnf_transport",
    .module = "transport",
    .ops = OP_ALL,
    .write_roles = ROLES_MANAGER | R(ROLE_STAFF),
    .delete_roles = ROLES_MANAGER,
    .fields = fields,
    .states = &states,
    .summary = "transports",
};
