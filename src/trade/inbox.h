/* Whose notification is whose: what one user sees of those of the business.
 *
 * Administrators see all. Others see those for themselves, those for everybody (no user, no
 * branch), and those for their own branch without a user. Filters are made of the principal of the
 * request, whose scope is the business's.
 */
#ifndef ERP_TRADE_INBOX_H
#define ERP_TRADE_INBOX_H

#include "engine/resource.h"
#include "trade/notify.h"

#define INBOX_COUNT_MAX 10000 /* unread ones beyond it are not counted */

/* The records: private, since whose they are is more than a branch. */
extern const struct resource notices_resource;

struct inbox_row {
    const bson_t *doc; /* arena-owned */
    int64_t at;        /* created_at, ms */
    bool is_read;
};

/* The newest `limit` that the user sees, of one type (NULL: all): one round trip. */
bool inbox_list(struct req *req, const char *type, bool unread_only, int64_t limit,
                struct inbox_row **rows, size_t *n);

/* How many of them are unread: one round trip. */
bool inbox_unread(struct req *req, const char *type, int64_t *n);

/* Of the unread ones that the user sees, one document: total_unread, sticky_alerts, and how many
 * there are of a type: unpaid_invoices, low_stock, payment_received, sale_cancelled. NULL: there
 * are none. One round trip. */
bool inbox_alerts(struct req *req, const bson_t **counts);

/* Marks one as read, with an audit entry; *found false when the user sees none with this id. One
 * that was read already stays as it is. */
bool inbox_read(struct req *req, const char *id, bool *found);

#endif
