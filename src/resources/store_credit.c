/* Store credit of customers, given and taken, a row a change (trade/credit.h); never changed. */
#include "base.h"
#include "trade/credit.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"customer_id", K_REF, F_READONLY | F_FILTER, .ref = "customer"},
    {"sale_id", K_REF, F_READONLY | F_FILTER, .ref = "sale"},
    {"sale_number", K_TEXT, F_READONLY, .max = 32},
    {"branch_id", K_REF, F_READONLY | F_FILTER, .ref = "branch"},
    {"reference", K_TEXT, F_READONLY, .max = 32, .summary = "Number of the return, or the sale"},
    {"before", K_MONEY, F_READONLY, .summary = "What the customer had"},
    {"amount", K_MONEY, F_READONLY, .min = -MONEY_MAX,
     .summary = "What was given; negative: what was paid with"},
    {"after", K_MONEY, F_READONLY},
    {"created_by", K_TEXT, F_READONLY, .max = 254, .summary = "Email"},
    {NULL},
};

const struct resource store_credit_resource = {
    .noun = "store_credit",
    .schema = "StoreCredit",
    .path = "/api/store-credits",
    .collection = STORE_CREDITS,
    .module = "sales",
    .branch_field = "branch_id",
    .ops = OP_READ,
    .fields = fields,
    .summary = "store credit that customers got and used",
};
