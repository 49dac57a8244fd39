/* One state machine over the bytes. A row's text is gathered in one buffer, its cells end with NUL
 * there; where they begin is kept as offsets, because the buffer moves while it grows. */
#include "base.h"
#include "engine/csv.h"
#include "core/err.h"

enum state {
    AT_START,  /* before a cell */
    IN_PLAIN,
    IN_QUOTED,
    AT_QUOTE,  /* after a quote inside a quoted cell: its end, or the first of two */
    AFTER_CR   /* the row is over; a LF belongs to its end */
};

struct csv_reader {
    const char *at, *end;
    bool last, ended;
    enum state state;
    int64_t line, row_line;
    unsigned bom; /* how many bytes of the mark have come; more than 3: it is past */
    struct str text;
    size_t starts[CSV_COLUMNS_MAX + 1];
    size_t n;          /* cells that have ended */
    bool quoted;       /* the cell at hand was */
    bool any;          /* the row has something besides its end */
    enum csv_fault fault;
    size_t fault_cell;
};

static const char mark[] = "\xef\xbb\xbf";

struct csv_reader *csv_reader_new(void)
{
    struct csv_reader *r = calloc(1, sizeof(*r));

    if (r == NULL)
        die("out of memory");
    str_init(&r->text);
    r->line = r->row_line = 1;
    return r;
}

void csv_reader_free(struct csv_reader *r)
{
    if (r == NULL)
        return;
    str_release(&r->text);
    free(r);
}

void csv_feed(struct csv_reader *r, const char *bytes, size_t len, bool last)
{
    r->at = bytes;
    r->end = bytes + len;
    r->last = last;
}

static void set_fault(struct csv_reader *r, enum csv_fault fault)
{
    if (r->fault != CSV_SOUND)
        return;
    r->fault = fault;
    r->fault_cell = r->n;
}

static size_t cell_start(const struct csv_reader *r)
{
    return r->starts[r->n < CSV_COLUMNS_MAX ? r->n : CSV_COLUMNS_MAX];
}

static void put(struct csv_reader *r, char c)
{
    r->any = true;
    if (r->n >= CSV_COLUMNS_MAX)
        set_fault(r, CSV_WIDE);
    else if (r->text.len - cell_start(r) >= CSV_CELL_MAX)
        set_fault(r, CSV_LONG);
    else
        str_addc(&r->text, c);
}

static void end_cell(struct csv_reader *r)
{
    r->quoted = false;
    r->state = AT_START;
    if (r->n >= CSV_COLUMNS_MAX) {
        set_fault(r, CSV_WIDE);
        return;
    }
    if (!utf8_valid(r->text.p + cell_start(r), r->text.len - cell_start(r)))
        set_fault(r, CSV_BYTES);
    str_addc(&r->text, '\0');
    r->n++;
    r->starts[r->n] = r->text.len;
}

/* Hands the row out and begins the next one. */
static void take_row(struct csv_reader *r, struct csv_row *row)
{
    row->line = r->row_line;
    row->n = r->n;
    row->fault = r->fault;
    row->fault_cell = r->fault_cell;
    for (size_t i = 0; i < r->n; i++)
        row->cells[i] = (struct csv_cell){r->text.p + r->starts[i],
                                          r->starts[i + 1] - r->starts[i] - 1};
}

static void begin_row(struct csv_reader *r)
{
    str_clear(&r->text);
    r->starts[0] = 0;
    r->n = 0;
    r->any = r->quoted = false;
    r->fault = CSV_SOUND;
    r->row_line = r->line;
}

/* The bytes of the mark that turned out to be none belong to the first cell. */
static bool past_mark(struct csv_reader *r, char c)
{
    if (r->bom > 3)
        return true;
    if (r->bom < 3 && c == mark[r->bom]) {
        r->bom++;
        return false;
    }
    for (unsigned i = 0; r->bom < 3 && i < r->bom; i++) {
        put(r, mark[i]);
        r->state = IN_PLAIN;
    }
    r->bom = 4;
    return true;
}

/* True when the byte ends the row. */
static bool plain_byte(struct csv_reader *r, char c)
{
    switch (c) {
    case ',':
        r->any = true;
        end_cell(r);
        return false;
    case '\n':
    case '\r':
        if (r->any)
            end_cell(r);
        r->state = c == '\r' ? AFTER_CR : AT_START;
        r->line++;
        return true;
    case '"':
        if (r->state == AT_START) {
            r->state = IN_QUOTED;
            r->quoted = r->any = true;
            return false;
        }
        set_fault(r, CSV_QUOTE);
        return false;
    default:
        if (r->quoted)
            set_fault(r, CSV_QUOTE);
        if (c == '\0')
            set_fault(r, CSV_BYTES);
        put(r, c);
        r->state = IN_PLAIN;
        return false;
    }
}

