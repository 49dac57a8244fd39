/* Passwords: bcrypt by crypt_rn(3) of libxcrypt, and nothing else.
 *
 * bcrypt ignores bytes after 72 and after NUL: both are refused, when setting and at sign-in.
 */
#ifndef ERP_AUTH_PASSWORD_H
#define ERP_AUTH_PASSWORD_H

#include "core/err.h"

#define PASSWORD_HASH_SIZE 61
#define PASSWORD_MAX       72 /* bytes */
#define PASSWORD_MIN       12 /* characters, for new ones */

/* True when the password belongs to the hash. A hash that is not ^\$2[aby]\$(1[0-4])\$…{53}$, a
 * NULL hash (unknown user) and a password that is too long cost the same time (a dummy hash of
 * `cost`) and are false. */
bool password_verify(const char *hash, const char *password, size_t len, int cost);

/* A fresh $2b$ hash. The password must have passed password_check_new. */
void password_hash(char out[static PASSWORD_HASH_SIZE], const char *password, size_t len, int cost);

/* True when the hash is of a lower cost than `cost`: hash again at the next sign-in. */
bool password_outdated(const char *hash, int cost);

/* Refuses a new password that is too short, too long, has a NUL, is not UTF-8, is on the list of
 * common ones, or is the email; field error on `path`. */
bool password_check_new(const char *password, size_t len, const char *email, const char *path,
                        struct err *err);

#endif
