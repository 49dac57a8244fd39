/* Warranties that suppliers give, to be read; trade/supplier_warranty.h makes and claims them. */
#include "base.h"
#include "trade/supplier_warranty.h"
#include "engine/resource.h"
#include "trade/warranty.h"

static const struct field fields[] = {
    {"code", K_TEXT, F_READONLY | F_UNIQUE | F_FILTER, .min = 7, .max = 32,
     .series = "SW-{year}-"},
    {"purchase_id", K_REF, F_READONLY | F_FILTER, .ref = "purchase"},
    {"purchase_number", K_TEXT, F_READONLY, .max = 32},
    {"branch_id", K_REF, F_READONLY | F_FILTER, .ref = "branch"},
    {"supplier_id", K_TEXT, F_READONLY, .max = 64},
    {"supplier_name", K_TEXT, F_READONLY},
    {"product_id", K_TEXT, F_READONLY | F_FILTER, .max = 64,
     .summary = "As the purchase has it: the product may be gone"},
    {"product_name", K_TEXT, F_READONLY},
    {"serial_number", K_TEXT, F_READONLY, .max = 64},
    {"warranty_months", K_INT, F_READONLY, .min = 1, .max = 1200},
    {"start_date", K_INSTANT, F_READONLY},
    {"expiry_date", K_INSTANT, F_READONLY,
     .summary = "Calendar months after start_date, in the time zone of the business"},
    {"status", K_ENUM, F_READONLY | F_FILTER, .values = supplier_warranty_status_names,
     .def = "\"active\"",
     .summary = "expired: an active one after its expiry_date"},
    {"terms", K_NOTE, F_READONLY},
    {"notes", K_NOTE, F_READONLY},
    {"claim_details", K_OBJECT, F_READONLY},
    {"claim_notes", K_NOTE, F_READONLY},
    {"claim_filed_at", K_INSTANT, F_READONLY},
    {"claim_filed_by", K_TEXT, F_READONLY, .max = 254, .summary = "Email"},
    {"created_by", K_TEXT, F_READONLY, .max = 254, .summary = "Email"},
    {NULL},
};

/* Those that are active, or expired by now. */
static const struct index_def indexes[] = {
    {.keys = {"tenant_id", "status", "expiry_date", "id"}},
};

const struct resource supplier_warranty_resource = {
    .noun = "supplier_warranty",
    .schema = "SupplierWarranty",
    .path = "/api/supplier-warranties",
    .collection = SUPPLIER_WARRANTIES,
    .module = MODULE_WARRANTY,
    .branch_field = "branch_id",
    .ops = OP_LIST,
    .lapse = &supplier_warranty_lapse,
    .fields = fields,
    .indexes = indexes,
    .n_indexes = ARRAY_LEN(indexes),
    .index_version = 1,
    .summary = "warranties that suppliers give",
};
