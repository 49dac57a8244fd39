/* What stands on a receipt, row by row. */
#include "base.h"
#include "trade/receipt.h"

static void add(struct receipt *r, enum row_kind kind, unsigned style, const char *left,
                const char *right)
{
    if (kind == ROW_TEXT && *left == '\0')
        return;
    assert(r->n < r->room);
    r->rows[r->n++] = (struct receipt_row){kind, style, left, right};
}

static void add_sum(struct receipt *r, unsigned style, const char *label, money_t amount)
{
    add(r, ROW_PAIR, style, label, invoice_money(r->in, amount));
}

static void add_head(struct receipt *r)
{
    const struct invoice *in = r->in;

    add(r, ROW_LOGO, 0, "", "");
    add(r, ROW_TEXT, ROW_BOLD | ROW_LARGE | ROW_MIDDLE, in->business, "");
    if (strcmp(in->branch, in->business) != 0)
        add(r, ROW_TEXT, ROW_BOLD | ROW_MIDDLE, in->branch, "");
    add(r, ROW_TEXT, ROW_MIDDLE, in->address, "");
    add(r, ROW_TEXT, ROW_MIDDLE, in->phone, "");
    add(r, ROW_RULE, 0, "", "");
    add(r, ROW_PAIR, 0, in->number, in->made);
    if (*in->cashier != '\0')
        add(r, ROW_PAIR, 0, "Served by", in->cashier);
    if (*in->customer != '\0')
        add(r, ROW_PAIR, 0, "Customer", in->customer);
    if (strcmp(in->status, "cancelled") == 0 || strcmp(in->status, "draft") == 0)
        add(r, ROW_TEXT, ROW_BOLD | ROW_LARGE | ROW_MIDDLE,
            *in->status == 'c' ? "CANCELLED" : "DRAFT", "");
    add(r, ROW_RULE, 0, "", "");
}

static void add_line(struct receipt *r, const struct invoice_line *line)
{
    const struct invoice *in = r->in;

    add(r, ROW_TEXT, 0, *line->name != '\0' ? line->name : "-", "");
    add(r, ROW_PAIR, 0,
        arena_printf(in->arena, "  %" PRId64 " x %s", line->quantity,
                     invoice_money(in, line->price)),
        invoice_money(in, line->total));
    if (line->discount != 0)
        add(r, ROW_TEXT, 0,
            arena_printf(in->arena, "  Discount %s", invoice_money(in, line->discount)), "");
    if (*line->serial != '\0')
        add(r, ROW_TEXT, 0, arena_printf(in->arena, "  S/N %s", line->serial), "");
    if (line->returned != 0)
        add(r, ROW_TEXT, 0, arena_printf(in->arena, "  Returned: %" PRId64, line->returned), "");
}

static void add_sums(struct receipt *r)
{
    const struct invoice *in = r->in;

    add(r, ROW_RULE, 0, "", "");
    add_sum(r, 0, "Subtotal", in->subtotal);
    if (in->discount != 0)
        add_sum(r, 0, "Discount", -in->discount);
    for (size_t i = 0; i < in->n_taxes; i++)
        if (in->taxes[i].added != 0)
            add_sum(r, 0, invoice_tax_name(in, &in->taxes[i], false), in->taxes[i].added);
    if (in->refunded != 0)
        add_sum(r, 0, "Returned", -in->refunded);
    add_sum(r, ROW_BOLD | ROW_LARGE, arena_printf(in->arena, "Total %s", in->currency), in->total);
    for (size_t i = 0; i < in->n_taxes; i++)
        if (in->taxes[i].included != 0)
            add_sum(r, 0, invoice_tax_name(in, &in->taxes[i], true), in->taxes[i].included);
    add(r, ROW_RULE, 0, "", "");
    for (size_t i = 0; i < in->n_payments; i++)
        add_sum(r, 0, in->payments[i].method, in->payments[i].amount);
    add_sum(r, 0, "Paid", in->paid);
    add_sum(r, ROW_BOLD, "Balance due", in->due);
}

void receipt_of(const struct invoice *in, struct receipt *r)
{
    *r = (struct receipt){.in = in};
    r->room = 40 + 5 * in->n_lines + 2 * in->n_taxes + in->n_payments + in->n_warranties;
    r->rows = arena_alloc(in->arena, r->room * sizeof *r->rows);
    add_head(r);
    for (size_t i = 0; i < in->n_lines; i++)
        add_line(r, &in->lines[i]);
    add_sums(r);
    if (*in->terms != '\0' || in->n_warranties > 0)
        add(r, ROW_RULE, 0, "", "");
    for (size_t i = 0; i < in->n_warranties; i++)
        add(r, ROW_TEXT, 0, in->warranties[i], "");
    add(r, ROW_TEXT, 0, in->terms, "");
    add(r, ROW_CODE, ROW_MIDDLE, in->code, "");
    add(r, ROW_TEXT, ROW_MIDDLE, "Thank you", "");
}
