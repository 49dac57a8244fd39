/* What the clock brings to all businesses, done once across hosts: a lease lets one process at a
 * time do it, and one that was killed is followed by another when its lease is over. Even two at
 * once would do nothing twice, since each change replaces a record as it was read.
 *
 * What fails for one business is written down and the others go on.
 */
#ifndef ERP_PLATFORM_JOBS_H
#define ERP_PLATFORM_JOBS_H

#include "platform/job.h"

struct jobs_report {
    json_t *rows; /* {"job", "tenant", "subscription", "outcome"}: owned by the caller */
    int64_t done, failed;
    bool ran;  /* false: another process has the lease */
    bool lost; /* stopped in the middle: another process has the lease now */
};

/* Runs every job. `dry`: finds out what there is to do, and does nothing. False (job->err) when
 * the registry's database does not answer. */
bool jobs_run(struct job *job, bool dry, struct jobs_report *report);

#endif
