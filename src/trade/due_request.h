/* Due requests: staff ask for a sale on credit, and an administrator decides. The rules are here;
 * src/actions/due_requests.c only speaks HTTP.
 *
 * What is asked for is a cart, priced as it is asked for: the amounts must be what it comes to, by
 * the rules of trade/pricing.h, then and when it is approved. Approving makes the sale in the same
 * transaction, so of many at once one makes it. Whoever asked has made that sale, in the branch
 * that it was asked for.
 *
 * Round trips: to ask 6 (cart, counter, request, audit entry, notification, commit), one more with
 * a branch; to reject 6 (request, its change, audit entry, the end of the reminder, notification,
 * commit); to approve these and those of a sale (trade/sale.h) but its commit; to count 1.
 */
#ifndef ERP_TRADE_DUE_REQUEST_H
#define ERP_TRADE_DUE_REQUEST_H

#include "trade/sale.h"

#define DUE_REQUESTS           "due_requests"
#define DUE_REQUESTS_COUNT_MAX 10000 /* pending ones beyond it are not counted */

struct due_order {
    const bson_t *set;    /* the checked members of the body */
    const bson_t **items; /* those of its rows */
    size_t n;
};

/* Reads and checks a body of the form DueRequestCreate: ERR_VALIDATION. */
bool due_request_read(struct req *req, struct due_order *order);

/* Before the transaction of any function below: indexes; nothing after the first time. */
bool due_request_prepare(struct req *req);

/* Asks, on behalf of the request's user, in the caller's transaction. *record is arena-owned.
 * ERR_VALIDATION: what sale_quote refuses, no such branch, or amounts that the cart does not come
 * to; ERR_FORBIDDEN for another branch than the user's. */
bool due_request_make(struct req *req, struct scope *scope, const struct due_order *order,
                      const bson_t **record, struct err *err);

/* How many wait to be decided; none for those who do not decide. */
bool due_request_count(struct req *req, int64_t *n);

/* Approves the request of the path, in the caller's transaction, with `over_limit` also beyond the
 * customer's credit limit. *sale is arena-owned.
 * ERR_NOT_FOUND; ERR_STATE for one that is decided; ERR_CONFLICT when the cart comes to another
 * total by now; and what sale_make refuses, ERR_STOCK before all else that is written. */
bool due_request_approve(struct req *req, struct scope *scope, bool over_limit,
                         const bson_t **sale, struct err *err);

/* Rejects it. `reason` may be NULL. ERR_NOT_FOUND; ERR_STATE. */
bool due_request_reject(struct req *req, struct scope *scope, const char *reason,
                        struct err *err);

#endif
