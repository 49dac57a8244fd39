/* Sign-in attempts of an account, counted in erp_database.login_attempts, whether it exists or not.
 *
 * An attempt is counted as failed before the password is checked, and forgotten when the password
 * was right: so attempts in parallel cannot slip past the delay. Documents are keyed by a keyed
 * hash of the email, and expire a day after the last counted attempt.
 */
#ifndef ERP_AUTH_ATTEMPTS_H
#define ERP_AUTH_ATTEMPTS_H

#include "auth/users.h"

#define ATTEMPTS_COLLECTION "login_attempts"
#define ATTEMPTS_FREE       5   /* the fifth failure in a row brings the first delay, of 1 s */
#define ATTEMPTS_DELAY_MAX  900 /* seconds */
#define ATTEMPTS_KEPT_S     86400

struct attempts_key {
    char hex[65];
};

/* The key of an email; the case of ASCII letters does not matter. */
void attempts_key(const struct conf *conf, const char *email, struct attempts_key *out);

/* Counts one attempt. ERR_TOO_MANY with Retry-After while the account is delayed: the password
 * must not be looked at then. */
bool attempts_begin(struct users *users, const struct attempts_key *key, struct err *err);

/* The password was right: nothing is held against the account any more. */
bool attempts_forget(struct users *users, const struct attempts_key *key, struct err *err);

#endif
