/* Which branch sells which product: its stock and prices there. */
#include "base.h"
#include "trade/stock.h"

static const struct field fields[] = {
    {"product_id", K_REF, F_REQUIRED | F_IMMUTABLE | F_FILTER, .ref = "product"},
    {"branch_id", K_REF, F_REQUIRED | F_IMMUTABLE | F_FILTER, .ref = "branch"},
    {"stock_quantity", K_INT, F_REQUIRED | F_KEEP | F_SORT, .min = -1000000, .max = 1000000000},
    {"purchase_price", K_MONEY, F_KEEP, .def = "0"},
    {"sale_price", K_MONEY, F_KEEP, .def = "0", .summary = "0: the product's own price"},
    {"reorder_level", K_INT, F_KEEP, .def = "5"},
    {NULL},
};

static const struct index_def indexes[] = {
    {.keys = {"tenant_id", "product_id", "branch_id"}, .unique = true},
};

const struct resource product_branch_resource = {
    .noun = "product_branch",
    .schema = "ProductBranch",
    .path = "/api/product-branches",
    .collection = "product_branches",
    .module = "branches",
    .branch_field = "branch_id",
    .ops = OP_ALL,
    .fields = fields,
    .indexes = indexes,
    .n_indexes = ARRAY_LEN(indexes),
    .derive = stock_mark,
    .written = stock_assignment_written,
    .journal = "stock_movement",
    .summary = "products of branches",
};
