/* Between the files of the till; not for others. */
#ifndef ERP_TRADE_TILL_PRIV_H
#define ERP_TRADE_TILL_PRIV_H

#include "trade/till.h"

/* The member of a closed shift that is its Z report; no list shows it. */
#define TILL_Z "z"

/* Tenant, branch, whose it is, and the id of the request's path. */
bson_t *till_filter(const struct req *req, const struct scope *scope);

/* ERR_NOT_FOUND without a shift, ERR_STATE for one that is closed. */
bool till_is_open(const bson_t *shift, struct err *err);

/* Sets what `set` says on the open shift that was read, and adds `push` to its movements (NULL:
 * nothing); begins again when another one changed it meanwhile. */
bool till_store(const struct req *req, struct scope *scope, const bson_t *set, const bson_t *push,
                const bson_t **after, struct err *err);

/* Reads the shift with its sums, and works out its report; both are arena-owned. *shift NULL: there
 * is none. One round trip. */
struct till_sums {
    money_t opening, received, refunded, cash_received, cash_refunded;
    money_t pay_ins, pay_outs, drops, expected;
};
bool till_figures(const struct req *req, struct scope *scope, const bson_t **shift,
                  const bson_t **figures, struct till_sums *sums, struct err *err);

#endif
