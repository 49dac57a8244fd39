/* Sales: made, paid, cancelled. The rules are here; src/actions/sales.c only speaks HTTP.
 *
 * A sale is one transaction of everything that belongs to it, or nothing: price check, stock with
 * its ledger, customer, numbers, the sale, payments, what is due, notifications and the audit
 * entry. Round trips of the least one (one payment, nothing due, no customer): read, counter,
 * stock, ledger, sale, payment, audit entry, commit: 8. One more each for: a customer, something
 * due, notifications (two with one of low stock), who is told of an activity,
 * an open shift at the till (trade/till.h); two for store credit,
 * and for an Idempotency-Key. A payment 7 (sale, its change, payment, due, audit entry,
 * notification, commit), cancelling 8 (sale, its change, products, stock, ledger, audit entry,
 * notification, commit), and one more each for: a customer, the end of its reminders, and when a
 * sale is cancelled something due and its warranties. Counted by t/0670-crash-steps.t.
 */
#ifndef ERP_TRADE_SALE_H
#define ERP_TRADE_SALE_H

#include "http/req.h"
#include "engine/validate.h"
#include "trade/notify.h"
#include "trade/pricing.h"
#include "trade/stock.h"

#define SALES         "sales"
#define SALE_PAYMENTS "payments"
#define SALE_DUES     "customer_dues"
#define SALE_TENDERS  10 /* payments of one sale at the till */

/* As payment_method says, cash first, then a NULL. All are money but PAY_CREDIT
 * (trade/credit.h). */
extern const char *const pay_methods[];
#define PAY_CREDIT   "store_credit"
#define PAY_EXCHANGE "exchange" /* of no request: goods for goods, no money (trade/exchange.h) */
/* The name in lower case of the table; NULL when there is no such method. Case does not count. */
const char *pay_method(const char *text);
bool pay_is_money(const char *method);
/* The same; NULL, with ERR_VALIDATION at `path`, when `text` is NULL or none of them that is money.
 * For those who have the means to move store credit: any of them. */
const char *pay_method_read(const char *text, const char *path, struct err *err);
const char *pay_method_read_any(const char *text, const char *path, struct err *err);

struct sale_item {
    const char *product_id;
    int64_t quantity;
    money_t price;
    struct price_off off;
    bool has_cost;
    money_t unit_cost;
    const char *serial_number, *custom_description; /* NULL: none */
};

struct tender {
    const char *method; /* of pay_methods */
    money_t amount;
};

/* What is asked for. Texts are the arena's; NULL: nothing was said. */
struct sale_order {
    struct sale_item *items;
    size_t n;
    const char *branch_id;
    const char *customer_id, *customer_name, *customer_phone, *customer_address;
    struct price_off off;
    bool tax_given;
    money_t tax;
    bool paid_given;      /* else all is paid */
    money_t paid;
    const char *method;   /* of pay_methods */
    struct tender tenders[SALE_TENDERS];
    size_t n_tenders;     /* 0: all that is paid by `method` */
    const char *reference, *warranty_terms;
    bool include_warranty_terms;
    /* In exchange for goods of another sale (trade/exchange.h); what is paid comes beside it. */
    const char *exchange_of; /* id of the return; NULL: of none */
    money_t exchanged;       /* what these were worth */
    const char *refund;      /* of pay_methods: how what is too much of it goes back */
    const char *created_by; /* email; NULL: the request's user's */
    bool over_limit;        /* beyond the customer's credit limit, by SALE_CREDIT_ROLES */
    bool any_price;         /* somebody who may decides on the prices (SALE_PRICE_ROLES) */
};

/* Reads and checks a body of the form SaleCreate: ERR_VALIDATION with every fault and its path.
 * What was ignored goes into the reply's header. */
bool sale_order_read(struct req *req, struct sale_order *order);

/* The same of another form with these members; `in` gets the checked ones. */
bool sale_order_read_as(struct req *req, const char *form, struct sale_order *order,
                        struct validated *in);

/* Before the transaction of any function below: indexes; nothing after the first time. */
bool sale_prepare(struct req *req);

/* Makes the sale inside the caller's transaction, on behalf of the request's user and within its
 * branch. `list` begins with what the caller wants told. *sale is arena-owned.
 * ERR_VALIDATION: no such product, branch or customer, a price that is not the product's (unless
 * the role may: SALE_PRICE_ROLES), a discount over what it is taken from, more paid than the total.
 * More store credit than the customer has, or without one. ERR_STOCK; ERR_FORBIDDEN for another
 * branch than the user's; ERR_CREDIT when the customer would owe more than the limit allows. */
bool sale_make(struct req *req, struct scope *scope, const struct sale_order *order,
               struct notices *list, const bson_t **sale, struct err *err);

/* What sale_make would refuse but for stock, and the total that it would come to: for what is to be
 * decided later. One round trip. `products` gets the product of each item, arena-owned. */
bool sale_quote(struct req *req, struct scope *scope, const struct sale_order *order,
                const bson_t **products, money_t *total, struct err *err);

/* Serial numbers and descriptions for items that were sold before: the order's items have nothing
 * else. Written on every item of the product. ERR_VALIDATION for a product that was not sold. */
bool sale_notes_read(struct req *req, struct sale_order *order);
bool sale_describe(struct req *req, struct scope *scope, const struct sale_order *order,
                   const bson_t **sale, struct err *err);

struct sale_paid {
    const char *payment_id, *payment_status;
    money_t balance; /* what is still due */
};

/* Takes a payment for the sale of the request's path, in the caller's transaction. What is due of
 * it is kept when it is settled, with nothing due. ERR_NOT_FOUND; ERR_STATE for a sale that is
 * cancelled or paid; ERR_VALIDATION for more than is due. */
bool sale_pay(struct req *req, struct scope *scope, const struct tender *tender,
              const char *reference, struct notices *list, struct sale_paid *out,
              struct err *err);

/* Cancels the sale of the request's path, in the caller's transaction: stock goes back where it
 * came from, nothing is due any more, and the customer has not bought it. *restored counts the
 * items whose stock went back. `reason` may be NULL. ERR_NOT_FOUND; ERR_STATE for one that is
 * cancelled, or has payments, also those that went back as store credit or in exchange: that is
 * spent elsewhere. */
bool sale_cancel(struct req *req, struct scope *scope, const char *reason, struct notices *list,
                 size_t *restored, struct err *err);

/* Member of a sale: what of its amount_paid is no money; absent: all of it is money. */
#define SALE_CREDIT "credit_paid"

/* Members of a sale's item, kept by returns: how many of it came back, for how much, and how many
 * of these did not go back to the stock; and what is asked for, but not decided. */
#define SALE_RETURNED       "returned_quantity"
#define SALE_DISCARDED      "discarded_quantity"
#define SALE_REFUNDED       "refunded_amount"
#define SALE_RETURN_PENDING "return_pending"
#define SALE_REFUND_PENDING "refund_pending"

/* Who may sell at another price than the product's; it is noted on the line. */
#define SALE_PRICE_ROLES ROLES_MANAGER
/* Who may sell beyond a customer's credit limit, asking for it; it is noted on the sale. */
#define SALE_CREDIT_ROLES ROLES_MANAGER

#endif
