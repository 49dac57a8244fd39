/* A receipt as PDF: every row is measured before it is drawn, so that a page is as long as what
 * stands on it. */
#include "base.h"
#include "trade/receipt.h"
#include "paper/lay.h"

#define WIDTH  226.77 /* 80 mm */
#define EDGE   9.0
#define INSIDE (WIDTH - 2 * EDGE)
#define LONG   14000.0 /* a page of PDF has 14,400 at most */
#define LINE   1.25
#define QR     104.0
#define LOGO   48.0 /* its height */

struct strip {
    struct pdf *pdf;
    const struct invoice *in;
    double y;
};

static struct ink ink_of(const struct receipt_row *row)
{
    return (struct ink){row->style & ROW_BOLD ? PDF_BOLD : PDF_PLAIN,
                        row->style & ROW_LARGE ? 11 : 8.5, 0x111111};
}

/* What is left for the left text beside the right one, which never takes more than half. */
static double left_width(struct pdf *pdf, const struct ink *ink, const struct receipt_row *row)
{
    double right;

    if (row->kind == ROW_TEXT)
        return INSIDE;
    right = pdf_width(pdf, ink->face, ink->size, row->right, strlen(row->right));
    return INSIDE - 6 - (right < INSIDE / 2 ? right : INSIDE / 2);
}

static double height_of(struct pdf *pdf, const struct receipt_row *row)
{
    struct ink ink = ink_of(row);
    size_t lines;

    switch (row->kind) {
    case ROW_RULE:
        return 7;
    case ROW_CODE:
        return QR + 4;
    case ROW_LOGO:
        return 0; /* its own is known once it is drawn: receipt_pdf adds LOGO */
    default:
        lines = lay_count(pdf, &ink, left_width(pdf, &ink, row), row->left);
        return (double)(lines > 0 ? lines : 1) * ink.size * LINE;
    }
}

static void draw_text(struct strip *s, const struct receipt_row *row)
{
    struct ink ink = ink_of(row);
    double width = left_width(s->pdf, &ink, row), y = s->y + ink.size;
    const char *text = row->left;
    size_t left = strlen(text), next;

    if (row->kind == ROW_PAIR)
        lay_right(s->pdf, &ink, EDGE + INSIDE, y, INSIDE - 6 - width, row->right);
    for (; left > 0; text += next, left -= next, y += ink.size * LINE) {
        size_t len = lay_line(s->pdf, &ink, width, text, left, &next);
        const char *line = arena_strndup(s->in->arena, text, len);

        if (row->style & ROW_MIDDLE)
            lay_middle(s->pdf, &ink, WIDTH / 2, y, INSIDE, line);
        else
            lay_left(s->pdf, &ink, EDGE, y, INSIDE, line);
    }
}

static void draw_logo(struct strip *s)
{
    double width = INSIDE, height = LOGO;

    if (s->in->logo != NULL)
        pdf_picture(s->pdf, s->in->logo_kind, s->in->logo, s->in->logo_len, EDGE, s->y, &width,
                    &height);
}

static void draw(struct strip *s, const struct receipt_row *row)
{
    struct qr qr;

    switch (row->kind) {
    case ROW_RULE:
        pdf_color(s->pdf, 0x888888);
        pdf_line(s->pdf, EDGE, s->y + 3.5, WIDTH - EDGE, s->y + 3.5);
        break;
    case ROW_CODE:
        if (qr_make(s->in->arena, row->left, &qr))
            lay_qr(s->pdf, &qr, (WIDTH - QR) / 2, s->y + 2, QR);
        break;
    case ROW_LOGO:
        draw_logo(s);
        break;
    default:
        draw_text(s, row);
    }
}

bool receipt_pdf(struct req *req, const struct receipt *r, struct str *out)
{
    struct strip s = {.pdf = pdf_new(req->arena, req->app->conf.fonts), .in = r->in};
    double logo = r->in->logo != NULL ? LOGO + 6 : 0;

    for (size_t i = 0, end; i < r->n; i = end) {
        double height = 2 * EDGE + (i == 0 ? logo : 0);

        for (end = i; end < r->n && (end == i || height < LONG); end++)
            height += height_of(s.pdf, &r->rows[end]);
        pdf_page(s.pdf, WIDTH, height);
        s.y = EDGE;
        for (size_t at = i; at < end; at++) {
            draw(&s, &r->rows[at]);
            s.y += r->rows[at].kind == ROW_LOGO ? logo : height_of(s.pdf, &r->rows[at]);
        }
    }
    return pdf_write(s.pdf, "Receipt", out, req->err);
}
