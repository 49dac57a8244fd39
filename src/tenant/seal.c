/* Seals and opens secrets of registry entries. Keys are derived anew for each call: entries are
 * cached once they are read, and nothing of a key then stays behind. Called by tenant/entry.c and
 * by erpctl. */
#include "base.h"
#include "tenant/seal.h"
#include "core/id.h"
#include "core/log.h"
#include "core/str.h"

#include <sodium.h>

#define PREFIX  "sealed:"
#define FORM    PREFIX "1:"
#define ID_LEN  (SEAL_ID_SIZE - 1)
#define BODY_AT (sizeof FORM - 1 + ID_LEN + 1)
#define NONCE   crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG     crypto_aead_xchacha20poly1305_ietf_ABYTES
#define AD_SIZE 160

static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == 32, "keys are derived as 32 bytes");

struct key {
    uint8_t bytes[32];
    char id[SEAL_ID_SIZE];
};

static void name_key(struct key *key)
{
    char hex[SHA256_HEX_SIZE];

    sha256_hex(hex, key->bytes, sizeof key->bytes);
    memcpy(key->id, hex, ID_LEN);
    key->id[ID_LEN] = '\0';
}

/* The i-th key, newest first; false past the last. */
static bool key_at(const struct conf *conf, size_t i, struct key *key)
{
    if (i < conf->n_seal_keys)
        conf_derive_from(conf->seal_keys[i], "seal", key->bytes);
    else if (i == conf->n_seal_keys && conf->secret_key)
        conf_derive_key(conf, "seal", key->bytes);
    else
        return false;
    name_key(key);
    return true;
}

static bool find_key(const struct conf *conf, const char *id, struct key *key)
{
    for (size_t i = 0; key_at(conf, i, key); i++)
        if (strcmp(key->id, id) == 0)
            return true;
    sodium_memzero(key, sizeof *key);
    return false;
}

/* Slugs and fields hold no "|": no two places share their associated data. */
static size_t bind_to(char ad[static AD_SIZE], const char *slug, const char *field, const char *id)
{
    int len = snprintf(ad, AD_SIZE, "erpd|1|%s|%s|%s", slug, field, id);

    assert(len > 0 && len < AD_SIZE);
    return (size_t)len;
}

bool seal_is_sealed(const char *text)
{
    return strncmp(text, PREFIX, sizeof PREFIX - 1) == 0;
}

bool seal_newest_id(const struct conf *conf, char id[static SEAL_ID_SIZE])
{
    struct key key;
    bool found = key_at(conf, 0, &key);

    if (found)
        memcpy(id, key.id, SEAL_ID_SIZE);
    sodium_memzero(&key, sizeof key);
    return found;
}

bool seal_id_of(const char *text, char id[static SEAL_ID_SIZE])
{
    const char *at = text + sizeof FORM - 1;

    if (strncmp(text, FORM, sizeof FORM - 1) != 0 || strspn(at, "0123456789abcdef") != ID_LEN ||
        at[ID_LEN] != ':')
        return false;
    memcpy(id, at, ID_LEN);
    id[ID_LEN] = '\0';
    return true;
}

char *seal_close(const struct conf *conf, const char *slug, const char *field, const char *text)
{
    size_t len = strlen(text);
    unsigned char *raw;
    char ad[AD_SIZE];
    struct key key;
    struct str out;

    if (!key_at(conf, 0, &key))
        return NULL;
    raw = malloc(NONCE + len + TAG);
    if (!raw)
        die("out of memory: sealing");
    random_bytes(raw, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        raw + NONCE, NULL, (const unsigned char *)text, len, (const unsigned char *)ad,
        bind_to(ad, slug, field, key.id), NULL, raw, key.bytes);
    str_init(&out);
    str_addf(&out, FORM "%s:", key.id);
    str_add_base64url(&out, raw, NONCE + len + TAG);
    sodium_memzero(&key, sizeof key);
    free(raw);
    return out.p;
}

static char *refuse(const char *slug, const char *id, const char *why, const char *sentence,
                    struct err *err)
{
    log_event(LOG_LVL_ERROR, "seal_refused", "tenant", slug, "key", id, "why", why, NULL);
    err_set(err, ERR_DB_NOT_CONFIGURED, "%s Please contact support.", sentence);
    return NULL;
}

/* NULL when it does not authenticate. */
static char *decrypt(const struct key *key, const char *slug, const char *field, const char *body)
{
    size_t len = strlen(body);
    unsigned char *raw = malloc(len + 1);
    char *plain = calloc(1, len + 1);
    char ad[AD_SIZE];
    ssize_t got;
    bool good;

    if (!raw || !plain)
        die("out of memory: opening a sealed value");
    got = base64url_decode(raw, len, body, len);
    good = got >= (ssize_t)(NONCE + TAG) &&
           crypto_aead_xchacha20poly1305_ietf_decrypt(
               (unsigned char *)plain, NULL, NULL, raw + NONCE, (size_t)got - NONCE,
               (const unsigned char *)ad, bind_to(ad, slug, field, key->id), raw, key->bytes) == 0;
    free(raw);
    if (good)
        return plain;
    free(plain);
    return NULL;
}

char *seal_open(const struct conf *conf, const char *slug, const char *field, const char *sealed,
                struct err *err)
{
    char id[SEAL_ID_SIZE], *plain;
    struct key key;

    if (!seal_id_of(sealed, id))
        return refuse(slug, "-", "not of the known form",
                      "The sealed database address of this tenant is damaged.", err);
    if (!find_key(conf, id, &key))
        return refuse(slug, id, "unknown key",
                      "The database address of this tenant is sealed with a key that is not "
                      "configured here.",
                      err);
    plain = decrypt(&key, slug, field, sealed + BODY_AT);
    sodium_memzero(&key, sizeof key);
    return plain ? plain
                 : refuse(slug, id, "does not open",
                          "The sealed database address of this tenant does not belong to it, or "
                          "is damaged.",
                          err);
}
