/* The figures themselves: what is added up, of what, in the words of the database. */
#include "base.h"
#include "trade/report_priv.h"
#include "db/own.h"
#include "trade/sale.h"
#include "trade/stock.h"

/* What is left of a line after returns; `line` is the path of the line. */
#define LEFT_OF(line)                                                                              \
    "{\"$subtract\": [\"" line ".quantity\","                                                      \
    " {\"$ifNull\": [\"" line "." SALE_RETURNED "\", 0]}]}"

/* Those that the business is without: what is left of a line, and what came back broken. */
#define OUT_OF(line)                                                                               \
    "{\"$add\": [" LEFT_OF(line) ", {\"$ifNull\": [\"" line "." SALE_DISCARDED "\", 0]}]}"

#define TAXES_OF(record)                                                                           \
    "{\"$add\": [{\"$ifNull\": [\"" record "tax\", 0]},"                                           \
    " {\"$ifNull\": [\"" record "tax_included\", 0]}]}"

/* The tax of what came back of a line. $$unit: minor units in one. Amounts are decimals, so half of
 * a minor unit is exact. */
#define TAXES_BACK_OF(line)                                                                        \
    "{\"$cond\": [{\"$gt\": [\"" line "." SALE_RETURNED "\", 0]},"                                 \
    " {\"$divide\": [{\"$floor\": {\"$add\": [0.5, {\"$divide\":"                                  \
    " [{\"$multiply\": [" TAXES_OF(line ".") ", \"$$unit\", \"" line "." SALE_RETURNED "\"]},"     \
    " \"" line ".quantity\"]}]}}, \"$$unit\"]}, 0]}"

#define ITEMS "{\"$ifNull\": [\"$items\", []]}"

/* ---- the dashboard ---- */

static const char stats_stages[] =
    "[{\"$group\": {\"_id\": null, \"total_sales\": {\"$sum\": \"$total\"},"
    "   \"total_orders\": {\"$sum\": 1},"
    "   \"today_sales\": {\"$sum\":"
    "     {\"$cond\": [{\"$gte\": [\"$created_at\", \"$$today\"]}, \"$total\", 0]}},"
    "   \"monthly_sales\": {\"$sum\":"
    "     {\"$cond\": [{\"$gte\": [\"$created_at\", \"$$month\"]}, \"$total\", 0]}}}}]";

static const char product_stages[] =
    "[{\"$group\": {\"_id\": null, \"total_products\": {\"$sum\": 1},"
    "   \"low_stock_items\": {\"$sum\": {\"$cond\": [{\"$lt\": [\"$stock\", 5]}, 1, 0]}}}}]";

static const char stats_together[] =
    "[{\"$group\": {\"_id\": null, \"total_sales\": {\"$sum\": \"$total_sales\"},"
    "   \"total_orders\": {\"$sum\": \"$total_orders\"},"
    "   \"total_products\": {\"$sum\": \"$total_products\"},"
    "   \"low_stock_items\": {\"$sum\": \"$low_stock_items\"},"
    "   \"today_sales\": {\"$sum\": \"$today_sales\"},"
    "   \"monthly_sales\": {\"$sum\": \"$monthly_sales\"}}}]";

/* Sales of the branch, products of the whole business. */
bool report_stats(struct req *req, const struct report_days *days, const bson_t **figures)
{
    struct pipe pipe;

    pipe_begin(&pipe, req, report_sales(req, REPORT_OPEN, REPORT_OPEN));
    BSON_APPEND_DATE_TIME(pipe.let, "today", days->today);
    BSON_APPEND_DATE_TIME(pipe.let, "month", days->month);
    pipe_text(&pipe, stats_stages);
    pipe_union(&pipe, STOCK_PRODUCTS, match_tenant(req), product_stages);
    pipe_text(&pipe, stats_together);
    return pipe_run_one(&pipe, SALES, figures);
}

/* The days' borders are constants, so that no zone has to be reckoned with sale by sale. */
static void add_days(struct pipe *pipe, const struct report_days *days)
{
    bson_t *bucket = own_bson(pipe->req->arena), borders;
    char key[12];

    BSON_APPEND_UTF8(bucket, "groupBy", "$created_at");
    BSON_APPEND_ARRAY_BEGIN(bucket, "boundaries", &borders);
    for (int i = 0; i <= REPORT_WEEK; i++) {
        snprintf(key, sizeof key, "%d", i);
        BSON_APPEND_DATE_TIME(&borders, key, days->begins[i]);
    }
    bson_append_array_end(bucket, &borders);
    BCON_APPEND(bucket, "output", "{", "sales", "{", "$sum", "$total", "}", "}");
    pipe_add(pipe, "$bucket", bucket);
}

