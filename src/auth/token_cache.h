/* Tokens that this process has verified lately, so that a browser's next request does not pay for
 * the signature and the parsing again (measured: 2 µs instead of 59).
 *
 * An entry is found by a 256-bit hash of the whole token, keyed per process; the token itself is
 * not kept. Times are not part of the promise: the caller checks them on every use.
 */
#ifndef ERP_AUTH_TOKEN_CACHE_H
#define ERP_AUTH_TOKEN_CACHE_H

#include "auth/token.h"

#define TOKEN_CACHE_SLOTS  1024
#define TOKEN_DIGEST_BYTES 32

struct token_cache;

struct token_digest {
    unsigned char bytes[TOKEN_DIGEST_BYTES];
};

struct token_cache *token_cache_new(void);
void token_cache_free(struct token_cache *cache);

void token_cache_digest(const struct token_cache *cache, const char *token, size_t len,
                        struct token_digest *out);

/* Fills `claims` with text owned by the arena; false when the token is not remembered. */
bool token_cache_get(const struct token_cache *cache, const struct token_digest *digest,
                     struct arena *arena, struct claims *claims);

/* Remembers a verified token in the place of an older one. */
void token_cache_put(struct token_cache *cache, const struct token_digest *digest,
                     const struct claims *claims);

#endif