static bool byte(struct csv_reader *r, char c)
{
    if (r->state == IN_QUOTED) {
        if (c == '"') {
            r->state = AT_QUOTE;
            return false;
        }
        if (c == '\0')
            set_fault(r, CSV_BYTES);
        r->line += c == '\n';
        put(r, c);
        return false;
    }
    if (r->state == AT_QUOTE && c == '"') {
        put(r, c);
        r->state = IN_QUOTED;
        return false;
    }
    if (r->state == AT_QUOTE)
        r->state = IN_PLAIN;
    return plain_byte(r, c);
}

/* The last row may lack its line end. */
static bool last_row(struct csv_reader *r)
{
    r->ended = true;
    if (r->state == AFTER_CR)
        return false;
    if (r->bom > 0 && r->bom < 3)
        past_mark(r, '\0');
    if (r->state == IN_QUOTED)
        set_fault(r, CSV_OPEN);
    if (r->any)
        end_cell(r);
    return r->n > 0;
}

enum csv_result csv_next(struct csv_reader *r, struct csv_row *row)
{
    if (r->ended)
        return CSV_END;
    if (r->state == AT_START && r->n == 0)
        begin_row(r);
    while (r->at < r->end) {
        char c = *r->at;

        if (r->state == AFTER_CR) {
            r->state = AT_START;
            begin_row(r);
            if (c == '\n') {
                r->at++;
                continue;
            }
        }
        r->at++;
        if (!past_mark(r, c))
            continue;
        if (!byte(r, c))
            continue;
        if (r->n > 0) {
            take_row(r, row);
            r->n = 0;
            return CSV_ROW;
        }
        if (r->state == AT_START)
            begin_row(r);
    }
    if (!r->last)
        return CSV_MORE;
    if (!last_row(r))
        return CSV_END;
    take_row(r, row);
    return CSV_ROW;
}

const char *csv_fault_text(enum csv_fault fault)
{
    static const char *const texts[] = {
        [CSV_SOUND] = "Is sound",
        [CSV_BYTES] = "Is not UTF-8 text",
        [CSV_QUOTE] = "Has a quote where none may be (in a quoted cell it is doubled)",
        [CSV_OPEN] = "Begins with a quote and never ends",
        [CSV_WIDE] = "Has too many columns",
        [CSV_LONG] = "Is too long",
    };

    return texts[fault];
}

/* --- writing --------------------------------------------------------------------------------- */

void csv_add_cell(struct str *out, const char *text, size_t len)
{
    bool quote = len > 0 && (text[0] == ' ' || text[len - 1] == ' ');

    for (size_t i = 0; i < len && !quote; i++)
        quote = text[i] == ',' || text[i] == '"' || text[i] == '\r' || text[i] == '\n';
    if (!quote) {
        str_add(out, text, len);
        return;
    }
    str_addc(out, '"');
    while (len > 0) {
        const char *inner = memchr(text, '"', len);
        size_t n = inner != NULL ? (size_t)(inner - text) + 1 : len;

        str_add(out, text, n);
        if (inner != NULL)
            str_addc(out, '"');
        text += n;
        len -= n;
    }
    str_addc(out, '"');
}

/* Apostrophes, if any, and then what a spreadsheet takes for the beginning of a formula. */
static bool formula(const char *text, size_t len)
{
    size_t i = 0;

    while (i < len && text[i] == '\'')
        i++;
    return i < len && text[i] != '\0' && strchr("=+-@\t\r\n", text[i]) != NULL;
}

void csv_add_text(struct str *out, const char *text, size_t len)
{
    struct str guarded;

    if (!formula(text, len)) {
        csv_add_cell(out, text, len);
        return;
    }
    str_init(&guarded);
    str_addc(&guarded, '\'');
    str_add(&guarded, text, len);
    csv_add_cell(out, guarded.p, guarded.len);
    str_release(&guarded);
}

const char *csv_unguard(const char *text, size_t *len)
{
    if (*len == 0 || text[0] != '\'' || !formula(text, *len))
        return text;
    --*len;
    return text + 1;
}
