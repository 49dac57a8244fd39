/* A receipt for a printer. */
#include "base.h"
#include "trade/receipt.h"
#include "paper/escpos.h"

static unsigned style_of(const struct receipt_row *row)
{
    return (row->style & ROW_BOLD ? ESCPOS_BOLD : 0u) |
           (row->style & ROW_LARGE ? ESCPOS_LARGE : 0u) |
           (row->style & ROW_MIDDLE ? ESCPOS_MIDDLE : 0u);
}

void receipt_escpos(const struct receipt *r, size_t columns, struct str *out)
{
    struct escpos p;

    escpos_begin(&p, r->in->arena, out, columns);
    for (size_t i = 0; i < r->n; i++) {
        const struct receipt_row *row = &r->rows[i];

        switch (row->kind) {
        case ROW_RULE:
            escpos_rule(&p);
            break;
        case ROW_CODE:
            escpos_qr(&p, row->left);
            break;
        case ROW_LOGO:
            break; /* printers have their own */
        case ROW_PAIR:
            escpos_text(&p, style_of(row), row->left, row->right);
            break;
        default:
            escpos_text(&p, style_of(row), row->left, NULL);
        }
    }
    escpos_end(&p);
}
