/* Warranties of units that were sold: one record a unit, what became of it, and who asked.
 *
 * A sale makes them in its own transaction, where the business has the module: for every unit of a
 * line whose product has warranty_months > 0. The serial number is the line's, else the product's
 * (imei, then serial_number). They end after real calendar months, in the time zone of the
 * business: from the last of January one month ends with February. A sale has at most
 * WARRANTY_UNITS_MAX of such units; more of them are refused, and may be sold in several sales.
 * Round trips: 2 (counter, records), none for a sale without them; what they need to know comes
 * with the sale's own reading. Cancelling the sale closes them, and a return closes as many as come
 * back of the line, those that nobody has claimed first: 1 (read), and 2 (change, events) where
 * there are any.
 *
 * The states and who may go where are one table, warranty_states. "expired" is not stored: an
 * active one whose end has passed is shown so. Every change is one transaction on the condition
 * that the record is as it was read; of many at once one wins, and the others are told what is
 * allowed from where it stands now (ERR_STATE). Each appends to warranty_events, but for the record
 * that a sale makes, of which the sale tells. Round trips: 5 (record, change, events, audit entry,
 * commit), 1 more to claim (claims of the same phone number), 2 more for an action of the supplier
 * (the action, and a replacement or a refund); a picture 5 (record, and again in the transaction,
 * change, audit entry, commit).
 */
#ifndef ERP_TRADE_WARRANTY_H
#define ERP_TRADE_WARRANTY_H

#include "engine/lapse.h"
#include "engine/state.h"
#include "http/req.h"

#define WARRANTIES         "warranty_records"
#define WARRANTY_EVENTS    "warranty_events"
#define WARRANTY_ACTIONS   "supplier_actions"
#define WARRANTY_REFUNDS   "financial_transactions"
#define WARRANTY_UNITS_MAX 500 /* of one sale */
#define WARRANTY_IMAGES    5   /* of one warranty */
#define WARRANTY_GRACE_MS  (7 * INT64_C(86400000)) /* after its end, in which it may be claimed */
#define MODULE_WARRANTY    "warranty"

extern const struct states warranty_states;
extern const struct lapse warranty_lapse; /* active, until it is expired */
extern const char *const warranty_status_names[]; /* then a NULL */
extern const char *const warranty_event_types[];
extern const char *const warranty_actors[];
extern const char *const supplier_action_types[];

/* Before any transaction below: indexes; nothing after the first time. */
bool warranty_prepare(struct req *req);

/* The state as it is shown, at this moment. Borrowed. */
const char *warranty_status(const bson_t *record, int64_t now);

/* Makes those of the product's units that the sale sold and that have none yet. *made, arena-owned,
 * has *n of them, oldest first. In a transaction, on behalf of the request's user and within the
 * branch. ERR_VALIDATION: no such sale, or it sold none of the product, or that has no warranty;
 * ERR_STATE for a sale that is cancelled; ERR_CONFLICT when each has one. */
bool warranty_create(struct req *req, struct scope *scope, const char *sale_id,
                     const char *product_id, const bson_t ***made, size_t *n, struct err *err);

/* Makes the warranty records of a sale void, in the transaction that cancels it. */
bool warranty_void_sale(struct req *req, struct scope *scope, const char *sale_id,
                        struct err *err);

/* The same for `quantity` units of one of its items (counted from 0) that come back. */
bool warranty_void_units(struct req *req, struct scope *scope, const char *sale_id, int64_t line,
                         int64_t quantity, struct err *err);

#endif
