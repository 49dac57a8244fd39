/* Purchases: what was bought of whom, and once it is on the shelf, its stock and cost.
 *
 * A purchase is stored first, with a product for every line: the one that it names, one of the same
 * name (A to Z in either case), or a new one without stock. Round trips: 5 (supplier, counter,
 * purchase, audit entry, commit), 1 where lines name products by id, 1 where by name, 3 where
 * products are made (their serial numbers, products, audit entries), 1 for warranty terms.
 *
 * Applying it moves all its stock, exactly once: whoever turns "pending" into "applied" does it, in
 * the same transaction. The cost of what is there becomes the average weighted by quantity, rounded
 * once a line; where no cost was known it is the line's price. A sale price is never changed. With
 * a branch it is the branch's stock and purchase price, and the branch gets the products that it
 * does not have yet. Round trips: 9 (purchase, its lines' products, claim, products, stock, ledger,
 * cost, audit entry, commit), 1 more with a branch, 7 more where it gets products.
 */
#ifndef ERP_TRADE_PURCHASE_H
#define ERP_TRADE_PURCHASE_H

#include "http/req.h"
#include "trade/stock.h"

#define PURCHASES           "purchases"
#define PURCHASE_LINES_MAX  STOCK_LINES_MAX
#define PURCHASE_FILES_MAX  20

struct purchase_line {
    const char *product_id; /* NULL until it is found or made */
    const char *name;       /* NULL: not said */
    int64_t quantity;
    money_t price; /* of one, as it was bought */
    bool has_sale_price, has_warranty;
    money_t sale_price; /* of a product that is made; else its price is what it cost */
    int64_t warranty_months; /* 0: none */
    const char *serial;      /* NULL: none */
    bool known, created;     /* out: the product was there; it was made for the line */
};

/* What is asked for. Texts are the arena's; NULL: nothing was said. */
struct purchase_order {
    struct purchase_line *lines;
    size_t n;
    const char *supplier_id, *branch_id, *payment_status, *terms, *notes, *date;
    money_t total;
    bool include_terms;
    const char *receipt; /* name of the stored file (platform/files.h) */
};

/* Reads and checks a form or JSON body as PurchaseForm: ERR_VALIDATION with every fault. */
bool purchase_order_read(struct req *req, struct purchase_order *order);

/* Before any transaction below: indexes; nothing after the first time. */
bool purchase_prepare(struct req *req);

/* Stores a purchase inside the caller's transaction, within the user's branch. *record is
 * arena-owned. ERR_VALIDATION: a product that is not there; ERR_FORBIDDEN: another branch. */
bool purchase_make(struct req *req, struct scope *scope, const struct purchase_order *order,
                   const bson_t **record, struct err *err);

/* Adds a stored receipt to the purchase of the request's path, in the caller's transaction.
 * ERR_NOT_FOUND; ERR_CONFLICT when it has PURCHASE_FILES_MAX. */
bool purchase_receipt(struct req *req, struct scope *scope, const char *name,
                      const bson_t **record, struct err *err);

struct purchase_applied {
    bool before; /* it was applied already, and nothing was done */
    struct purchase_line *lines;
    size_t n;
};

/* Applies the purchase of the request's path, in the caller's transaction: to the branch's stock,
 * or without a branch to the products' own. ERR_NOT_FOUND; ERR_FORBIDDEN for another branch than
 * the user's; ERR_VALIDATION for one that is not there; ERR_CONFLICT for a line without a product
 * or a name. */
bool purchase_apply(struct req *req, struct scope *scope, const char *branch_id,
                    struct purchase_applied *out, struct err *err);

#endif
