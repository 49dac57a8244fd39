/* The only door to stock: what is on the shelf changes here, and every change leaves a row in the
 * stock ledger.
 *
 * A product's own stock is `stock` of its record; what a branch has of it is `stock_quantity` of
 * the assignment (product_branches). Both move by conditional updates inside the caller's
 * transaction, together with whatever moves them: a sale, a return, a purchase. Nobody else writes
 * these two fields, but for plain writes of products and assignments, which the engine hands to
 * stock_product_written and stock_assignment_written: they are rows of the kind "adjust".
 *
 * The ledger is append-only: no operation of the service changes or removes a row. A record from
 * before there was a ledger gets a row "opening" with what it had, in front of its first own row:
 * when it is next written or moved. FIELD_LEDGER in a record says that this has been done.
 *
 * Round trips of stock_move, whatever the number of lines: one to read (two with branches), unless
 * the caller has read them, one to update (two where both kinds of stock move), one for the ledger.
 */
#ifndef ERP_TRADE_STOCK_H
#define ERP_TRADE_STOCK_H

#include "engine/resource.h"
#include "db/scope.h"

#define STOCK_PRODUCTS    "products"
#define STOCK_ASSIGNMENTS "product_branches"
#define STOCK_LEDGER      "stock_ledger"
#define FIELD_LEDGER      "_ledger"

#define STOCK_LINES_MAX 500
#define STOCK_MAX       INT64_C(1000000000) /* of one product in one place */

enum stock_kind {
    STOCK_OPENING,
    STOCK_SALE,
    STOCK_RETURN,
    STOCK_PURCHASE,
    STOCK_TRANSFER,
    STOCK_ADJUST,
    STOCK_CANCEL,
    STOCK_JOB, /* a part of a job card */
    STOCK_KINDS
};

/* By kind, then a NULL. */
extern const char *const stock_kinds[STOCK_KINDS + 1];

/* Why stock moves: the document behind it. */
struct stock_cause {
    enum stock_kind kind;
    const char *document_id, *document_number; /* NULL: none */
};

struct stock_line {
    const char *product_id;
    const char *branch_id; /* NULL: the product's own stock */
    int64_t delta;         /* what comes in; negative: what goes out */
    const char *path;      /* the member of the request that names the product, for refusals */
    /* As stock_load, or the caller, read them in this transaction; arena-owned. NULL: there is
     * none. */
    const bson_t *product, *assignment;
    int64_t before, after; /* out: of this place, around the whole call */
};

/* Reads product and assignment of every line, in the transaction that will move them. */
bool stock_load(struct scope *scope, struct stock_line *lines, size_t n, struct err *err);

/* Moves all lines or none, in a transaction, after stock_load. Several lines of one product and
 * branch count together. ERR_VALIDATION at the path of a line whose product, or assignment to its
 * branch, is not there; ERR_STOCK ("Insufficient stock for …. Available: a, Requested: r") where
 * less is there than goes out; ERR_CONFLICT where more would be there than STOCK_MAX. */
bool stock_move(struct scope *scope, const struct stock_cause *cause, struct stock_line *lines,
                size_t n, struct err *err);

/* Refuses what stock_move would refuse, and changes nothing: for those who have other work to do
 * before it. */
bool stock_check(const struct scope *scope, struct stock_line *lines, size_t n, struct err *err);

/* What a record of either collection has; 0 where it says nothing. */
int64_t stock_of(const bson_t *record, bool assignment);

/* Hooks of the descriptors: the rows of plain writes, and the mark of what the ledger knows. */
bool stock_product_written(struct scope *scope, const struct written *records, size_t n,
                           struct err *err);
bool stock_assignment_written(struct scope *scope, const struct written *records, size_t n,
                              struct err *err);
bool stock_mark(const struct kind_env *env, const bson_t *set, const bson_t *old, bson_t *out,
                struct err *err);

#endif
