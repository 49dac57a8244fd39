#include "base.h"
#include "auth/attempts.h"
#include "auth/login.h"
#include "auth/password.h"
#include "auth/users_priv.h"
#include "core/clock.h"
#include "core/log.h"

static bool wrong(struct err *err)
{
    return err_set(err, ERR_BAD_CREDENTIALS, "Invalid credentials");
}

/* The user, when email and password are right. Every refusal costs the same. */
static bool check_credentials(const struct login *login, const char *email, const char *password,
                              size_t password_len, struct user *user, struct err *err)
{
    int cost = (int)login->conf->bcrypt_cost;
    struct attempts_key key;
    const char *hash;
    bool found;

    attempts_key(login->conf, email, &key);
    if (!attempts_begin(login->users, &key, err) ||
        !users_by_email(login->users, email, user, &found, err))
        return false;
    hash = found ? user->password_hash : NULL;
    if (!password_verify(hash, password, password_len, cost))
        return wrong(err);
    return attempts_forget(login->users, &key, err);
}

/* A copy that outlives further registry calls; without the URI, which stays with the cache. */
static void keep(struct tenant *out, const struct tenant *tenant)
{
    *out = *tenant;
    out->db_uri = NULL;
}

/* A copy of the entry that the user belongs to; *found false when there is none. */
static bool look_up_tenant(const struct login *login, const struct user *user,
                           struct tenant *tenant, bool *found, struct err *err)
{
    const struct tenant *seen = NULL;

    if (!users_tenant(login->users, user, &seen, err))
        return false;
    *found = seen != NULL;
    if (seen)
        keep(tenant, seen);
    return true;
}

static bool check_legacy(const struct login *login, const struct user *user, struct err *err)
{
    if (user->had_tenant)
        return err_set(err, ERR_TENANT_MISMATCH,
                       "This account's business is not registered any more.");
    if (!login->conf->legacy)
        return err_set(err, ERR_LEGACY_OFF,
                       "This account belongs to no registered business, and the shared database "
                       "is switched off.");
    if (!*user->tenant_id)
        return err_set(err, ERR_TENANT_REQUIRED, "This account belongs to no business.");
    return true;
}

/* Makes the link whole on both sides: the entry's tenant_id, the user's slug. Only an entry's
 * admin may give it its tenant_id. */
static bool join(const struct login *login, struct user *user, struct tenant *tenant,
                 struct err *err)
{
    if (!*user->tenant_id)
        return err_set(err, ERR_TENANT_MISMATCH,
                       "This account has no tenant_id, so it cannot be matched with %s.",
                       tenant->slug);
    if (*tenant->tenant_id ? strcmp(tenant->tenant_id, user->tenant_id) != 0
                           : !email_same(tenant->admin_email, user->email))
        return err_set(err, ERR_TENANT_MISMATCH,
                       "This account and the registry disagree about its business.");
    if (!tenant_usable(tenant, err))
        return false;
    if (!*tenant->tenant_id) {
        if (!registry_claim_tenant_id(login->resolver->registry, tenant->slug, user->tenant_id,
                                      err))
            return false;
        memcpy(tenant->tenant_id, user->tenant_id, sizeof(tenant->tenant_id));
    }
    if (!*user->tenant_slug) {
        if (!users_link_tenant(login->users, user->id, tenant, err))
            return false;
        memcpy(user->tenant_slug, tenant->slug, sizeof(user->tenant_slug));
    }
    return true;
}
static_assert(sizeof(((struct user *)0)->tenant_id) == sizeof(((struct tenant *)0)->tenant_id) &&
                  sizeof(((struct user *)0)->tenant_slug) == sizeof(((struct tenant *)0)->slug),
              "ids and slugs are copied between both");

/* The hash follows the cost in the settings. A failure costs nothing but the next try. */
static void refresh_hash(const struct login *login, const struct user *user, const char *password,
                         size_t password_len)
{
    int cost = (int)login->conf->bcrypt_cost;
    char hash[PASSWORD_HASH_SIZE];
    struct err err;

    if (!password_outdated(user->password_hash, cost))
        return;
    err_init(&err);
    password_hash(hash, password, password_len, cost);
    if (!users_rehash(login->users, user->id, user->password_hash, hash, &err))
        log_event(LOG_LVL_WARN, "rehash_failed", "user", user->id, "why", err.detail, NULL);
    err_release(&err);
}

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

/* The one place that says what a fresh token holds, and until when. `tenant` is NULL for legacy and
 * super_admin, `acting` unless somebody acts as the user. */
static int64_t issue(const struct login *login, const struct user *user,
                     const struct tenant *tenant, const struct impersonation *acting,
                     struct arena *arena, struct str *out)
{
    struct claims claims = {
        .sub = user->id,
        .email = user->email,
        .role = user->role,
        .branch_id = or_null(user->branch_id),
        .version = user->token_version,
    };

