/* Figures of a business, added up by its database: dashboards and reports.
 *
 * One place says which sales count (sales_counted): neither cancelled ones nor drafts, and for a
 * user bound to a branch only its own. What came back is off: totals of sales and their paid
 * amounts are without it already, quantities of lines are taken less SALE_RETURNED. Of a line's tax
 * its part is off, tax × returned ÷ quantity, rounded half away from zero at the currency's
 * decimals; its cost is off unless the goods did not go back to the stock. Payments are those in
 * money, not by store credit. Days and months are those of the business's time zone (trade/zone.h).
 *
 * Sums of whole past days are kept (trade/sales_days.h): those that are missing are added up by the
 * report that needs them, for REPORT_SUM_MS at most; of what is missing still the sales are read.
 *
 * Round trips: the chart and the products 2 (the days, the figures); others 3 (the days; at one
 * moment which sums there are, and the figures), and those of sales_days_sum; alerts:
 * trade/inbox.h.
 */
#ifndef ERP_TRADE_REPORT_H
#define ERP_TRADE_REPORT_H

#include "http/req.h"
#include "trade/sales_days.h"

#define REPORT_WEEK     7
#define REPORT_ROWS_MAX 10000 /* branches of one report */

#define REPORT_OPEN     TIME_OPEN
#define REPORT_SUM_MS   1000

/* Moments in milliseconds since 1970. */
struct report_days {
    int64_t today, month;              /* when they began */
    int64_t begins[REPORT_WEEK + 1];   /* each of the last days, today the last but one */
    const char *dates[REPORT_WEEK + 1]; /* their names, YYYY-MM-DD */
    const char *start_date, *end_date; /* as they were asked for; NULL: open */
    int64_t from, to;                  /* their bounds, the second outside; REPORT_OPEN: open */
    const char *past;                  /* name of the day after end_date; NULL: open */
};

/* Works them out, with ?start_date= and ?end_date= where the route has them: ERR_VALIDATION for
 * what is no day, and for an end before the start. One round trip. */
bool report_days(struct req *req, struct report_days *days);

/* The $match of sales that count, begun in [from, to); REPORT_OPEN: no bound. Arena-owned. */
bson_t *report_sales(const struct req *req, int64_t from, int64_t to);

/* Documents of the following are arena-owned, members as in the forms of
 * engine/form_report.c. NULL, or less rows, where there is nothing. */
bool report_stats(struct req *req, const struct report_days *days, const bson_t **figures);
/* sales[i] is a document with `sales`, of days->dates[i]; NULL: none that day. */
bool report_chart(struct req *req, const struct report_days *days,
                  const bson_t *sales[static REPORT_WEEK]);
bool report_profit(struct req *req, const struct report_days *days, const bson_t **figures);
/* `found` has room for `limit`. */
bool report_top_products(struct req *req, const struct report_days *days, int64_t limit,
                         const bson_t **found, size_t *n);
/* One document: `branches`, an array, and `overall`, an array of at most one. */
bool report_branches(struct req *req, const struct report_days *days, const bson_t **figures);

#endif
