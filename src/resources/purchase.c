/* Purchases as they were made, to be read; trade/purchase.h makes and applies them. */
#include "base.h"
#include "trade/purchase.h"

static const char *const stock_statuses[] = {"pending", "applied", NULL};

static const struct field fields[] = {
    {"purchase_number", K_TEXT, F_READONLY | F_UNIQUE | F_FILTER, .min = 6, .max = 32,
     .series = "PO-"},
    {"supplier_id", K_REF, F_READONLY | F_FILTER, .ref = "supplier"},
    {"supplier_name", K_TEXT, F_READONLY},
    {"branch_id", K_REF, F_READONLY | F_FILTER, .ref = "branch"},
    {"items", K_ROWS, F_READONLY, .max = PURCHASE_LINES_MAX, .def = "[]"},
    {"total_amount", K_MONEY, F_READONLY | F_SORT | F_RANGE, .def = "0"},
    {"payment_status", K_TEXT, F_READONLY | F_FILTER, .max = 32, .def = "\"pending\""},
    {"date", K_DAY, F_READONLY},
    {"notes", K_NOTE, F_READONLY},
    {"status", K_TEXT, F_READONLY | F_FILTER, .max = 32, .def = "\"completed\""},
    {"stock_status", K_ENUM, F_READONLY | F_FILTER, .values = stock_statuses,
     .def = "\"pending\""},
    {"stock_applied_at", K_INSTANT, F_READONLY},
    {"stock_applied_by", K_TEXT, F_READONLY, .max = 254, .summary = "Email of who did it"},
    {"stock_branch_id", K_TEXT, F_READONLY, .max = 64,
     .summary = "Where it went; null: the products' own stock"},
    {"receipt_files", K_ROWS, F_READONLY, .max = PURCHASE_FILES_MAX, .def = "[]"},
    {"supplier_warranty_refs", K_TEXT_LIST, F_READONLY, .def = "[]"},
    {"idempotency_key", K_TEXT, F_READONLY, .max = 255},
    {"include_warranty_terms", K_BOOL, F_READONLY, .def = "false"},
    {"warranty_terms", K_NOTE, F_READONLY},
    {"created_by", K_TEXT, F_READONLY, .max = 254},
    {NULL},
};

/* Whose receipt it is. */
static const struct index_def indexes[] = {
    {.keys = {"tenant_id", "receipt_files.filename"}},
};

const struct resource purchase_resource = {
    .noun = "purchase",
    .schema = "Purchase",
    .path = "/api/purchases",
    .collection = PURCHASES,
    .module = "inventory",
    .branch_field = "branch_id",
    .ops = OP_READ,
    .read_roles = ROLES_MANAGER | R(ROLE_STAFF),
    .fields = fields,
    .indexes = indexes,
    .n_indexes = ARRAY_LEN(indexes),
    .index_version = 1,
    .summary = "purchases",
};
