/* Sales as they were made, to be read; they come into being at the till (trade/sale.h), not by
 * plain writing. */
#include "base.h"
#include "engine/resource.h"

static const char *const statuses[] = {"draft", "completed", "cancelled", NULL};
static const char *const payment_statuses[] = {"unpaid", "partially_paid", "paid", NULL};

static const struct field fields[] = {
    {"sale_number", K_TEXT, F_READONLY | F_UNIQUE | F_FILTER, .min = 6, .max = 32,
     .series = "SALE-"},
    {"invoice_no", K_TEXT, F_READONLY | F_UNIQUE | F_FILTER, .min = 6, .max = 32, .series = "INV-"},
    {"branch_id", K_REF, F_READONLY | F_FILTER, .ref = "branch"},
    {"customer_id", K_REF, F_READONLY | F_FILTER, .ref = "customer"},
    {"customer_name", K_TEXT, F_READONLY},
    {"customer_phone", K_TEXT, F_READONLY, .max = 32},
    {"customer_address", K_TEXT, F_READONLY, .max = 500},
    {"items", K_ROWS, F_READONLY, .def = "[]"},
    {"subtotal", K_MONEY, F_READONLY, .def = "0"},
    {"discount", K_MONEY, F_READONLY, .def = "0"},
    {"tax", K_MONEY, F_READONLY, .def = "0"},
    {"tax_included", K_MONEY, F_READONLY, .def = "0",
     .summary = "What the prices contain already; a part of the total"},
    {"total", K_MONEY, F_READONLY, .def = "0"},
    {"refunded_amount", K_MONEY, F_READONLY, .def = "0",
     .summary = "What came off the total by returns"},
    {"amount_paid", K_MONEY, F_READONLY, .def = "0"},
    {"credit_paid", K_MONEY, F_READONLY, .min = -MONEY_MAX, .def = "0",
     .summary = "What of amount_paid is no money, but store credit or goods in exchange; "
                "negative: what was paid in money and is spent that way"},
    {"balance_due", K_MONEY, F_READONLY, .def = "0"},
    {"status", K_ENUM, F_READONLY | F_FILTER, .values = statuses, .def = "\"completed\""},
    {"payment_status", K_ENUM, F_READONLY | F_FILTER, .values = payment_statuses,
     .def = "\"unpaid\""},
    {"payment_method", K_TEXT, F_READONLY, .max = 16, .def = "\"cash\""},
    {"exchange_of", K_TEXT, F_READONLY, .max = 64,
     .summary = "Id of the return that it was made in exchange for"},
    {"reference", K_TEXT, F_READONLY},
    {"created_by", K_TEXT, F_READONLY},
    {"credit_override_by", K_TEXT, F_READONLY, .max = 254,
     .summary = "Email of who sold it beyond the customer's credit limit; null: nobody"},
    {"shift_id", K_TEXT, F_READONLY | F_FILTER, .max = 64,
     .summary = "The shift at the till in which it was made; null: in none"},
    {"include_warranty_terms", K_BOOL, F_READONLY, .def = "false"},
    {"warranty_terms", K_NOTE, F_READONLY},
    {"cancelled_by", K_TEXT, F_READONLY, .max = 64, .summary = "Id of the user"},
    {"cancellation_reason", K_TEXT, F_READONLY, .max = 500},
    {"cancelled_at", K_INSTANT, F_READONLY},
    {NULL},
};

static const struct index_def indexes[] = {
    {.keys = {"tenant_id", "-created_at"}},
    /* Sums of sales are read from this one alone (trade/report.h). */
    {.keys = {"tenant_id", "status", "created_at", "branch_id", "total"}},
};

const struct resource sale_resource = {
    .noun = "sale",
    .schema = "Sale",
    .path = "/api/sales",
    .collection = "sales",
    .module = "sales",
    .branch_field = "branch_id",
    .ops = OP_READ,
    .fields = fields,
    .indexes = indexes,
    .n_indexes = ARRAY_LEN(indexes),
    .index_version = 3,
    .summary = "sales",
};
