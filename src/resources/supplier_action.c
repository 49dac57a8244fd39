/* What suppliers answered to claims, to be read (trade/warranty_staff.h). */
#include "base.h"
#include "engine/resource.h"
#include "trade/warranty.h"

static const struct field fields[] = {
    {"warranty_id", K_TEXT, F_READONLY | F_FILTER, .max = 64},
    {"branch_id", K_TEXT, F_READONLY | F_FILTER, .max = 64},
    {"action_type", K_ENUM, F_READONLY, .values = supplier_action_types},
    {"action_details", K_OBJECT, F_READONLY, .def = "{}"},
    {"notes", K_NOTE, F_READONLY},
    {"status", K_TEXT, F_READONLY, .max = 16, .def = "\"confirmed\""},
    {"replacement_warranty_id", K_TEXT, F_READONLY, .max = 64},
    {"transaction_id", K_TEXT, F_READONLY, .max = 64, .summary = "Of the refund"},
    {"recorded_by", K_TEXT, F_READONLY, .max = 254, .summary = "Email"},
    {NULL},
};

const struct resource supplier_action_resource = {
    .noun = "supplier_action",
    .schema = "SupplierAction",
    .path = "/api/supplier-actions",
    .collection = WARRANTY_ACTIONS,
    .module = MODULE_WARRANTY,
    .branch_field = "branch_id",
    .ops = OP_LIST,
    .fields = fields,
    .summary = "what suppliers answered to claims",
};
