/* What the items of a sale cost: the catalogue's or the branch's price, the rules of pricing.h, and
 * what of it is paid. */
#include "base.h"
#include "trade/sale_priv.h"
#include "db/decimal.h"
#include "db/doc.h"

static ERP_PRINTF(5, 6) bool item_fault(struct sale_work *w, size_t at, const char *member,
                                        const char *code, const char *fmt, ...)
{
    char detail[160];
    va_list args;

    va_start(args, fmt);
    vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    return err_field(w->err, arena_printf(w->scope->arena, "items[%zu].%s", at, member), code, "%s",
                     detail);
}

static bool product_ok(struct sale_work *w, size_t at)
{
    const struct stock_line *line = &w->lines[at];
    const char *home;

    if (line->product == NULL)
        return item_fault(w, at, "product_id", "reference", "There is no product with this id");
    home = doc_text(line->product, "branch_id");
    if (w->branch_id != NULL && home != NULL && *home && strcmp(home, w->branch_id) != 0)
        return item_fault(w, at, "product_id", "branch", "This product belongs to another branch");
    if (w->branch_id != NULL && line->assignment == NULL)
        return item_fault(w, at, "product_id", "branch",
                          "This product is not assigned to the branch");
    return true;
}

/* The branch's own price, unless it is 0, before the product's. */
static money_t list_price(const struct sale_work *w, const struct stock_line *line)
{
    money_t own = line->assignment ? doc_money(line->assignment, "sale_price", w->decimals, 0) : 0;

    return own != 0 ? own : doc_money(line->product, "price", w->decimals, 0);
}

static bool price_allowed(struct sale_work *w, size_t at)
{
    char text[MONEY_TEXT_SIZE];

    if (w->order->items[at].price == w->list_prices[at] || w->order->any_price ||
        (R(w->req->principal.role) & SALE_PRICE_ROLES))
        return true;
    money_format(text, w->list_prices[at], w->decimals);
    return item_fault(w, at, "price", "price", "The price is %s; another one needs a manager",
                      text);
}

/* A product's own rate before that of the settings; *any becomes true where there is one. */
static int64_t rate_of(const struct sale_work *w, const bson_t *product, bool *any)
{
    bson_iter_t it;
    int64_t rate = 0;

    if (bson_iter_init_find(&it, product, "tax_rate") && decimal_to_money(&it, 4, &rate)) {
        *any = true;
        return rate;
    }
    if (w->settings != NULL && bson_iter_init_find(&it, w->settings, "tax_rate") &&
        decimal_to_money(&it, 4, &rate))
        *any |= rate > 0;
    return rate;
}

static void fill(struct sale_work *w, size_t at, bool *rates)
{
    const struct sale_item *item = &w->order->items[at];

    w->list_prices[at] = list_price(w, &w->lines[at]);
    w->prices[at] = (struct price_line){.price = item->price,
                                        .quantity = item->quantity,
                                        .off = item->off,
                                        .tax_rate = rate_of(w, w->lines[at].product, rates)};
}

static bool say_fault(struct sale_work *w, enum price_fault fault, size_t at)
{
    switch (fault) {
    case PRICE_OK:
        return true;
    case PRICE_LINE:
        return item_fault(w, at, "price", "range", "Cannot be priced");
    case PRICE_LINE_OFF:
        return item_fault(w, at, "discount", "range", "Is more than the item costs");
    case PRICE_OFF:
        return err_field(w->err, "discount", "range", "Is more than the subtotal");
    default:
        return err_field(w->err, "items", "range", "The amount is too large");
    }
}

/* What of it is no money: store credit, and what the goods were worth that are given for it. */
static money_t credit_of(const struct sale_work *w)
{
    const struct sale_order *o = w->order;
    money_t credit = o->exchanged;

    if (w->back > 0 && !pay_is_money(o->refund))
        credit -= w->back;
    if (o->n_tenders == 0 && !pay_is_money(o->method))
        credit += w->handed;
    for (size_t i = 0; i < o->n_tenders; i++)
        if (!pay_is_money(o->tenders[i].method))
            credit += o->tenders[i].amount;
    return credit;
}

static bool pay(struct sale_work *w)
{
    const struct sale_order *o = w->order;
    money_t rest = w->ticket.total - o->exchanged;
    char text[MONEY_TEXT_SIZE];

    money_format(text, w->ticket.tax, w->decimals);
    if (!w->ticket.tax_given && o->tax_given && o->tax != 0 && o->tax != w->ticket.tax)
        return err_field(w->err, "tax", "settings", "Is %s by the tax rates of the settings", text);
    w->back = rest < 0 ? -rest : 0;
    if (rest < 0)
        rest = 0;
    w->handed = o->paid_given ? o->paid : rest;
    money_format(text, rest, w->decimals);
    if (w->handed > rest)
        return err_field(w->err, o->n_tenders > 0 ? "payments" : "paid_amount", "range",
                         "Is more than the %s of %s", o->exchanged > 0 ? "rest" : "total", text);
    w->paid = w->handed + o->exchanged - w->back;
    w->balance = w->ticket.total - w->paid;
    w->credit = credit_of(w);
    return true;
}

bool sale_price(struct sale_work *w)
{
    const struct sale_order *o = w->order;
    struct arena *arena = w->scope->arena;
    bool rates = false;
    size_t at = 0;

    for (size_t i = 0; i < o->n; i++)
        product_ok(w, i);
    if (err_is_set(w->err))
        return false;
    w->prices = arena_alloc(arena, o->n * sizeof *w->prices);
    w->list_prices = arena_alloc(arena, o->n * sizeof *w->list_prices);
    for (size_t i = 0; i < o->n; i++) {
        fill(w, i, &rates);
        price_allowed(w, i);
    }
    if (err_is_set(w->err))
        return false;
    w->ticket = (struct ticket){.lines = w->prices,
                                .n = o->n,
                                .off = o->off,
                                .inclusive = doc_bool(w->settings, "prices_include_tax"),
                                .tax_given = !rates,
                                .tax_amount = o->tax_given ? o->tax : 0};
    return say_fault(w, price_ticket(&w->ticket, &at), at) && pay(w);
}
