/* Bodies and replies about goods that come in and go from branch to branch. */
#include "base.h"
#include "engine/form.h"

const struct field form_transfer_create[] = {
    {.name = "product_id", .kind = K_TEXT, .flags = F_REQUIRED, .max = 64},
    {.name = "from_branch_id", .kind = K_TEXT, .flags = F_REQUIRED, .max = 64,
     .summary = "For users of one branch: their own"},
    {.name = "to_branch_id", .kind = K_TEXT, .flags = F_REQUIRED, .max = 64},
    {.name = "quantity", .kind = K_INT, .flags = F_REQUIRED, .min = 1, .max = 1000000000},
    {.name = "reference_note", .kind = K_TEXT, .max = 500},
    {.name = "stepwise", .kind = K_BOOL, .def = "false",
     .summary = "It is asked for, and moves when it is sent and when it is received; of users of "
                "one branch either end may ask"},
    {NULL},
};

const struct field form_purchase[] = {
    {.name = "supplier_id", .kind = K_TEXT, .flags = F_REQUIRED, .max = 64},
    {.name = "items", .kind = K_ROWS, .flags = F_REQUIRED, .max = 500, .ref = "PurchaseItemCreate",
     .summary = "In a form: the list as JSON"},
    {.name = "total_amount", .kind = K_MONEY, .flags = F_REQUIRED},
    {.name = "payment_status", .kind = K_TEXT, .max = 32, .def = "\"pending\""},
    {.name = "include_warranty_terms", .kind = K_BOOL, .def = "false",
     .summary = "Every product of it gets warranty_terms"},
    {.name = "warranty_terms", .kind = K_NOTE},
    {.name = "branch_id", .kind = K_TEXT, .max = 64,
     .summary = "The user's own by default; null: the products' own stock"},
    {.name = "date", .kind = K_DAY},
    {.name = "notes", .kind = K_NOTE},
    {NULL},
};

const struct field form_purchase_item[] = {
    {.name = "product_id", .kind = K_TEXT, .max = 64},
    {.name = "product_name", .kind = K_TEXT,
     .summary = "Without product_id: the product of this name, else a new one"},
    {.name = "quantity", .kind = K_INT, .flags = F_REQUIRED, .min = 1, .max = 1000000},
    {.name = "price", .kind = K_MONEY, .flags = F_REQUIRED, .summary = "What one cost"},
    {.name = "sale_price", .kind = K_MONEY,
     .summary = "Of a new product; without it what it cost"},
    {.name = "has_warranty", .kind = K_BOOL, .def = "false"},
    {.name = "warranty_months", .kind = K_INT, .max = 1200},
    {.name = "warranty_serial", .kind = K_TEXT, .max = 64},
    {NULL},
};

const struct field form_purchase_apply[] = {
    {.name = "branch_id", .kind = K_TEXT, .max = 64,
     .summary = "Whose shelves; by default the purchase's branch, else the products' own stock"},
    {NULL},
};

const struct field form_purchase_applied[] = {
    {.name = "success", .kind = K_BOOL, .flags = F_REQUIRED},
    {.name = "message", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "items_updated", .kind = K_ROWS, .flags = F_REQUIRED, .max = 500},
    {.name = "products_created", .kind = K_ROWS, .flags = F_REQUIRED, .max = 500},
    {.name = "stock_status", .kind = K_TEXT, .flags = F_REQUIRED},
    {NULL},
};
