/* Transfers between branches as they were made, to be read (trade/transfer.h makes them). The
 * people of either branch see them. */
#include "base.h"
#include "trade/transfer.h"

static const char *const statuses[] = {"completed", NULL};

static const struct field fields[] = {
    {"transfer_number", K_TEXT, F_READONLY | F_UNIQUE | F_FILTER, .min = 6, .max = 32,
     .series = "ST-"},
    {"product_id", K_REF, F_READONLY | F_FILTER, .ref = "product"},
    {"from_branch_id", K_REF, F_READONLY | F_FILTER, .ref = "branch"},
    {"to_branch_id", K_REF, F_READONLY | F_FILTER, .ref = "branch"},
    {"branch_id", K_TEXT_LIST, F_READONLY | F_FILTER, .max = 2,
     .summary = "Both branches: a filter by one finds what it sent and what it got"},
    {"quantity", K_INT, F_READONLY, .min = 1, .max = STOCK_MAX},
    {"reference_note", K_TEXT, F_READONLY, .max = 500},
    {"status", K_ENUM, F_READONLY | F_FILTER, .values = statuses, .def = "\"completed\""},
    {"transferred_by", K_TEXT, F_READONLY, .max = 254, .summary = "Email of who did it"},
    {NULL},
};

const struct resource stock_transfer_resource = {
    .noun = "stock_transfer",
    .schema = "StockTransfer",
    .path = "/api/stock-transfers",
    .collection = TRANSFERS,
    .module = "inventory",
    .branch_field = "branch_id",
    .ops = OP_READ,
    .fields = fields,
    .summary = "transfers of stock between branches",
};
