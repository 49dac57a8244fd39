/* A super_admin in the place of a business's administrator: who that is, and the record of it. */
#ifndef ERP_PLATFORM_IMPERSONATE_H
#define ERP_PLATFORM_IMPERSONATE_H

#include "platform/job.h"

/* Finds the first administrator of a business who may sign in and writes down, in the platform's
 * log and in the business's own, that the job's actor is about to act as it and why. *user_id is
 * arena-owned. ERR_TENANT_NOT_FOUND, ERR_NOT_FOUND when it has no such administrator; what cannot
 * be written down does not happen. */
bool impersonate_begin(struct job *job, const char *tenant_id, const char *reason,
                       const char **user_id);

#endif
