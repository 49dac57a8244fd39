/* What a customer owes over all sales: paid at once, told entry by entry, and limited. The rules
 * are here; src/actions/customers.c only speaks HTTP.
 *
 * A customer's due_amount is the sum of what is due of the sales that were made for them, kept by
 * every operation on such a sale (trade/sale.h, trade/returns.h) and by the payments here. A user
 * bound to a branch deals with the dues, and sees the entries, of that branch alone.
 *
 * Round trips of a payment, whatever the number of dues: 11 (customer, dues, sales, their change,
 * the sales afterwards, payments, dues, customer, notification, audit entries, commit), and one
 * where a sale is paid in full (the end of its reminders), 2 or 3 where sales are of earlier days
 * (trade/sales_days.h), one in a shift at the till.
 */
#ifndef ERP_TRADE_CUSTOMER_H
#define ERP_TRADE_CUSTOMER_H

#include "trade/sale.h"

#define CUSTOMERS         "customers"
#define CUSTOMER_DUES_MAX 100 /* dues that one payment goes to */

/* Sets how much may be due of the customer of the request's path in all (0: no limit), and replies
 * with the record. What is due already stays, however much it is. ERR_NOT_FOUND; ERR_STALE. Round
 * trips: 4 (customer, its change, audit entry, commit). */
bool customer_set_limit(struct req *req, money_t limit);

/* What of a payment went to one sale. */
struct customer_part {
    const char *payment_id, *sale_id, *sale_number, *payment_status;
    money_t amount, balance; /* balance: what is still due of the sale */
};

struct customer_paid {
    struct customer_part *parts; /* in the order of the dues */
    size_t n;
    money_t due_amount; /* what the customer still owes, in every branch */
};

/* Before a payment: indexes; nothing after the first time. */
bool customer_prepare(struct req *req);

/* Takes a payment of the customer of the request's path, in the caller's transaction: it goes to
 * the oldest due first, one row of payments a sale. ERR_NOT_FOUND; ERR_STATE when nothing is due;
 * ERR_VALIDATION for more than is due, or than the CUSTOMER_DUES_MAX oldest dues come to;
 * ERR_CONFLICT for a due that its sale does not agree with. */
bool customer_pay(struct req *req, struct scope *scope, const struct tender *tender,
                  const char *reference, struct notices *list, struct customer_paid *out,
                  struct err *err);

/* Entries of the account of the customer of the request's path, the oldest first, from the one
 * number `skip` on, at most `max`: documents as in the form LedgerEntry, arena-owned. The balance
 * of the last one is what is owed: the customer's due_amount, or what is due in the user's branch.
 * ERR_NOT_FOUND. All entries are added up for each page: two round trips. */
bool customer_ledger(struct req *req, int64_t skip, const bson_t **rows, size_t max, size_t *n);

#endif
