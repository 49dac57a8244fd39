#include "base.h"
#include "auth/principal.h"
#include "core/log.h"

/* NULL in a token and "" in a record both say: none. */
static bool same(const char *claim, const char *record)
{
    return strcmp(claim ? claim : "", record) == 0;
}

/* May the account sign in, and has the token that it got then (jti, version) not been ended? */
static bool check_alive(const struct user *user, const char *jti, int64_t version, struct err *err)
{
    if (user->disabled)
        return err_set(err, ERR_USER_DISABLED, "This account is disabled.");
    if (user->token_version != version)
        return err_set(err, ERR_TOKEN_REVOKED, "This token has been ended. Sign in again.");
    for (size_t i = 0; i < user->n_revoked; i++) {
        if (strcasecmp(user->revoked[i], jti) == 0)
            return err_set(err, ERR_TOKEN_REVOKED, "This token has been ended. Sign in again.");
    }
    return true;
}

/* A super_admin has no tenant whatever its record says; everyone else the record's, both parts. */
static bool check_tenant(const struct user *user, const struct claims *claims, struct err *err)
{
    bool super = user->role == ROLE_SUPER_ADMIN;

    if (!same(claims->tenant_id, super ? "" : user->tenant_id) ||
        !same(claims->tenant_slug, super ? "" : user->tenant_slug)) {
        log_event(LOG_LVL_WARN, "token_tenant_mismatch", "user", user->id, NULL);
        return err_set(err, ERR_TENANT_MISMATCH,
                       "The token and the account disagree about the business. Sign in again.");
    }
    if (!super && !*user->tenant_slug && !user->legacy)
        return err_set(err, ERR_TENANT_MISMATCH,
                       "This account's business has to be matched again. Sign in again.");
    return true;
}

static void fill(const struct user *user, struct arena *arena, struct principal *out)
{
    const char **allowed = arena_alloc(arena, (user->n_allowed + 1) * sizeof(*allowed));
    bool super = user->role == ROLE_SUPER_ADMIN;

    out->user_id = arena_strdup(arena, user->id);
    out->email = arena_strdup(arena, user->email);
    out->full_name = arena_strdup(arena, user->full_name);
    if (!super && *user->tenant_id)
        out->tenant_id = arena_strdup(arena, user->tenant_id);
    if (!super && *user->tenant_slug)
        out->tenant_slug = arena_strdup(arena, user->tenant_slug);
    if (*user->branch_id)
        out->branch_id = arena_strdup(arena, user->branch_id);
    out->role = user->role;
    out->legacy = user->legacy;
    for (size_t i = 0; i < user->n_allowed; i++)
        allowed[i] = arena_strdup(arena, user->allowed[i]);
    out->n_allowed = user->n_allowed;
    out->allowed = allowed;
}

/* A super_admin in the place of a tenant's user: as much as that user may, as long as the
 * super_admin is one and has not signed out of the session that it was begun in. Never a way to be
 * another super_admin. */
static bool check_impersonator(struct users *users, struct arena *arena,
                               struct principal *principal, struct err *err)
{
    const struct claims *claims = &principal->claims;
    const struct user *user;

    if (principal->role == ROLE_SUPER_ADMIN)
        return err_set(err, ERR_FORBIDDEN, "Nobody acts as a super_admin.");
    if (!users_by_id(users, claims->impersonated_by, &user, err) ||
        !check_alive(user, claims->impersonator_jti, claims->impersonator_version, err))
        return false;
    if (user->role != ROLE_SUPER_ADMIN)
        return err_set(err, ERR_FORBIDDEN, "Only a super_admin acts as another user.");
    principal->impersonator = arena_strdup(arena, user->email);
    return true;
}

bool principal_load(const struct token_keys *keys, struct users *users, const char *bearer,
                    size_t len, struct arena *arena, struct principal *out, struct err *err)
{
    const struct user *user;

    memset(out, 0, sizeof(*out));
    if (!token_verify(keys, bearer, len, arena, &out->claims, err) ||
        !users_by_id(users, out->claims.sub, &user, err) ||
        !check_alive(user, out->claims.jti, out->claims.version, err) ||
        !check_tenant(user, &out->claims, err))
        return false;
    fill(user, arena, out);
    out->impersonated = out->claims.impersonated_by != NULL;
    return !out->impersonated || check_impersonator(users, arena, out, err);
}
