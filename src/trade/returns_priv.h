/* Between the files of returns; not for others. */
#ifndef ERP_TRADE_RETURNS_PRIV_H
#define ERP_TRADE_RETURNS_PRIV_H

#include "trade/returns.h"
#include "trade/sale_priv.h"

/* One attempt to ask for, or decide, a return, in its transaction. */
struct return_work {
    struct sale_change c; /* of the sale */
    struct return_order order;
    const bson_t *row;   /* as it was; NULL: it is new */
    const bson_t *after; /* as it is */
};

struct return_work return_work_of(struct req *req, struct scope *scope, struct notices *list,
                                  struct err *err);

/* What the order's line of the sale counts. */
struct return_line {
    int64_t sold, returned, discarded, pending;
    money_t total, refunded, refund_pending;
};

struct return_line return_line_of(const struct return_work *w);
/* The same, and what was asked for is not pending any more. */
struct return_line return_line_decided(const struct return_work *w);

/* Finds the line, and refuses what is more than it has left. */
bool return_check(struct return_work *w);

/* Writes the counters of the line into a change of the sale. */
void return_line_set(const struct return_work *w, const struct return_line *line, bson_t *set);

/* Reads the return of the request's path, and its sale: ERR_NOT_FOUND; ERR_STATE when it is
 * decided; ERR_STALE when If-Match names another version of the return. */
bool return_read(struct return_work *w);

/* Is it counted as pending in its sale? Those of earlier systems are not. */
bool return_counted(const struct return_work *w);

/* How money of a sale goes back where nobody says how (`wanted` NULL): as it was paid, where that
 * was one way, or in cash. */
const char *return_method(const bson_t *sale, const char *wanted);

/* Changes the return that was read, and no other; adds the audit entries of both. */
bool return_store(struct return_work *w, const bson_t *set, const char *action);

#endif
