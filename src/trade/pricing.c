/* Prices, discounts and taxes of a ticket. Called by trade/sale.c; knows nothing of documents. */
#include "base.h"
#include "trade/pricing.h"

struct remainder {
    size_t at;
    __int128 rest;
};

static int larger_first(const void *a, const void *b)
{
    const struct remainder *x = a, *y = b;

    if (x->rest != y->rest)
        return x->rest > y->rest ? -1 : 1;
    return x->at < y->at ? -1 : 1;
}

void price_spread(money_t whole, const money_t *weights, money_t *parts, size_t n)
{
    struct remainder rests[PRICE_LINES_MAX];
    __int128 sum = 0;
    money_t left = whole;

    assert(n > 0 && n <= PRICE_LINES_MAX && whole >= 0);
    for (size_t i = 0; i < n; i++)
        sum += weights[i];
    for (size_t i = 0; i < n; i++) {
        __int128 product = (__int128)whole * weights[i];

        parts[i] = sum > 0 ? (money_t)(product / sum) : 0;
        rests[i] = (struct remainder){i, sum > 0 ? product % sum : 0};
        left -= parts[i];
    }
    if (sum == 0) {
        parts[0] = whole;
        return;
    }
    qsort(rests, n, sizeof *rests, larger_first);
    for (size_t i = 0; left > 0; i++, left--)
        parts[rests[i].at]++;
}

/* *out is the discount of an amount; false when it is more than that. */
static bool take_off(const struct price_off *off, money_t from, money_t *out)
{
    *out = off->amount;
    if (off->percent > 0 && !money_scale(from, off->percent, RATE_ALL, out))
        return false;
    return *out <= from;
}

static bool off_ok(const struct price_off *off)
{
    return off->amount >= 0 && off->percent >= 0 && off->percent <= RATE_ALL &&
           (off->amount == 0 || off->percent == 0);
}

static money_t net_of(const struct price_line *line)
{
    return line->gross - line->discount - line->share;
}

static enum price_fault price_lines(struct ticket *t, size_t *at)
{
    t->subtotal = 0;
    for (size_t i = 0; i < t->n; i++) {
        struct price_line *line = &t->lines[i];

        *at = i;
        line->share = line->tax = line->tax_included = 0;
        if (line->quantity < 1 || line->price < 0 || !off_ok(&line->off) || line->tax_rate < 0 ||
            line->tax_rate > RATE_ALL)
            return PRICE_LINE;
        if (!money_mul(line->price, line->quantity, &line->gross) ||
            !money_add(t->subtotal, line->gross, &t->subtotal))
            return PRICE_RANGE;
        if (!take_off(&line->off, line->gross, &line->discount))
            return PRICE_LINE_OFF;
    }
    return PRICE_OK;
}

static enum price_fault take_ticket_off(struct ticket *t)
{
    money_t weights[PRICE_LINES_MAX], parts[PRICE_LINES_MAX];
    money_t net = 0, off;

    t->discount = 0;
    for (size_t i = 0; i < t->n; i++) {
        weights[i] = net_of(&t->lines[i]);
        net += weights[i];
        t->discount += t->lines[i].discount;
    }
    if (!off_ok(&t->off) || !take_off(&t->off, net, &off))
        return PRICE_OFF;
    price_spread(off, weights, parts, t->n);
    for (size_t i = 0; i < t->n; i++)
        t->lines[i].share = parts[i];
    t->discount += off;
    return PRICE_OK;
}

/* The tax of all lines of one rate, worked out together. */
static bool tax_rate(struct ticket *t, int64_t rate)
{
    money_t weights[PRICE_LINES_MAX], parts[PRICE_LINES_MAX];
    size_t of[PRICE_LINES_MAX];
    money_t base = 0, tax;
    size_t n = 0;

    for (size_t i = 0; i < t->n; i++) {
        if (t->lines[i].tax_rate != rate)
            continue;
        of[n] = i;
        weights[n] = net_of(&t->lines[i]);
        base += weights[n++];
    }
    if (!money_scale(base, rate, t->inclusive ? RATE_ALL + rate : RATE_ALL, &tax))
        return false;
    price_spread(tax, weights, parts, n);
    for (size_t k = 0; k < n; k++) {
        if (t->inclusive)
            t->lines[of[k]].tax_included = parts[k];
        else
            t->lines[of[k]].tax = parts[k];
    }
    return true;
}

static bool tax_given(struct ticket *t)
{
    money_t weights[PRICE_LINES_MAX], parts[PRICE_LINES_MAX];

    if (t->tax_amount < 0 || t->tax_amount > MONEY_MAX)
        return false;
    for (size_t i = 0; i < t->n; i++)
        weights[i] = net_of(&t->lines[i]);
    price_spread(t->tax_amount, weights, parts, t->n);
    for (size_t i = 0; i < t->n; i++)
        t->lines[i].tax = parts[i];
    return true;
}

static bool tax_all(struct ticket *t)
{
    if (t->tax_given)
        return tax_given(t);
    for (size_t i = 0; i < t->n; i++) {
        bool first = t->lines[i].tax_rate > 0;

        for (size_t k = 0; first && k < i; k++)
            first = t->lines[k].tax_rate != t->lines[i].tax_rate;
        if (first && !tax_rate(t, t->lines[i].tax_rate))
            return false;
    }
    return true;
}

enum price_fault price_ticket(struct ticket *t, size_t *at)
{
    enum price_fault fault;
    size_t ignored;

    assert(t->n > 0 && t->n <= PRICE_LINES_MAX);
    fault = price_lines(t, at ? at : &ignored);
    if (fault == PRICE_OK)
        fault = take_ticket_off(t);
    if (fault != PRICE_OK)
        return fault;
    if (!tax_all(t))
        return PRICE_RANGE;
    t->tax = t->tax_included = 0;
    for (size_t i = 0; i < t->n; i++) {
        struct price_line *line = &t->lines[i];

        line->total = net_of(line) + line->tax;
        t->tax += line->tax;
        t->tax_included += line->tax_included;
    }
    /* The subtotal is within MONEY_MAX, so the difference is; the sum may pass it. */
    return money_add(t->subtotal - t->discount, t->tax, &t->total) ? PRICE_OK : PRICE_RANGE;
}
