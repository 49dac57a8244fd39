/* Flats, shops and land that an agent lets. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"property_name", K_TEXT, F_REQUIRED | F_SEARCH | F_SORT},
    {"property_type", K_TEXT, F_REQUIRED | F_FILTER, .max = 64},
    {"address", K_TEXT, F_REQUIRED | F_SEARCH, .max = 500},
    {"size", K_TEXT, F_REQUIRED, .max = 64},
    {"rent_amount", K_MONEY, F_REQUIRED | F_SORT | F_RANGE},
    {"status", K_TEXT, F_FILTER, .max = 32, .def = "\"available\""},
    {NULL},
};

const struct resource property_resource = {
    .noun = "property",
    .schema = "Property",
    .path = "/api/properties",
    .collection = "properties",
    .module = "properties",
    .ops = OP_ALL,
    .fields = fields,
    .summary = "properties",
};
