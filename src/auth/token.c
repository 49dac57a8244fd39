#include "base.h"
#include <jansson.h>
#include <jwt.h>
#include <sodium.h>

#include "auth/token.h"
#include "auth/claims.h"
#include "auth/token_cache.h"
#include "core/clock.h"
#include "core/id.h"
#include "core/log.h"

#define KEY_MIN  32
#define KID_LEN  8

#define IMPERSONATION_MAX_S (8 * 3600)

struct key {
    unsigned char *bytes;
    size_t len;
    char kid[KID_LEN + 1];
    char *header; /* the first segment of every token that this key signs */
};

struct token_keys {
    int64_t lifetime_s;
    size_t n;
    struct key key[CONF_KEYS_MAX];
    struct token_cache *cache;
};

/* Only the log learns which check failed, and only at the debug level. */
static bool refuse(struct err *err, const char *why)
{
    log_event(LOG_LVL_DEBUG, "token_refused", "why", why, NULL);
    return err_set(err, ERR_TOKEN_INVALID, "The token is not valid. Sign in again.");
}

/* One token with this payload (JSON text), malloc'd by libjwt. */
static char *encode(const struct key *key, const char *payload)
{
    jwt_t *jwt = NULL;
    char *token = NULL;

    if (jwt_new(&jwt) == 0 && jwt_add_header(jwt, "kid", key->kid) == 0 &&
        jwt_add_grants_json(jwt, payload) == 0 &&
        jwt_set_alg(jwt, JWT_ALG_HS256, key->bytes, (int)key->len) == 0)
        token = jwt_encode_str(jwt);
    jwt_free(jwt);
    if (!token)
        die("libjwt cannot sign a token");
    return token;
}

static void key_init(struct key *key, const char *text)
{
    char digest[SHA256_HEX_SIZE];
    char *sample;

    key->len = strlen(text);
    if (key->len < KEY_MIN || key->len > INT_MAX)
        die("JWT_SECRET_KEY: every key has at least %d bytes", KEY_MIN);
    key->bytes = malloc(key->len);
    if (!key->bytes)
        die("out of memory");
    memcpy(key->bytes, text, key->len);
    sha256_hex(digest, text, key->len);
    memcpy(key->kid, digest, KID_LEN);
    key->kid[KID_LEN] = '\0';
    sample = encode(key, "{}");
    key->header = strndup(sample, strcspn(sample, "."));
    if (!key->header)
        die("out of memory");
    free(sample);
}

struct token_keys *token_keys_new(const struct conf *conf)
{
    struct token_keys *keys = calloc(1, sizeof(*keys));

    if (!keys)
        die("out of memory");
    if (conf->n_jwt_keys == 0 || conf->n_jwt_keys > CONF_KEYS_MAX)
        die("JWT_SECRET_KEY: between 1 and %d keys", CONF_KEYS_MAX);
    keys->cache = token_cache_new();
    keys->lifetime_s = conf->jwt_expiry_s;
    keys->n = conf->n_jwt_keys;
    for (size_t i = 0; i < keys->n; i++) {
        key_init(&keys->key[i], conf->jwt_keys[i]);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(keys->key[i].kid, keys->key[j].kid) == 0)
                die("JWT_SECRET_KEY: two keys have the id %s", keys->key[i].kid);
        }
    }
    return keys;
}

void token_keys_free(struct token_keys *keys)
{
    if (!keys)
        return;
    for (size_t i = 0; i < keys->n; i++) {
        sodium_memzero(keys->key[i].bytes, keys->key[i].len);
        free(keys->key[i].bytes);
        free(keys->key[i].header);
    }
    token_cache_free(keys->cache);
    free(keys);
}

void token_sign(const struct token_keys *keys, struct claims *claims, int64_t lifetime_s,
                struct arena *arena, struct str *out)
{
    struct claims brief;
    struct str payload;
    char jti[ID_SIZE];
    char *token;

    if (!claims->sub || !claims->email)
        die("token_sign: no user");
    if (lifetime_s <= 0 || lifetime_s > keys->lifetime_s)
        lifetime_s = keys->lifetime_s;
    if (claims->impersonated_by && lifetime_s > IMPERSONATION_MAX_S)
        lifetime_s = IMPERSONATION_MAX_S;
    id_new(jti);
    claims->jti = arena_strdup(arena, jti);
    claims->iat = claims->nbf = clock_ms() / 1000;
    claims->exp = claims->iat + lifetime_s;

    str_init(&payload);
    claims_write(&payload, claims);
    token = encode(&keys->key[0], payload.p);
    if (strlen(token) > TOKEN_MAX) {
        /* A long name in a script that JSON escapes: the token works without it. */
        brief = *claims;
        brief.business_name = NULL;
        free(token);
        str_clear(&payload);
        claims_write(&payload, &brief);
        token = encode(&keys->key[0], payload.p);
    }
    str_addz(out, token);
    free(token);
    str_release(&payload);
}

