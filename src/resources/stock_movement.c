/* The stock ledger, to be read: rows come into being with what they tell of (trade/stock.h), and
 * nothing changes or removes one. Its index by product and time answers what there was at a moment.
 * The ids are plain text: a row outlives the product and the branch that it tells of. */
#include "base.h"
#include "trade/stock.h"

static const struct field fields[] = {
    {"kind", K_ENUM, F_READONLY, .values = stock_kinds,
     .summary = "Why; opening: what there was when the ledger began for it"},
    {"product_id", K_TEXT, F_READONLY | F_FILTER, .max = 64},
    {"branch_id", K_TEXT, F_READONLY | F_FILTER, .max = 64,
     .summary = "null: the product's own stock"},
    {"delta", K_INT, F_READONLY, .min = -2000000000, .max = 2000000000,
     .summary = "What came in; negative: what went out"},
    {"before", K_INT, F_READONLY, .min = -2000000000, .max = 2000000000},
    {"after", K_INT, F_READONLY, .min = -2000000000, .max = 2000000000},
    {"document_id", K_TEXT, F_READONLY | F_FILTER, .max = 64,
     .summary = "Of the sale, return, purchase or transfer"},
    {"document_number", K_TEXT, F_READONLY, .max = 64},
    {"created_by", K_TEXT, F_READONLY, .max = 254, .summary = "Email of who did it, or erpctl"},
    {NULL},
};

static const struct index_def indexes[] = {
    {.keys = {"tenant_id", "product_id", "branch_id", "created_at"}},
};

const struct resource stock_movement_resource = {
    .noun = "stock_movement",
    .schema = "StockMovement",
    .path = "/api/stock-ledger",
    .collection = STOCK_LEDGER,
    .module = "inventory",
    .branch_field = "branch_id",
    .ops = OP_READ,
    .fields = fields,
    .indexes = indexes,
    .n_indexes = ARRAY_LEN(indexes),
    .summary = "movements of stock",
};
