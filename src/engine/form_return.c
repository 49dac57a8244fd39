/* Bodies and replies of returns. */
#include "base.h"
#include "engine/form.h"

const struct field form_return_create[] = {
    {.name = "sale_id", .kind = K_TEXT, .flags = F_REQUIRED, .max = 64},
    {.name = "product_id", .kind = K_TEXT, .flags = F_REQUIRED, .max = 64},
    {.name = "reason", .kind = K_TEXT, .flags = F_REQUIRED, .max = 500},
    {.name = "refund_amount", .kind = K_MONEY, .flags = F_REQUIRED,
     .summary = "At most the share of the line's total that the quantity has"},
    {.name = "quantity", .kind = K_INT, .min = 1, .max = 1000000, .def = "1"},
    {.name = "line", .kind = K_INT, .max = 499,
     .summary = "Which of the sale's items, from 0; by default the first of the product that has "
                "enough left"},
    {NULL},
};

const struct field form_return_approve[] = {
    {.name = "restock", .kind = K_BOOL, .def = "true",
     .summary = "The stock goes back to where it was sold from"},
    {.name = "refund", .kind = K_TEXT, .max = 16,
     .summary = "How money goes back: cash, card, bkash, nagad, rocket, bank, or store_credit, "
                "where it stays for the customer; null: as it was paid"},
    {NULL},
};

const struct field form_return_approved[] = {
    {.name = "message", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "return_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "refund_amount", .kind = K_MONEY, .flags = F_REQUIRED,
     .summary = "What comes off the sale's total"},
    {.name = "paid_back", .kind = K_MONEY, .flags = F_REQUIRED,
     .summary = "What of it goes back in money; the rest is not due any more"},
    {.name = "payment_id", .kind = K_TEXT, .summary = "null: no money goes back"},
    {.name = "new_balance_due", .kind = K_MONEY, .flags = F_REQUIRED},
    {.name = "payment_status", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "restocked", .kind = K_BOOL, .flags = F_REQUIRED},
    {NULL},
};

const struct field form_return_rejected[] = {
    {.name = "message", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "return_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {NULL},
};

const struct field form_return_exchange[] = {
    {.name = "items", .kind = K_ROWS, .flags = F_REQUIRED, .max = 500, .ref = "SaleItemCreate",
     .summary = "What is taken instead, by the same customer in the same branch"},
    {.name = "restock", .kind = K_BOOL, .def = "true",
     .summary = "What comes back goes to where it was sold from"},
    {.name = "payment_method", .kind = K_TEXT, .max = 16, .def = "\"cash\"",
     .summary = "How the difference is paid"},
    {.name = "payments", .kind = K_ROWS, .max = 10, .ref = "SaleTender", .def = "[]",
     .summary = "Instead of payment_method and paid_amount: how it is paid, part by part"},
    {.name = "paid_amount", .kind = K_MONEY,
     .summary = "What is paid beside the goods; null: all of the difference"},
    {.name = "refund", .kind = K_TEXT, .max = 16,
     .summary = "How it goes back when what came back was worth more; null: as it was paid"},
    {.name = "discount", .kind = K_MONEY, .def = "0", .summary = "Off the whole, an amount"},
    {.name = "discount_percent", .kind = K_DECIMAL, .max = 100, .def = "0",
     .summary = "Off the whole, instead of an amount"},
    {.name = "tax", .kind = K_MONEY,
     .summary = "An amount added to it; where the settings have a tax rate, theirs holds"},
    {.name = "reference", .kind = K_TEXT},
    {NULL},
};

const struct field form_exchanged[] = {
    {.name = "message", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "return_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "refund_amount", .kind = K_MONEY, .flags = F_REQUIRED,
     .summary = "What comes off the old sale's total"},
    {.name = "exchanged", .kind = K_MONEY, .flags = F_REQUIRED,
     .summary = "What of it goes over to the new sale; the rest is not due any more"},
    {.name = "given_back", .kind = K_MONEY, .flags = F_REQUIRED,
     .summary = "What of that the new sale did not need"},
    {.name = "restocked", .kind = K_BOOL, .flags = F_REQUIRED},
    {.name = "sale", .kind = K_OBJECT, .flags = F_REQUIRED, .ref = "Sale"},
    {NULL},
};
