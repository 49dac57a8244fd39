/* Measures with the fonts of the document, and draws. */
#include "base.h"
#include "paper/lay.h"
#include "paper/text.h"

#define QUIET 4 /* modules around a code */

struct measure {
    struct pdf *pdf;
    const struct ink *ink;
};

static double width_of(void *data, uint32_t c)
{
    const struct measure *m = data;
    char text[4];
    size_t len = 0;

    if (c < 0x80)
        text[len++] = (char)c;
    else if (c < 0x800)
        text[len++] = (char)(0xc0 | c >> 6);
    else if (c < 0x10000)
        text[len++] = (char)(0xe0 | c >> 12);
    else
        text[len++] = '?';
    if (c >= 0x800 && c < 0x10000)
        text[len++] = (char)(0x80 | (c >> 6 & 0x3f));
    if (c >= 0x80 && c < 0x10000)
        text[len++] = (char)(0x80 | (c & 0x3f));
    return pdf_width(m->pdf, m->ink->face, m->ink->size, text, len);
}

size_t lay_line(struct pdf *pdf, const struct ink *ink, double width, const char *text, size_t len,
                size_t *next)
{
    struct measure m = {pdf, ink};

    return text_line(text, len, width, width_of, &m, next);
}

size_t lay_count(struct pdf *pdf, const struct ink *ink, double width, const char *text)
{
    size_t left = strlen(text), next, lines = 0;

    for (; left > 0; text += next, left -= next, lines++)
        lay_line(pdf, ink, width, text, left, &next);
    return lines;
}

/* `part` of what is left of the width stands before the text. */
static void lay_at(struct pdf *pdf, const struct ink *ink, double x, double y, double width,
                   double part, const char *text)
{
    size_t len = strlen(text);
    double size = ink->size, used = pdf_width(pdf, ink->face, size, text, len);

    if (used > width) {
        size *= width / used;
        used = width;
    }
    pdf_color(pdf, ink->color);
    pdf_text(pdf, ink->face, size, x + (width - used) * part, y, text, len);
}

void lay_left(struct pdf *pdf, const struct ink *ink, double x, double y, double width,
              const char *text)
{
    lay_at(pdf, ink, x, y, width, 0, text);
}

void lay_right(struct pdf *pdf, const struct ink *ink, double x, double y, double width,
               const char *text)
{
    lay_at(pdf, ink, x - width, y, width, 1, text);
}

void lay_middle(struct pdf *pdf, const struct ink *ink, double x, double y, double width,
                const char *text)
{
    lay_at(pdf, ink, x - width / 2, y, width, 0.5, text);
}

/* A box a run of dark modules: gaps between boxes of single modules show on some screens. */
void lay_qr(struct pdf *pdf, const struct qr *qr, double x, double y, double edge)
{
    double module = edge / (double)(qr->size + 2 * QUIET);

    pdf_color(pdf, 0);
    for (size_t row = 0; row < qr->size; row++) {
        const uint8_t *dark = qr->dark + row * qr->size;

        for (size_t at = 0, n; at < qr->size; at += n) {
            for (n = 1; at + n < qr->size && dark[at + n] == dark[at];)
                n++;
            if (dark[at])
                pdf_box(pdf, x + (double)(at + QUIET) * module, y + (double)(row + QUIET) * module,
                        (double)n * module, module);
        }
    }
}
