/* Bodies and replies about warranties. */
#include "base.h"
#include "engine/form.h"

static const char *const supplier_actions[] = {"replacement_sent", "repair_sent",
                                               "cash_refund_offered", "declined", "partial_refund",
                                               NULL};

const struct field form_claim[] = {
    {.name = "warranty_token", .kind = K_TEXT, .flags = F_REQUIRED, .max = 1024},
    {.name = "customer_id", .kind = K_TEXT, .max = 64},
    {.name = "customer_name", .kind = K_TEXT},
    {.name = "customer_phone", .kind = K_PHONE},
    {.name = "customer_email", .kind = K_EMAIL},
    {.name = "reported_issue", .kind = K_NOTE, .flags = F_REQUIRED, .max = 2000},
    {.name = "images", .kind = K_TEXT_LIST, .max = 5, .def = "[]",
     .summary = "Addresses that /api/upload-image gave for this warranty"},
    {.name = "preferred_action", .kind = K_TEXT, .max = 64},
    {NULL},
};

const struct field form_claimed[] = {
    {.name = "message", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "warranty_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "warranty_code", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "status", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "claimed_at", .kind = K_INSTANT, .flags = F_REQUIRED},
    {NULL},
};

const struct field form_resolved[] = {
    {.name = "warranty_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "warranty_code", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "product", .kind = K_OBJECT, .flags = F_REQUIRED, .ref = "ResolvedProduct"},
    {.name = "purchase_date", .kind = K_INSTANT},
    {.name = "start_date", .kind = K_INSTANT},
    {.name = "expiry_date", .kind = K_INSTANT},
    {.name = "warranty_period_months", .kind = K_INT},
    {.name = "status", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "can_claim", .kind = K_BOOL, .flags = F_REQUIRED,
     .summary = "Within its term and seven days after it"},
    {.name = "allowed_actions", .kind = K_TEXT_LIST, .flags = F_REQUIRED},
    {.name = "days_remaining", .kind = K_INT, .summary = "null when it is over"},
    {.name = "customer_name", .kind = K_TEXT},
    {NULL},
};

const struct field form_resolved_product[] = {
    {.name = "id", .kind = K_TEXT},
    {.name = "name", .kind = K_TEXT},
    {.name = "serial_number", .kind = K_TEXT},
    {NULL},
};

const struct field form_warranty_made[] = {
    {.name = "message", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "warranty_id", .kind = K_TEXT, .flags = F_REQUIRED, .summary = "Of the first one"},
    {.name = "warranty_code", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "warranty_token", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "qr_url", .kind = K_TEXT, .summary = "null unless ERP_PUBLIC_URL is set"},
    {.name = "warranties", .kind = K_ROWS, .flags = F_REQUIRED, .max = 500,
     .ref = "WarrantyRecord", .summary = "One a unit"},
    {NULL},
};

const struct field form_warranty_detail[] = {
    {.name = "warranty", .kind = K_OBJECT, .flags = F_REQUIRED, .ref = "WarrantyRecord"},
    {.name = "qr_url", .kind = K_TEXT, .summary = "null unless ERP_PUBLIC_URL is set"},
    {.name = "events", .kind = K_ROWS, .flags = F_REQUIRED, .max = 1000, .ref = "WarrantyEvent",
     .summary = "Oldest first"},
    {.name = "supplier_actions", .kind = K_ROWS, .flags = F_REQUIRED, .max = 1000,
     .ref = "SupplierAction"},
    {NULL},
};

const struct field form_warranty_list[] = {
    {.name = "warranties", .kind = K_ROWS, .flags = F_REQUIRED, .max = 200,
     .ref = "WarrantyRecord", .summary = "Newest first"},
    {.name = "total", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "skip", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "limit", .kind = K_INT, .flags = F_REQUIRED},
    {NULL},
};

const struct field form_warranty_stats[] = {
    {.name = "active", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "expired", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "claimed", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "under_inspection", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "replacement_pending", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "replaced", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "refunded", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "declined", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "closed", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "total", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "new_claims_last_7_days", .kind = K_INT, .flags = F_REQUIRED},
    {NULL},
};

const struct field form_inspection[] = {
    {.name = "inspection_result", .kind = K_TEXT, .flags = F_REQUIRED, .min = 1, .max = 64,
     .summary = "\"valid\" asks the supplier; anything else declines the claim"},
    {.name = "notes", .kind = K_NOTE},
    {.name = "estimated_cost", .kind = K_MONEY},
    {.name = "attachments", .kind = K_TEXT_LIST, .max = 20, .def = "[]"},
    {NULL},
};

const struct field form_supplier_action[] = {
    {.name = "action_type", .kind = K_ENUM, .flags = F_REQUIRED, .values = supplier_actions},
    {.name = "action_details", .kind = K_OBJECT, .def = "{}",
     .summary = "amount where money goes back, with a reference; replacement_serial of a unit that "
                "was sent, which gets a warranty of its own; what else is known"},
    {.name = "notes", .kind = K_NOTE},
    {NULL},
};

const struct field form_supplier_action_details[] = {
    {.name = "amount", .kind = K_MONEY, .min = 1},
    {.name = "replacement_serial", .kind = K_TEXT, .max = 64},
    {.name = "reference", .kind = K_TEXT},
    {NULL},
};

const struct field form_supplier_acted[] = {
    {.name = "message", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "warranty", .kind = K_OBJECT, .flags = F_REQUIRED, .ref = "WarrantyRecord"},
    {.name = "supplier_action", .kind = K_OBJECT, .flags = F_REQUIRED, .ref = "SupplierAction"},
    {NULL},
};

const struct field form_supplier_warranty[] = {
    {.name = "product_id", .kind = K_TEXT, .max = 64,
     .summary = "Of the purchase; may be left out where it has one product"},
    {.name = "serial_number", .kind = K_TEXT, .max = 64, .summary = "null: that of the line"},
    {.name = "warranty_months", .kind = K_INT, .min = 1, .max = 1200, .def = "12"},
    {.name = "start_date", .kind = K_DAY, .summary = "null: with the purchase"},
    {.name = "terms", .kind = K_NOTE},
    {.name = "notes", .kind = K_NOTE},
    {NULL},
};

const struct field form_supplier_claim[] = {
    {.name = "claim_details", .kind = K_OBJECT, .def = "{}"},
    {.name = "notes", .kind = K_NOTE},
    {NULL},
};
