/* Between the files of sales_days; not for others. */
#ifndef ERP_TRADE_SALES_DAYS_PRIV_H
#define ERP_TRADE_SALES_DAYS_PRIV_H

#include "trade/sales_days.h"

/* Records that are no day, by their `day`. */
#define DAY_UPTO    "upto"
#define DAY_UNDATED "undated"

/* A day is added up so long after its end, and a change of one of its sales opens it from that long
 * after its end on. Between the two is more than any transaction lasts (a server ends it after a
 * minute) and hosts' clocks differ: whatever opened nothing is there when the day is added up. */
#define SUMMED_AFTER_MS INT64_C(600000)
#define OPENED_AFTER_MS INT64_C(300000)

int64_t day_begin(int64_t ms);
/* The beginning of the first day that is not to be added up yet. */
int64_t days_over(void);

void append_range(bson_t *match, const char *name, int64_t from, int64_t to);
/* Alternatives for what has no time, or none that is a date. */
void append_undated(bson_t *any, int *n);

#endif
