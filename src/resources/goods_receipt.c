/* What came in for a purchase order; it moves no stock. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"grn_number", K_TEXT, F_READONLY | F_UNIQUE | F_FILTER | F_SEARCH, .min = 6, .series = "GRN-"},
    {"po_number", K_TEXT, F_REQUIRED | F_FILTER | F_SEARCH, .max = 32},
    {"received_items", K_ROWS, F_REQUIRED},
    {"received_date", K_DAY, F_REQUIRED | F_SORT | F_RANGE},
    {NULL},
};

const struct resource goods_receipt_resource = {
    .noun = "goods_receipt",
    .schema = "GoodsReceipt",
    .path = "/api/goods-receipts",
    .collection = "goods_receipts",
    .module = "inventory",
    .ops = OP_ALL,
    .write_roles = ROLES_MANAGER | R(ROLE_STAFF),
    .delete_roles = ROLES_MANAGER,
    .fields = fields,
    .summary = "goods receipts",
};
