#include "base.h"
#include "auth/attempts.h"
#include "auth/users_priv.h"
#include "core/clock.h"
#include "core/id.h"

void attempts_key(const struct conf *conf, const char *email, struct attempts_key *out)
{
    uint8_t key[32], mac[32];
    char folded[256];
    size_t len = strlen(email);

    if (len >= sizeof(folded))
        die("attempts_key: an email of %zu bytes", len);
    for (size_t i = 0; i < len; i++)
        folded[i] = (char)tolower((unsigned char)email[i]);
    conf_derive_key(conf, "login-attempts", key);
    hmac_sha256(mac, key, folded, len);
    for (size_t i = 0; i < sizeof(mac); i++)
        snprintf(out->hex + 2 * i, 3, "%02x", mac[i]);
}

/* One pipeline stage that the server applies atomically: while `until` lies ahead the document
 * stays as it is, otherwise one more failure and the delay that belongs to it. */
static bson_t *counting_update(int64_t now_ms)
{
    bson_t *delay_ms, *counted, *update;

    delay_ms = BCON_NEW(
        "$cond", "[", "{", "$lt", "[", "$$n", BCON_INT32(ATTEMPTS_FREE), "]", "}", BCON_INT64(0),
        "{", "$min", "[", BCON_INT64(ATTEMPTS_DELAY_MAX * INT64_C(1000)), "{", "$multiply", "[",
        BCON_INT64(1000), "{", "$pow", "[", BCON_INT64(2), "{", "$subtract", "[", "$$n",
        BCON_INT32(ATTEMPTS_FREE), "]", "}", "]", "}", "]", "}", "]", "}", "]");
    counted = BCON_NEW("_id", "$_id", "failures", "$$n", "until", "{", "$add", "[",
                       BCON_DATE_TIME(now_ms), BCON_DOCUMENT(delay_ms), "]", "}", "expires_at",
                       BCON_DATE_TIME(now_ms + ATTEMPTS_KEPT_S * INT64_C(1000)));
    update = BCON_NEW("0", "{", "$replaceWith", "{", "$cond", "[", "{", "$gt", "[", "$until",
                      BCON_DATE_TIME(now_ms), "]", "}", "$$ROOT", "{", "$let", "{", "vars", "{",
                      "n", "{", "$min", "[", BCON_INT32(32), "{", "$add", "[", "{", "$ifNull", "[",
                      "$failures", BCON_INT32(0), "]", "}", BCON_INT32(1), "]", "}", "]", "}", "}",
                      "in", BCON_DOCUMENT(counted), "}", "}", "]", "}", "}");
    bson_destroy(delay_ms);
    bson_destroy(counted);
    return update;
}

bool attempts_begin(struct users *users, const struct attempts_key *key, struct err *err)
{
    int64_t now_ms = clock_ms(), until_ms = 0;
    bson_t *filter = NULL, *update = NULL;
    const bson_t *before;
    struct scope scope;
    bson_iter_t iter;
    bool ok = false;

    if (!users_scope(users, &scope, err))
        goto out;
    filter = BCON_NEW("_id", BCON_UTF8(key->hex));
    update = counting_update(now_ms);
    if (!scope_find_and_update(&scope, ATTEMPTS_COLLECTION, filter, update, false, true, NULL,
                               &before, err))
        goto out;
    if (before && bson_iter_init_find(&iter, before, "until") && BSON_ITER_HOLDS_DATE_TIME(&iter))
        until_ms = bson_iter_date_time(&iter);
    if (until_ms > now_ms) {
        err_set_retry(err, ERR_TOO_MANY, (int)((until_ms - now_ms + 999) / 1000),
                      "Too many attempts to sign in. Wait a moment and try again.");
        goto out;
    }
    ok = true;
out:
    bson_destroy(filter);
    bson_destroy(update);
    return ok;
}

bool attempts_forget(struct users *users, const struct attempts_key *key, struct err *err)
{
    struct scope scope;
    int64_t deleted;
    bson_t *filter;
    bool ok;

    if (!users_scope(users, &scope, err))
        return false;
    filter = BCON_NEW("_id", BCON_UTF8(key->hex));
    ok = scope_delete_one(&scope, ATTEMPTS_COLLECTION, filter, &deleted, err);
    bson_destroy(filter);
    return ok;
}