/* Checks the shape (three segments of base64url) and finds the key by the whole header: no other
 * header than one that we issue is ever parsed. */
static const struct key *find_key(const struct token_keys *keys, const char *token, size_t len,
                                  size_t *payload_at, size_t *payload_len)
{
    size_t dots = 0, dot[2] = {0, 0};

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)token[i];

        if (c == '.') {
            if (dots == 2)
                return NULL;
            dot[dots++] = i;
        } else if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
                   c != '-' && c != '_') {
            return NULL;
        }
    }
    if (dots != 2)
        return NULL;
    *payload_at = dot[0] + 1;
    *payload_len = dot[1] - *payload_at;
    for (size_t i = 0; i < keys->n; i++) {
        const char *header = keys->key[i].header;

        if (strlen(header) == dot[0] && memcmp(header, token, dot[0]) == 0)
            return &keys->key[i];
    }
    return NULL;
}

/* The signature over `signed_len` bytes, by libsodium: libjwt has answered success for tokens
 * that it had not checked (a failed allocation, an empty key), so it is not the only judge. */
static bool signature_right(const struct key *key, const char *token, size_t signed_len, size_t len)
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES], given[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    bool right;

    if (base64url_decode(given, sizeof(given), token + signed_len + 1, len - signed_len - 1) !=
        (ssize_t)sizeof(given))
        return false;
    crypto_auth_hmacsha256_init(&state, key->bytes, key->len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)token, signed_len);
    crypto_auth_hmacsha256_final(&state, mac);
    right = sodium_memcmp(mac, given, sizeof(mac)) == 0;
    sodium_memzero(&state, sizeof(state));
    return right;
}

static bool libjwt_accepts(const struct key *key, const char *token, const char *sub)
{
    jwt_t *jwt = NULL;
    bool good;

    good = jwt_decode(&jwt, token, key->bytes, (int)key->len) == 0 && jwt &&
           jwt_get_alg(jwt) == JWT_ALG_HS256;
    if (good) {
        const char *seen = jwt_get_grant(jwt, "sub");

        good = seen && strcmp(seen, sub) == 0;
    }
    jwt_free(jwt);
    return good;
}

static bool check_times(const struct token_keys *keys, const struct claims *claims, struct err *err)
{
    int64_t now = clock_ms() / 1000;

    if (claims->iat > now + TOKEN_LEEWAY || claims->nbf > now + TOKEN_LEEWAY)
        return refuse(err, "from the future");
    if (claims->exp <= claims->iat || claims->exp - claims->iat > keys->lifetime_s)
        return refuse(err, "lifetime");
    if (claims->impersonated_by && claims->exp - claims->iat > IMPERSONATION_MAX_S)
        return refuse(err, "lifetime of an impersonation");
    if (claims->exp + TOKEN_LEEWAY <= now)
        return err_set(err, ERR_TOKEN_EXPIRED, "The token has expired. Sign in again.");
    return true;
}

/* Our own parse, which refuses duplicate members: for libjwt the last one wins. */
static json_t *parse_payload(const char *text, size_t len)
{
    char bytes[TOKEN_MAX];
    ssize_t n = base64url_decode(bytes, sizeof(bytes), text, len);
    json_t *payload = n > 0 ? json_loadb(bytes, (size_t)n, JSON_REJECT_DUPLICATES, NULL) : NULL;

    if (payload && !json_is_object(payload)) {
        json_decref(payload);
        payload = NULL;
    }
    return payload;
}

/* Everything but the times. */
static bool verify_content(const struct token_keys *keys, const char *token, size_t len,
                           struct arena *arena, struct claims *claims, struct err *err)
{
    size_t at = 0, payload_len = 0;
    const struct key *key = find_key(keys, token, len, &at, &payload_len);
    const char *why = "";

    if (!key)
        return refuse(err, "shape, header or key id");
    if (!signature_right(key, token, at + payload_len, len))
        return refuse(err, "signature");
    json_auto_t *payload = parse_payload(token + at, payload_len);
    if (!payload)
        return refuse(err, "payload");
    if (!claims_read(payload, arena, claims, &why))
        return refuse(err, why);
    if (!libjwt_accepts(key, arena_strndup(arena, token, len), claims->sub))
        return refuse(err, "libjwt");
    return true;
}

bool token_verify(const struct token_keys *keys, const char *token, size_t len, struct arena *arena,
                  struct claims *claims, struct err *err)
{
    struct token_digest digest;

    memset(claims, 0, sizeof(*claims));
    if (len > TOKEN_MAX)
        return refuse(err, "size");
    token_cache_digest(keys->cache, token, len, &digest);
    if (!token_cache_get(keys->cache, &digest, arena, claims)) {
        if (!verify_content(keys, token, len, arena, claims, err))
            return false;
        token_cache_put(keys->cache, &digest, claims);
    }
    return check_times(keys, claims, err);
}
