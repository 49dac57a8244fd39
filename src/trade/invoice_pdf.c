/* An invoice on A4. Everything is drawn from top to bottom at `y`; whatever does not fit any more
 * goes to the next page, and the number of pages is written at the end. */
#include "base.h"
#include "trade/invoice.h"
#include "paper/lay.h"

#define WIDTH  595.28
#define HEIGHT 841.89
#define LEFT   42.0
#define RIGHT  (WIDTH - LEFT)
#define TOP    42.0
#define BOTTOM (HEIGHT - 58)
#define LINE   1.28 /* from line to line, in sizes */
#define QR     92.0

#define BLACK 0x1a1a1a
#define GREY  0x6b6b6b
#define PALE  0xededed
#define RED   0xb3261e
#define STAMP 0xf3cfcc

static const struct ink plain = {PDF_PLAIN, 9, BLACK};
static const struct ink bold = {PDF_BOLD, 9, BLACK};
static const struct ink small = {PDF_PLAIN, 7.5, GREY};
static const struct ink warn = {PDF_PLAIN, 9, RED};
static const struct ink title = {PDF_BOLD, 22, BLACK};
static const struct ink name = {PDF_BOLD, 14, BLACK};
static const struct ink heading = {PDF_BOLD, 10, BLACK};

struct a4 {
    struct pdf *pdf;
    const struct invoice *in;
    double y;
    bool table; /* the table goes on: its head stands on each page */
};

/* ---- columns ---- */

struct column {
    const char *head;
    double right, width;
};

static const struct column columns[] = {
    {"Qty", 312, 46}, {"Price", 376, 58}, {"Discount", 436, 54}, {"Tax", 490, 48},
    {"Total", RIGHT, 58},
};
#define ITEM_X     (LEFT + 26)
#define ITEM_WIDTH 190.0

static void table_head(struct a4 *a)
{
    const struct ink ink = {PDF_BOLD, 8, BLACK};

    pdf_color(a->pdf, PALE);
    pdf_box(a->pdf, LEFT, a->y, RIGHT - LEFT, 18);
    lay_left(a->pdf, &ink, LEFT + 4, a->y + 12, 20, "#");
    lay_left(a->pdf, &ink, ITEM_X, a->y + 12, ITEM_WIDTH, "Item");
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        lay_right(a->pdf, &ink, columns[i].right - 2, a->y + 12, columns[i].width,
                  columns[i].head);
    a->y += 22;
}

/* ---- pages ---- */

static const char *stamp_of(const struct invoice *in)
{
    return strcmp(in->status, "cancelled") == 0 ? "CANCELLED"
           : strcmp(in->status, "draft") == 0   ? "DRAFT"
                                                : NULL;
}

static void begin_page(struct a4 *a)
{
    bool more = pdf_page(a->pdf, WIDTH, HEIGHT) > 0;

    if (stamp_of(a->in) != NULL) {
        pdf_color(a->pdf, STAMP);
        pdf_stamp(a->pdf, stamp_of(a->in));
    }
    a->y = TOP;
    if (!more)
        return;
    lay_left(a->pdf, &small, LEFT, a->y + 6, 400,
             arena_printf(a->in->arena, "Invoice %s, continued", a->in->number));
    a->y += 18;
    if (a->table)
        table_head(a);
}

static void need(struct a4 *a, double height)
{
    if (a->y + height > BOTTOM)
        begin_page(a);
}

/* A text in as many lines as it takes. */
static void paragraph(struct a4 *a, const struct ink *ink, double x, double width,
                      const char *text)
{
    size_t left = strlen(text), next;
    double step = ink->size * LINE;

    for (; left > 0; text += next, left -= next) {
        size_t len = lay_line(a->pdf, ink, width, text, left, &next);

        need(a, step);
        a->y += step;
        pdf_color(a->pdf, ink->color);
        pdf_text(a->pdf, ink->face, ink->size, x, a->y, text, len);
    }
}

static void section(struct a4 *a, const char *text)
{
    need(a, 48);
    a->y += 12;
    paragraph(a, &heading, LEFT, RIGHT - LEFT, text);
    a->y += 2;
}

static void write_feet(struct a4 *a, size_t pages)
{
    const struct invoice *in = a->in;

    for (size_t i = 0; i < pages; i++) {
        pdf_turn(a->pdf, i);
        pdf_color(a->pdf, PALE);
        pdf_line(a->pdf, LEFT, HEIGHT - 44, RIGHT, HEIGHT - 44);
        lay_left(a->pdf, &small, LEFT, HEIGHT - 32, 400,
                 arena_printf(in->arena, "%s  ·  %s", in->business, in->number));
        lay_right(a->pdf, &small, RIGHT, HEIGHT - 32, 80,
                  arena_printf(in->arena, "Page %zu of %zu", i + 1, pages));
    }
}

