/* Discounts for a time, on categories of goods. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"title", K_TEXT, F_REQUIRED | F_SEARCH | F_SORT},
    {"discount_percentage", K_DECIMAL, F_REQUIRED, .max = 100},
    {"start_date", K_DAY, F_REQUIRED | F_SORT | F_RANGE},
    {"end_date", K_DAY, F_REQUIRED | F_SORT | F_RANGE},
    {"applicable_categories", K_TEXT_LIST, .def = "[]"},
    {"is_active", K_BOOL, F_FILTER | F_KEEP, .def = "true"},
    {NULL},
};

const struct resource offer_resource = {
    .noun = "offer",
    .schema = "Offer",
    .path = "/api/offers",
    .collection = "offers",
    .module = "offers",
    .ops = OP_ALL,
    .fields = fields,
    .toggle = "is_active",
    .summary = "offers",
};
