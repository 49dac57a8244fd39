/* CSV (RFC 4180, UTF-8): an incremental reader that forgives nothing silently, and the writer.
 *
 * A cell that a spreadsheet would take for a formula (it begins with = + - @ TAB CR or LF) is
 * written with an apostrophe in front of it; csv_unguard() takes exactly that one away again, so
 * what is written and read back is the same text.
 */
#ifndef ERP_ENGINE_CSV_H
#define ERP_ENGINE_CSV_H

#include "core/str.h"

#define CSV_COLUMNS_MAX 100
#define CSV_CELL_MAX    (64u << 10) /* bytes */

/* --- reading --------------------------------------------------------------------------------- */

enum csv_result {
    CSV_ROW,  /* a row is there, sound or with its fault */
    CSV_MORE, /* what was fed is used up and does not end a row */
    CSV_END   /* there is nothing after the last row */
};

/* The first thing that is wrong with a row. Reading goes on with the next one. */
enum csv_fault {
    CSV_SOUND,
    CSV_BYTES,  /* not UTF-8, or a NUL */
    CSV_QUOTE,  /* a quote inside a plain cell, or text after a quoted one */
    CSV_OPEN,   /* a quoted cell never ends */
    CSV_WIDE,   /* more than CSV_COLUMNS_MAX cells */
    CSV_LONG    /* a cell of more than CSV_CELL_MAX bytes */
};

struct csv_cell {
    const char *text; /* NUL-terminated; valid until the next csv_next */
    size_t len;
};

struct csv_row {
    int64_t line; /* on which it begins; the first is 1 */
    size_t n;
    struct csv_cell cells[CSV_COLUMNS_MAX];
    enum csv_fault fault;
    size_t fault_cell; /* in which it is, from 0 */
};

struct csv_reader;

/* Owned by the caller; csv_reader_free(NULL) does nothing. */
struct csv_reader *csv_reader_new(void);
void csv_reader_free(struct csv_reader *reader);

/* Gives the next bytes, which are borrowed until csv_next says CSV_MORE or CSV_END. With `last`
 * there are none after them. */
void csv_feed(struct csv_reader *reader, const char *bytes, size_t len, bool last);

/* The next row. Lines end with LF, CRLF or CR; empty ones are passed over, and so is a byte order
 * mark at the beginning. */
enum csv_result csv_next(struct csv_reader *reader, struct csv_row *row);

/* A sentence for people. */
const char *csv_fault_text(enum csv_fault fault);

/* --- writing --------------------------------------------------------------------------------- */

/* One cell, in quotes when it needs them. */
void csv_add_cell(struct str *out, const char *text, size_t len);

/* One cell of text from people, made harmless for spreadsheets. */
void csv_add_text(struct str *out, const char *text, size_t len);

/* The text without the apostrophe that csv_add_text put there; shortens *len by it. */
const char *csv_unguard(const char *text, size_t *len);

#endif
