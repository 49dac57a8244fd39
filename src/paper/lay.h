/* How texts and codes are laid on pages of PDF: to the right, narrower, in lines. */
#ifndef ERP_PAPER_LAY_H
#define ERP_PAPER_LAY_H

#include "paper/pdf.h"
#include "paper/qr.h"

struct ink {
    enum pdf_face face;
    double size; /* points */
    unsigned color;
};

/* The first line of a text that may be `width` wide: its length, and in *next where the one after
 * it begins (paper/text.h). */
size_t lay_line(struct pdf *pdf, const struct ink *ink, double width, const char *text, size_t len,
                size_t *next);

/* How many lines a text takes; 0 for an empty one. */
size_t lay_count(struct pdf *pdf, const struct ink *ink, double width, const char *text);

/* One line that begins at x, or ends there; set smaller when it is wider than `width`. */
void lay_left(struct pdf *pdf, const struct ink *ink, double x, double y, double width,
              const char *text);
void lay_right(struct pdf *pdf, const struct ink *ink, double x, double y, double width,
               const char *text);
void lay_middle(struct pdf *pdf, const struct ink *ink, double x, double y, double width,
                const char *text);

/* A code with its upper left corner there, `edge` points wide, with the quiet zone in it. */
void lay_qr(struct pdf *pdf, const struct qr *qr, double x, double y, double edge);

#endif
