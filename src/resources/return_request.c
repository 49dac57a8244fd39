/* Returns as they were asked for and decided, to be read; they come into being at the till
 * (trade/returns.h), not by plain writing. */
#include "base.h"
#include "engine/resource.h"

static const char *const statuses[] = {"pending", "approved", "rejected", NULL};

static const struct field fields[] = {
    {"return_number", K_TEXT, F_READONLY | F_UNIQUE | F_FILTER, .min = 6, .max = 32,
     .series = "RET-"},
    {"sale_id", K_REF, F_READONLY | F_FILTER, .ref = "sale"},
    {"sale_number", K_TEXT, F_READONLY, .max = 32},
    {"branch_id", K_REF, F_READONLY | F_FILTER, .ref = "branch"},
    {"product_id", K_TEXT, F_READONLY | F_FILTER, .max = 64,
     .summary = "As the sale has it: the product may be gone"},
    {"line", K_INT, F_READONLY, .max = 499, .summary = "Which of the sale's items, from 0"},
    {"quantity", K_INT, F_READONLY, .min = 1, .max = 1000000, .def = "1"},
    {"reason", K_TEXT, F_READONLY, .max = 500},
    {"refund_amount", K_MONEY, F_READONLY, .def = "0", .summary = "What comes off the total"},
    {"status", K_ENUM, F_READONLY | F_FILTER, .values = statuses, .def = "\"pending\""},
    {"created_by", K_TEXT, F_READONLY, .max = 254, .summary = "Email of who asked"},
    {"approved_by", K_TEXT, F_READONLY, .max = 254, .summary = "Email"},
    {"approved_at", K_INSTANT, F_READONLY},
    {"restocked", K_BOOL, F_READONLY, .def = "false",
     .summary = "The stock went back to where it was sold from"},
    {"paid_back", K_MONEY, F_READONLY, .def = "0",
     .summary = "What of the refund went back in money; the rest is not due any more"},
    {"refund_method", K_TEXT, F_READONLY, .max = 16},
    {"payment_id", K_TEXT, F_READONLY, .max = 64, .summary = "The negative payment"},
    {"rejected_by", K_TEXT, F_READONLY, .max = 254, .summary = "Email"},
    {"rejected_at", K_INSTANT, F_READONLY},
    {"rejection_reason", K_TEXT, F_READONLY, .max = 500},
    {NULL},
};

const struct resource return_request_resource = {
    .noun = "return_request",
    .schema = "ReturnRequest",
    .path = "/api/returns",
    .collection = "returns",
    .module = "returns",
    .branch_field = "branch_id",
    .ops = OP_READ,
    .fields = fields,
    .summary = "returns",
};
