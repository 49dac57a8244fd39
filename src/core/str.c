/* The growing buffer, and the text encodings of the wire: JSON strings, URI components, base64url,
 * UTF-8. Never truncates; aborts when memory is out. The JSON writer is on the path of every read,
 * so it copies runs and looks at eight bytes at a time. */
#include "base.h"
#include "core/str.h"
#include "core/err.h"

#define CAP_FIRST ((size_t)256)
#define CAP_KEPT  ((size_t)1024 * 1024)

static const char base64url_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void str_init(struct str *s)
{
    s->p = malloc(CAP_FIRST);
    if (!s->p)
        die("out of memory: a buffer");
    s->p[0] = '\0';
    s->len = 0;
    s->cap = CAP_FIRST;
}

void str_release(struct str *s)
{
    free(s->p);
    s->p = NULL;
    s->len = s->cap = 0;
}

void str_clear(struct str *s)
{
    if (s->cap > CAP_KEPT) {
        str_release(s);
        str_init(s);
    }
    s->len = 0;
    s->p[0] = '\0';
}

char *str_reserve(struct str *s, size_t more)
{
    size_t need, cap = s->cap;

    if (__builtin_add_overflow(s->len, more, &need) || __builtin_add_overflow(need, 1, &need))
        die("a buffer of more than SIZE_MAX bytes");
    if (need > cap) {
        while (cap < need)
            cap = cap > SIZE_MAX / 2 ? need : cap * 2;
        s->p = realloc(s->p, cap);
        if (!s->p)
            die("out of memory: a buffer of %zu bytes", cap);
        s->cap = cap;
    }
    return s->p + s->len;
}

void str_add(struct str *s, const char *bytes, size_t len)
{
    char *to = str_reserve(s, len);

    if (len > 0)
        memcpy(to, bytes, len);
    str_grew(s, len);
}

void str_addz(struct str *s, const char *text)
{
    str_add(s, text, strlen(text));
}

void str_addc(struct str *s, char c)
{
    *str_reserve(s, 1) = c;
    str_grew(s, 1);
}

void str_addf(struct str *s, const char *fmt, ...)
{
    va_list args, again;
    size_t room = s->cap - s->len;
    int len;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(s->p + s->len, room, fmt, args);
    va_end(args);
    if (len < 0)
        die("str_addf: bad format \"%s\"", fmt);
    if ((size_t)len >= room)
        vsnprintf(str_reserve(s, (size_t)len), (size_t)len + 1, fmt, again);
    va_end(again);
    str_grew(s, (size_t)len);
}

void str_add_int(struct str *s, int64_t value)
{
    char digits[20];
    char *p = digits + sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        *--p = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        *--p = '-';
    str_add(s, p, (size_t)(digits + sizeof digits - p));
}

