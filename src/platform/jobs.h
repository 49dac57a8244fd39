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

/* A job on registry entries that another room brings. `list` gives the slugs of those that there is
 * something to do with, in the job's arena; `one` does it for one of them (`dry`: only finds out),
 * *outcome is what there is to tell, NULL when nothing is. */
struct jobs_more {
    const char *name;
    bool (*list)(struct job *job, const char ***slugs, size_t *n);
    bool (*one)(struct job *job, const struct tenant *tenant, bool dry, const char **outcome);
};

/* Runs every job. `dry`: finds out what there is to do, and does nothing. False (job->err) when
 * the registry's database does not answer. */
bool jobs_run(struct job *job, bool dry, const struct jobs_more *more, struct jobs_report *report);

#endif