bool report_chart(struct req *req, const struct report_days *days,
                  const bson_t *sales[static REPORT_WEEK])
{
    const bson_t *found[REPORT_WEEK];
    struct pipe pipe;
    bson_iter_t it;
    size_t n;

    memset(sales, 0, REPORT_WEEK * sizeof *sales);
    pipe_begin(&pipe, req, report_sales(req, days->begins[0], days->begins[REPORT_WEEK]));
    add_days(&pipe, days);
    if (!pipe_run(&pipe, SALES, found, REPORT_WEEK, &n))
        return false;
    for (size_t k = 0; k < n; k++)
        for (int i = 0; i < REPORT_WEEK; i++)
            if (bson_iter_init_find(&it, found[k], "_id") && BSON_ITER_HOLDS_DATE_TIME(&it) &&
                bson_iter_date_time(&it) == days->begins[i])
                sales[i] = found[k];
    return true;
}

/* ---- profit and loss ---- */

static const char revenue_stages[] =
    "[{\"$group\": {\"_id\": null, \"revenue\": {\"$sum\": \"$total\"},"
    "   \"taxes\": {\"$sum\": {\"$subtract\": [" TAXES_OF("$") ","
    "     {\"$sum\": {\"$map\": {\"input\": " ITEMS ", \"as\": \"i\","
    "       \"in\": " TAXES_BACK_OF("$$i") "}}}]}},"
    "   \"cost_of_goods\": {\"$sum\": {\"$sum\": {\"$map\": {\"input\": " ITEMS ", \"as\": \"i\","
    "     \"in\": {\"$multiply\": [{\"$ifNull\": [\"$$i.unit_cost\", 0]}, " OUT_OF("$$i") "]}}}}},"
    "   \"items_without_cost\": {\"$sum\": {\"$size\": {\"$filter\": {\"input\": " ITEMS ","
    "     \"as\": \"i\", \"cond\": {\"$lte\": [\"$$i.unit_cost\", null]}}}}}}}]";

static const char expense_stages[] =
    "[{\"$group\": {\"_id\": null, \"expenses\": {\"$sum\": \"$amount\"}}}]";

static const char purchase_stages[] =
    "[{\"$group\": {\"_id\": null, \"purchases\": {\"$sum\": \"$total_amount\"}}}]";

static const char profit_stages[] =
    "[{\"$group\": {\"_id\": null, \"revenue\": {\"$sum\": \"$revenue\"},"
    "   \"taxes\": {\"$sum\": \"$taxes\"}, \"cost_of_goods\": {\"$sum\": \"$cost_of_goods\"},"
    "   \"items_without_cost\": {\"$sum\": \"$items_without_cost\"},"
    "   \"expenses\": {\"$sum\": \"$expenses\"}, \"purchases\": {\"$sum\": \"$purchases\"}}},"
    " {\"$set\": {"
    "   \"profit\": {\"$subtract\": [\"$revenue\", {\"$add\": [\"$expenses\", \"$purchases\"]}]},"
    "   \"gross_profit\":"
    "     {\"$subtract\": [\"$revenue\", {\"$add\": [\"$taxes\", \"$cost_of_goods\"]}]}}},"
    " {\"$set\": {\"net_profit\": {\"$subtract\": [\"$gross_profit\", \"$expenses\"]},"
    "   \"profit_margin\": {\"$cond\": [{\"$eq\": [\"$revenue\", 0]}, 0,"
    "     {\"$multiply\": [{\"$divide\": [\"$profit\", \"$revenue\"]}, 100]}]}}}]";

/* Days of expenses are texts, of which some go on with an hour. */
static bson_t *match_expenses(const struct req *req, const struct report_days *days)
{
    bson_t *match = match_tenant(req), range;

    if (days->start_date == NULL && days->past == NULL)
        return match;
    BSON_APPEND_DOCUMENT_BEGIN(match, "date", &range);
    if (days->start_date != NULL)
        BSON_APPEND_UTF8(&range, "$gte", days->start_date);
    if (days->past != NULL)
        BSON_APPEND_UTF8(&range, "$lt", days->past);
    bson_append_document_end(match, &range);
    return match;
}

