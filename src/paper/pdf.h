/* Pages of PDF: text, lines, rectangles and pictures at places in points (1/72 inch) from the upper
 * left corner, a text's place being the left end of its base line.
 *
 * Texts are UTF-8 of anybody's: each character is drawn by the first font that has it, and what
 * none has as "?". Only characters of the Basic Multilingual Plane are drawn, each in its place on
 * the line (paper/text.h), but none joined with another: Arabic letters stand alone, and conjuncts
 * show their viramas.
 *
 * Nothing here fails by itself: what goes wrong is kept, later calls do nothing, and pdf_write()
 * reports it.
 */
#ifndef ERP_PAPER_PDF_H
#define ERP_PAPER_PDF_H

#include "core/arena.h"
#include "core/err.h"
#include "core/filetype.h"
#include "core/str.h"

#define PDF_FONTS_MAX  8
#define PDF_PAGES_MAX  400 /* a reply is limited: the next one is an error */
#define PDF_PIXELS_MAX (6 << 20)

enum pdf_face { PDF_PLAIN = 0, PDF_BOLD };

struct pdf;

/* `fonts`: paths of TrueType files, separated by spaces: of plain text, of bold text, and of what
 * these lack, which are opened when they are needed. Dies with the arena. Never NULL. */
struct pdf *pdf_new(struct arena *arena, const char *fonts);

/* Begins a page, which is drawn on from now on; its number, from 0. */
size_t pdf_page(struct pdf *pdf, double width, double height);
size_t pdf_pages(const struct pdf *pdf); /* how many there are */
/* Goes back to a page. */
void pdf_turn(struct pdf *pdf, size_t page);

/* How wide a text is. */
double pdf_width(struct pdf *pdf, enum pdf_face face, double size, const char *text, size_t len);

void pdf_color(struct pdf *pdf, unsigned rgb); /* of what is drawn from now on; 0xrrggbb */
void pdf_text(struct pdf *pdf, enum pdf_face face, double size, double x, double y,
              const char *text, size_t len);
/* In large letters through the middle of the page, rising. */
void pdf_stamp(struct pdf *pdf, const char *text);
void pdf_box(struct pdf *pdf, double x, double y, double width, double height);
void pdf_line(struct pdf *pdf, double x1, double y1, double x2, double y2);

/* A JPEG or PNG, scaled to fit; what it took. False, and nothing drawn: it is of another kind, is
 * broken, or has more than PDF_PIXELS_MAX. */
bool pdf_picture(struct pdf *pdf, enum file_kind kind, const char *bytes, size_t len, double x,
                 double y, double *width, double *height);

/* Appends the document. ERR_INTERNAL when anything failed; the reason is logged. */
bool pdf_write(struct pdf *pdf, const char *title, struct str *out, struct err *err);

#endif
