/* The tables of a restaurant: free, taken or reserved. */
#include "base.h"
#include "engine/resource.h"

static const char *const statuses[] = {"available", "occupied", "reserved", NULL};

static const struct transition transitions[] = {
    {"available", "occupied"},
    {"available", "reserved"},
    {"reserved", "occupied"},
    {"reserved", "available"},
    {"occupied", "available"},
    {NULL, NULL},
};

static const struct states states = {
    .field = "status",
    .segment = "status",
    .roles = ROLES_TENANT,
    .transitions = transitions,
};

static const struct field fields[] = {
    {"table_number", K_TEXT, F_REQUIRED | F_UNIQUE | F_FILTER | F_SORT | F_SEARCH, .max = 32},
    {"capacity", K_INT, F_REQUIRED | F_SORT | F_RANGE, .min = 1, .max = 1000},
    {"status", K_ENUM, F_READONLY | F_FILTER, .values = statuses, .def = "\"available\""},
    {"current_order_id", K_TEXT, F_KEEP, .max = 64},
    {NULL},
};

const struct resource table_resource = {
    .noun = "table",
    .schema = "Table",
    .path = "/api/tables",
    .collection = "tables",
    .module = "tables",
    .ops = OP_ALL,
    .fields = fields,
    .states = &states,
    .summary = "tables",
};
