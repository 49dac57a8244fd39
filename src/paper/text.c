/* Reading UTF-8 one by one, and where to break lines. */
#include "base.h"
#include "paper/text.h"

uint32_t text_next(const char **p, const char *end)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *at = (const unsigned char *)*p;
    unsigned first = *at;
    size_t n = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
    uint32_t c = n == 1 ? first : n == 0 ? TEXT_BAD : first & (0x7fu >> n);

    if (n == 0 || first > 0xf4 || (size_t)(end - *p) < n) {
        ++*p;
        return TEXT_BAD;
    }
    for (size_t i = 1; i < n; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            ++*p;
            return TEXT_BAD;
        }
        c = c << 6 | (at[i] & 0x3f);
    }
    *p += n;
    return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? TEXT_BAD : c;
}

struct range {
    uint32_t first, last;
};

static bool within(const struct range *ranges, size_t n, uint32_t c)
{
    for (size_t i = 0; i < n && ranges[i].first <= c; i++)
        if (c <= ranges[i].last)
            return true;
    return false;
}

bool text_hidden(uint32_t c)
{
    static const struct range ranges[] = {{0xad, 0xad},     {0x200b, 0x200f}, {0x202a, 0x202e},
                                          {0x2060, 0x206f}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}};

    return within(ranges, ARRAY_LEN(ranges), c);
}

/* Combining marks, and the signs of the Indic scripts that stand with a letter. */
bool text_joins(uint32_t c)
{
    static const struct range ranges[] = {{0x300, 0x36f},   {0x591, 0x5bd},   {0x610, 0x61a},
                                          {0x64b, 0x65f},   {0x900, 0x903},   {0x93a, 0x94f},
                                          {0x981, 0x983},   {0x9bc, 0x9cd},   {0x9d7, 0x9d7},
                                          {0xe31, 0xe31},   {0xe34, 0xe3a},   {0xe47, 0xe4e},
                                          {0x1ab0, 0x1aff}, {0x20d0, 0x20ff}, {0xfe20, 0xfe2f}};

    return within(ranges, ARRAY_LEN(ranges), c);
}

size_t text_line(const char *text, size_t len, double width,
                 double (*width_of)(void *data, uint32_t c), void *data, size_t *next)
{
    const char *p = text, *end = text + len, *space = NULL, *letter = text;
    double used = 0;

    while (p < end) {
        const char *at = p;
        uint32_t c = text_next(&p, end);

        if (c == '\n') {
            *next = (size_t)(p - text);
            return (size_t)(at - text);
        }
        used += width_of(data, c);
        if (c == ' ')
            space = at;
        if (used > width && c != ' ' && letter > text) {
            *next = (size_t)(space ? space + 1 - text : letter - text);
            return (size_t)(space ? space - text : letter - text);
        }
        if (p < end) {
            const char *ahead = p;

            if (!text_joins(text_next(&ahead, end)))
                letter = p;
        }
    }
    *next = len;
    return len;
}
