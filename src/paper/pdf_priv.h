/* Between the files of PDF, and the only one that sees libharu; not for others. */
#ifndef ERP_PAPER_PDF_PRIV_H
#define ERP_PAPER_PDF_PRIV_H

#include "paper/pdf.h"

#include <hpdf.h>
#include <hpdf_fontdef.h>

#define FONT_CACHED 0x1000 /* characters whose width is kept: Latin to the Indic scripts */

struct font {
    const char *path;
    bool opened;
    HPDF_Font font; /* NULL: it cannot be used */
    HPDF_FontDef def;
    int16_t widths[FONT_CACHED]; /* thousandths of the size */
};

struct pdf {
    HPDF_Doc doc;
    HPDF_STATUS error, detail; /* the first one; 0: none */
    struct font *fonts[PDF_FONTS_MAX];
    size_t n_fonts;
    HPDF_Page pages[PDF_PAGES_MAX], page;
    size_t n_pages;
    double height;         /* of the page */
    unsigned color, drawn; /* the page's state follows what is asked for */
};

/* The font that draws *c, which may become another character, and how wide in thousandths of the
 * size; NULL: nothing is to be seen of it (pdf_font.c). */
struct font *font_of(struct pdf *pdf, enum pdf_face face, uint32_t *c, int *width);

#endif
