/* Store credit: what a business owes a customer in goods.
 *
 * A customer's record has the balance (CUSTOMER_CREDIT), which only this file changes, by
 * conditional updates inside the transaction of what gives or takes it: a return that is refunded
 * so, a sale or payment that is paid so. It never falls below zero. Every change has its row in
 * STORE_CREDITS, append-only, so the rows of a customer add up to the balance.
 *
 * Store credit is a way of paying (PAY_CREDIT), but no money: a payment by it is a payment of its
 * sale, and SALE_CREDIT of the sale says what of its amount_paid came, or went back, that way.
 */
#ifndef ERP_TRADE_CREDIT_H
#define ERP_TRADE_CREDIT_H

#include "http/req.h"
#include "core/money.h"

#define STORE_CREDITS   "store_credits"
#define CUSTOMER_CREDIT "store_credit"

/* Gives `amount` to the customer of a stored sale, or takes it when it is negative; 0 does nothing.
 * `reference` is the document behind it (NULL: the sale). Two round trips, in a transaction.
 * ERR_VALIDATION at `path`, the member of the request that asks for it: the sale has no customer,
 * or not one that is still there; more is taken than there is. */
bool credit_move(struct req *req, struct scope *scope, const bson_t *sale, money_t amount,
                 const char *reference, const char *path, struct err *err);

#endif
