/* What plans, subscriptions and payments share: their collections in the registry's database, the
 * list of events, how records are shown, the copy in a business's registry entry.
 *
 * Every change is one transaction of that database: the record, its billing event, the audit entry
 * and the copy. A record is replaced only as it was read (its `version`), so that of two changes at
 * once the second starts again with what the first one left.
 */
#ifndef ERP_PLATFORM_BILLING_H
#define ERP_PLATFORM_BILLING_H

#include "core/money.h"
#include "platform/job.h"

#define PLANS          "plans"
#define SUBSCRIPTIONS  "subscriptions"
#define PAYMENTS       "payments"
#define BILLING_EVENTS "billing_events"

/* The job's running transaction, or `own`, opened on the registry's database. NULL: job->err. */
struct scope *billing_scope(struct job *job, struct scope *own);

/* The first match, arena-owned; *doc NULL when there is none. */
bool billing_find(struct job *job, struct scope *scope, const char *collection, const char *key,
                  const char *value, const bson_t **doc, struct err *err);

/* Appends a record as JSON, without what is only for us. */
void billing_show(const bson_t *doc, struct str *out);

/* Which of a collection's records: those whose `key` is `value` (NULL: all). */
struct billing_query {
    const char *key, *value;
    int64_t limit;       /* at most so many */
    const bson_t *after; /* {"v": created_at, "id": …}: only what comes behind it; NULL: all */
};

/* Appends a JSON array of them, the newest first. *more (may be NULL) is the last one, when there
 * are others behind it, else NULL. */
bool billing_list(struct job *job, const char *collection, const struct billing_query *query,
                  struct str *out, const bson_t **more);

/* An instant of a stored record, or 0. */
int64_t billing_instant(const bson_t *doc, const char *key);
/* 0 is stored as null. */
void billing_append_instant(bson_t *doc, const char *key, int64_t ms);

struct billing_event {
    const char *what;      /* "created", "status", "payment", "reminder" */
    const char *action;    /* of the audit entry */
    const char *subscription_id, *tenant_id;
    const char *old, *new; /* statuses; may be NULL */
    const char *reason;    /* may be NULL */
    const bson_t *before, *after;
};

/* Adds the event and the platform's audit entry, in the scope's transaction. */
bool billing_note(struct job *job, struct scope *scope, const struct billing_event *event,
                  struct err *err);

#endif
