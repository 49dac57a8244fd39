/* Bodies and replies of what customers owe: due requests, payments, accounts. */
#include "base.h"
#include "engine/form.h"
#include "engine/form_rows.h"

const struct field form_due_request[] = {
    {.name = "customer_name", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "customer_phone", .kind = K_PHONE},
    {.name = "customer_id", .kind = K_TEXT, .max = 64},
    {.name = "customer_address", .kind = K_TEXT, .max = 500},
    {.name = "total_amount", .kind = K_MONEY, .flags = F_REQUIRED,
     .summary = "What the items come to"},
    {.name = "paid_amount", .kind = K_MONEY, .flags = F_REQUIRED},
    {.name = "due_amount", .kind = K_MONEY, .flags = F_REQUIRED, .min = 1,
     .summary = "The total less what is paid"},
    {.name = "discount", .kind = K_MONEY, .def = "0", .summary = "Off the whole, an amount"},
    {.name = "tax", .kind = K_MONEY,
     .summary = "An amount added to it; where the settings have a tax rate, theirs holds"},
    {.name = "items", .kind = K_ROWS, .flags = F_REQUIRED, .max = 500, .ref = "DueRequestItem"},
    {.name = "notes", .kind = K_NOTE, .max = 1000},
    {.name = "branch_id", .kind = K_TEXT, .max = 64, .summary = "The user's own by default"},
    {.name = "include_warranty_terms", .kind = K_BOOL, .def = "false"},
    {.name = "warranty_terms", .kind = K_NOTE},
    {NULL},
};

const struct field form_due_item[] = {
    {.name = "product_id", .kind = K_TEXT, .flags = F_REQUIRED, .max = 64},
    {.name = "product_name", .kind = K_TEXT, .summary = "The product's own by default"},
    {.name = "name", .kind = K_TEXT, .summary = "Another name of product_name"},
    {.name = "quantity", .kind = K_INT, .flags = F_REQUIRED, .min = 1, .max = 1000000},
    {.name = "price", .kind = K_MONEY, .flags = F_REQUIRED,
     .summary = "Of one: whoever approves it decides on it too"},
    ROWS_OF_LINE,
    {NULL},
};

const struct field form_due_approve[] = {
    {.name = "over_credit_limit", .kind = K_BOOL, .def = "false",
     .summary = "Also beyond the customer's credit limit"},
    {NULL},
};

const struct field form_due_approved[] = {
    {.name = "message", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "status", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "sale_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "invoice_no", .kind = K_TEXT, .flags = F_REQUIRED},
    {NULL},
};

const struct field form_due_rejected[] = {
    {.name = "message", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "status", .kind = K_TEXT, .flags = F_REQUIRED},
    {NULL},
};

const struct field form_due_count[] = {
    {.name = "count", .kind = K_INT, .flags = F_REQUIRED,
     .summary = "How many wait to be decided; 0 for all but administrators"},
    {NULL},
};

const struct field form_customer_paid[] = {
    {.name = "message", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "customer_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "amount", .kind = K_MONEY, .flags = F_REQUIRED},
    {.name = "due_amount", .kind = K_MONEY, .flags = F_REQUIRED, .min = -MONEY_MAX,
     .summary = "What the customer still owes, in every branch"},
    {.name = "payments", .kind = K_ROWS, .flags = F_REQUIRED, .max = 100, .ref = "CustomerPart",
     .summary = "One a sale, the oldest due first"},
    {NULL},
};

const struct field form_customer_part[] = {
    {.name = "payment_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "sale_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "sale_number", .kind = K_TEXT},
    {.name = "amount", .kind = K_MONEY, .flags = F_REQUIRED},
    {.name = "new_balance_due", .kind = K_MONEY, .flags = F_REQUIRED},
    {.name = "payment_status", .kind = K_TEXT, .flags = F_REQUIRED},
    {NULL},
};

static const char *const entry_kinds[] = {"sale",   "payment",      "refund",
                                          "return", "cancellation", NULL};

const struct field form_ledger_entry[] = {
    {.name = "at", .kind = K_INSTANT},
    {.name = "kind", .kind = K_ENUM, .flags = F_REQUIRED, .values = entry_kinds},
    {.name = "document_id", .kind = K_TEXT, .flags = F_REQUIRED,
     .summary = "Of the sale, payment or return"},
    {.name = "document_number", .kind = K_TEXT, .summary = "Of a payment: its reference"},
    {.name = "sale_id", .kind = K_TEXT},
    {.name = "sale_number", .kind = K_TEXT},
    {.name = "method", .kind = K_TEXT, .summary = "Of a payment or refund"},
    {.name = "debit", .kind = K_MONEY, .flags = F_REQUIRED, .summary = "What is owed more"},
    {.name = "credit", .kind = K_MONEY, .flags = F_REQUIRED, .summary = "What is owed less"},
    {.name = "balance", .kind = K_MONEY, .flags = F_REQUIRED, .min = -MONEY_MAX,
     .summary = "What is owed after it"},
    {NULL},
};

const struct field form_credit_limit[] = {
    {.name = "credit_limit", .kind = K_MONEY, .flags = F_REQUIRED,
     .summary = "The most that may be due in all; 0: no limit"},
    {NULL},
};
