/* Bodies and replies about plans, subscriptions and payments. */
#include "base.h"
#include "engine/form.h"

static const char *const cycles[] = {"monthly", "quarterly", "yearly", "lifetime", NULL};
static const char *const statuses[] = {"trial", "active", "grace", "suspended", "cancelled", NULL};

const struct field form_plan[] = {
    {.name = "id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "plan_id", .kind = K_TEXT, .flags = F_REQUIRED, .summary = "The same"},
    {.name = "name", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "price", .kind = K_MONEY, .flags = F_REQUIRED, .summary = "Of one billing cycle"},
    {.name = "currency", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "billing_cycle", .kind = K_ENUM, .values = cycles, .flags = F_REQUIRED},
    {.name = "quotas", .kind = K_OBJECT, .flags = F_REQUIRED, .summary = "-1: no limit"},
    {.name = "features", .kind = K_TEXT_LIST, .flags = F_REQUIRED},
    {.name = "description", .kind = K_TEXT},
    {.name = "is_active", .kind = K_BOOL, .flags = F_REQUIRED, .summary = "Whether it is offered"},
    {.name = "created_at", .kind = K_INSTANT, .flags = F_REQUIRED},
    {.name = "updated_at", .kind = K_INSTANT, .flags = F_REQUIRED},
    {NULL},
};

const struct field form_plan_update[] = {
    {.name = "price", .kind = K_MONEY, .summary = "For those who subscribe from now on"},
    {.name = "quotas", .kind = K_OBJECT,
     .summary = "max_products, max_users, max_terminals, storage_gb, monthly_orders, "
                "max_branches, max_appointments: whole numbers, -1 for no limit; those left out "
                "stay"},
    {.name = "features", .kind = K_TEXT_LIST, .max = 64},
    {.name = "description", .kind = K_TEXT, .max = 500},
    {.name = "is_active", .kind = K_BOOL},
    {NULL},
};

const struct field form_subscription[] = {
    {.name = "id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "subscription_id", .kind = K_TEXT, .flags = F_REQUIRED, .summary = "The same"},
    {.name = "tenant_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "tenant_slug", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "plan_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "billing_cycle", .kind = K_ENUM, .values = cycles, .flags = F_REQUIRED},
    {.name = "price", .kind = K_MONEY, .flags = F_REQUIRED, .summary = "Of one billing cycle"},
    {.name = "currency", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "grace_period_days", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "plan_snapshot", .kind = K_OBJECT, .flags = F_REQUIRED,
     .summary = "The plan as it was"},
    {.name = "status", .kind = K_ENUM, .values = statuses, .flags = F_REQUIRED},
    {.name = "started_on", .kind = K_INSTANT, .flags = F_REQUIRED},
    {.name = "expires_on", .kind = K_INSTANT, .summary = "null: never"},
    {.name = "trial_ends_at", .kind = K_INSTANT},
    {.name = "grace_expires_at", .kind = K_INSTANT},
    {.name = "notes", .kind = K_NOTE, .flags = F_REQUIRED},
    {.name = "created_at", .kind = K_INSTANT, .flags = F_REQUIRED},
    {.name = "updated_at", .kind = K_INSTANT, .flags = F_REQUIRED},
    {NULL},
};

const struct field form_subscription_create[] = {
    {.name = "tenant_id", .kind = K_TEXT, .flags = F_REQUIRED, .max = 63},
    {.name = "plan_id", .kind = K_TEXT, .flags = F_REQUIRED, .max = 31},
    {.name = "billing_cycle", .kind = K_ENUM, .values = cycles, .summary = "null: the plan's"},
    {.name = "notes", .kind = K_NOTE, .max = 1000, .def = "\"\""},
    {NULL},
};

const struct field form_subscription_status[] = {
    {.name = "status", .kind = K_ENUM, .values = statuses, .flags = F_REQUIRED},
    {.name = "reason", .kind = K_TEXT, .max = 500},
    {.name = "expires_on", .kind = K_INSTANT,
     .summary = "With active: where the period ends; null: as paid for, or a new one when that is "
                "over"},
    {NULL},
};

const struct field form_subscription_view[] = {
    {.name = "subscription", .kind = K_OBJECT, .flags = F_REQUIRED, .ref = "Subscription"},
    {.name = "events", .kind = K_ROWS, .flags = F_REQUIRED, .summary = "The last 10"},
    {.name = "is_active", .kind = K_BOOL, .flags = F_REQUIRED},
    {NULL},
};

const struct field form_payment[] = {
    {.name = "id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "subscription_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "tenant_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "amount", .kind = K_MONEY, .flags = F_REQUIRED},
    {.name = "currency", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "payment_method", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "payment_date", .kind = K_INSTANT, .flags = F_REQUIRED},
    {.name = "receipt_number", .kind = K_TEXT},
    {.name = "notes", .kind = K_NOTE, .flags = F_REQUIRED},
    {.name = "period_start", .kind = K_INSTANT, .flags = F_REQUIRED},
    {.name = "period_end", .kind = K_INSTANT, .flags = F_REQUIRED},
    {.name = "recorded_by", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "created_at", .kind = K_INSTANT, .flags = F_REQUIRED},
    {NULL},
};

const struct field form_payment_create[] = {
    {.name = "subscription_id", .kind = K_TEXT, .flags = F_REQUIRED, .max = 63},
    {.name = "amount", .kind = K_MONEY, .flags = F_REQUIRED, .min = 1,
     .summary = "The full price of one period"},
    {.name = "payment_method", .kind = K_TEXT, .max = 50, .def = "\"bank_transfer\""},
    {.name = "payment_date", .kind = K_INSTANT, .summary = "null: now"},
    {.name = "receipt_number", .kind = K_TEXT, .max = 100},
    {.name = "notes", .kind = K_NOTE, .max = 1000, .def = "\"\""},
    {NULL},
};

const struct field form_access[] = {
    {.name = "allowed", .kind = K_BOOL, .flags = F_REQUIRED},
    {.name = "status", .kind = K_TEXT, .flags = F_REQUIRED, .summary = "Empty: no subscription"},
    {.name = "plan", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "ends_at", .kind = K_INSTANT, .summary = "When it is refused unless it pays"},
    {.name = "message", .kind = K_TEXT, .flags = F_REQUIRED},
    {NULL},
};

const struct field form_module_switch[] = {
    {.name = "tenant_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "module", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "enabled", .kind = K_BOOL, .flags = F_REQUIRED},
    {.name = "modules_enabled", .kind = K_TEXT_LIST, .flags = F_REQUIRED,
     .summary = "Beside the core"},
    {.name = "message", .kind = K_TEXT, .flags = F_REQUIRED},
    {NULL},
};
