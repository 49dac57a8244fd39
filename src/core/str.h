/* A growing byte buffer, always NUL-terminated, that never truncates.
 *
 * Used for reply bodies and header blocks; a worker keeps one and clears it between requests.
 * Not for text of a known length: arena_printf does that.
 */
#ifndef ERP_CORE_STR_H
#define ERP_CORE_STR_H

#include "base.h"

struct str {
    char *p;    /* never NULL after str_init */
    size_t len; /* bytes before the NUL */
    size_t cap;
};

void str_init(struct str *s);
void str_release(struct str *s); /* frees; the struct may be initialised again */
void str_clear(struct str *s);   /* length 0; keeps at most 1 MiB of capacity */

/* Room for `more` further bytes; returns where they go. str_grew() then accounts for them. */
char *str_reserve(struct str *s, size_t more);
static inline void str_grew(struct str *s, size_t n)
{
    s->len += n;
    s->p[s->len] = '\0';
}

void str_add(struct str *s, const char *bytes, size_t len);
void str_addz(struct str *s, const char *text);
void str_addc(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...) ERP_PRINTF(2, 3);

/* A signed 64-bit integer in decimal. */
void str_add_int(struct str *s, int64_t value);

/* Text as a JSON string with its quotes (RFC 8259): control characters, quote and backslash are
 * escaped, invalid UTF-8 becomes U+FFFD, everything else stays as it is. */
void str_add_json(struct str *s, const char *text, size_t len);

/* `head` as it stands (",\"name\":"), then the text as a JSON string; null for NULL. */
void str_add_member(struct str *s, const char *head, const char *text);

/* Text as one component of a URI (RFC 3986, unreserved characters stay). */
void str_add_uri(struct str *s, const char *text, size_t len);

/* base64url without padding (RFC 4648 §5). `base64url_decode` writes at most `cap` bytes and
 * returns how many, or -1 for a character outside the alphabet, a wrong length, non-zero
 * trailing bits, or a result larger than `cap`. */
void str_add_base64url(struct str *s, const void *bytes, size_t len);
ssize_t base64url_decode(void *out, size_t cap, const char *text, size_t len);

/* True when the bytes are well-formed UTF-8 (no surrogates, no overlong forms, no NUL). */
bool utf8_valid(const char *text, size_t len);

/* Characters (code points) of well-formed UTF-8. */
size_t utf8_count(const char *text, size_t len);

#endif
