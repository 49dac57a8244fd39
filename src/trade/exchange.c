/* A return and a sale that belong together. */
#include "base.h"
#include "trade/exchange.h"
#include "db/doc.h"
#include "trade/returns_priv.h"

bool exchange_read(struct req *req, struct exchange *exchange)
{
    struct sale_order *order = &exchange->order;
    const char *refund;
    struct validated in;
    bson_iter_t it;

    if (!sale_order_read_as(req, "ReturnExchange", order, &in))
        return false;
    exchange->restock = !doc_at(in.set, "restock", &it) || !BSON_ITER_HOLDS_BOOL(&it) ||
                        bson_iter_bool(&it);
    refund = doc_text(in.set, "refund");
    order->refund = refund != NULL ? pay_method_read_any(refund, "refund", req->err) : NULL;
    return refund == NULL || order->refund != NULL;
}

/* The new sale is the old one's customer's. One without a record has a name, for what is due. */
static struct sale_order order_of(const struct exchange *exchange, const struct return_done *back,
                                  const char *return_id)
{
    struct sale_order order = exchange->order;
    const char *customer = doc_text(back->sale, "customer_id");

    order.branch_id = sale_branch(back->sale);
    order.customer_id = customer != NULL && *customer ? customer : NULL;
    if (order.customer_id == NULL)
        order.customer_name = doc_text(back->sale, "customer_name");
    order.exchange_of = return_id;
    order.exchanged = back->paid_back;
    order.refund = return_method(back->sale, exchange->order.refund);
    return order;
}

bool exchange_make(struct req *req, struct scope *scope, const struct exchange *exchange,
                   struct notices *list, struct exchange_done *done, struct err *err)
{
    const struct return_how how = {exchange->restock, PAY_EXCHANGE};
    struct sale_order order;
    struct notices none;
    money_t total;

    notices_init(&none, scope->arena); /* what is told is told with the sale */
    if (!return_approve(req, scope, &how, &none, &done->back, err))
        return false;
    order = order_of(exchange, &done->back, req_param(req, "id"));
    if (!sale_make(req, scope, &order, list, &done->sale, err))
        return false;
    total = doc_money(done->sale, "total", req->tenant->decimals, 0);
    done->given_back = order.exchanged > total ? order.exchanged - total : 0;
    return true;
}
