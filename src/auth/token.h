/* JSON Web Tokens (RFC 7519), HS256 only, signed and read through libjwt behind our own checks.
 *
 * Before libjwt: at most 2,048 bytes, two dots, base64url only, a header equal to one that we
 * issue (known kid). After it: algorithm, iss, aud, sub, integer exp, nbf, iat, a lifetime of at
 * most the setting, 60 s of leeway.
 */
#ifndef ERP_AUTH_TOKEN_H
#define ERP_AUTH_TOKEN_H

#include "core/arena.h"
#include "core/conf.h"
#include "core/err.h"
#include "core/str.h"
#include "auth/perm.h"

#define TOKEN_MAX    2048
#define TOKEN_LEEWAY 60 /* seconds */

/* What a token says. Text is owned by the arena given to token_verify; NULL when absent. */
struct claims {
    const char *sub; /* user id */
    const char *jti; /* id of this token, for signing out */
    const char *email;
    const char *tenant_id;
    const char *tenant_slug; /* NULL: legacy user or super_admin */
    const char *branch_id;
    const char *business_type;
    const char *business_name;
    const char *subscription_status;
    const char *subscription_plan;
    const char *impersonated_by;  /* id of the super_admin who acts as the user */
    const char *impersonator_jti; /* the token that the super_admin began it with */
    enum role role;
    bool read_only;               /* an impersonation that changes nothing */
    int64_t version;              /* the user's token_version when it was issued */
    int64_t impersonator_version; /* … and the super_admin's */
    int64_t iat, nbf, exp; /* seconds */
};

struct token_keys;

/* Key ids are the first 8 hex digits of the key's SHA-256. The first key signs, all verify. */
struct token_keys *token_keys_new(const struct conf *conf);
void token_keys_free(struct token_keys *keys);

/* Appends a signed token; iat, nbf, exp and jti are set here (`lifetime_s` 0 = the setting) and
 * written back into `claims` (jti owned by the arena). */
void token_sign(const struct token_keys *keys, struct claims *claims, int64_t lifetime_s,
                struct arena *arena, struct str *out);

/* ERR_TOKEN_INVALID or ERR_TOKEN_EXPIRED; the detail never says which check failed. */
bool token_verify(const struct token_keys *keys, const char *token, size_t len, struct arena *arena,
                  struct claims *claims, struct err *err);

#endif
