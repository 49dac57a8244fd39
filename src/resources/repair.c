/* Repair tickets: a device is received, repaired, ready and given back. */
#include "base.h"
#include "engine/resource.h"

static const char *const statuses[] = {"received", "in_repair", "ready", "delivered", NULL};

static const struct transition transitions[] = {
    {"received", "in_repair"},
    {"in_repair", "ready"},
    {"ready", "in_repair"},
    {"ready", "delivered"},
    {NULL, NULL},
};

static const struct states states = {
    .field = "status",
    .segment = "status",
    .transitions = transitions,
};

static const struct field fields[] = {
    {"ticket_number", K_TEXT, F_READONLY | F_UNIQUE | F_FILTER | F_SEARCH,
     .min = 5, .series = "REP-"},
    {"customer_name", K_TEXT, F_REQUIRED | F_SEARCH},
    {"customer_phone", K_PHONE, F_REQUIRED | F_FILTER | F_SEARCH},
    {"device_model", K_TEXT, F_REQUIRED | F_SEARCH},
    {"imei", K_TEXT, F_FILTER | F_SEARCH, .max = 32},
    {"issue_description", K_NOTE, F_REQUIRED},
    {"estimated_cost", K_MONEY, F_REQUIRED},
    {"status", K_ENUM, F_READONLY | F_FILTER, .values = statuses, .def = "\"received\""},
    {NULL},
};

const struct resource repair_resource = {
    .noun = "repair",
    .schema = "RepairTicket",
    .path = "/api/repairs",
    .collection = "repairs",
    .module = "repairs",
    .ops = OP_ALL,
    .write_roles = ROLES_TENANT,
    .delete_roles = ROLES_MANAGER,
    .fields = fields,
    .states = &states,
    .summary = "repair tickets",
};
