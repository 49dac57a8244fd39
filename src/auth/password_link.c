/* The token is "<user id>.<secret>": records are found by their id, which has an index. */
#include "base.h"
#include "auth/password_link.h"
#include "auth/users_priv.h"
#include "core/clock.h"
#include "core/id.h"

#define SECRET_BYTES 32
#define HOUR_MS      INT64_C(3600000)

static bool invalid(struct err *err)
{
    return err_set(err, ERR_TOKEN_INVALID,
                   "This link was used already, or has expired. Ask for a new one.");
}

bool password_link_make(struct users *users, const char *id, const char *base, struct arena *arena,
                        const char **link, struct err *err)
{
    char secret[2 * SECRET_BYTES + 1], hash[SHA256_HEX_SIZE];
    size_t len = base ? strlen(base) : 0;

    random_hex(secret, SECRET_BYTES);
    sha256_hex(hash, secret, strlen(secret));
    if (!users_set_link(users, id, hash, clock_ms() + PASSWORD_LINK_HOURS * HOUR_MS, err))
        return false;
    len -= len > 0 && base[len - 1] == '/';
    *link = arena_printf(arena, "%.*s/set-password#%s.%s", (int)len, base ? base : "", id, secret);
    return true;
}

/* The two parts of a token: the id into `id`, the hash of the secret into `hash`. */
static bool split(const char *token, char id[static 64], char hash[static SHA256_HEX_SIZE])
{
    const char *dot = strrchr(token, '.');
    size_t len = dot ? (size_t)(dot - token) : 0;

    if (len == 0 || len >= 64 || strlen(dot + 1) != 2 * SECRET_BYTES)
        return false;
    memcpy(id, token, len);
    id[len] = '\0';
    sha256_hex(hash, dot + 1, 2 * SECRET_BYTES);
    return true;
}

/* Does the record hold this link, and does it hold now? */
static bool holds(const bson_t *doc, const char *hash)
{
    bson_iter_t it, link, child;
    uint32_t len;

    if (!bson_iter_init_find(&it, doc, "password_link") || !BSON_ITER_HOLDS_DOCUMENT(&it) ||
        !bson_iter_recurse(&it, &link))
        return false;
    child = link;
    if (!bson_iter_find(&child, "expires_at") || !BSON_ITER_HOLDS_DATE_TIME(&child) ||
        bson_iter_date_time(&child) < clock_ms())
        return false;
    if (!bson_iter_find(&link, "hash") || !BSON_ITER_HOLDS_UTF8(&link))
        return false;
    bson_iter_utf8(&link, &len);
    return len == SHA256_HEX_SIZE - 1 && same_bytes(bson_iter_utf8(&link, NULL), hash, len);
}

bool password_link_check(struct users *users, const char *token, struct user *user, struct err *err)
{
    char id[64], hash[SHA256_HEX_SIZE];
    struct scope scope;
    const bson_t *doc;

    if (!split(token, id, hash))
        return invalid(err);
    if (!users_scope(users, &scope, err) || !users_document(users, id, &doc, err))
        return false;
    if (!doc || !holds(doc, hash) || !user_from_bson(doc, user))
        return invalid(err);
    return !user->disabled || err_set(err, ERR_USER_DISABLED, "This account is disabled.");
}

bool password_link_use(struct users *users, const char *token, const char *hash, struct err *err)
{
    char id[64], link[SHA256_HEX_SIZE];
    bool used = false;

    if (!split(token, id, link))
        return invalid(err);
    return users_use_link(users, id, link, hash, &used, err) && (used || invalid(err));
}
