/* Changes of a user's record. Each is one atomic pipeline update, because fields of older records
 * may be absent or null, where $inc and $push fail; text goes in as $literal, since a hash begins
 * with the sign of a field path. */
#include "base.h"
#include "auth/token.h"
#include "auth/users_priv.h"
#include "core/clock.h"

static void bump(struct users *users, const char *id)
{
    char key[80];

    if (!users->board)
        return;
    snprintf(key, sizeof(key), "user:%s", id);
    board_bump(users->board, key);
}

/* Applies `set` (fields of a $set stage) to the one user that matches `filter`; destroys both.
 * The epoch moves also after an error: the database may have the change all the same. */
static bool apply(struct users *users, const char *id, bson_t *filter, bson_t *set,
                  int64_t *matched, struct err *err)
{
    bson_t pipeline = BSON_INITIALIZER, stage;
    struct scope scope;
    bool ok;

    BSON_APPEND_DATE_TIME(set, "updated_at", clock_ms());
    BSON_APPEND_DOCUMENT_BEGIN(&pipeline, "0", &stage);
    BSON_APPEND_DOCUMENT(&stage, "$set", set);
    bson_append_document_end(&pipeline, &stage);
    *matched = 0;
    ok = users_scope(users, &scope, err) &&
         scope_update_one(&scope, USERS_COLLECTION, filter, &pipeline, NULL, matched, err);
    bump(users, id);
    bson_destroy(&pipeline);
    bson_destroy(filter);
    bson_destroy(set);
    return ok;
}

static bool apply_to(struct users *users, const char *id, bson_t *set, struct err *err)
{
    bson_t *filter = BCON_NEW("id", BCON_UTF8(id));
    int64_t matched;

    if (!apply(users, id, filter, set, &matched, err))
        return false;
    return matched == 1 || err_set(err, ERR_NOT_FOUND, "There is no such user.");
}

static void set_text(bson_t *set, const char *name, const char *text)
{
    BCON_APPEND(set, name, "{", "$literal", BCON_UTF8(text), "}");
}

/* A new version makes every token of an older one worthless, so the list of single ones ends. */
static void set_tokens_ended(bson_t *set)
{
    BCON_APPEND(set, "token_version", "{", "$add", "[", "{", "$ifNull", "[", "$token_version",
                BCON_INT64(0), "]", "}", BCON_INT64(1), "]", "}", "revoked_tokens", "[", "]");
}

bool users_set_password(struct users *users, const char *id, const char *hash, bool end_tokens,
                        struct err *err)
{
    bson_t *set = bson_new();

    set_text(set, "hashed_password", hash);
    if (end_tokens)
        set_tokens_ended(set);
    return apply_to(users, id, set, err);
}

bool users_rehash(struct users *users, const char *id, const char *old_hash, const char *hash,
                  struct err *err)
{
    bson_t *filter = BCON_NEW("id", BCON_UTF8(id), "hashed_password", BCON_UTF8(old_hash));
    bson_t *set = bson_new();
    int64_t matched;

    set_text(set, "hashed_password", hash);
    return apply(users, id, filter, set, &matched, err);
}

bool users_end_tokens(struct users *users, const char *id, struct err *err)
{
    bson_t *set = bson_new();

    set_tokens_ended(set);
    return apply_to(users, id, set, err);
}

bool users_set_disabled(struct users *users, const char *id, bool disabled, struct err *err)
{
    bson_t *set = BCON_NEW("disabled", BCON_BOOL(disabled), "is_active", BCON_BOOL(!disabled));

    if (disabled)
        set_tokens_ended(set);
    return apply_to(users, id, set, err);
}

/* The list without what has expired, then with the new token; a full list ends all tokens. */
bool users_revoke_token(struct users *users, const char *id, const char *jti, int64_t exp_s,
                        struct err *err)
{
    int64_t oldest = clock_ms() / 1000 - TOKEN_LEEWAY;
    bson_t *live, *full, *set;

    live = BCON_NEW("$filter", "{", "input", "{", "$ifNull", "[", "$revoked_tokens", "[", "]", "]",
                    "}", "cond", "{", "$gte", "[", "$$this.exp", BCON_INT64(oldest), "]", "}", "}");
    full = BCON_NEW("$gte", "[", "{", "$size", BCON_DOCUMENT(live), "}",
                    BCON_INT64(USER_REVOKED_MAX), "]");
    set = BCON_NEW("token_version", "{", "$add", "[", "{", "$ifNull", "[", "$token_version",
                   BCON_INT64(0), "]", "}", "{", "$cond", "[", BCON_DOCUMENT(full), BCON_INT64(1),
                   BCON_INT64(0), "]", "}", "]", "}", "revoked_tokens", "{", "$cond", "[",
                   BCON_DOCUMENT(full), "[", "]", "{", "$concatArrays", "[", BCON_DOCUMENT(live),
                   "[", "{", "jti", "{", "$literal", BCON_UTF8(jti), "}", "exp", BCON_INT64(exp_s),
                   "}", "]", "]", "}", "]", "}");
    bson_destroy(live);
    bson_destroy(full);
    return apply_to(users, id, set, err);
}

bool users_link_tenant(struct users *users, const char *id, const struct tenant *tenant,
                       struct err *err)
{
    bson_t *filter, *set;
    int64_t matched;

    if (!*tenant->tenant_id)
        return err_set(err, ERR_TENANT_MISMATCH, "The tenant has no id yet.");
    filter = BCON_NEW("id", BCON_UTF8(id), "tenant_id", "{", "$in", "[", BCON_NULL, BCON_UTF8(""),
                      BCON_UTF8(tenant->tenant_id), "]", "}", "tenant_slug", "{", "$in", "[",
                      BCON_NULL, BCON_UTF8(""), BCON_UTF8(tenant->slug), "]", "}");
    set = BCON_NEW("tenant_linked_at", BCON_DATE_TIME(clock_ms()));
    set_text(set, "tenant_slug", tenant->slug);
    set_text(set, "tenant_id", tenant->tenant_id);
    if (!apply(users, id, filter, set, &matched, err))
        return false;
    return matched == 1 || err_set(err, ERR_TENANT_MISMATCH,
                                   "The user belongs to another tenant, or does not exist.");
}

bool users_set_link(struct users *users, const char *id, const char *hash, int64_t expires_ms,
                    struct err *err)
{
    bson_t *set = BCON_NEW("password_link", "{", "hash", BCON_UTF8(hash), "expires_at",
                           BCON_DATE_TIME(expires_ms), "}");

    return apply_to(users, id, set, err);
}

bool users_use_link(struct users *users, const char *id, const char *link, const char *hash,
                    bool *used, struct err *err)
{
    bson_t *filter = BCON_NEW("id", BCON_UTF8(id), "password_link.hash", BCON_UTF8(link),
                              "password_link.expires_at", "{", "$gte", BCON_DATE_TIME(clock_ms()),
                              "}");
    bson_t *set = BCON_NEW("password_link", BCON_NULL);
    int64_t matched;
    bool ok;

    set_text(set, "hashed_password", hash);
    set_tokens_ended(set);
    ok = apply(users, id, filter, set, &matched, err);
    *used = ok && matched == 1;
    return ok;
}
