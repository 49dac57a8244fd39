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

/* ---- the order on paper ---- */

static bool is_rtl(uint32_t c)
{
    static const struct range ranges[] = {{0x590, 0x8ff}, {0xfb1d, 0xfdff}, {0xfe70, 0xfefc}};

    return within(ranges, ARRAY_LEN(ranges), c);
}

static bool is_consonant(uint32_t c)
{
    static const struct range ranges[] = {{0x915, 0x939}, {0x958, 0x95f}, {0x995, 0x9b9},
                                          {0x9dc, 0x9df}, {0x9f0, 0x9f1}};

    return within(ranges, ARRAY_LEN(ranges), c);
}

/* Where the consonants begin that stand before `at`, joined by viramas, with nuktas. */
static size_t cluster_of(const uint32_t *chars, size_t at)
{
    size_t begin = at;

    for (;;) {
        size_t from = begin;

        if (from > 0 && (chars[from - 1] == 0x9bc || chars[from - 1] == 0x93c))
            from--;
        if (from == 0 || !is_consonant(chars[from - 1]))
            return begin;
        begin = from - 1;
        if (begin == 0 || (chars[begin - 1] != 0x9cd && chars[begin - 1] != 0x94d))
            return begin;
        begin--;
    }
}

/* Signs that are spoken after their consonants and written before, or on both sides of them. */
static size_t place_vowels(uint32_t *chars, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t c = chars[i], before = c;
        size_t at;

        if (c == 0x9cb || c == 0x9cc)
            before = 0x9c7;
        else if (c != 0x93f && c != 0x9bf && c != 0x9c7 && c != 0x9c8)
            continue;
        at = cluster_of(chars, i);
        if (before != c) {
            memmove(&chars[i + 1], &chars[i], (n++ - i) * sizeof *chars);
            chars[i + 1] = c == 0x9cb ? 0x9be : 0x9d7;
        }
        memmove(&chars[at + 1], &chars[at], (i - at) * sizeof *chars);
        chars[at] = before;
        i += before != c;
    }
    return n;
}

/* Letters from right to left, with their marks behind them as before. */
static void turn(uint32_t *chars, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        uint32_t c = chars[i];

        chars[i] = chars[n - 1 - i];
        chars[n - 1 - i] = c;
    }
    for (size_t i = 0, end; i < n; i = end + 1) {
        for (end = i; end + 1 < n && text_joins(chars[end]);)
            end++;
        if (end > i) {
            uint32_t c = chars[end];

            memmove(&chars[i + 1], &chars[i], (end - i) * sizeof *chars);
            chars[i] = c;
        }
    }
}

size_t text_visual(uint32_t *chars, size_t n)
{
    n = place_vowels(chars, n);
    for (size_t i = 0; i < n; i++) {
        size_t end = i;

        if (!is_rtl(chars[i]))
            continue;
        for (size_t at = i; at < n && (is_rtl(chars[at]) || !(chars[at] >= 0x80 ||
                                                              isalnum((int)chars[at]))); at++)
            if (is_rtl(chars[at]))
                end = at;
        turn(chars + i, end + 1 - i);
        i = end;
    }
    return n;
}
