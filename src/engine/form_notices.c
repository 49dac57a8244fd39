/* Bodies and replies about notifications and announcements. */
#include "base.h"
#include "engine/form.h"

static const char *const types[] = {"info",    "warning",   "critical", "maintenance",
                                    "feature", "promotion", NULL};
static const char *const audiences[] = {"all_tenants", "specific_sectors", "specific_tenants",
                                        NULL};

#define TITLE   .name = "title", .kind = K_TEXT, .flags = F_REQUIRED, .max = 200
#define MESSAGE .name = "message", .kind = K_NOTE, .flags = F_REQUIRED, .max = 5000

const struct field form_announcement_create[] = {
    {TITLE},
    {MESSAGE},
    {.name = "announcement_type", .kind = K_ENUM, .values = types, .def = "\"info\""},
    {.name = "audience_type", .kind = K_ENUM, .values = audiences, .def = "\"all_tenants\"",
     .summary = "Filters of one's own (custom_filter) are not accepted"},
    {.name = "target_sectors", .kind = K_TEXT_LIST, .max = 64,
     .summary = "Business types, with specific_sectors"},
    {.name = "target_tenant_ids", .kind = K_TEXT_LIST, .max = 1000,
     .summary = "Businesses, with specific_tenants"},
    {.name = "channels", .kind = K_TEXT_LIST, .max = 3, .def = "[\"in_app\"]",
     .summary = "in_app, email, both: kept as said. Every announcement is shown in the "
                "application; this server sends no mail"},
    {.name = "priority", .kind = K_INT, .min = 0, .max = 10, .def = "0"},
    {.name = "expires_at", .kind = K_INSTANT,
     .summary = "When nobody sees it any more; null: never"},
    {NULL},
};

const struct field form_announcement[] = {
    {.name = "id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "announcement_id", .kind = K_TEXT, .flags = F_REQUIRED, .summary = "The same"},
    {TITLE},
    {MESSAGE},
    {.name = "announcement_type", .kind = K_ENUM, .values = types, .flags = F_REQUIRED},
    {.name = "audience_type", .kind = K_ENUM, .values = audiences, .flags = F_REQUIRED},
    {.name = "target_sectors", .kind = K_TEXT_LIST},
    {.name = "target_tenant_ids", .kind = K_TEXT_LIST},
    {.name = "channels", .kind = K_TEXT_LIST, .flags = F_REQUIRED},
    {.name = "priority", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "expires_at", .kind = K_INSTANT},
    {.name = "is_active", .kind = K_BOOL, .flags = F_REQUIRED, .summary = "false: it was removed"},
    {.name = "created_by", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "total_recipients", .kind = K_INT, .flags = F_REQUIRED,
     .summary = "Active businesses that it was for when it was made"},
    {.name = "read_count", .kind = K_INT, .flags = F_REQUIRED, .summary = "Users who have read it"},
    {.name = "dismissed_count", .kind = K_INT, .flags = F_REQUIRED,
     .summary = "Users who have put it away"},
    {.name = "created_at", .kind = K_INSTANT, .flags = F_REQUIRED},
    {.name = "updated_at", .kind = K_INSTANT, .flags = F_REQUIRED},
    {NULL},
};

#define AVAILABLE                                                                                  \
    .name = "announcements_available", .kind = K_BOOL, .flags = F_REQUIRED,                        \
    .summary = "false: the platform's database does not answer, and its announcements are missing"

const struct field form_notification_list[] = {
    {.name = "success", .kind = K_BOOL, .flags = F_REQUIRED},
    {.name = "notifications", .kind = K_ROWS, .flags = F_REQUIRED,
     .summary = "Those of the business (source tenant) and the platform's (source announcement), "
                "the newest first; `read` says whether this one was"},
    {.name = "unread_count", .kind = K_INT, .flags = F_REQUIRED,
     .summary = "Of all, not only of those that are listed; at most 10,000 are counted"},
    {AVAILABLE},
    {NULL},
};

const struct field form_unread_count[] = {
    {.name = "success", .kind = K_BOOL, .flags = F_REQUIRED},
    {.name = "unread_count", .kind = K_INT, .flags = F_REQUIRED},
    {AVAILABLE},
    {NULL},
};

const struct field form_done[] = {
    {.name = "success", .kind = K_BOOL, .flags = F_REQUIRED},
    {.name = "message", .kind = K_TEXT, .flags = F_REQUIRED},
    {NULL},
};

const struct field form_check_done[] = {
    {.name = "message", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "notifications_created", .kind = K_INT, .flags = F_REQUIRED},
    {.name = "low_stock_products", .kind = K_INT, .flags = F_REQUIRED,
     .summary = "Products of which five or fewer are left; at most 10,000 are counted"},
    {.name = "overdue_invoices", .kind = K_INT, .flags = F_REQUIRED,
     .summary = "Sales that are not paid after seven days; at most 10,000 are counted"},
    {.name = "daily_due_reminders", .kind = K_INT, .flags = F_REQUIRED,
     .summary = "Dues of which nobody was reminded in the last 24 hours, and now is"},
    {NULL},
};
