/* Files that no record names: a worker stores a file before the record that names it, and may be
 * killed in between. Called by the clock (platform/jobs.h).
 *
 * A file is looked at from a day after it was written, which no request takes, until eight days
 * after it: so every one is, where the jobs run at all, and old files cost nothing. Businesses
 * of the shared database have no registry entry, and are not looked at.
 *
 * To add one: a row of `sweeps`, for files whose records name them as "filename" in rows of a
 * member; and where there are many records, an index over that.
 */
#ifndef ERP_PLATFORM_SWEEP_H
#define ERP_PLATFORM_SWEEP_H

#include "platform/job.h"

struct sweep {
    const char *room;             /* of platform/files.h */
    const char *collection, *list; /* which records name them, in which member */
    const char *what;             /* what is left over, in the plural */
};
extern const struct sweep sweeps[];
extern const size_t sweeps_n;

/* The slugs of the businesses that have files of that age at `now_ms`, in the job's arena. */
bool sweep_due(struct job *job, int64_t now_ms, const char ***slugs, size_t *n);

/* Removes those of them that no record of the business names, at most SWEEP_FILES a run; `dry`
 * only counts. *gone is how many. Round trips: 1, and none where there is no such file. */
#define SWEEP_FILES 1000
bool sweep_room(struct job *job, const struct sweep *sweep, const struct tenant *tenant,
                int64_t now_ms, bool dry, size_t *gone);

#endif
