/* Identifiers, randomness and the few hashes that everybody needs. libsodium's hashes keep no
 * state, so nothing here needs sodium_init. */
#include "base.h"
#include "core/id.h"
#include "core/clock.h"
#include "core/err.h"

#include <sodium.h>
#include <sys/random.h>

static const char hex_digits[] = "0123456789abcdef";

/* Stable for ever: a change moves every slot of the board. It is no secret. */
static const unsigned char hash_key[crypto_shorthash_siphash24_KEYBYTES] = "erp board hash 1";

/* Where the last id of this process stood. */
static struct {
    int64_t ms;
    unsigned counter; /* 12 bits */
} last_id;

static char *put_hex(char *out, const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        *out++ = hex_digits[bytes[i] >> 4];
        *out++ = hex_digits[bytes[i] & 15];
    }
    return out;
}

void random_bytes(void *out, size_t len)
{
    unsigned char *p = out;

    while (len > 0) {
        ssize_t got = getrandom(p, len, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            die("no random bytes from the kernel: %s", strerror(errno));
        p += got;
        len -= (size_t)got;
    }
}

void random_hex(char *out, size_t n)
{
    unsigned char chunk[32];

    while (n > 0) {
        size_t now = n < sizeof chunk ? n : sizeof chunk;

        random_bytes(chunk, now);
        out = put_hex(out, chunk, now);
        n -= now;
    }
    *out = '\0';
}

void id_new(char out[static ID_SIZE])
{
    unsigned char b[16];
    int64_t ms = clock_ms();

    random_bytes(b + 6, 10);
    if (ms > last_id.ms) {
        last_id.ms = ms;
        /* Half of the range: room to count up within the millisecond. */
        last_id.counter = ((unsigned)b[6] << 8 | b[7]) & 0x7ff;
    } else if (++last_id.counter > 0xfff) {
        last_id.ms++;
        last_id.counter = 0;
    }
    for (int i = 0; i < 6; i++)
        b[i] = (unsigned char)(last_id.ms >> (40 - 8 * i));
    b[6] = (unsigned char)(0x70 | last_id.counter >> 8);
    b[7] = (unsigned char)last_id.counter;
    b[8] = (b[8] & 0x3f) | 0x80;

    out = put_hex(out, b, 4);
    *out++ = '-';
    out = put_hex(out, b + 4, 2);
    *out++ = '-';
    out = put_hex(out, b + 6, 2);
    *out++ = '-';
    out = put_hex(out, b + 8, 2);
    *out++ = '-';
    out = put_hex(out, b + 10, 6);
    *out = '\0';
}

bool id_valid(const char *text, size_t len)
{
    if (len != ID_SIZE - 1)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        unsigned char lower = c | 0x20;

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-')
                return false;
        } else if (!((c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'f'))) {
            return false;
        }
    }
    return true;
}

uint64_t hash64(const char *text, size_t len)
{
    unsigned char out[crypto_shorthash_siphash24_BYTES];
    uint64_t hash = 0;

    crypto_shorthash_siphash24(out, (const unsigned char *)text, len, hash_key);
    for (size_t i = sizeof out; i-- > 0;)
        hash = hash << 8 | out[i];
    return hash;
}

void sha256_hex(char out[static SHA256_HEX_SIZE], const void *bytes, size_t len)
{
    unsigned char digest[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(digest, bytes, len);
    *put_hex(out, digest, sizeof digest) = '\0';
}

void hmac_sha256(uint8_t out[static 32], const uint8_t key[static 32], const void *bytes,
                 size_t len)
{
    static_assert(crypto_auth_hmacsha256_BYTES == 32 && crypto_auth_hmacsha256_KEYBYTES == 32,
                  "HMAC-SHA-256 is 32 bytes from 32 bytes");
    crypto_auth_hmacsha256(out, bytes, len, key);
}

bool same_bytes(const void *a, const void *b, size_t len)
{
    return sodium_memcmp(a, b, len) == 0;
}