/* ---- the head ---- */

static void write_business(struct a4 *a)
{
    const struct invoice *in = a->in;
    double width = 170, height = 56;

    if (in->logo != NULL && pdf_picture(a->pdf, in->logo_kind, in->logo, in->logo_len, LEFT, a->y,
                                        &width, &height))
        a->y += height + 6;
    paragraph(a, &name, LEFT, 290, in->business);
    a->y += 2;
    if (strcmp(in->branch, in->business) != 0)
        paragraph(a, &bold, LEFT, 290, in->branch);
    paragraph(a, &plain, LEFT, 290, in->address);
    paragraph(a, &plain, LEFT, 290, in->phone);
}

static const char *state_of(const struct invoice *in)
{
    if (strcmp(in->status, "cancelled") == 0)
        return "Cancelled";
    if (strcmp(in->status, "draft") == 0)
        return "Draft";
    return in->due == 0 ? "Paid" : in->paid > 0 ? "Partly paid" : "Unpaid";
}

static void fact(struct a4 *a, const char *label, const char *text)
{
    if (*text == '\0')
        return;
    a->y += 13;
    lay_left(a->pdf, &small, 370, a->y, 70, label);
    lay_right(a->pdf, &plain, RIGHT, a->y, 115, text);
}

static void write_facts(struct a4 *a)
{
    const struct invoice *in = a->in;

    a->y += 18;
    lay_right(a->pdf, &title, RIGHT, a->y, 180, "INVOICE");
    a->y += 6;
    fact(a, "Invoice no.", in->number);
    fact(a, "Date", in->made);
    fact(a, "Sale no.", strcmp(in->number, in->sale_number) != 0 ? in->sale_number : "");
    fact(a, "Served by", in->cashier);
    fact(a, "Status", state_of(in));
}

static void write_customer(struct a4 *a)
{
    const struct invoice *in = a->in;

    if (*in->customer == '\0' && *in->customer_phone == '\0' && *in->customer_address == '\0')
        return;
    a->y += 6;
    paragraph(a, &small, LEFT, 290, "Bill to");
    paragraph(a, &bold, LEFT, 290, in->customer);
    paragraph(a, &plain, LEFT, 290, in->customer_phone);
    paragraph(a, &plain, LEFT, 290, in->customer_address);
}

static void write_head(struct a4 *a)
{
    const struct invoice *in = a->in;
    double facts;

    write_facts(a);
    facts = a->y;
    a->y = TOP;
    write_business(a);
    write_customer(a);
    a->y = (a->y > facts ? a->y : facts) + 14;
    if (*in->cancelled != '\0' || *in->reason != '\0') {
        paragraph(a, &warn, LEFT, RIGHT - LEFT,
                  arena_printf(in->arena, "Cancelled %s%s%s", in->cancelled,
                               *in->reason != '\0' ? ": " : "", in->reason));
        a->y += 10;
    }
}

/* ---- the lines ---- */

static const char *below(const struct invoice *in, const struct invoice_line *line)
{
    const char *sku = *line->sku ? arena_printf(in->arena, "SKU %s", line->sku) : "";
    const char *serial = *line->serial ? arena_printf(in->arena, "S/N %s", line->serial) : "";
    const char *back = line->returned != 0
                           ? arena_printf(in->arena, "Returned: %" PRId64, line->returned)
                           : "";

    return arena_printf(in->arena, "%s%s%s%s%s", sku, *sku && *serial ? "  ·  " : "", serial,
                        *back && (*sku || *serial) ? "  ·  " : "", back);
}

static const char *dash_or(const struct invoice *in, money_t amount)
{
    return amount == 0 ? "–" : invoice_money(in, amount);
}

static void write_line(struct a4 *a, size_t at)
{
    const struct invoice *in = a->in;
    const struct invoice_line *line = &in->lines[at];
    const char *more = below(in, line);
    const char *cells[ARRAY_LEN(columns)] = {
        arena_printf(in->arena, "%" PRId64, line->quantity), invoice_money(in, line->price),
        dash_or(in, line->discount), dash_or(in, line->tax), invoice_money(in, line->total)};
    double height = (double)lay_count(a->pdf, &plain, ITEM_WIDTH, line->name) * plain.size * LINE;

    height += (double)(lay_count(a->pdf, &small, ITEM_WIDTH, more) +
                       lay_count(a->pdf, &small, ITEM_WIDTH, line->note)) *
              small.size * LINE;
    need(a, height + 8);
    lay_left(a->pdf, &small, LEFT + 4, a->y + plain.size * LINE, 20,
             arena_printf(in->arena, "%zu", at + 1));
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        lay_right(a->pdf, &plain, columns[i].right - 2, a->y + plain.size * LINE,
                  columns[i].width, cells[i]);
    paragraph(a, &plain, ITEM_X, ITEM_WIDTH, *line->name ? line->name : "–");
    paragraph(a, &small, ITEM_X, ITEM_WIDTH, more);
    paragraph(a, &small, ITEM_X, ITEM_WIDTH, line->note);
    a->y += 4;
    pdf_color(a->pdf, PALE);
    pdf_line(a->pdf, LEFT, a->y, RIGHT, a->y);
}

