/* A lease: one of many processes of many hosts does a job, and another takes over when it is gone.
 *
 * Kept in ADMIN_DB_NAME, `leases`, timed by the database's clock. A holder that was stopped for
 * longer than its lease must not trust it: what two holders would spoil needs a guard of its own.
 */
#ifndef ERP_PLATFORM_LEASE_H
#define ERP_PLATFORM_LEASE_H

#include "platform/job.h"

#define LEASES "leases"

/* Takes the lease or prolongs it, for `seconds` from now. *held false when another has it. False
 * when the database failed. `holder` is unique to this process (an id_new). */
bool lease_take(const struct job *job, const char *name, const char *holder, int seconds,
                bool *held);

/* Gives it back at once, if it is ours. A failure only means that others wait. */
void lease_drop(const struct job *job, const char *name, const char *holder);

/* --- for the work of one command, which may take hours ---------------------------------------- */

struct lease {
    char name[128], holder[256];
    int64_t prolong_us;
};

/* Takes a lease of a minute. One that a process of this machine had which is gone is taken over at
 * once. ERR_CONFLICT when somebody else is at it. */
bool lease_open(const struct job *job, struct lease *lease, const char *name);

/* Prolongs the lease of the job, if it has one and it is time. ERR_CONFLICT when it was lost. */
bool lease_keep(const struct job *job);

void lease_close(const struct job *job, const struct lease *lease);

#endif
