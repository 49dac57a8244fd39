/* What is added to records (engine/append.h), and what is counted of them: rows that form.c lists
 * in its table. */
#include "base.h"
#include "engine/form.h"

const struct field form_installment[] = {
    {.name = "amount", .kind = K_MONEY, .flags = F_REQUIRED, .min = 1,
     .summary = "What is paid, at most the balance"},
    {.name = "method", .kind = K_TEXT, .max = 32, .summary = "cash, card, …"},
    {.name = "date", .kind = K_DAY},
    {.name = "reference", .kind = K_TEXT},
    {NULL},
};

const struct field form_job_part[] = {
    {.name = "cost", .kind = K_MONEY, .flags = F_REQUIRED,
     .summary = "Of all of them together; it is added to the job's actual_cost"},
    {.name = "product_id", .kind = K_REF, .ref = "product",
     .summary = "A product: it comes off the shelf"},
    {.name = "quantity", .kind = K_INT, .min = 1, .max = 1000000, .summary = "null: one"},
    {NULL},
};

const struct field form_repair_link[] = {
    {.name = "job_card_id", .kind = K_REF, .flags = F_REQUIRED, .ref = "job_card"},
    {NULL},
};

const struct field form_cnf_summary[] = {
    {.name = "total_shipments", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "active_shipments", .kind = K_INT, .flags = F_REQUIRED, .summary = "Not delivered"},
    {.name = "total_jobs", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "active_jobs", .kind = K_INT, .flags = F_REQUIRED,
     .summary = "Neither completed nor cancelled"},
    {.name = "total_transports", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "active_transports", .kind = K_INT, .flags = F_REQUIRED,
     .summary = "Neither delivered nor cancelled"},
    {.name = "total_revenue", .kind = K_MONEY, .flags = F_REQUIRED,
     .summary = "Of all invoices but the cancelled ones"},
    {.name = "pending_payments", .kind = K_MONEY, .flags = F_REQUIRED,
     .summary = "Of the invoices whose payment is pending"},
    {NULL},
};

const struct field form_branch_stats[] = {
    {.name = "branch_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "total_products", .kind = K_INT, .flags = F_REQUIRED,
     .summary = "How many are assigned"},
    {.name = "total_stock", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "total_value", .kind = K_MONEY, .flags = F_REQUIRED,
     .summary = "The stock at its purchase prices"},
    {.name = "low_stock_items", .kind = K_INT, .flags = F_REQUIRED,
     .summary = "At their reorder level or below"},
    {NULL},
};

const struct field form_import_report[] = {
    {.name = "dry_run", .kind = K_BOOL, .flags = F_REQUIRED,
     .summary = "Nothing was stored: what would be is told"},
    {.name = "rows", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "created", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "updated", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "unchanged", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "failed", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "ignored_columns", .kind = K_TEXT_LIST, .flags = F_REQUIRED},
    {.name = "errors", .kind = K_ROWS, .flags = F_REQUIRED,
     .summary = "{line, field, code, detail} of the first fifty faults"},
    {.name = "errors_more", .kind = K_INT, .flags = F_REQUIRED, .summary = "Faults beyond those"},
    {NULL},
};

const struct field form_branding[] = {
    {.name = "logo_url", .kind = K_URL},
    {.name = "website_name", .kind = K_TEXT},
    {.name = "background_image_url", .kind = K_URL},
    {.name = "favicon_url", .kind = K_URL},
    {NULL},
};