/* Length of the well-formed sequence at `p` (RFC 3629), 0 when there is none. */
static size_t utf8_step(const unsigned char *p, const unsigned char *end)
{
    size_t len;
    unsigned char low = 0x80, high = 0xbf;

    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if ((size_t)(end - p) < len)
        return 0;
    /* The second byte carries what makes a form overlong, a surrogate or past U+10FFFF. */
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

#define EVERY(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Bit 7 of some byte is set exactly when a byte of `w` is below `n` (n ≤ 128, bytes < 128). */
static inline uint64_t any_below(uint64_t w, uint64_t n)
{
    return (w - EVERY(n)) & ~w & EVERY(0x80);
}

static inline bool eight_plain(const unsigned char *p)
{
    uint64_t w;

    memcpy(&w, p, sizeof w);
    return ((w & EVERY(0x80)) | any_below(w, 0x20) | any_below(w ^ EVERY('"'), 1) |
            any_below(w ^ EVERY('\\'), 1)) == 0;
}

/* What follows the backslash; 'u' for \u00XX, 0 for a byte that stays. */
static const char json_escape[128] = {
    [0x00] = 'u', [0x01] = 'u', [0x02] = 'u', [0x03] = 'u',  [0x04] = 'u', [0x05] = 'u',
    [0x06] = 'u', [0x07] = 'u', ['\b'] = 'b', ['\t'] = 't',  ['\n'] = 'n', [0x0b] = 'u',
    ['\f'] = 'f', ['\r'] = 'r', [0x0e] = 'u', [0x0f] = 'u',  [0x10] = 'u', [0x11] = 'u',
    [0x12] = 'u', [0x13] = 'u', [0x14] = 'u', [0x15] = 'u',  [0x16] = 'u', [0x17] = 'u',
    [0x18] = 'u', [0x19] = 'u', [0x1a] = 'u', [0x1b] = 'u',  [0x1c] = 'u', [0x1d] = 'u',
    [0x1e] = 'u', [0x1f] = 'u', ['"'] = '"',  ['\\'] = '\\',
};

static const unsigned char *json_run_end(const unsigned char *p, const unsigned char *end)
{
    while (p < end) {
        if (end - p >= 8 && eight_plain(p)) {
            p += 8;
        } else if (*p < 0x80) {
            if (json_escape[*p])
                break;
            p++;
        } else {
            size_t len = utf8_step(p, end);

            if (len == 0)
                break;
            p += len;
        }
    }
    return p;
}

void str_add_json(struct str *s, const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    const unsigned char *end = p + len;

    str_reserve(s, len + 2);
    str_addc(s, '"');
    while (p < end) {
        const unsigned char *run = json_run_end(p, end);

        str_add(s, (const char *)p, (size_t)(run - p));
        p = run;
        if (p == end)
            break;
        if (*p >= 0x80)
            str_add(s, "\xef\xbf\xbd", 3);
        else if (json_escape[*p] == 'u')
            str_addf(s, "\\u%04x", *p);
        else
            str_add(s, (const char[]){'\\', json_escape[*p]}, 2);
        p++;
    }
    str_addc(s, '"');
}

void str_add_member(struct str *s, const char *head, const char *text)
{
    str_addz(s, head);
    if (text)
        str_add_json(s, text, strlen(text));
    else
        str_addz(s, "null");
}

void str_add_uri(struct str *s, const char *text, size_t len)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        unsigned char lower = c | 0x20;

        if ((c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'z') || c == '-' || c == '.' ||
            c == '_' || c == '~')
            str_addc(s, (char)c);
        else
            str_add(s, (const char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
    }
}

void str_add_base64url(struct str *s, const void *bytes, size_t len)
{
    const unsigned char *in = bytes;
    uint32_t bits = 0;
    int have = 0;

    for (size_t i = 0; i < len; i++) {
        bits = (bits << 8 | in[i]) & 0xffff;
        for (have += 8; have >= 6; have -= 6)
            str_addc(s, base64url_digits[bits >> (have - 6) & 63]);
    }
    if (have > 0)
        str_addc(s, base64url_digits[bits << (6 - have) & 63]);
}

static int base64url_value(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

ssize_t base64url_decode(void *out, size_t cap, const char *text, size_t len)
{
    unsigned char *to = out;
    size_t n = 0;
    uint32_t bits = 0;
    int have = 0;

    if (len % 4 == 1)
        return -1;
    for (size_t i = 0; i < len; i++) {
        int value = base64url_value((unsigned char)text[i]);

        if (value < 0)
            return -1;
        bits = (bits << 6 | (uint32_t)value) & 0xffff;
        have += 6;
        if (have >= 8) {
            if (n == cap)
                return -1;
            have -= 8;
            to[n++] = (unsigned char)(bits >> have);
        }
    }
    /* Left-over bits must be zero, or one byte string would have several spellings. */
    if (bits & ((1u << have) - 1))
        return -1;
    return (ssize_t)n;
}

bool utf8_valid(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    const unsigned char *end = p + len;

    while (p < end) {
        uint64_t w;
        size_t step;

        if (end - p >= 8) {
            memcpy(&w, p, sizeof w);
            if (((w & EVERY(0x80)) | any_below(w, 1)) == 0) {
                p += 8;
                continue;
            }
        }
        step = *p ? utf8_step(p, end) : 0;
        if (step == 0)
            return false;
        p += step;
    }
    return true;
}

size_t utf8_count(const char *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}
