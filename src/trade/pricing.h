/* What a sale costs: pure arithmetic on 64-bit minor units, without a database.
 *
 * The rule, in this order:
 *  1. A line's gross is price × quantity. Its own discount, of an amount or of a percentage of the
 *     gross, gives its net.
 *  2. The ticket's discount, of an amount or of a percentage of the sum of the nets, is spread over
 *     the lines in proportion to their nets.
 *  3. What remains of a line is taxed at the line's rate: added to it (exclusive), or found in it
 *     (inclusive: base × rate ÷ (100 + rate)). The tax of all lines of one rate is worked out
 *     together, from the sum of what remains of them, and spread over these lines in proportion. A
 *     tax given as an amount takes the place of all this and is spread over all lines.
 *
 * Each percentage and each tax is rounded once, half away from zero. What is spread is spread by
 * largest remainder (of equal ones the earlier line gets more), so the parts are the whole to the
 * last minor unit, and always:
 *
 *     subtotal = Σ gross      discount = Σ line discounts + Σ shares of the ticket's discount
 *     total = subtotal − discount + tax = Σ totals of the lines
 *
 * `tax` is what is added to the prices; what the prices contain already is `tax_included`, a part
 * of the total and of no sum.
 */
#ifndef ERP_TRADE_PRICING_H
#define ERP_TRADE_PRICING_H

#include "core/money.h"

#define RATE_ONE INT64_C(10000) /* percentages are in ten-thousandths of a percent */
#define RATE_ALL (100 * RATE_ONE)

#define PRICE_LINES_MAX 500

/* A discount: of an amount, or of a percentage; both 0: none. Never both. */
struct price_off {
    money_t amount;
    int64_t percent; /* 0 to RATE_ALL */
};

struct price_line {
    money_t price; /* of one; not negative */
    int64_t quantity;
    struct price_off off;
    int64_t tax_rate; /* 0 to RATE_ALL */
    /* out */
    money_t gross;
    money_t discount; /* its own */
    money_t share;    /* of the ticket's discount */
    money_t tax, tax_included;
    money_t total; /* gross − discount − share + tax */
};

struct ticket {
    struct price_line *lines;
    size_t n; /* 1 to PRICE_LINES_MAX */
    struct price_off off;
    bool inclusive;   /* the prices contain the tax */
    bool tax_given;   /* tax_amount takes the place of the rates */
    money_t tax_amount;
    /* out */
    money_t subtotal, discount, tax, tax_included, total;
};

enum price_fault {
    PRICE_OK = 0,
    PRICE_LINE,     /* line `at`: quantity below 1, negative price, or bad discount or rate */
    PRICE_LINE_OFF, /* line `at`: its discount is more than it costs */
    PRICE_OFF,      /* the ticket's discount is more than what the lines leave */
    PRICE_RANGE     /* an amount passes MONEY_MAX */
};

/* Works everything out; on a fault the results are undefined. `at` may be NULL. */
enum price_fault price_ticket(struct ticket *ticket, size_t *at) ERP_USE_RESULT;

/* Spreads `whole` over the parts in proportion to their weights (0 or more; all 0: to the first).
 * `whole` and the weights are not negative. The parts' sum is `whole`. */
void price_spread(money_t whole, const money_t *weights, money_t *parts, size_t n);

#endif
