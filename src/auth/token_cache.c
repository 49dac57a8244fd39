#include "base.h"
#include <sodium.h>

#include "auth/token_cache.h"
#include "core/id.h"

struct slot {
    struct token_digest digest;
    struct claims claims; /* text in `text` */
    char *text;           /* NULL: a free slot */
    size_t text_len;
};

struct token_cache {
    unsigned char key[crypto_generichash_KEYBYTES];
    struct slot slots[TOKEN_CACHE_SLOTS];
};

/* Every member of struct claims that is text. */
static const size_t texts[] = {
    offsetof(struct claims, sub),
    offsetof(struct claims, jti),
    offsetof(struct claims, email),
    offsetof(struct claims, tenant_id),
    offsetof(struct claims, tenant_slug),
    offsetof(struct claims, branch_id),
    offsetof(struct claims, business_type),
    offsetof(struct claims, business_name),
    offsetof(struct claims, subscription_status),
    offsetof(struct claims, subscription_plan),
    offsetof(struct claims, impersonated_by),
    offsetof(struct claims, impersonator_jti),
};
static_assert(offsetof(struct claims, role) == ARRAY_LEN(texts) * sizeof(char *),
              "a text of struct claims is not in the list");

static const char **text_of(struct claims *claims, size_t i)
{
    return (const char **)(void *)((char *)claims + texts[i]);
}

struct token_cache *token_cache_new(void)
{
    struct token_cache *cache = calloc(1, sizeof(*cache));

    if (!cache)
        die("out of memory");
    random_bytes(cache->key, sizeof(cache->key));
    return cache;
}

static void slot_clear(struct slot *slot)
{
    if (slot->text)
        sodium_memzero(slot->text, slot->text_len);
    free(slot->text);
    memset(slot, 0, sizeof(*slot));
}

void token_cache_free(struct token_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < TOKEN_CACHE_SLOTS; i++)
        slot_clear(&cache->slots[i]);
    sodium_memzero(cache->key, sizeof(cache->key));
    free(cache);
}

void token_cache_digest(const struct token_cache *cache, const char *token, size_t len,
                        struct token_digest *out)
{
    crypto_generichash(out->bytes, sizeof(out->bytes), (const unsigned char *)token, len,
                       cache->key, sizeof(cache->key));
}

static size_t place(const struct token_digest *digest)
{
    return (digest->bytes[0] | (size_t)digest->bytes[1] << 8) % TOKEN_CACHE_SLOTS;
}

bool token_cache_get(const struct token_cache *cache, const struct token_digest *digest,
                     struct arena *arena, struct claims *claims)
{
    const struct slot *slot = &cache->slots[place(digest)];

    if (!slot->text || sodium_memcmp(slot->digest.bytes, digest->bytes, TOKEN_DIGEST_BYTES) != 0)
        return false;
    *claims = slot->claims;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *text_of(claims, i) = arena_strdup(arena, *text_of(claims, i));
    return true;
}

void token_cache_put(struct token_cache *cache, const struct token_digest *digest,
                     const struct claims *claims)
{
    struct slot *slot = &cache->slots[place(digest)];
    struct claims copy = *claims;
    size_t len = 0;
    char *at;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        len += *text_of(&copy, i) ? strlen(*text_of(&copy, i)) + 1 : 0;
    slot_clear(slot);
    at = slot->text = malloc(len + 1);
    if (!at)
        die("out of memory");
    slot->text_len = len;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const char **text = text_of(&copy, i);
        size_t size = *text ? strlen(*text) + 1 : 0;

        if (size == 0)
            continue;
        memcpy(at, *text, size);
        *text = at;
        at += size;
    }
    slot->claims = copy;
    slot->digest = *digest;
}
