/* Goods that go from one branch to another: at once, or step by step.
 *
 * At once: both assignments move, or neither. Step by step: it is requested, which moves nothing;
 * in_transit, when the goods have left their branch; and received, when they are on the other's
 * shelves, maybe fewer of them, or returned to where they came from. A request may be cancelled.
 * The states are the descriptor's (src/resources/stock_transfer.c); who of a branch may take which
 * step, and what stock moves with it, are transfer_step's. Each movement has its row of the ledger,
 * so ledger and stock agree at every step.
 *
 * Each is one transaction with its audit entry. Round trips: at once 8 (products, assignments,
 * counter, record, stock, ledger, audit entry, commit); a request 6 of them, without stock and
 * ledger; a step with stock 8 (record, products, assignments, stock, ledger, record, audit entry,
 * commit), cancelling 4.
 */
#ifndef ERP_TRADE_TRANSFER_H
#define ERP_TRADE_TRANSFER_H

#include "engine/state.h"
#include "http/req.h"
#include "trade/stock.h"

#define TRANSFERS "stock_transfers"

/* What is asked for. Texts are the arena's; note NULL: nothing was said. */
struct transfer {
    const char *product_id, *from_branch_id, *to_branch_id, *note;
    int64_t quantity;
    bool stepwise;
};

/* Reads and checks a body of the form StockTransferCreate: ERR_VALIDATION; ERR_FORBIDDEN when the
 * user is bound to another branch than the one that sends, or, stepwise, than both. */
bool transfer_read(struct req *req, struct transfer *transfer);

/* Before the transaction: indexes; nothing after the first time. */
bool transfer_prepare(struct req *req);

/* Makes the transfer, or the request, inside the caller's transaction. *record is arena-owned.
 * ERR_NOT_FOUND: no such product, or one that is not assigned to one of the branches; ERR_STOCK. */
bool transfer_make(struct req *req, struct scope *scope, const struct transfer *transfer,
                   const bson_t **record, struct err *err);

/* The descriptor's step (engine/state.h): moves the stock, and notes who and when. Users of a
 * branch: who sends says that it is sent, or came back, who gets it that it arrived, either may
 * cancel: else ERR_FORBIDDEN. ERR_STOCK: less is there than is to be sent; ERR_NOT_FOUND: product
 * or assignment are gone; ERR_VALIDATION: more arrived than was sent. */
bool transfer_step(struct req *req, struct scope *scope, const struct transition *t,
                   const bson_t *old, bson_t *set, struct err *err);

#endif
