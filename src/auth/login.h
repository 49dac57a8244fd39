/* Signing in: credentials, delays per account, and which tenant the user belongs to.
 *
 * Tenant: see users_tenant(); with none, and if the user never had one, legacy mode. Never by
 * business type. Unknown account, wrong password and locked-out account are told apart
 * by nobody: same reply, same time.
 */
#ifndef ERP_AUTH_LOGIN_H
#define ERP_AUTH_LOGIN_H

#include "auth/principal.h"
#include "tenant/resolve.h"

struct login {
    const struct conf *conf;
    struct users *users;
    const struct token_keys *keys;
    const struct resolver *resolver;
};

/* Checks the credentials and appends {"access_token":…,"token_type":"bearer","user":{…}} to
 * `out`. ERR_BAD_CREDENTIALS, ERR_TOO_MANY (after 5 failures the delay doubles, 1 s to 15 min),
 * ERR_USER_DISABLED, ERR_TENANT_* , ERR_DB_UNAVAILABLE. */
bool login_run(const struct login *login, const char *email, size_t email_len, const char *password,
               size_t password_len, struct arena *arena, struct str *out, const struct user **who,
               struct err *err);

/* A super_admin who will act as somebody else. */
struct impersonation {
    const struct claims *by; /* of the super_admin's own token, which it ends with */
    int64_t lifetime_s;
    bool read_only;
};

/* The same reply for somebody who needs no password now: an account that was just made by the
 * caller, or one that a super_admin acts as (`impersonation` NULL: nobody does; else the reply also
 * has expires_at). */
bool login_as(const struct login *login, const char *user_id,
              const struct impersonation *impersonation, struct arena *arena, struct str *out,
              struct err *err);

/* The members that replies add to a user's record: tenant_slug, business_type, business_name,
 * subscription_*; as JSON text `"k":v,…`, arena-owned. `tenant` may be NULL. */
const char *login_user_extra(const struct tenant *tenant, struct arena *arena);

/* Old password right? Counted with the same delays as a sign-in. */
bool login_check_password(const struct login *login, const char *user_id, const char *password,
                          size_t len, struct err *err);

#endif
