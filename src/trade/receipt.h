/* A receipt of 80 mm: the rows that stand on it, and two ways to print them. */
#ifndef ERP_TRADE_RECEIPT_H
#define ERP_TRADE_RECEIPT_H

#include "trade/invoice.h"

enum row_kind {
    ROW_TEXT = 0, /* left, in as many lines as it takes */
    ROW_PAIR,     /* left in lines, and right at the end of the first one */
    ROW_RULE,
    ROW_CODE, /* the QR code of left */
    ROW_LOGO
};

enum row_style { ROW_BOLD = 1 << 0, ROW_LARGE = 1 << 1, ROW_MIDDLE = 1 << 2 };

struct receipt_row {
    enum row_kind kind;
    unsigned style;
    const char *left, *right;
};

struct receipt {
    const struct invoice *in;
    struct receipt_row *rows; /* the arena's */
    size_t n, room;
};

void receipt_of(const struct invoice *invoice, struct receipt *receipt);

/* A page 80 mm wide and as long as it takes; several when that is more than a page may be long.
 * ERR_INTERNAL. */
bool receipt_pdf(struct req *req, const struct receipt *receipt, struct str *out);

/* Bytes for a printer (paper/escpos.h) whose lines have so many characters. */
void receipt_escpos(const struct receipt *receipt, size_t columns, struct str *out);

#endif