bool report_profit(struct req *req, const struct report_days *days, const bson_t **figures)
{
    bson_t *sales = report_sales(req, days->from, days->to);
    int64_t unit = 1;
    struct pipe pipe;

    for (int i = 0; i < req->tenant->decimals; i++)
        unit *= 10;
    pipe_begin(&pipe, req, sales);
    BSON_APPEND_INT64(pipe.let, "unit", unit);
    pipe_text(&pipe, revenue_stages);
    pipe_union(&pipe, "expenses", match_expenses(req, days), expense_stages);
    pipe_union(&pipe, "purchases", sales, purchase_stages); /* they have the same states */
    pipe_text(&pipe, profit_stages);
    return pipe_run_one(&pipe, SALES, figures);
}

/* ---- products ---- */

static const char product_sums[] =
    "[{\"$unwind\": \"$items\"}, {\"$group\": {\"_id\": \"$items.product_id\","
    "   \"name\": {\"$last\": \"$items.product_name\"},"
    "   \"sku\": {\"$last\": \"$items.product_sku\"},"
    "   \"quantity\": {\"$sum\": " LEFT_OF("$items") "},"
    "   \"revenue\": {\"$sum\": {\"$multiply\": [\"$items.price\", " LEFT_OF("$items") "]}}}},"
    " {\"$sort\": {\"revenue\": -1, \"_id\": 1}}]";

/* As it is called now, or else was when it was sold. */
static const char product_names[] =
    "[{\"$set\": {\"product_id\": \"$_id\","
    "   \"name\": {\"$ifNull\": [{\"$first\": \"$product.name\"}, \"$name\"]},"
    "   \"sku\": {\"$ifNull\": [{\"$first\": \"$product.sku\"}, \"$sku\"]}}},"
    " {\"$unset\": \"product\"}]";

bool report_top_products(struct req *req, const struct report_days *days, int64_t limit,
                         const bson_t **found, size_t *n)
{
    struct pipe pipe;
    bson_t stage;
    char key[12];

    pipe_begin(&pipe, req, report_sales(req, days->from, days->to));
    pipe_text(&pipe, product_sums);
    snprintf(key, sizeof key, "%u", pipe.n++);
    BSON_APPEND_DOCUMENT_BEGIN(pipe.stages, key, &stage);
    BSON_APPEND_INT64(&stage, "$limit", limit);
    bson_append_document_end(pipe.stages, &stage);
    pipe_lookup(&pipe, STOCK_PRODUCTS, "product");
    pipe_text(&pipe, product_names);
    return pipe_run(&pipe, SALES, found, (size_t)limit, n);
}

/* ---- branches ---- */

static const char branch_sums[] =
    "[{\"$group\": {\"_id\": {\"$ifNull\": [\"$branch_id\", \"unassigned\"]},"
    "   \"total_sales\": {\"$sum\": \"$total\"}, \"sales_count\": {\"$sum\": 1},"
    "   \"subtotal\": {\"$sum\": \"$subtotal\"}, \"discount\": {\"$sum\": \"$discount\"},"
    "   \"tax\": {\"$sum\": \"$tax\"},"
    "   \"items_sold\": {\"$sum\": {\"$sum\": {\"$map\":"
    "     {\"input\": " ITEMS ", \"as\": \"i\", \"in\": " LEFT_OF("$$i") "}}}},"
    "   \"payments_received\": {\"$sum\": {\"$subtract\": [\"$amount_paid\","
    "     {\"$ifNull\": [\"$" SALE_CREDIT "\", 0]}]}}}}]";

static const char branch_names[] =
    "[{\"$set\": {\"branch_id\": \"$_id\", \"branch_name\": {\"$first\": \"$branch.name\"}}},"
    " {\"$unset\": \"branch\"},"
    " {\"$facet\": {\"branches\": [{\"$sort\": {\"total_sales\": -1, \"_id\": 1}},"
    "     {\"$limit\": 10000}],"
    "   \"overall\": [{\"$group\": {\"_id\": null, \"branch_count\": {\"$sum\": 1},"
    "     \"total_sales\": {\"$sum\": \"$total_sales\"},"
    "     \"sales_count\": {\"$sum\": \"$sales_count\"},"
    "     \"subtotal\": {\"$sum\": \"$subtotal\"}, \"discount\": {\"$sum\": \"$discount\"},"
    "     \"tax\": {\"$sum\": \"$tax\"}, \"items_sold\": {\"$sum\": \"$items_sold\"},"
    "     \"payments_received\": {\"$sum\": \"$payments_received\"}}}]}}]";

bool report_branches(struct req *req, const struct report_days *days, const bson_t **figures)
{
    struct pipe pipe;

    pipe_begin(&pipe, req, report_sales(req, days->from, days->to));
    pipe_text(&pipe, branch_sums);
    pipe_lookup(&pipe, "branches", "branch");
    pipe_text(&pipe, branch_names);
    return pipe_run_one(&pipe, SALES, figures);
}
