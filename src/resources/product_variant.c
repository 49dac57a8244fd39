/* Sizes and colours of a product, each with its own price and stock. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"product_id", K_REF, F_REQUIRED | F_FILTER, .ref = "product"},
    {"size", K_TEXT, F_SEARCH, .max = 32},
    {"color", K_TEXT, F_SEARCH, .max = 32},
    {"sku", K_TEXT, F_REQUIRED | F_FILTER | F_UNIQUE | F_SEARCH, .max = 64,
     .shared = "product"},
    {"price", K_MONEY, F_REQUIRED | F_SORT | F_RANGE},
    {"stock", K_INT, F_REQUIRED, .min = -1000000, .max = 1000000000},
    {NULL},
};

const struct resource product_variant_resource = {
    .noun = "product_variant",
    .schema = "ProductVariant",
    .path = "/api/product-variants",
    .collection = "product_variants",
    .module = "variants",
    .ops = OP_ALL,
    .fields = fields,
    .summary = "product variants",
};
