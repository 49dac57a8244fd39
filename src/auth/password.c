#include "base.h"
#include <crypt.h>
#include <sodium.h>

#include "auth/password.h"
#include "auth/password_common.h"
#include "core/id.h"
#include "core/str.h"

#define COST_LOWEST  10
#define COST_HIGHEST 14
#define HASH_LEN     (PASSWORD_HASH_SIZE - 1)
#define BCRYPT_CHARS "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* The cost of a hash of the one accepted form, 0 for any other: crypt_rn would take plain DES,
 * MD5 and unknown settings too, and return from them at once. */
static int hash_cost(const char *hash)
{
    if (!hash || strlen(hash) != HASH_LEN)
        return 0;
    if (hash[0] != '$' || hash[1] != '2' || !strchr("aby", hash[2]) || hash[3] != '$')
        return 0;
    if (hash[4] != '1' || hash[5] < '0' || hash[5] > '4' || hash[6] != '$')
        return 0;
    if (strspn(hash + 7, BCRYPT_CHARS) != HASH_LEN - 7)
        return 0;
    return 10 + (hash[5] - '0');
}

/* Runs bcrypt; the scratch space holds the key schedule, so it is wiped. */
static bool run_crypt(const char *phrase, const char *setting, char out[static PASSWORD_HASH_SIZE])
{
    struct crypt_data data;
    const char *result;
    bool ok;

    memset(&data, 0, sizeof(data));
    result = crypt_rn(phrase, setting, &data, (int)sizeof(data));
    ok = result && strlen(result) == HASH_LEN;
    if (ok)
        memcpy(out, result, PASSWORD_HASH_SIZE);
    sodium_memzero(&data, sizeof(data));
    return ok;
}

/* Costs what a check of that cost costs. */
static void burn(int cost)
{
    char setting[PASSWORD_HASH_SIZE], out[PASSWORD_HASH_SIZE];

    snprintf(setting, sizeof(setting), "$2b$%02d$%s", cost, "abcdefghijklmnopqrstuu");
    if (!run_crypt("not a password", setting, out))
        die("bcrypt of cost %d does not work on this machine", cost);
}

bool password_verify(const char *hash, const char *password, size_t len, int cost)
{
    char phrase[PASSWORD_MAX + 1] = "", out[PASSWORD_HASH_SIZE];
    int own = hash_cost(hash);
    bool same;

    if (own == 0 || len > PASSWORD_MAX || memchr(password, '\0', len)) {
        burn(cost);
        return false;
    }
    memcpy(phrase, password, len);
    same = run_crypt(phrase, hash, out) && same_bytes(out, hash, HASH_LEN);
    sodium_memzero(phrase, sizeof(phrase));
    /* A hash of an older, lower cost would tell by its speed that the account exists: 2^own plus
     * 2^own + … + 2^(cost-1) is 2^cost. */
    for (int c = own; !same && c < cost; c++)
        burn(c);
    return same;
}

void password_hash(char out[static PASSWORD_HASH_SIZE], const char *password, size_t len, int cost)
{
    char phrase[PASSWORD_MAX + 1] = "", setting[CRYPT_GENSALT_OUTPUT_SIZE], salt[16];

    if (len > PASSWORD_MAX || memchr(password, '\0', len))
        die("password_hash: unchecked password");
    if (cost < COST_LOWEST || cost > COST_HIGHEST)
        die("password_hash: cost %d", cost);
    random_bytes(salt, sizeof(salt));
    if (!crypt_gensalt_rn("$2b$", (unsigned long)cost, salt, (int)sizeof(salt), setting,
                          (int)sizeof(setting)))
        die("crypt_gensalt_rn: %s", strerror(errno));
    memcpy(phrase, password, len);
    if (!run_crypt(phrase, setting, out) || hash_cost(out) != cost)
        die("bcrypt of cost %d does not work on this machine", cost);
    sodium_memzero(phrase, sizeof(phrase));
}

bool password_outdated(const char *hash, int cost)
{
    int own = hash_cost(hash);

    return own != 0 && own < cost;
}

bool password_check_new(const char *password, size_t len, const char *email, const char *path,
                        struct err *err)
{
    if (len > PASSWORD_MAX)
        return err_field(err, path, "too_long", "A password has at most %d bytes", PASSWORD_MAX);
    if (!utf8_valid(password, len))
        return err_field(err, path, "invalid", "A password is text in UTF-8 without NUL");
    if (utf8_count(password, len) < PASSWORD_MIN)
        return err_field(err, path, "too_short", "A password has at least %d characters",
                         PASSWORD_MIN);
    if (password_like_email(password, len, email))
        return err_field(err, path, "too_common", "This password is too close to the email");
    if (password_common(password, len))
        return err_field(err, path, "too_common", "This password is among the first to be guessed");
    return true;
}
