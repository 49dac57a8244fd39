/* Replies of dashboards and reports: rows that form.c lists in its table. Their members are the
 * columns of the reports' CSV too. */
#include "base.h"
#include "engine/form.h"

#define SUM(label) .name = label, .kind = K_MONEY, .flags = F_REQUIRED, .def = "0"
#define NUMBER(label) .name = label, .kind = K_INT, .flags = F_REQUIRED, .def = "0"

const struct field form_dashboard[] = {
    {SUM("total_sales"), .summary = "Of all sales but cancelled ones"},
    {NUMBER("total_orders"), .summary = "How many these are"},
    {NUMBER("total_products")},
    {NUMBER("low_stock_items"), .summary = "Products of which less than 5 are left"},
    {SUM("today_sales"), .summary = "Since midnight, in the time zone of the settings"},
    {SUM("monthly_sales"), .summary = "Since the first of this month"},
    {NULL},
};

const struct field form_sales_day[] = {
    {.name = "date", .kind = K_DAY, .flags = F_REQUIRED},
    {SUM("sales")},
    {NULL},
};

#define ALERT_TOTALS                                                                               \
    {NUMBER("total_unread")},                                                                      \
    {                                                                                              \
        NUMBER("sticky_alerts"), .summary = "Unread ones that stay until they are settled"         \
    }

/* The first two of the reply, for showing them. */
const struct field form_alert_totals[] = {ALERT_TOTALS, {NULL}};

const struct field form_alerts[] = {
    ALERT_TOTALS,
    {.name = "by_type", .kind = K_OBJECT, .flags = F_REQUIRED, .ref = "AlertCounts"},
    {.name = "recent", .kind = K_ROWS, .flags = F_REQUIRED, .max = 5,
     .summary = "The newest unread notifications, at most 5"},
    {NULL},
};

const struct field form_alert_counts[] = {
    {NUMBER("unpaid_invoices")},
    {NUMBER("low_stock")},
    {NUMBER("payment_received")},
    {NUMBER("sale_cancelled")},
    {NULL},
};

/* A row of the table: a count (kind and count), or a notification (kind "recent", and the rest). */
const struct field form_alert_row[] = {
    {.name = "kind", .kind = K_TEXT},
    {.name = "count", .kind = K_INT},
    {.name = "id", .kind = K_TEXT},
    {.name = "created_at", .kind = K_INSTANT},
    {.name = "type", .kind = K_TEXT},
    {.name = "title", .kind = K_TEXT},
    {.name = "message", .kind = K_NOTE},
    {.name = "sale_id", .kind = K_TEXT},
    {.name = "reference_id", .kind = K_TEXT},
    {.name = "is_sticky", .kind = K_BOOL},
    {NULL},
};

const struct field form_profit[] = {
    {SUM("revenue"), .summary = "Totals of the sales that are not cancelled, returns off"},
    {SUM("expenses")},
    {SUM("purchases"), .summary = "What was bought from suppliers, sold by now or not"},
    {SUM("profit"), .summary = "revenue - expenses - purchases"},
    {.name = "profit_margin", .kind = K_DECIMAL, .flags = F_REQUIRED, .def = "0",
     .summary = "100 x profit / revenue; 0 without revenue"},
    {SUM("taxes"), .summary = "In the revenue: those added and those the prices contained"},
    {SUM("cost_of_goods"), .summary = "What was sold, at its unit cost when it was sold, and what "
                                      "came back, but not to the stock"},
    {NUMBER("items_without_cost"), .summary = "Lines of sales that count there as 0"},
    {SUM("gross_profit"), .summary = "revenue - taxes - cost_of_goods"},
    {SUM("net_profit"), .summary = "gross_profit - expenses"},
    {NULL},
};

const struct field form_top_product[] = {
    {.name = "product_id", .kind = K_TEXT},
    {.name = "name", .kind = K_TEXT},
    {.name = "sku", .kind = K_TEXT},
    {NUMBER("quantity")},
    {SUM("revenue"), .summary = "Price x quantity, before discounts"},
    {NULL},
};

#define SALES_SUMS                                                                                 \
    {SUM("total_sales")}, {NUMBER("sales_count")}, {SUM("subtotal")}, {SUM("discount")},           \
        {SUM("tax")}, {NUMBER("items_sold")},                                                      \
        {SUM("payments_received"), .summary = "For these sales, whenever they came"}

const struct field form_branch_sales[] = {
    {.name = "branch_id", .kind = K_TEXT, .flags = F_REQUIRED,
     .summary = "\"unassigned\": the sales of no branch"},
    {.name = "branch_name", .kind = K_TEXT},
    SALES_SUMS,
    {NULL},
};

const struct field form_branch_overall[] = {{NUMBER("branch_count")}, SALES_SUMS, {NULL}};

const struct field form_branch_filters[] = {
    {.name = "start_date", .kind = K_DAY},
    {.name = "end_date", .kind = K_DAY},
    {.name = "branch_id", .kind = K_TEXT, .summary = "Of a user who sees one branch"},
    {NULL},
};

const struct field form_branch_report[] = {
    {.name = "branches", .kind = K_ROWS, .flags = F_REQUIRED, .max = 10000, .ref = "BranchSales"},
    {.name = "overall", .kind = K_OBJECT, .flags = F_REQUIRED, .ref = "BranchOverall"},
    {.name = "filters", .kind = K_OBJECT, .flags = F_REQUIRED, .ref = "BranchFilters"},
    {NULL},
};
