/* What the sales of past days come to, added up once and kept: reports add these sums up, and read
 * the sales themselves only of the days that have none.
 *
 * A day is one of UTC, whatever the business's time zone: a report's days are whole ones of these
 * and a rest at either end, so a change of the zone makes nothing wrong. A day's record is made by
 * the first report after its end, and has its sums by branch. The record "upto" says until when all
 * days have been added up; a day before it without a record had no sales.
 *
 * Exact, also under concurrency: who changes a sale of a day that may be added up by now opens the
 * day's record in the same transaction (sales_days_touch), and who adds a day up reads its sales
 * and writes its record in one, so of two that do both at once one begins again. An open day is
 * read from its sales until somebody adds it up anew. A sale that is made is of the day that is not
 * over, so the till writes nothing here, and there is no record for it to wait for.
 *
 * What others write into a tenant's sales directly, with a time that is past, is not seen here:
 * sales_days_forget. Legacy tenants, whose database others write too, have no sums: everything is
 * read there.
 */
#ifndef ERP_TRADE_SALES_DAYS_H
#define ERP_TRADE_SALES_DAYS_H

#include "db/scope.h"

struct index_cache;

#define SALES_DAYS          "sales_days"
#define SALES_DAYS_OPEN_MAX 400 /* open days looked at; from the next one on, sales are read */

#define DAY_MS    INT64_C(86400000)
#define TIME_OPEN INT64_MIN

/* Before a transaction that calls any function below. */
bool sales_days_prepare(struct index_cache *indexes, struct scope *scope, struct err *err);

/* In the transaction that changes `sale`, as it was read: opens the record of its day. One round
 * trip for a sale of an earlier day, none for one of today. */
bool sales_days_touch(struct scope *scope, const bson_t *sale, struct err *err);

/* The same for many sales: three round trips at most, whatever the number of their days. */
bool sales_days_touch_all(struct scope *scope, const bson_t **sales, size_t n, struct err *err);

/* Which days have sums, at one moment. */
struct sales_cover {
    bool summed;                       /* false: none has, and the rest says nothing */
    int64_t upto;                      /* milliseconds since 1970 */
    bool undated;                      /* the sales without a time are added up too */
    size_t n_open;
    int64_t open[SALES_DAYS_OPEN_MAX]; /* beginnings of days before `upto`, in order */
};

/* Reads them: one round trip. */
bool sales_days_look(struct scope *scope, struct sales_cover *cover, struct err *err);
/* Is there anything to add up now? */
bool sales_days_due(const struct sales_cover *cover);

/* Adds up what is due, some days a transaction, beginning none after `budget_ms`. Round trips of
 * each: 7 (what is due, how far, sums, the old records, the new ones, audit entry, commit), and 1
 * when days have been over that were not looked at yet. `actor` and `request_id` are the audit
 * entry's. False also when others do the same: what is not added up can be read. */
bool sales_days_sum(struct scope *scope, int decimals, const char *actor, const char *request_id,
                    int64_t budget_ms, struct err *err);

/* Forgets all sums, in one transaction: 3 round trips. */
bool sales_days_forget(struct scope *scope, const char *actor, struct err *err);
/* How many days have sums. */
bool sales_days_count(struct scope *scope, int64_t *days, struct err *err);

/* Appends to an empty `match` which sales count, in the scope's branch: neither cancelled ones nor
 * drafts. A record without a status is a completed one of an earlier system. */
void sales_counted(const struct scope *scope, bson_t *match);

/* Appends `unit`, how many minor units one has, for trade/sales_figures.h. */
void sales_unit(int decimals, bson_t *let);

/* Matches for the sums and for the sales that [from, to) is made of, each once; TIME_OPEN: no
 * bound, and with neither also sales that have no time. The sales are the scope's branch's, sums
 * have all of them. NULL: none. */
bson_t *sales_days_rows(const struct scope *scope, const struct sales_cover *cover, int64_t from,
                        int64_t to);
bson_t *sales_days_rest(const struct scope *scope, const struct sales_cover *cover, int64_t from,
                        int64_t to);

#endif
