/* Notifications of a business: what its people shall know of, in its own database.
 *
 * Others (sales, stock, dues) gather them in a list and store it inside their own transaction, so
 * that one is there exactly when what it tells of is. They have no audit entry of their own: that
 * of the operation stands for them.
 *
 *     struct notices list;
 *     notices_init(&list, req->arena);
 *     notices_prepare(req)                     before the transaction: indexes
 *     notices_activity(&list, req, …);         before the transaction: one read, if any
 *     begun = list.n;
 *     … in the body of the transaction, which may run several times:
 *     list.n = begun;
 *     notices_add(&list, &(struct notice){.type = NOTICE_LOW_STOCK, .message = …, .once = true});
 *     notices_store(scope, &list, err)         at most two round trips, whatever the number
 *
 * Round trips: notices_store 1 (2 when one is `once`), notices_settle 1, notices_activity 1 in the
 * users' database, or none for administrators.
 *
 * One that was read goes 90 days later, by the server's clock; an activity 90 days after it
 * happened, read or not, for the audit log keeps it. What is unread stays.
 */
#ifndef ERP_TRADE_NOTIFY_H
#define ERP_TRADE_NOTIFY_H

#include "engine/ids.h"
#include "http/req.h"

#define NOTIFICATIONS   "notifications"
#define NOTICE_TEXT_MAX 500 /* bytes of a message or title; more is cut between characters */
#define NOTICES_MAX     1000 /* of one list; more is a bug of ours and aborts */
#define NOTICE_DAYS     90

enum notice_type {
    NOTICE_UNPAID_INVOICE,
    NOTICE_LOW_STOCK,
    NOTICE_PAYMENT_RECEIVED,
    NOTICE_SALE_CANCELLED,
    NOTICE_ACTIVITY,
    NOTICE_DUE_REQUEST,
    NOTICE_DUE_REQUEST_APPROVED,
    NOTICE_DUE_REQUEST_REJECTED,
    NOTICE_TYPES
};

/* Names on the wire by type, then a NULL. */
extern const char *const notice_type_names[NOTICE_TYPES + 1];

/* Texts are borrowed until the list is stored; NULL is stored as null. */
struct notice {
    enum notice_type type;
    const char *message; /* needed */
    const char *title, *sale_id, *reference_id;
    const char *user_id;   /* for this user, and administrators */
    const char *branch_id; /* without user_id: for the people of this branch */
    const bson_t *metadata;
    bool sticky;
    bool once; /* only while there is no unread one of this type and reference_id (needed then) */
};

struct notices {
    struct arena *arena;
    struct notice *rows;
    size_t n, cap; /* n may be put back to an earlier value */
};

void notices_init(struct notices *list, struct arena *arena);
void notices_add(struct notices *list, const struct notice *notice);

/* Adds one `activity` for each administrator of the business (at most 50), unless the actor is one
 * or a super_admin. `subtype` as in "pos_sale_created". When the accounts cannot be read, that is
 * logged and nothing added: a sale does not fail for it. */
void notices_activity(struct notices *list, struct req *req, const char *subtype,
                      const char *title, const char *message);

/* Makes sure of the collection's indexes; nothing after the first time in a worker. */
bool notices_prepare(struct req *req, struct err *err);

/* Stores the list in the scope's transaction; an empty one sends nothing. */
bool notices_store(struct scope *scope, const struct notices *list, struct err *err);

/* What they asked for is done: marks those of this type and sale (or reference; one of both is
 * NULL) as read, and no longer sticky. In a transaction. */
bool notices_settle(struct scope *scope, enum notice_type type, const char *sale_id,
                    const char *reference_id, struct err *err);
/* The same for many sales or references, in one command: `by` is "sale_id" or "reference_id". */
bool notices_settle_all(struct scope *scope, enum notice_type type, const char *by,
                        const struct ids *ids, struct err *err);

#endif
