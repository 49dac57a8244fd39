/* Warranties of units that were sold; trade/warranty.h makes and moves them, and its routes show
 * them. */
#include "base.h"
#include "engine/resource.h"
#include "trade/warranty.h"

static const struct field fields[] = {
    {"warranty_code", K_TEXT, F_READONLY | F_UNIQUE | F_FILTER, .min = 7, .max = 64,
     .series = "W-{year}-"},
    {"token", K_TEXT, F_READONLY, .max = 1024, .summary = "What the customer's code says"},
    {"sale_id", K_REF, F_READONLY | F_FILTER, .ref = "sale"},
    {"sale_number", K_TEXT, F_READONLY, .max = 32},
    {"invoice_id", K_TEXT, F_READONLY, .max = 64, .summary = "The sale's id"},
    {"invoice_no", K_TEXT, F_READONLY, .max = 32},
    {"line", K_INT, F_READONLY, .max = 499, .summary = "Which of the sale's items, from 0"},
    {"unit", K_INT, F_READONLY, .max = 1000000, .summary = "Which of the item's units, from 0"},
    {"branch_id", K_REF, F_READONLY | F_FILTER, .ref = "branch"},
    {"product_id", K_TEXT, F_READONLY, .max = 64,
     .summary = "As the sale has it: the product may be gone"},
    {"product_name", K_TEXT, F_READONLY},
    {"serial_number", K_TEXT, F_READONLY | F_FILTER, .max = 64},
    {"customer_id", K_TEXT, F_READONLY, .max = 64},
    {"customer_name", K_TEXT, F_READONLY},
    {"customer_phone", K_TEXT, F_READONLY | F_FILTER, .max = 32},
    {"supplier_name", K_TEXT, F_READONLY},
    {"purchase_date", K_INSTANT, F_READONLY},
    {"start_date", K_INSTANT, F_READONLY},
    {"warranty_period_months", K_INT, F_READONLY, .min = 1, .max = 1200},
    {"expiry_date", K_INSTANT, F_READONLY,
     .summary = "Calendar months after start_date, in the time zone of the business"},
    {"current_status", K_ENUM, F_READONLY | F_FILTER, .values = warranty_status_names,
     .def = "\"active\"",
     .summary = "expired: an active one after its expiry_date"},
    {"replaced_by_warranty_id", K_TEXT, F_READONLY, .max = 64},
    {"replaces_warranty_id", K_TEXT, F_READONLY, .max = 64},
    {"supplier_warranty_id", K_TEXT, F_READONLY, .max = 64},
    {"transferable", K_BOOL, F_READONLY, .def = "false"},
    {"fraud_score", K_DECIMAL, F_READONLY, .max = 1, .def = "0",
     .summary = "How odd the claim looks: 0.3 for many claims of one phone number in 30 days, 0.2 "
                "for one without pictures; it decides nothing"},
    {"evidence", K_ROWS, F_READONLY, .max = WARRANTY_IMAGES, .def = "[]",
     .summary = "Pictures that the customer uploaded"},
    {"reported_issue", K_NOTE, F_READONLY},
    {"preferred_action", K_TEXT, F_READONLY, .max = 64},
    {"claimed_at", K_INSTANT, F_READONLY},
    {"created_by", K_TEXT, F_READONLY, .max = 254, .summary = "Email of who made it"},
    {NULL},
};

static const struct index_def indexes[] = {
    /* How many there are in each state is read from this one alone. */
    {.keys = {"tenant_id", "current_status", "expiry_date", "branch_id", "claimed_at"}},
    /* Those that are active, or expired by now. */
    {.keys = {"tenant_id", "current_status", "expiry_date", "id"}},
    /* Which names a picture: of many records few have any (platform/sweep.h). */
    {.keys = {"tenant_id", "evidence.filename"}, .text = "evidence.filename"},
};

const struct resource warranty_record_resource = {
    .noun = "warranty_record",
    .schema = "WarrantyRecord",
    .path = "/api/warranty",
    .collection = WARRANTIES,
    .module = MODULE_WARRANTY,
    .branch_field = "branch_id",
    .ops = OP_LIST,
    .lapse = &warranty_lapse,
    .fields = fields,
    .indexes = indexes,
    .n_indexes = ARRAY_LEN(indexes),
    .index_version = 2,
    .summary = "warranties of units that were sold",
};
