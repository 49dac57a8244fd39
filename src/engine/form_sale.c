/* Bodies and replies of the till: sales, their payments and what is due. */
#include "base.h"
#include "engine/form.h"
#include "engine/form_rows.h"

#define PAY_METHODS                                                                                \
    "cash, card, bkash, nagad, rocket, bank; or store_credit, of a customer who has enough"

const struct field form_sale_create[] = {
    {.name = "items", .kind = K_ROWS, .flags = F_REQUIRED, .max = 500, .ref = "SaleItemCreate"},
    {.name = "branch_id", .kind = K_TEXT, .max = 64,
     .summary = "The user's own by default; null: the products' own stock is sold"},
    {.name = "customer_id", .kind = K_TEXT, .max = 64},
    {.name = "customer_name", .kind = K_TEXT,
     .summary = "With a phone or address: found by phone, else by name, else a new customer"},
    {.name = "customer_phone", .kind = K_PHONE},
    {.name = "customer_address", .kind = K_TEXT, .max = 500},
    {.name = "payment_method", .kind = K_TEXT, .max = 16, .def = "\"cash\"",
     .summary = PAY_METHODS},
    {.name = "payments", .kind = K_ROWS, .max = 10, .ref = "SaleTender", .def = "[]",
     .summary = "Instead of payment_method and paid_amount: how it is paid, part by part"},
    {.name = "discount", .kind = K_MONEY, .def = "0", .summary = "Off the whole, an amount"},
    {.name = "discount_percent", .kind = K_DECIMAL, .max = 100, .def = "0",
     .summary = "Off the whole, instead of an amount"},
    {.name = "tax", .kind = K_MONEY,
     .summary = "An amount added to it; where the settings have a tax rate, theirs holds"},
    {.name = "paid_amount", .kind = K_MONEY, .summary = "null: all of it"},
    {.name = "reference", .kind = K_TEXT},
    {.name = "include_warranty_terms", .kind = K_BOOL, .def = "false"},
    {.name = "warranty_terms", .kind = K_NOTE,
     .summary = "null: those of the first product that has any to include"},
    {.name = "over_credit_limit", .kind = K_BOOL, .def = "false",
     .summary = "Sell beyond the customer's credit limit: managers may, and it is noted"},
    {NULL},
};

const struct field form_sale_item[] = {
    {.name = "product_id", .kind = K_TEXT, .flags = F_REQUIRED, .max = 64},
    {.name = "quantity", .kind = K_INT, .flags = F_REQUIRED, .min = 1, .max = 1000000},
    {.name = "price", .kind = K_MONEY, .flags = F_REQUIRED,
     .summary = "Of one: the product's, or the branch's, unless a manager sells at another"},
    ROWS_OF_LINE,
    {NULL},
};

const struct field form_sale_tender[] = {
    {.name = "method", .kind = K_TEXT, .flags = F_REQUIRED, .max = 16,
     .summary = PAY_METHODS},
    {.name = "amount", .kind = K_MONEY, .flags = F_REQUIRED, .min = 1},
    {NULL},
};

const struct field form_payment_in[] = {
    {.name = "amount", .kind = K_MONEY, .flags = F_REQUIRED, .min = 1,
     .summary = "At most what is still due"},
    {.name = "method", .kind = K_TEXT, .flags = F_REQUIRED, .max = 16,
     .summary = PAY_METHODS},
    {.name = "reference", .kind = K_TEXT},
    {NULL},
};

const struct field form_payment_done[] = {
    {.name = "message", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "payment_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "new_balance_due", .kind = K_MONEY, .flags = F_REQUIRED},
    {.name = "payment_status", .kind = K_TEXT, .flags = F_REQUIRED},
    {NULL},
};

const struct field form_sale_cancel[] = {
    {.name = "reason", .kind = K_TEXT, .max = 500},
    {NULL},
};

const struct field form_sale_cancelled[] = {
    {.name = "message", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "sale_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "stock_restored", .kind = K_INT, .flags = F_REQUIRED,
     .summary = "Items whose stock went back"},
    {NULL},
};

const struct field form_sale_notes[] = {
    {.name = "items", .kind = K_ROWS, .flags = F_REQUIRED, .max = 500, .ref = "SaleItemUpdate"},
    {NULL},
};

const struct field form_sale_note[] = {
    {.name = "product_id", .kind = K_TEXT, .flags = F_REQUIRED, .max = 64},
    {.name = "serial_number", .kind = K_TEXT, .max = 64},
    {.name = "custom_description", .kind = K_TEXT, .max = 500},
    {NULL},
};

const struct field form_invoice[] = {
    {.name = "sale", .kind = K_OBJECT, .flags = F_REQUIRED, .ref = "Sale"},
    {.name = "payments", .kind = K_ROWS, .flags = F_REQUIRED, .max = 1000, .ref = "Payment"},
    {.name = "warranties", .kind = K_ROWS, .flags = F_REQUIRED, .max = 1000,
     .ref = "WarrantyRecord"},
    {NULL},
};
