/* What a salon, a clinic or a workshop does for a price and a time. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"name", K_TEXT, F_REQUIRED | F_SEARCH | F_SORT},
    {"duration_minutes", K_INT, F_REQUIRED, .min = 1, .max = 10080},
    {"price", K_MONEY, F_REQUIRED | F_SORT | F_RANGE},
    {"description", K_NOTE},
    {NULL},
};

const struct resource service_resource = {
    .noun = "service",
    .schema = "Service",
    .path = "/api/services",
    .collection = "services",
    .module = "services",
    .ops = OP_ALL,
    .fields = fields,
    .summary = "services",
};