    if (user->role != ROLE_SUPER_ADMIN)
        claims.tenant_id = user->tenant_id;
    if (tenant) {
        claims.tenant_slug = tenant->slug;
        claims.business_type = or_null(tenant->business_type);
        claims.business_name = or_null(tenant->business_name);
        claims.subscription_status = or_null(tenant->subscription_status);
        claims.subscription_plan = or_null(tenant->subscription_plan);
    }
    if (acting) {
        claims.impersonated_by = acting->by->sub;
        claims.impersonator_jti = acting->by->jti;
        claims.impersonator_version = acting->by->version;
        claims.read_only = acting->read_only;
    }
    token_sign(login->keys, &claims, acting ? acting->lifetime_s : 0, arena, out);
    return claims.exp;
}

/* May the account come in, and where does it belong? *found false: to no registered business. */
static bool admit(const struct login *login, struct user *user, struct tenant *tenant, bool *found,
                  struct err *err)
{
    *found = false;
    if (user->disabled)
        return err_set(err, ERR_USER_DISABLED, "This account is disabled.");
    if (user->role == ROLE_SUPER_ADMIN)
        return true;
    if (!look_up_tenant(login, user, tenant, found, err))
        return false;
    return *found ? join(login, user, tenant, err) : check_legacy(login, user, err);
}

/* The reply to who is in. `tenant` and `acting` may be NULL. */
static bool answer(const struct login *login, const struct user *user, const struct tenant *tenant,
                   const struct impersonation *acting, struct arena *arena, struct str *out,
                   struct err *err)
{
    char text[CLOCK_TEXT_SIZE];
    size_t start = out->len;
    int64_t expires;

    str_addz(out, "{\"access_token\":\"");
    expires = issue(login, user, tenant, acting, arena, out);
    str_addz(out, "\",\"token_type\":\"bearer\",\"user\":");
    if (!users_render(login->users, user->id, login_user_extra(tenant, arena), out, err)) {
        out->len = start;
        out->p[start] = '\0';
        return false;
    }
    clock_format(text, expires * 1000);
    if (acting)
        str_addf(out, ",\"expires_at\":\"%s\"", text);
    str_addc(out, '}');
    return true;
}

bool login_run(const struct login *login, const char *email, size_t email_len, const char *password,
               size_t password_len, struct arena *arena, struct str *out, const struct user **who,
               struct err *err)
{
    struct user *user = arena_alloc(arena, sizeof(*user));
    struct tenant *tenant = arena_alloc(arena, sizeof(*tenant));
    bool found;

    *who = user;
    if (email_len == 0 || email_len >= sizeof(user->email) || !utf8_valid(email, email_len)) {
        password_verify(NULL, password, password_len, (int)login->conf->bcrypt_cost);
        return wrong(err);
    }
    email = arena_strndup(arena, email, email_len);
    if (!check_credentials(login, email, password, password_len, user, err) ||
        !admit(login, user, tenant, &found, err))
        return false;
    refresh_hash(login, user, password, password_len);
    return answer(login, user, found ? tenant : NULL, NULL, arena, out, err);
}

bool login_as(const struct login *login, const char *user_id,
              const struct impersonation *impersonation, struct arena *arena, struct str *out,
              struct err *err)
{
    struct user *user = arena_alloc(arena, sizeof(*user));
    struct tenant *tenant = arena_alloc(arena, sizeof(*tenant));
    const struct user *cached;
    bool found;

    if (!users_by_id(login->users, user_id, &cached, err))
        return false;
    *user = *cached;
    return admit(login, user, tenant, &found, err) &&
           answer(login, user, found ? tenant : NULL, impersonation, arena, out, err);
}

static void add_member(struct str *s, const char *name, const char *text)
{
    str_addf(s, "%s\"%s\":", s->len ? "," : "", name);
    if (text && *text)
        str_add_json(s, text, strlen(text));
    else
        str_addz(s, "null");
}

const char *login_user_extra(const struct tenant *tenant, struct arena *arena)
{
    char expires[CLOCK_TEXT_SIZE] = "";
    const char *text;
    struct str s;

    if (tenant && tenant->subscription_expires_ms != 0)
        clock_format(expires, tenant->subscription_expires_ms);
    str_init(&s);
    add_member(&s, "tenant_slug", tenant ? tenant->slug : NULL);
    add_member(&s, "business_type", tenant ? tenant->business_type : NULL);
    add_member(&s, "business_name", tenant ? tenant->business_name : NULL);
    add_member(&s, "subscription_status", tenant ? tenant->subscription_status : NULL);
    add_member(&s, "subscription_plan", tenant ? tenant->subscription_plan : NULL);
    add_member(&s, "subscription_expires_at", expires);
    text = arena_strndup(arena, s.p, s.len);
    str_release(&s);
    return text;
}

bool login_check_password(const struct login *login, const char *user_id, const char *password,
                          size_t len, struct err *err)
{
    const struct user *cached;
    char email[sizeof(cached->email)];
    struct user user;

    if (!users_by_id(login->users, user_id, &cached, err))
        return false;
    memcpy(email, cached->email, sizeof(email));
    /* By email and not from the cache, which may hold the hash of a second ago. */
    if (!check_credentials(login, email, password, len, &user, err))
        return false;
    return strcmp(user.id, user_id) == 0 || wrong(err);
}
