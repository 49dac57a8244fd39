/* What there was of a product at a moment, out of the stock ledger. */
#include "base.h"
#include "actions/actions.h"
#include "core/clock.h"
#include "db/own.h"
#include "engine/branches.h"
#include "trade/stock_ledger.h"

static bool read_instant(struct req *req, int64_t now_ms, int64_t *at_ms)
{
    const char *text = req_query(req, "as_of");

    *at_ms = now_ms;
    if (text == NULL || clock_parse(text, strlen(text), at_ms))
        return true;
    return err_set(req->err, ERR_BAD_QUERY,
                   "as_of: must be a day (YYYY-MM-DD, its beginning in UTC) or an instant");
}

static bool find_product(struct req *req, const bson_t **product)
{
    bson_t *filter = own_bson(req->arena);

    scope_filter(&req->scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "id", req_param(req, "id"));
    if (!scope_find_one(&req->scope, STOCK_PRODUCTS, filter, NULL, product, req->err))
        return false;
    return *product != NULL || err_set(req->err, ERR_NOT_FOUND, "Product not found");
}

/* To users of a branch a product that it never had is not there. */
static bool seen_by_branch(struct req *req, size_t places)
{
    bool have = true;

    if (req->scope.branch_id != NULL && places == 0 &&
        !branches_have(&req->scope, resource_by_noun("product"), req_param(req, "id"), &have,
                       req->err))
        return false;
    return have || err_set(req->err, ERR_NOT_FOUND, "Product not found");
}

static void add_instant(struct str *out, int64_t ms)
{
    char text[CLOCK_TEXT_SIZE];

    clock_format(text, ms);
    str_add_json(out, text, strlen(text));
}

static void add_number(struct str *out, bool known, int64_t value)
{
    if (known)
        str_add_int(out, value);
    else
        str_addz(out, "null");
}

/* The product's own place; one without rows has had nothing, unless the ledger does not know it. */
static void add_own(struct str *out, const struct stock_place *places, size_t n,
                    const bson_t *product, bool now)
{
    bson_iter_t it;

    str_addz(out, ",\"stock\":");
    for (size_t i = 0; i < n; i++)
        if (places[i].branch_id == NULL) {
            add_number(out, places[i].known, places[i].stock);
            return;
        }
    if (bson_iter_init_find(&it, product, FIELD_LEDGER))
        str_addz(out, "0");
    else
        add_number(out, now, stock_of(product, false));
}

static void add_branches(struct str *out, const struct stock_place *places, size_t n)
{
    bool first = true;

    str_addz(out, ",\"branches\":[");
    for (size_t i = 0; i < n; i++) {
        if (places[i].branch_id == NULL)
            continue;
        str_addz(out, first ? "{\"branch_id\":" : ",{\"branch_id\":");
        str_add_json(out, places[i].branch_id, strlen(places[i].branch_id));
        str_addz(out, ",\"stock_quantity\":");
        add_number(out, places[i].known, places[i].stock);
        str_addc(out, '}');
        first = false;
    }
    str_addc(out, ']');
}

bool action_stock_as_of(struct req *req)
{
    struct str *out = resp_body(req);
    struct stock_place *places;
    const bson_t *product;
    int64_t now_ms = clock_ms(), at_ms, since_ms;
    size_t n;

    if (!read_instant(req, now_ms, &at_ms) || !find_product(req, &product) ||
        !stock_as_of(&req->scope, req_param(req, "id"), at_ms, &places, &n, &since_ms, req->err) ||
        !seen_by_branch(req, n))
        return false;
    str_addz(out, "{\"product_id\":");
    str_add_json(out, req_param(req, "id"), strlen(req_param(req, "id")));
    str_addz(out, ",\"as_of\":");
    add_instant(out, at_ms);
    str_addz(out, ",\"known_since\":");
    if (since_ms >= 0)
        add_instant(out, since_ms);
    else
        str_addz(out, "null");
    if (req->scope.branch_id == NULL)
        add_own(out, places, n, product, at_ms >= now_ms);
    else
        str_addz(out, ",\"stock\":null");
    add_branches(out, places, n);
    str_addc(out, '}');
    return true;
}
