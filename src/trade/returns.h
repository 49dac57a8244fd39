/* Returns: goods of a sale that come back, asked for at the till and decided by a manager. The
 * rules are here; src/actions/returns.c only speaks HTTP.
 *
 * Each function is one transaction with its audit entries. The sale's item counts what came back
 * and what is asked for (trade/sale.h), and every step changes the sale, on the condition that it
 * is as it was read: however many ask and decide at once, never more comes back than was sold, and
 * never more money than the line came to.
 *
 * Round trips: to ask 7 (sale, its change, counter, return, two audit entries, commit); to approve
 * or reject 7 (return, sale, the change of both, two audit entries, commit). Approving, one more
 * each for: money that goes back (payment), a customer, something due, the end of its reminders;
 * two for store credit; and for stock those of trade/stock.h. Notifications one more, and a sale of
 * a day that is over (trade/sales_days.h).
 */
#ifndef ERP_TRADE_RETURNS_H
#define ERP_TRADE_RETURNS_H

#include "trade/sale.h"

#define RETURNS        "returns"
#define RETURN_NO_LINE (-1)

/* What is asked for. Texts are the arena's. */
struct return_order {
    const char *sale_id, *product_id, *reason;
    int64_t line; /* of the sale's items, from 0; RETURN_NO_LINE: the first that has enough left */
    int64_t quantity;
    money_t refund;
};

/* Reads and checks a body of the form ReturnRequestCreate: ERR_VALIDATION. */
bool return_order_read(struct req *req, struct return_order *order);

/* Before the transaction of any function below: indexes; nothing after the first time. */
bool return_prepare(struct req *req);

/* Asks, on behalf of the request's user. *made is arena-owned. ERR_VALIDATION: no such sale in the
 * user's branch, no such line, more than is left of it, or more money than the share of the line's
 * total that the quantity has: what k of n come to is total × k ÷ n, rounded, so that the shares of
 * all of them are the total. ERR_STATE for a sale that is cancelled or a draft. */
bool return_make(struct req *req, struct scope *scope, const struct return_order *order,
                 struct notices *list, const bson_t **made, struct err *err);

struct return_how {
    bool restock;       /* the stock goes back to where it was sold from */
    const char *method; /* of pay_methods: how money goes back; NULL: as it was paid, or cash.
                           PAY_CREDIT: it stays, to the customer's credit; PAY_EXCHANGE: it
                           goes over to another sale, which is the caller's work */
};

struct return_done {
    const char *payment_id; /* NULL: no money goes back */
    money_t refund;         /* off the total */
    money_t paid_back;      /* of it, in money; the rest is not due any more */
    money_t balance;        /* what is still due of the sale */
    const char *payment_status;
    bool restocked;
    const bson_t *sale; /* as it is then, arena-owned */
};

/* Approves the return of the request's path. The refund comes off the sale's total; what was paid
 * goes back first, as a negative payment. Stock of a product, or of an assignment, that is not
 * there any more does not come back. ERR_NOT_FOUND; ERR_STATE for one that is decided, or whose
 * sale is cancelled; ERR_VALIDATION for a request of an earlier system that asks for too much, and
 * for store credit of a sale without a customer. */
bool return_approve(struct req *req, struct scope *scope, const struct return_how *how,
                    struct notices *list, struct return_done *out, struct err *err);

/* Rejects it: the sale stays as it is. `reason` may be NULL. ERR_NOT_FOUND; ERR_STATE. */
bool return_reject(struct req *req, struct scope *scope, const char *reason, struct notices *list,
                   struct err *err);

#endif
