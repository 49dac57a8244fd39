/* Exchange: goods of a sale come back, and others are taken for them, in one transaction.
 *
 * It approves a return that was asked for (trade/returns.h) and makes a sale (trade/sale.h) to the
 * same customer, of the same branch. What of the refund would go back in money goes over to the new
 * sale instead: a negative payment of the old sale and one of the new, both PAY_EXCHANGE, which is
 * no money. Of the difference, the rest is paid, or is due; or what is too much is given back, as
 * a negative payment of the new sale. So payments add up to what both sales say is paid.
 *
 * Round trips: those of an approval and of a sale, less one commit.
 */
#ifndef ERP_TRADE_EXCHANGE_H
#define ERP_TRADE_EXCHANGE_H

#include "trade/returns.h"

struct exchange {
    bool restock; /* what comes back goes to the stock, where the new sale may take it */
    /* Without branch and customer, which the old sale has. What is paid is paid beside the goods;
     * refund NULL: as the old sale was paid, or in cash. */
    struct sale_order order;
};

struct exchange_done {
    struct return_done back;
    const bson_t *sale; /* the new one, arena-owned */
    money_t given_back;
};

/* Reads and checks a body of the form ReturnExchange: ERR_VALIDATION. */
bool exchange_read(struct req *req, struct exchange *exchange);

/* Does it, for the return of the request's path, or nothing: whatever return_approve and sale_make
 * refuse. Before it: return_prepare. */
bool exchange_make(struct req *req, struct scope *scope, const struct exchange *exchange,
                   struct notices *list, struct exchange_done *done, struct err *err);

#endif
