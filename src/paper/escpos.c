/* ESC/POS, the part that the printers of most makers share. */
#include "base.h"
#include "paper/escpos.h"
#include "paper/text.h"

#define QR_MAX 1000

#define ESC "\x1b"
#define GS  "\x1d"

/* ---- the code page ---- */

/* Its upper half, from 0x80; 0: not used. */
static const uint16_t upper[128] = {
    0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7,
    0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5,
    0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
    0x00ff, 0x00d6, 0x00dc, 0x00f8, 0x00a3, 0x00d8, 0x00d7, 0x0192,
    0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba,
    0x00bf, 0x00ae, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x00c1, 0x00c2, 0x00c0,
    0x00a9, 0x2563, 0x2551, 0x2557, 0x255d, 0x00a2, 0x00a5, 0x2510,
    0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x00e3, 0x00c3,
    0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x00a4,
    0x00f0, 0x00d0, 0x00ca, 0x00cb, 0x00c8, 0x20ac, 0x00cd, 0x00ce,
    0x00cf, 0x2518, 0x250c, 0x2588, 0x2584, 0x00a6, 0x00cc, 0x2580,
    0x00d3, 0x00df, 0x00d4, 0x00d2, 0x00f5, 0x00d5, 0x00b5, 0x00fe,
    0x00de, 0x00da, 0x00db, 0x00d9, 0x00fd, 0x00dd, 0x00af, 0x00b4,
    0x0000, 0x00b1, 0x2017, 0x00be, 0x00b6, 0x00a7, 0x00f7, 0x00b8,
    0x00b0, 0x00a8, 0x00b7, 0x00b9, 0x00b3, 0x00b2, 0x25a0, 0x0000,
};

/* The base letters of U+0100 to U+017F. */
static const char latin[] =
    "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlL"
    "lLlNnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

static const struct {
    uint32_t c;
    const char *text;
} nearest[] = {
    {0x09f3, "Tk"}, {0x20b9, "Rs"}, {0x2010, "-"},  {0x2011, "-"},   {0x2012, "-"},
    {0x2013, "-"},  {0x2014, "-"},  {0x2018, "'"},  {0x2019, "'"},   {0x201a, ","},
    {0x201c, "\""}, {0x201d, "\""}, {0x201e, "\""}, {0x2022, "*"},   {0x2026, "..."},
    {0x2122, "TM"}, {0x2212, "-"},  {0x0153, "oe"}, {0x0152, "OE"},
};

static void encode(struct str *out, uint32_t c)
{
    if (text_hidden(c) || text_joins(c))
        return;
    if (c < 0x7f || (c > 0x7f && c <= 0xa0)) {
        str_addc(out, c < ' ' || c > '~' ? ' ' : (char)c);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(nearest); i++)
        if (nearest[i].c == c) {
            str_addz(out, nearest[i].text);
            return;
        }
    for (size_t i = 0; i < ARRAY_LEN(upper); i++)
        if (upper[i] == c) {
            str_addc(out, (char)(0x80 + i));
            return;
        }
    str_addc(out, c >= 0x100 && c < 0x180 ? latin[c - 0x100] : '?');
}

const char *escpos_encode(struct arena *arena, const char *text, size_t *len)
{
    const char *end = text + strlen(text);
    struct str out;
    char *copy;

    str_init(&out);
    while (text < end) {
        uint32_t c = text_next(&text, end);

        if (c == '\n')
            str_addc(&out, '\n');
        else
            encode(&out, c);
    }
    *len = out.len;
    copy = arena_strndup(arena, out.p, out.len);
    str_release(&out);
    return copy;
}

/* ---- lines ---- */

/* The length of the first line of bytes of the code page. */
static size_t line_of(const char *text, size_t len, size_t width, size_t *next)
{
    size_t most = len < width ? len : width, at = most;
    const char *end = memchr(text, '\n', most);

    if (end != NULL) {
        *next = (size_t)(end - text) + 1;
        return (size_t)(end - text);
    }
    *next = len;
    if (len <= width)
        return len;
    while (at > 0 && text[at] != ' ' && text[at] != '\n')
        at--;
    *next = at > 0 ? at + 1 : most;
    return at > 0 ? at : most;
}

static void pad(struct str *out, size_t n)
{
    while (n-- > 0)
        str_addc(out, ' ');
}

static void set_style(struct escpos *p, unsigned style)
{
    if ((style ^ p->style) & ESCPOS_BOLD)
        str_add(p->out, style & ESCPOS_BOLD ? ESC "E\1" : ESC "E\0", 3);
    if ((style ^ p->style) & ESCPOS_LARGE)
        str_add(p->out, style & ESCPOS_LARGE ? GS "!\1" : GS "!\0", 3); /* twice as high */
    if ((style ^ p->style) & ESCPOS_MIDDLE)
        str_add(p->out, style & ESCPOS_MIDDLE ? ESC "a\1" : ESC "a\0", 3);
    p->style = style;
}

void escpos_begin(struct escpos *p, struct arena *arena, struct str *out, size_t columns)
{
    *p = (struct escpos){.arena = arena, .out = out, .columns = columns};
    str_add(out, ESC "@", 2);
    str_add(out, ESC "t\x13", 3);
}

void escpos_text(struct escpos *p, unsigned style, const char *text, const char *right)
{
    size_t len, beside = 0, next, width = p->columns;
    const char *at = escpos_encode(p->arena, text, &len);
    const char *end = right != NULL ? escpos_encode(p->arena, right, &beside) : "";

    if (beside > p->columns / 2)
        beside = p->columns / 2;
    if (beside > 0)
        width -= beside + 1;
    set_style(p, style);
    do {
        size_t n = line_of(at, len, width, &next);

        str_add(p->out, at, n);
        if (beside > 0)
            pad(p->out, p->columns - n - beside);
        str_add(p->out, end, beside);
        str_addc(p->out, '\n');
        beside = 0;
        at += next;
        len -= next;
    } while (len > 0);
}

void escpos_rule(struct escpos *p)
{
    set_style(p, 0);
    for (size_t i = 0; i < p->columns; i++)
        str_addc(p->out, '-');
    str_addc(p->out, '\n');
}

/* Model 2, modules of 6 dots, level M; then the data, and print. */
void escpos_qr(struct escpos *p, const char *text)
{
    static const char setup[] = GS "(k\4\0" "1A2\0" GS "(k\3\0" "1C\6" GS "(k\3\0" "1E1";
    size_t len = strlen(text), more = len + 3;

    if (len == 0 || len > QR_MAX)
        return;
    set_style(p, ESCPOS_MIDDLE);
    str_add(p->out, setup, sizeof setup - 1);
    str_add(p->out, GS "(k", 3);
    str_addc(p->out, (char)(more & 0xff));
    str_addc(p->out, (char)(more >> 8));
    str_add(p->out, "1P0", 3);
    str_add(p->out, text, len);
    str_add(p->out, GS "(k\3\0" "1Q0", 8);
    str_addc(p->out, '\n');
}

void escpos_end(struct escpos *p)
{
    set_style(p, 0);
    str_add(p->out, "\n\n\n\n", 4);
    str_add(p->out, GS "V\x42\0", 4);
}
