/* Bytes for a receipt printer that understands ESC/POS.
 *
 * Texts are UTF-8 of anybody's and become characters of code page 858 (Western Europe, with the
 * euro); what it lacks becomes its nearest letter or "?". No byte of a text is ever a control
 * character, so none can become a command.
 */
#ifndef ERP_PAPER_ESCPOS_H
#define ERP_PAPER_ESCPOS_H

#include "core/arena.h"
#include "core/str.h"

#define ESCPOS_COLUMNS_MIN 24
#define ESCPOS_COLUMNS     42 /* what every printer of 80 mm has room for; many have 48 */
#define ESCPOS_COLUMNS_MAX 64

enum escpos_style { ESCPOS_BOLD = 1 << 0, ESCPOS_LARGE = 1 << 1, ESCPOS_MIDDLE = 1 << 2 };

struct escpos {
    struct arena *arena;
    struct str *out; /* borrowed; appended to */
    size_t columns;
    unsigned style; /* as it was told to the printer */
};

/* Begins anew: the printer forgets what was set before. */
void escpos_begin(struct escpos *p, struct arena *arena, struct str *out, size_t columns);

/* A text in lines, broken at spaces where that can be; `right`, when not NULL, at the end of the
 * first one. */
void escpos_text(struct escpos *p, unsigned style, const char *text, const char *right);
void escpos_rule(struct escpos *p);
/* A QR code that the printer makes; nothing for more than 1000 bytes. */
void escpos_qr(struct escpos *p, const char *text);
/* Feeds and cuts. */
void escpos_end(struct escpos *p);

/* The text in the code page, arena-owned; *len bytes. */
const char *escpos_encode(struct arena *arena, const char *text, size_t *len);

#endif
