/* Computers as they stand in the shop: one record a machine. */
#include "base.h"
#include "engine/resource.h"

static const char *const statuses[] = {"in_stock", "sold", "in_repair", NULL};

static const struct field fields[] = {
    {"name", K_TEXT, F_REQUIRED | F_SEARCH | F_SORT},
    {"sku", K_TEXT, F_REQUIRED | F_FILTER | F_SEARCH, .max = 64},
    {"category", K_TEXT, F_REQUIRED | F_FILTER, .max = 100},
    {"brand", K_TEXT, F_REQUIRED | F_SEARCH},
    {"model", K_TEXT, F_REQUIRED | F_SEARCH},
    {"serial_number", K_TEXT, F_REQUIRED | F_FILTER | F_UNIQUE | F_SEARCH, .max = 64},
    {"specifications", K_OBJECT, F_REQUIRED},
    {"purchase_price", K_MONEY, F_REQUIRED},
    {"sale_price", K_MONEY, F_REQUIRED | F_SORT | F_RANGE},
    {"warranty_months", K_INT, F_REQUIRED, .max = 1200},
    {"warranty_expiry_date", K_DAY, F_REQUIRED},
    {"supplier_id", K_REF, F_REQUIRED | F_FILTER, .ref = "supplier"},
    {"components", K_TEXT_LIST, .def = "[]"},
    {"status", K_ENUM, F_FILTER | F_KEEP, .values = statuses, .def = "\"in_stock\""},
    {NULL},
};

const struct resource computer_product_resource = {
    .noun = "computer_product",
    .schema = "ComputerProduct",
    .path = "/api/computer-products",
    .collection = "computer_products",
    .module = "inventory",
    .ops = OP_ALL,
    .fields = fields,
    .summary = "computers",
};
