/* The figures themselves: what is added up, of what, in the words of the database. */
#include "base.h"
#include "trade/report_priv.h"
#include "db/own.h"
#include "trade/sales_figures.h"
#include "trade/stock.h"

/* ---- the dashboard ---- */

#define ALONE(sums) "[{\"$group\": {\"_id\": null, " sums "}}]"

static const struct sums all_sums = {
    ALONE(SUM_AS("total_sales", "total") ", " SUM_OF("total_orders", "1")),
    ALONE(SUM_AS("total_sales", "total") ", " SUM_AS("total_orders", "orders")),
};
static const struct sums month_sums = {ALONE(SUM_AS("monthly_sales", "total")),
                                       ALONE(SUM_AS("monthly_sales", "total"))};
static const struct sums today_sums = {ALONE(SUM_AS("today_sales", "total")),
                                       ALONE(SUM_AS("today_sales", "total"))};

static const char product_stages[] =
    "[{\"$group\": {\"_id\": null, \"total_products\": {\"$sum\": 1},"
    "   \"low_stock_items\": {\"$sum\": {\"$cond\": [{\"$lt\": [\"$stock\", 5]}, 1, 0]}}}}]";

static const char stats_together[] = ALONE(
    SUM_AS("total_sales", "total_sales") ", " SUM_AS("total_orders", "total_orders") ", "
    SUM_AS("total_products", "total_products") ", " SUM_AS("low_stock_items", "low_stock_items")
    ", " SUM_AS("today_sales", "today_sales") ", " SUM_AS("monthly_sales", "monthly_sales"));

/* Sales of the branch, products of the whole business. */
static void build_stats(struct pipe *pipe, const struct report_days *days)
{
    pipe_sales(pipe, REPORT_OPEN, REPORT_OPEN, &all_sums);
    pipe_sales(pipe, days->month, REPORT_OPEN, &month_sums);
    pipe_sales(pipe, days->today, REPORT_OPEN, &today_sums);
    pipe_union(pipe, STOCK_PRODUCTS, match_tenant(pipe->req), product_stages);
    pipe_text(pipe, stats_together);
}

bool report_stats(struct req *req, const struct report_days *days, const bson_t **figures)
{
    return report_run(req, build_stats, days, figures);
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

static const struct sums revenue_sums = {
    ALONE(SUM_AS("revenue", "total") ", " SUM_OF("taxes", TAXES_OF_SALE) ", "
          SUM_OF("cost_of_goods", COST_OF_SALE) ", "
          SUM_OF("items_without_cost", WITHOUT_COST_OF_SALE)),
    ALONE(SUM_AS("revenue", "total") ", " SUM_AS("taxes", "taxes") ", "
          SUM_AS("cost_of_goods", "cost_of_goods") ", "
          SUM_AS("items_without_cost", "items_without_cost")),
};

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

static void build_profit(struct pipe *pipe, const struct report_days *days)
{
    sales_unit(pipe->req->tenant->decimals, pipe->let);
    pipe_sales(pipe, days->from, days->to, &revenue_sums);
    pipe_union(pipe, "expenses", match_expenses(pipe->req, days), expense_stages);
    /* Purchases have the same states as sales. */
    pipe_union(pipe, "purchases", report_sales(pipe->req, days->from, days->to), purchase_stages);
    pipe_text(pipe, profit_stages);
}

bool report_profit(struct req *req, const struct report_days *days, const bson_t **figures)
{
    return report_run(req, build_profit, days, figures);
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
#define FIRST "[{\"$limit\": 1}]"

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
    pipe_lookup(&pipe, &(struct pipe_link){STOCK_PRODUCTS, "_id", "id", "product"}, FIRST);
    pipe_text(&pipe, product_names);
    return pipe_run(&pipe, SALES, found, (size_t)limit, n);
}

/* ---- branches ---- */

#define BY_BRANCH(sums)                                                                            \
    "[{\"$group\": {\"_id\": {\"$ifNull\": [\"$branch_id\", \"unassigned\"]}, " sums "}}]"

static const struct sums branch_sums = {
    BY_BRANCH(SUM_AS("total_sales", "total") ", " SUM_OF("sales_count", "1") ", "
              SUM_AS("subtotal", "subtotal") ", " SUM_AS("discount", "discount") ", "
              SUM_AS("tax", "tax") ", " SUM_OF("items_sold", ITEMS_OF_SALE) ", "
              SUM_OF("payments_received", MONEY_OF_SALE)),
    BY_BRANCH(SUM_AS("total_sales", "total") ", " SUM_AS("sales_count", "orders") ", "
              SUM_AS("subtotal", "subtotal") ", " SUM_AS("discount", "discount") ", "
              SUM_AS("tax", "tax") ", " SUM_AS("items_sold", "items_sold") ", "
              SUM_AS("payments_received", "payments_received")),
};

#define SAME_SUMS                                                                                  \
    SUM_AS("total_sales", "total_sales") ", " SUM_AS("sales_count", "sales_count") ", "            \
    SUM_AS("subtotal", "subtotal") ", " SUM_AS("discount", "discount") ", " SUM_AS("tax", "tax")   \
    ", " SUM_AS("items_sold", "items_sold") ", " SUM_AS("payments_received", "payments_received")

static const char branches_together[] = "[{\"$group\": {\"_id\": \"$_id\", " SAME_SUMS "}}]";

static const char branch_names[] =
    "[{\"$set\": {\"branch_id\": \"$_id\", \"branch_name\": {\"$first\": \"$branch.name\"}}},"
    " {\"$unset\": \"branch\"},"
    " {\"$facet\": {\"branches\": [{\"$sort\": {\"total_sales\": -1, \"_id\": 1}},"
    "     {\"$limit\": 10000}],"
    "   \"overall\": [{\"$group\": {\"_id\": null, " SUM_OF("branch_count", "1") ", " SAME_SUMS
    "}}]}}]";

static void build_branches(struct pipe *pipe, const struct report_days *days)
{
    pipe_sales(pipe, days->from, days->to, &branch_sums);
    pipe_text(pipe, branches_together);
    pipe_lookup(pipe, &(struct pipe_link){"branches", "_id", "id", "branch"}, FIRST);
    pipe_text(pipe, branch_names);
}

bool report_branches(struct req *req, const struct report_days *days, const bson_t **figures)
{
    return report_run(req, build_branches, days, figures);
}
