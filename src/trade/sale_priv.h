/* Between the files of sales and purchases; not for others. */
#ifndef ERP_TRADE_SALE_PRIV_H
#define ERP_TRADE_SALE_PRIV_H

#include "engine/validate.h"
#include "trade/sale.h"
#include "trade/till.h"

/* One attempt to make a sale, in its transaction. Documents are the arena's. */
struct sale_work {
    struct req *req;
    struct scope *scope;
    const struct sale_order *order;
    struct notices *list;
    struct err *err;
    int decimals;
    const char *id;        /* of the sale */
    const char *branch_id; /* NULL: the products' own stock */
    /* read */
    struct stock_line *lines; /* one an item, in their order */
    const bson_t *settings;   /* NULL: none yet */
    const bson_t *customer;   /* as it was found; NULL: none */
    struct till till;
    /* worked out */
    struct price_line *prices; /* one an item */
    money_t *list_prices;
    struct ticket ticket;
    money_t paid, balance;
    money_t handed; /* what of `paid` is paid by the order's methods, */
    money_t back;   /* and what is given back: paid = handed + exchanged - back */
    money_t credit; /* what of `paid` is no money */
    const char *customer_id, *customer_name;
    bool over_limit; /* the customer owes more than the limit by it */
    const char *terms;
    bool with_terms;
    int64_t warranties; /* how many records it brings: one a unit */
};

/* Products, assignments, settings and customer, in one round trip (sale_read.c). */
bool sale_read(struct sale_work *w);

/* Prices, discounts, tax, what is paid (sale_price.c). */
bool sale_price(struct sale_work *w);

/* The customer's record, with what was bought and is owed now (sale_customer.c). Sets customer_id
 * and customer_name. */
bool sale_customer(struct sale_work *w);
/* ERR_VALIDATION for an id that is nobody's. */
bool sale_customer_known(struct sale_work *w);

/* Counts the units with a warranty, and refuses too many; later stores a record for each
 * (warranty_make.c). */
bool sale_check_warranties(struct sale_work *w);
bool sale_store_warranties(struct sale_work *w, const bson_t *sale);

/* One attempt to change a sale (sale_pay.c). */
struct sale_change {
    struct req *req;
    struct scope *scope;
    struct notices *list;
    struct err *err;
    int decimals;
    const char *id;      /* of the sale */
    const char *path;    /* the member of the body that names it; NULL: the request's path does */
    const bson_t *sale;  /* as it was */
    const bson_t *after; /* as it is */
    struct till till;    /* read with it */
};

/* Of the sale `id`, which may be given later; `list` NULL: nobody is told. */
struct sale_change sale_change_of(struct req *req, struct scope *scope, const char *id,
                                  struct notices *list, struct err *err);
/* Reads it, within the branch: ERR_NOT_FOUND, or ERR_VALIDATION at `path`; ERR_STALE when the
 * request's path names it, and If-Match another version of it. */
bool sale_change_read(struct sale_change *c);
bool sale_change_cancelled(const struct sale_change *c);
/* Changes the sale that was read, and no other. */
bool sale_change_store(struct sale_change *c, const bson_t *set);
bool sale_change_audit(struct sale_change *c, const char *action);
/* What a payment, or a refund (negative), changes of SALE_CREDIT. */
void sale_change_credit(const struct sale_change *c, const struct tender *tender, bson_t *set);
/* After it: what is still due of it. With nothing due it is `closed` ("settled", "cancelled") and
 * stays as history, and nobody is reminded any more. */
bool sale_change_due(struct sale_change *c, money_t paid, money_t due, const char *closed);
/* Adds to what the sale's customer, if it has one, bought and owes; either may be negative
 * (sale_customer.c). */
bool sale_change_customer(struct sale_change *c, money_t bought, money_t owed);
/* The same of a customer; *after is the record then, NULL when there is none. */
bool sale_customer_add(struct scope *scope, const char *customer_id, money_t bought, money_t owed,
                       int decimals, const bson_t **after, struct err *err);

/* The branch whose stock a stored sale moves; NULL: the products' own. */
const char *sale_branch(const bson_t *sale);

/* Validates a row of a body by a form; its faults get `path` in front (sale_order.c). */
bool sale_check_row(struct req *req, const char *form, json_t *row, const char *path,
                    struct validated *in);

/* An item from the checked members of a row, or from what was stored of one. */
bool sale_item_read(struct req *req, const bson_t *set, const char *path, struct sale_item *item,
                    struct err *err);
/* Forms of browsers send "" for what was left empty: as if it were not there. */
void sale_drop_empty(json_t *body);

/* Documents (sale_doc.c). */
/* "12.50", arena-owned. */
const char *money_text(struct arena *arena, money_t amount, int decimals);
/* The same for people, in the business's currency: "৳12.50", "USD 12.50". */
const char *money_said(const struct req *req, money_t amount);
const char *money_told(struct arena *arena, const struct tenant *tenant, money_t amount);
/* payment_status of a sale. */
const char *payment_status(money_t paid, money_t balance);
/* amount_paid, balance_due and payment_status. */
void append_paid(bson_t *set, money_t paid, money_t balance, int decimals);
/* What a due has then; with nothing due, `closed` is its status. */
void append_due(bson_t *set, money_t total, money_t paid, money_t due, const char *closed,
                int decimals);
/* The sale with its numbers taken from their series; NULL on failure. */
const bson_t *sale_document(struct sale_work *w);
/* `shift_id`, NULL without one, has been taken (till_take) by the caller. */
const bson_t *payment_document(struct req *req, const bson_t *sale, const struct tender *tender,
                               const char *reference, const char *shift_id, const char **id);
const bson_t *due_document(const struct sale_work *w, const bson_t *sale);

#endif
