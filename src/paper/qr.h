/* QR codes: a text as a square of dark and light modules. */
#ifndef ERP_PAPER_QR_H
#define ERP_PAPER_QR_H

#include "core/arena.h"

#define QR_TEXT_MAX 1000 /* bytes; what a camera reads well is far less */

struct qr {
    size_t size;         /* modules of an edge, without the quiet zone of 4 that it needs around */
    const uint8_t *dark; /* size × size, row by row: 0 or 1 */
};

/* Makes one of the text's bytes, with the arena's memory. False: the text is empty or too long. */
bool qr_make(struct arena *arena, const char *text, struct qr *qr);

#endif
