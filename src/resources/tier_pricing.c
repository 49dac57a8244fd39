/* Discounts of a product for kinds of buyers, from a quantity on. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"product_id", K_REF, F_REQUIRED | F_FILTER, .ref = "product"},
    {"tier_name", K_TEXT, F_REQUIRED | F_FILTER, .max = 64},
    {"min_quantity", K_INT, F_REQUIRED, .min = 1},
    {"discount_percentage", K_DECIMAL, F_REQUIRED, .max = 100},
    {NULL},
};

const struct resource tier_pricing_resource = {
    .noun = "tier_pricing",
    .schema = "TierPricing",
    .path = "/api/tier-pricing",
    .collection = "tier_pricing",
    .module = "pricing",
    .ops = OP_ALL,
    .fields = fields,
    .summary = "tier prices",
};
