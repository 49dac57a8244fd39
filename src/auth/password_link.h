/* Links by which somebody sets the password of an account once, without having had one.
 *
 * The record keeps the SHA-256 of the link's secret and when it ends; a new link ends the one
 * before it, and so does using it. Nobody is slowed down here: the secret has 256 bits.
 */
#ifndef ERP_AUTH_PASSWORD_LINK_H
#define ERP_AUTH_PASSWORD_LINK_H

#include "auth/users.h"

#define PASSWORD_LINK_HOURS 72

/* Makes a link for an account: base (ERP_PUBLIC_URL, may be empty) with "/set-password#<token>",
 * arena-owned. ERR_NOT_FOUND. */
bool password_link_make(struct users *users, const char *id, const char *base, struct arena *arena,
                        const char **link, struct err *err);

/* The account whose link this token is, as far as it still holds: ERR_TOKEN_INVALID. */
bool password_link_check(struct users *users, const char *token, struct user *user,
                         struct err *err);

/* Sets the password and ends the link and every token of the account, if the token still holds:
 * of two that come at once one is ERR_TOKEN_INVALID. */
bool password_link_use(struct users *users, const char *token, const char *hash, struct err *err);

#endif
