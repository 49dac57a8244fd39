/* A business of the shared database that somebody opens for himself. */
#ifndef ERP_PLATFORM_SIGNUP_H
#define ERP_PLATFORM_SIGNUP_H

#include "platform/job.h"

/* Whether strangers may: ERR_SIGNUP_OFF. */
bool signup_open(const struct job *job);

struct signup {
    const char *name, *business_type;
    const char *email; /* of its administrator, in lower case */
    const char *hash;  /* of the administrator's password */
};

/* Makes the administrator, then the business's record in `tenants`, which only people and the later
 * move to a database of its own read: a stop in between leaves an account that works.
 * *user_id is arena-owned. ERR_SIGNUP_OFF, ERR_DUPLICATE. */
bool signup_run(struct job *job, const struct signup *signup, const char **user_id);

#endif
