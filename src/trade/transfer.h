/* Goods that go from one branch to another, at once: both assignments move, or neither.
 *
 * A transfer is one transaction of the movement with its two rows of the ledger, the record with
 * its number, and the audit entry. Round trips: 8 (products, assignments, counter, record, stock,
 * ledger, audit entry, commit).
 */
#ifndef ERP_TRADE_TRANSFER_H
#define ERP_TRADE_TRANSFER_H

#include "http/req.h"
#include "trade/stock.h"

#define TRANSFERS "stock_transfers"

/* What is asked for. Texts are the arena's; note NULL: nothing was said. */
struct transfer {
    const char *product_id, *from_branch_id, *to_branch_id, *note;
    int64_t quantity;
};

/* Reads and checks a body of the form StockTransferCreate: ERR_VALIDATION; ERR_FORBIDDEN when the
 * user is bound to another branch than the one that sends. */
bool transfer_read(struct req *req, struct transfer *transfer);

/* Before the transaction: indexes; nothing after the first time. */
bool transfer_prepare(struct req *req);

/* Makes the transfer inside the caller's transaction. *record is arena-owned. ERR_NOT_FOUND: no
 * such product, or one that is not assigned to one of the branches; ERR_STOCK. */
bool transfer_make(struct req *req, struct scope *scope, const struct transfer *transfer,
                   const bson_t **record, struct err *err);

#endif