/* ---- the sums ---- */

static void sum(struct a4 *a, const struct ink *ink, const char *label, money_t amount)
{
    a->y += ink->size * 1.6;
    lay_left(a->pdf, ink, 356, a->y, 110, label);
    lay_right(a->pdf, ink, RIGHT - 2, a->y, 84, invoice_money(a->in, amount));
}

static void write_sums(struct a4 *a)
{
    const struct invoice *in = a->in;

    sum(a, &plain, "Subtotal", in->subtotal);
    if (in->discount != 0)
        sum(a, &plain, "Discount", -in->discount);
    for (size_t i = 0; i < in->n_taxes; i++)
        if (in->taxes[i].added != 0)
            sum(a, &plain, invoice_tax_name(in, &in->taxes[i], false), in->taxes[i].added);
    if (in->refunded != 0)
        sum(a, &plain, "Returned", -in->refunded);
    a->y += 5;
    pdf_color(a->pdf, GREY);
    pdf_line(a->pdf, 356, a->y, RIGHT, a->y);
    sum(a, &(struct ink){PDF_BOLD, 11, BLACK},
        arena_printf(in->arena, "Total %s", in->currency), in->total);
    for (size_t i = 0; i < in->n_taxes; i++)
        if (in->taxes[i].included != 0)
            sum(a, &small, invoice_tax_name(in, &in->taxes[i], true), in->taxes[i].included);
    sum(a, &plain, "Paid", in->paid);
    sum(a, &bold, "Balance due", in->due);
}

/* The code stands to the left of the sums, and both on one page. */
static void write_end(struct a4 *a)
{
    double top, height = 110 + (double)(2 * a->in->n_taxes) * plain.size * 1.6;
    struct qr qr;

    need(a, height > QR + 10 ? height : QR + 10);
    a->y += 6;
    top = a->y;
    write_sums(a);
    if (qr_make(a->in->arena, a->in->code, &qr)) {
        lay_qr(a->pdf, &qr, LEFT - 6, top, QR);
        a->y = a->y > top + QR ? a->y : top + QR;
    }
}

static void write_payments(struct a4 *a)
{
    const struct invoice *in = a->in;

    if (in->n_payments == 0)
        return;
    section(a, "Payments");
    for (size_t i = 0; i < in->n_payments; i++) {
        const struct invoice_payment *paid = &in->payments[i];

        need(a, 13);
        a->y += 13;
        lay_left(a->pdf, &plain, LEFT, a->y, 100, paid->made);
        lay_left(a->pdf, &plain, LEFT + 110, a->y, 70, paid->method);
        lay_left(a->pdf, &plain, LEFT + 190, a->y, 210, paid->reference);
        lay_right(a->pdf, &plain, RIGHT - 2, a->y, 84, invoice_money(in, paid->amount));
    }
    if (in->more_payments > 0)
        paragraph(a, &small, LEFT, RIGHT - LEFT,
                  arena_printf(in->arena, "and %zu more", in->more_payments));
}

static void write_words(struct a4 *a)
{
    const struct invoice *in = a->in;

    if (in->n_warranties > 0)
        section(a, "Warranties");
    for (size_t i = 0; i < in->n_warranties; i++)
        paragraph(a, &plain, LEFT, RIGHT - LEFT, in->warranties[i]);
    if (*in->terms == '\0')
        return;
    section(a, "Terms");
    paragraph(a, &(struct ink){PDF_PLAIN, 8, BLACK}, LEFT, RIGHT - LEFT, in->terms);
}

bool invoice_pdf(struct req *req, const struct invoice *in, struct str *out)
{
    struct a4 a = {.pdf = pdf_new(req->arena, req->app->conf.fonts), .in = in};
    size_t pages;

    begin_page(&a);
    write_head(&a);
    table_head(&a);
    a.table = true;
    for (size_t i = 0; i < in->n_lines; i++)
        write_line(&a, i);
    a.table = false;
    write_end(&a);
    write_payments(&a);
    write_words(&a);
    pages = pdf_pages(a.pdf);
    write_feet(&a, pages);
    return pdf_write(a.pdf, "Invoice", out, req->err);
}
