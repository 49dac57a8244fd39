/* What customers owe, over the wire. The rules are in trade/customer.h. */
#include "base.h"
#include "actions/actions.h"
#include "actions/query.h"
#include "db/doc.h"
#include "db/txn.h"
#include "db/own.h"
#include "engine/cursor.h"
#include "engine/form.h"
#include "engine/query.h"
#include "engine/render.h"
#include "trade/customer.h"

struct work {
    struct req *req;
    struct tender tender;
    const char *reference;
    struct notices list;
    size_t begun; /* of the list: what is told in every attempt */
    struct customer_paid paid;
};

static void add_money(struct str *out, const char *member, money_t amount, int decimals)
{
    char text[MONEY_TEXT_SIZE];

    money_format(text, amount, decimals);
    str_addf(out, "%s%s", member, text);
}

/* ---- a payment ---- */

static bool read_payment(struct req *req, struct work *w)
{
    struct validated in;

    if (!form_read(req, "PaymentCreate", VALIDATE_CREATE, &in))
        return false;
    w->tender.amount = doc_money(in.set, "amount", req->tenant->decimals, 0);
    w->tender.method = pay_method_read(doc_text(in.set, "method"), "method", req->err);
    w->reference = doc_text(in.set, "reference");
    return w->tender.method != NULL;
}

static bool pay_body(struct scope *scope, void *data, struct err *err)
{
    struct work *w = data;

    w->list.n = w->begun;
    return customer_pay(w->req, scope, &w->tender, w->reference, &w->list, &w->paid, err);
}

static void show_part(const struct customer_part *part, int decimals, struct str *out)
{
    str_add_member(out, "{\"payment_id\":", part->payment_id);
    str_add_member(out, ",\"sale_id\":", part->sale_id);
    str_add_member(out, ",\"sale_number\":", part->sale_number);
    add_money(out, ",\"amount\":", part->amount, decimals);
    add_money(out, ",\"new_balance_due\":", part->balance, decimals);
    str_add_member(out, ",\"payment_status\":", part->payment_status);
    str_addc(out, '}');
}

bool action_customer_pay(struct req *req)
{
    int decimals = req->tenant->decimals;
    struct str *out = resp_body(req);
    struct work w = {.req = req};

    if (!read_payment(req, &w) || !customer_prepare(req))
        return false;
    notices_init(&w.list, req->arena);
    notices_activity(&w.list, req, "payment_added", "Payment", "A payment was taken of a customer");
    w.begun = w.list.n;
    if (!txn_run(&req->scope, pay_body, &w, req->err))
        return false;
    str_add_member(out, "{\"message\":", "Payment added");
    str_add_member(out, ",\"customer_id\":", req_param(req, "id"));
    add_money(out, ",\"amount\":", w.tender.amount, decimals);
    add_money(out, ",\"due_amount\":", w.paid.due_amount, decimals);
    str_addz(out, ",\"payments\":[");
    for (size_t i = 0; i < w.paid.n; i++) {
        if (i > 0)
            str_addc(out, ',');
        show_part(&w.paid.parts[i], decimals, out);
    }
    str_addz(out, "]}");
    return true;
}

/* ---- the ledger ---- */

#define LEDGER_DEFAULT 100

/* A cursor holds how many entries come before it: they only ever get more at the end. */
static const char *cursor_text(const struct req *req)
{
    return arena_printf(req->arena, "%s|%s|ledger|%s|%s", req->scope.db_name, req->scope.tenant_id,
                        req_param(req, "id"), req->scope.branch_id ? req->scope.branch_id : "");
}

static bool read_after(struct req *req, int64_t *skip)
{
    const char *after = req_query(req, "after");
    const bson_t *value;

    *skip = 0;
    if (after == NULL)
        return true;
    if (!cursor_open(req->app->cursor_key, cursor_text(req), after, req->arena, &value, req->err))
        return false;
    *skip = doc_int(value, "v", 0);
    return true;
}

static void link_next(struct req *req, int64_t skip)
{
    bson_t *value = own_bson(req->arena);
    bson_iter_t it;

    BSON_APPEND_INT64(value, "v", skip);
    if (bson_iter_init_find(&it, value, "v"))
        query_link_after(req, cursor_make(req->app->cursor_key, cursor_text(req), &it,
                                          req_param(req, "id"), req->arena));
}

bool action_customer_ledger(struct req *req)
{
    const struct field *fields = form_by_name("LedgerEntry")->fields;
    const struct kind_env env = {.decimals = req->tenant->decimals};
    int64_t limit, skip;
    const bson_t **rows;
    size_t n;

    if (!query_number(req, "limit", 1, LIST_LIMIT_MAX, LEDGER_DEFAULT, &limit) ||
        !read_after(req, &skip))
        return false;
    rows = arena_alloc(req->arena, (size_t)(limit + 1) * sizeof *rows);
    if (!customer_ledger(req, skip, rows, (size_t)limit + 1, &n))
        return false;
    if (n > (size_t)limit) {
        n = (size_t)limit;
        link_next(req, skip + limit);
    }
    str_addc(resp_body(req), '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            str_addc(resp_body(req), ',');
        render_row(fields, &env, rows[i], resp_body(req));
    }
    str_addc(resp_body(req), ']');
    return true;
}

/* ---- the limit ---- */

bool action_customer_limit(struct req *req)
{
    struct validated in;

    return form_read(req, "CreditLimit", VALIDATE_CREATE, &in) &&
           customer_set_limit(req, doc_money(in.set, "credit_limit", req->tenant->decimals, 0));
}
