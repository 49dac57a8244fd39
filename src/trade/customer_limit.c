/* How much a customer may owe. What a sale may add to it is decided in the transaction of the sale
 * (trade/sale_customer.c). */
#include "base.h"
#include "trade/customer.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/change.h"

struct work {
    struct change change;
    money_t limit;
    int decimals;
};

static bool limit_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;
    bson_t *set = own_bson(scope->arena);
    const bson_t *old;

    doc_append_money(set, "credit_limit", w->limit, w->decimals);
    return change_read(scope, &w->change, &old, err) &&
           (old == NULL || change_apply(scope, &w->change, old, set, err));
}

bool customer_set_limit(struct req *req, money_t limit)
{
    struct work w = {.limit = limit, .decimals = req->tenant->decimals};

    change_init(&w.change, req, "credit_limit");
    return change_run(&w.change, limit_body, &w);
}
