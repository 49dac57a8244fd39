/* Who is asking: a verified token joined with the user's record as it is now. */
#ifndef ERP_AUTH_PRINCIPAL_H
#define ERP_AUTH_PRINCIPAL_H

#include "auth/token.h"
#include "auth/users.h"

struct principal {
    struct claims claims;
    const char *user_id;
    const char *email;
    const char *full_name;
    const char *tenant_id;   /* NULL when the user has none */
    const char *tenant_slug; /* NULL: legacy or super_admin */
    const char *branch_id;   /* NULL when none */
    enum role role;
    bool legacy; /* works in the shared database */
    bool impersonated;
    const char *impersonator; /* the super_admin's email; NULL unless impersonated */
    size_t n_allowed;
    const char *const *allowed; /* modules, when narrowed */
};

/* Verifies the bearer token and the user behind it: ERR_TOKEN_*, ERR_USER_DISABLED. The token's
 * tenant must be the user's (a token that says another is ERR_TENANT_MISMATCH). Text is owned by
 * the arena. */
bool principal_load(const struct token_keys *keys, struct users *users, const char *bearer,
                    size_t len, struct arena *arena, struct principal *out, struct err *err);

#endif
