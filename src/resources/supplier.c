/* Those who sell to the business. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"name", K_TEXT, F_REQUIRED | F_SEARCH | F_SORT},
    {"contact_person", K_TEXT, F_REQUIRED | F_SEARCH},
    {"phone", K_PHONE, F_REQUIRED | F_FILTER | F_SEARCH},
    {"email", K_EMAIL},
    {"address", K_TEXT, .max = 500},
    {NULL},
};

const struct resource supplier_resource = {
    .noun = "supplier",
    .schema = "Supplier",
    .path = "/api/suppliers",
    .collection = "suppliers",
    .module = "inventory",
    .ops = OP_ALL,
    .fields = fields,
    .summary = "suppliers",
};
