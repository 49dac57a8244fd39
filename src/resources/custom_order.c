/* Things made to order, such as furniture, paid for in parts. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"order_number", K_TEXT, F_READONLY | F_UNIQUE | F_FILTER | F_SEARCH,
     .min = 6, .series = "CO-"},
    {"customer_name", K_TEXT, F_REQUIRED | F_SEARCH},
    {"customer_phone", K_PHONE, F_REQUIRED | F_FILTER | F_SEARCH},
    {"product_description", K_NOTE, F_REQUIRED},
    {"specifications", K_OBJECT, F_REQUIRED},
    {"total_amount", K_MONEY, F_REQUIRED},
    {"advance_payment", K_MONEY, F_REQUIRED},
    {"balance_amount", K_MONEY, F_REQUIRED},
    {"delivery_date", K_DAY, F_REQUIRED | F_SORT | F_RANGE},
    {"status", K_TEXT, F_KEEP | F_FILTER, .max = 32, .def = "\"pending\""},
    {"installments", K_ROWS, F_READONLY, .def = "[]"},
    {NULL},
};

const struct resource custom_order_resource = {
    .noun = "custom_order",
    .schema = "CustomOrder",
    .path = "/api/custom-orders",
    .collection = "custom_orders",
    .module = "custom_orders",
    .ops = OP_ALL,
    .write_roles = ROLES_MANAGER | R(ROLE_STAFF) | R(ROLE_CASHIER),
    .delete_roles = ROLES_MANAGER,
    .fields = fields,
    .summary = "custom orders",
};
