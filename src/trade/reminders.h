/* The daily look at a business: what is nearly sold out, which invoices are overdue, and what is
 * still due. Each run tells of at most REMINDERS_MAX of each kind, and of nothing that was told
 * and is unread; what is left over follows in the next run. So it may run as often as one likes.
 *
 * Round trips: 5 (products, their number, invoices, their number, dues), and where anything is
 * told 2 to 5 more (dues, the end of their last reminders, one or two for the notifications, audit
 * entry), and the commit.
 */
#ifndef ERP_TRADE_REMINDERS_H
#define ERP_TRADE_REMINDERS_H

#include "engine/index.h"
#include "tenant/audit.h"
#include "tenant/standing.h"
#include "trade/notify.h"

#define REMINDERS_MAX        300   /* told of in one run, of each kind */
#define REMINDERS_SEEN_MAX   10000 /* looked at in one run, of each kind */
#define REMINDERS_STOCK      5     /* so many of a product are few */
#define REMINDERS_OVERDUE_MS (7 * DAY_MS)
#define REMINDERS_EVERY_MS   DAY_MS /* between two reminders of the same due */

struct reminded {
    int64_t created;           /* notifications, of all kinds */
    int64_t products, invoices; /* nearly sold out, overdue: how many there are, up to SEEN_MAX */
    int64_t dues;              /* reminders of what is due, made now */
};

/* Before the transaction: indexes; nothing after the first time. */
bool reminders_prepare(struct index_cache *indexes, struct scope *scope, struct err *err);

/* One run for a business as of `now_ms`, in the caller's transaction. `who` says in the audit log
 * whose doing it is: its kind, actor and request. */
bool reminders_run(struct scope *scope, const struct tenant *tenant, int64_t now_ms,
                   const struct audit_entry *who, struct reminded *out, struct err *err);

#endif
