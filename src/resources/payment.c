/* Payments of sales, as they were received; they come into being at the till (trade/sale.h). What
 * is given back is negative. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"sale_id", K_REF, F_READONLY | F_FILTER, .ref = "sale"},
    {"sale_number", K_TEXT, F_READONLY, .max = 32},
    {"invoice_no", K_TEXT, F_READONLY, .max = 32},
    {"branch_id", K_REF, F_READONLY | F_FILTER, .ref = "branch"},
    {"customer_id", K_REF, F_READONLY | F_FILTER, .ref = "customer"},
    {"amount", K_MONEY, F_READONLY, .min = -MONEY_MAX},
    {"method", K_TEXT, F_READONLY, .max = 16},
    {"reference", K_TEXT, F_READONLY},
    {"shift_id", K_TEXT, F_READONLY | F_FILTER, .max = 64,
     .summary = "The shift at the till in which it was taken; null: in none"},
    {"received_at", K_INSTANT, F_READONLY},
    {"received_by", K_TEXT, F_READONLY, .max = 254, .summary = "Email of who took it"},
    {NULL},
};

const struct resource payment_resource = {
    .noun = "payment",
    .schema = "Payment",
    .path = "/api/payments",
    .collection = "payments",
    .module = "sales",
    .branch_field = "branch_id",
    .ops = OP_READ,
    .fields = fields,
    .index_version = 1,
    .summary = "payments of sales",
};
