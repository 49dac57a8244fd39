/* Announcements of the platform to businesses (admin_hub), and who has read or dismissed them.
 *
 * What a user did is a receipt of his own, made when he reads or dismisses: nothing is written
 * ahead for those who may never look. So how many did is counted from the receipts, not kept in a
 * counter that everybody would write, and cannot be wrong; it is stored when the receipts go, with
 * the announcement or 90 days after its end.
 *
 * Whom one reaches is asked when it is looked at: an active business of the registry, all of them,
 * of a sector, or named. Users of the shared database have no entry, and see none.
 *
 * Round trips: create 4 (5 for named businesses) and the commit; list 2; visible 1; mark 3 and the
 * commit, or 1 and the commit when there is none for him; remove 3 and the commit, then 3 for each
 * 1,000 receipts, for two seconds at most.
 */
#ifndef ERP_PLATFORM_ANNOUNCE_H
#define ERP_PLATFORM_ANNOUNCE_H

#include "platform/job.h"

#define ANNOUNCEMENTS     "announcements"
#define RECEIPTS          "announcement_receipts"
#define ANNOUNCE_OPEN_MAX 200 /* active and not over at a time; as many does a user see */

/* Stores what the form CreateAnnouncementRequest let pass; *doc is the record. ERR_VALIDATION for
 * an audience that fits no targets, a business that is not there, an end that is past;
 * ERR_LIMIT_REACHED. */
bool announce_create(struct job *job, const bson_t *set, const bson_t **doc);

/* Appends a record as its maker sees it. */
void announce_show_record(const bson_t *doc, struct str *out);

/* Appends a JSON array of such records, the newest first. */
bool announce_list(struct job *job, int64_t skip, int64_t limit, struct str *out);

/* Nobody sees it from now on. Its receipts go after that, as many as there is time for; the others
 * by announce_sweep. */
bool announce_remove(struct job *job, const char *id);

/* One that a user sees. */
struct announced {
    const bson_t *doc; /* arena-owned */
    int64_t at;        /* created_at, ms */
    bool is_read;
};

/* Those that a user of the business sees, by priority, then the newest first: active, not over, not
 * dismissed; at most ANNOUNCE_OPEN_MAX. */
bool announce_visible(struct job *job, const struct tenant *tenant, const char *user_id,
                      struct announced **list, size_t *n);

/* Appends one as a member of the list of notifications. */
void announce_show(const struct announced *one, struct str *out);

enum announce_mark { ANNOUNCE_READ, ANNOUNCE_DISMISS };

/* Notes that a user has read or dismissed it, once; *found false when there is none for him, one
 * dismissed already counts as there. */
bool announce_mark(struct job *job, const struct tenant *tenant, const char *user_id,
                   const char *id, enum announce_mark mark, bool *found);

/* What is left of those that were removed, or are over for 90 days: the ids, in the job's arena,
 * and the end of one, whose numbers are stored before its receipts go. For `erpctl jobs`; what has
 * no time now is due again. */
bool announce_due(struct job *job, const char ***ids, size_t *n);
bool announce_sweep(struct job *job, const bson_t *doc);

#endif
