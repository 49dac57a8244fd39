/* Brands of products. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"name", K_TEXT, F_REQUIRED | F_SEARCH | F_SORT},
    {"description", K_NOTE},
    {NULL},
};

const struct resource brand_resource = {
    .noun = "brand",
    .schema = "Brand",
    .path = "/api/brands",
    .collection = "brands",
    .module = "catalogue",
    .ops = OP_ALL,
    .fields = fields,
    .summary = "brands",
};
