/* What was ordered from suppliers; it moves no stock. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"po_number", K_TEXT, F_READONLY | F_UNIQUE | F_FILTER | F_SEARCH, .min = 6, .series = "POR-"},
    {"supplier_id", K_REF, F_REQUIRED | F_FILTER, .ref = "supplier"},
    {"items", K_ROWS, F_REQUIRED},
    {"total_amount", K_MONEY, F_REQUIRED | F_SORT | F_RANGE},
    {"expected_delivery", K_DAY, F_REQUIRED | F_SORT | F_RANGE},
    {"status", K_TEXT, F_KEEP | F_FILTER, .max = 32, .def = "\"pending\""},
    {NULL},
};

const struct resource purchase_order_resource = {
    .noun = "purchase_order",
    .schema = "PurchaseOrder",
    .path = "/api/purchase-orders",
    .collection = "purchase_orders",
    .module = "inventory",
    .ops = OP_ALL,
    .write_roles = ROLES_MANAGER | R(ROLE_STAFF),
    .delete_roles = ROLES_MANAGER,
    .fields = fields,
    .summary = "purchase orders",
};
