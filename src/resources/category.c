/* Categories of products. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"name", K_TEXT, F_REQUIRED | F_SEARCH | F_SORT},
    {"description", K_NOTE},
    {NULL},
};

const struct resource category_resource = {
    .noun = "category",
    .schema = "Category",
    .path = "/api/categories",
    .collection = "categories",
    .module = "catalogue",
    .ops = OP_ALL,
    .fields = fields,
    .summary = "categories",
};
