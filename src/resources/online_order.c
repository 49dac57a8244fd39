/* Orders that come over the net, until they are delivered. */
#include "base.h"
#include "engine/resource.h"

static const char *const statuses[] = {
    "processing", "shipped", "delivered", "cancelled", "returned", NULL};

static const struct transition transitions[] = {
    {"processing", "shipped"},
    {"processing", "cancelled"},
    {"shipped", "delivered"},
    {"shipped", "returned"},
    {"delivered", "returned", .roles = ROLES_MANAGER},
    {NULL, NULL},
};

static const struct states states = {
    .field = "order_status",
    .segment = "status",
    .argument = "status",
    .transitions = transitions,
};

static const struct field fields[] = {
    {"order_number", K_TEXT, F_READONLY | F_UNIQUE | F_FILTER | F_SEARCH,
     .min = 6, .series = "ORD-"},
    {"customer_name", K_TEXT, F_REQUIRED | F_SEARCH},
    {"customer_email", K_EMAIL, F_REQUIRED | F_SEARCH},
    {"customer_phone", K_PHONE, F_REQUIRED | F_FILTER | F_SEARCH},
    {"shipping_address", K_TEXT, F_REQUIRED, .max = 500},
    {"items", K_ROWS, F_REQUIRED},
    {"total_amount", K_MONEY, F_REQUIRED | F_SORT | F_RANGE},
    {"payment_method", K_TEXT, F_REQUIRED, .max = 32},
    {"payment_status", K_TEXT, F_KEEP | F_FILTER, .max = 32, .def = "\"pending\""},
    {"order_status", K_ENUM, F_READONLY | F_FILTER, .values = statuses, .def = "\"processing\""},
    {"tracking_number", K_TEXT, F_KEEP | F_FILTER, .max = 64},
    {NULL},
};

const struct resource online_order_resource = {
    .noun = "online_order",
    .schema = "OnlineOrder",
    .path = "/api/online-orders",
    .collection = "online_orders",
    .module = "online_orders",
    .ops = OP_ALL,
    .write_roles = ROLES_MANAGER | R(ROLE_STAFF) | R(ROLE_CASHIER),
    .delete_roles = ROLES_MANAGER,
    .fields = fields,
    .states = &states,
    .summary = "online orders",
};
