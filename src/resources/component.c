/* Parts that computers are built from. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"name", K_TEXT, F_REQUIRED | F_SEARCH | F_SORT},
    {"category", K_TEXT, F_REQUIRED | F_FILTER, .max = 100},
    {"brand", K_TEXT, F_REQUIRED | F_SEARCH},
    {"model", K_TEXT, F_REQUIRED | F_SEARCH},
    {"specifications", K_OBJECT, F_REQUIRED},
    {"price", K_MONEY, F_REQUIRED | F_SORT | F_RANGE},
    {"stock", K_INT, F_REQUIRED | F_SORT | F_RANGE, .min = -1000000, .max = 1000000000},
    {"supplier_id", K_REF, F_FILTER, .ref = "supplier"},
    {"serial_numbers", K_TEXT_LIST, F_KEEP | F_UNIQUE, .max = 1000, .def = "[]"},
    {NULL},
};

const struct resource component_resource = {
    .noun = "component",
    .schema = "Component",
    .path = "/api/components",
    .collection = "components",
    .module = "inventory",
    .ops = OP_ALL,
    .index_version = 1,
    .fields = fields,
    .summary = "components",
};
