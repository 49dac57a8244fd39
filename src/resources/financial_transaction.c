/* Money that goes back to customers for a warranty, to be read (trade/warranty_staff.h). */
#include "base.h"
#include "engine/resource.h"
#include "trade/warranty.h"

static const struct field fields[] = {
    {"warranty_id", K_TEXT, F_READONLY | F_FILTER, .max = 64},
    {"branch_id", K_TEXT, F_READONLY | F_FILTER, .max = 64},
    {"type", K_TEXT, F_READONLY, .max = 16, .def = "\"refund\""},
    {"amount", K_MONEY, F_READONLY, .def = "0"},
    {"reference", K_TEXT, F_READONLY},
    {"warranty_code", K_TEXT, F_READONLY, .max = 64},
    {"customer_name", K_TEXT, F_READONLY},
    {"approved_by", K_TEXT, F_READONLY, .max = 254, .summary = "Email"},
    {"approved_at", K_INSTANT, F_READONLY},
    {NULL},
};

const struct resource financial_transaction_resource = {
    .noun = "financial_transaction",
    .schema = "FinancialTransaction",
    .path = "/api/financial-transactions",
    .collection = WARRANTY_REFUNDS,
    .module = MODULE_WARRANTY,
    .branch_field = "branch_id",
    .ops = OP_READ,
    .fields = fields,
    .summary = "refunds of warranties",
};
