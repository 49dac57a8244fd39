/* Exchanges over the wire. The rules are in trade/exchange.h. */
#include "base.h"
#include "actions/actions.h"
#include "db/doc.h"
#include "db/txn.h"
#include "engine/reply.h"
#include "trade/exchange.h"

struct work {
    struct req *req;
    struct exchange exchange;
    struct notices list;
    size_t begun; /* of the list: what is told in every attempt */
    struct exchange_done done;
};

static bool exchange_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    w->list.n = w->begun;
    return exchange_make(w->req, scope, &w->exchange, &w->list, &w->done, err);
}

static void add_money(struct req *req, const char *member, money_t amount)
{
    char text[MONEY_TEXT_SIZE];

    money_format(text, amount, req->tenant->decimals);
    str_addf(resp_body(req), ",\"%s\":%s", member, text);
}

static void show(struct req *req, const struct exchange_done *done)
{
    const char *id = req_param(req, "id");
    struct str *out = resp_body(req);

    str_addz(out, "{\"message\":\"Goods exchanged\",\"return_id\":");
    str_add_json(out, id, strlen(id));
    add_money(req, "refund_amount", done->back.refund);
    add_money(req, "exchanged", done->back.paid_back);
    add_money(req, "given_back", done->given_back);
    str_addf(out, ",\"restocked\":%s,\"sale\":", done->back.restocked ? "true" : "false");
    reply_add(req, "sale", done->sale);
    str_addc(out, '}');
}

bool action_return_exchange(struct req *req)
{
    struct work w = {.req = req};

    if (!exchange_read(req, &w.exchange) || !return_prepare(req))
        return false;
    notices_init(&w.list, req->arena);
    notices_activity(&w.list, req, "return_exchanged", "Exchange", "Goods were exchanged");
    w.begun = w.list.n;
    if (!txn_run(&req->scope, exchange_body, &w, req->err))
        return false;
    resp_header(req, "Location",
                arena_printf(req->arena, "/api/sales/%s", doc_text(w.done.sale, "id")));
    show(req, &w.done);
    return true;
}
