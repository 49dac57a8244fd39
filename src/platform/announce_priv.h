/* Between the files of announcements; not for others. */
#ifndef ERP_PLATFORM_ANNOUNCE_PRIV_H
#define ERP_PLATFORM_ANNOUNCE_PRIV_H

#include "platform/announce.h"
#include "tenant/audit.h"

/* The audit entry of what was done to one, in the scope's transaction. */
bool announce_note(struct job *job, struct scope *scope, enum audit_kind kind, const char *action,
                   const char *id, const bson_t *before, const bson_t *after, struct err *err);

struct receipt_counts {
    const char *id; /* of the announcement, arena-owned */
    int64_t read, dismissed;
};

/* Counts the receipts of these announcements: *n of those that have any, `out` has room for all. */
bool receipts_count(struct job *job, struct scope *scope, const bson_t *ids,
                    struct receipt_counts *out, size_t room, size_t *n, struct err *err);

/* Removes the receipts of one, by the thousand, until `until_us`; *all: none is left. */
bool receipts_remove(struct job *job, const char *id, int64_t until_us, bool *all);

#endif
