/* Transfers between branches: made by trade/transfer.h, which moves the stock with each step. The
 * people of either branch see them. */
#include "base.h"
#include "trade/transfer.h"

static const char *const statuses[] = {"completed", "requested", "in_transit", "received",
                                       "returned", "cancelled", NULL};

/* What is on its way has left its branch: it arrives, or it comes back. */
static const struct transition transitions[] = {
    {"requested", "in_transit"},
    {"requested", "cancelled"},
    {"in_transit", "received", .takes = "received_quantity"},
    {"in_transit", "returned"},
    {NULL, NULL},
};

static const struct states states = {
    .field = "status",
    .segment = "status",
    .transitions = transitions,
    .step = transfer_step,
};

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
    {"status", K_ENUM, F_READONLY | F_FILTER, .values = statuses, .def = "\"completed\"",
     .summary = "completed: it moved at once; the others are steps"},
    {"transferred_by", K_TEXT, F_READONLY, .max = 254,
     .summary = "Email of who did it, or asked for it"},
    {"sent_by", K_TEXT, F_READONLY, .max = 254, .summary = "Email"},
    {"sent_at", K_INSTANT, F_READONLY},
    {"received_by", K_TEXT, F_READONLY, .max = 254, .summary = "Email"},
    {"received_at", K_INSTANT, F_READONLY},
    {"received_quantity", K_INT, F_READONLY, .max = STOCK_MAX,
     .summary = "What arrived, all of it by default"},
    {"missing_quantity", K_INT, F_READONLY, .max = STOCK_MAX,
     .summary = "What left its branch and did not arrive"},
    {"returned_by", K_TEXT, F_READONLY, .max = 254, .summary = "Email"},
    {"returned_at", K_INSTANT, F_READONLY},
    {"cancelled_by", K_TEXT, F_READONLY, .max = 254, .summary = "Email"},
    {"cancelled_at", K_INSTANT, F_READONLY},
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
    .states = &states,
    .fields = fields,
    .summary = "transfers of stock between branches",
};
