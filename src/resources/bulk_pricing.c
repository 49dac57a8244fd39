/* A price for one when many are bought at once. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"product_id", K_REF, F_REQUIRED | F_FILTER, .ref = "product"},
    {"unit_type", K_TEXT, F_REQUIRED, .max = 32},
    {"min_quantity", K_DECIMAL, F_REQUIRED},
    {"max_quantity", K_DECIMAL, F_REQUIRED},
    {"price_per_unit", K_MONEY, F_REQUIRED},
    {NULL},
};

const struct resource bulk_pricing_resource = {
    .noun = "bulk_pricing",
    .schema = "BulkPricing",
    .path = "/api/bulk-pricing",
    .collection = "bulk_pricing",
    .module = "pricing",
    .ops = OP_ALL,
    .fields = fields,
    .summary = "bulk prices",
};
