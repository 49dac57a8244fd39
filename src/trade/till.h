/* The till: a shift is one user's cash drawer, from the float that it opens with to the count that
 * closes it.
 *
 * Whoever has an open shift takes payments in it: sales and payments get its id, refunds too, in
 * their own transaction. That transaction also writes the shift (till_take), and so does the close:
 * of the two that meet one begins again, and finds the shift closed, or the payment there. So the
 * figures of a closed shift are those of every payment that has its id, and stay so.
 *
 *     expected cash = opening float + cash taken - cash given back + pay-ins - pay-outs - drops
 *
 * all in minor units. Without an open shift selling works as ever, unless the settings of the
 * business say that payments need one (TILL_RULE).
 *
 * Round trips: open 5 (day, counter, shift, audit entry, commit), 1 more where a branch is named;
 * a movement 4; the X report 1, the Z report 1; close 5 (figures, counter, shift, audit entry,
 * commit), and for others than administrators 1 for whom to tell, 1 more when cash is missing or
 * left over. A sale, a payment or a refund: 1 more with an open shift, none without one: it is
 * looked for by a read that is made in any case.
 */
#ifndef ERP_TRADE_TILL_H
#define ERP_TRADE_TILL_H

#include "engine/resource.h"
#include "trade/notify.h"

#define SHIFTS         "shifts"
#define TILL_MOVES_MAX 500 /* of one shift */
#define TILL_COINS_MAX 50  /* denominations of one count */
#define ROLES_TILL     (ROLES_MANAGER | R(ROLE_STAFF) | R(ROLE_CASHIER))

/* ---- for whoever takes payments ---- */

/* The setting that payments are taken in a shift alone. */
#define TILL_RULE "till_required"

/* What the till says to the payments of the request's user. */
struct till {
    const char *shift_id; /* of the open shift; NULL: the user has none */
    bool ruled;           /* the business takes payments in shifts alone */
};

/* The stage that finds the open shift, in any pipeline: begins as the member TILL_LOOKUP of what it
 * gives, which till_found() reads, borrowed. For those who read the settings anyway. */
#define TILL_LOOKUP "_shift"
void till_lookup(const struct req *req, const struct scope *scope, bson_t *stage);
const char *till_found(const bson_t *doc);

/* scope_find_one, which reads *till by the way where there is a record: no round trip more. */
bool till_find_one(const struct req *req, struct scope *scope, const char *collection,
                   const bson_t *filter, const bson_t **doc, struct till *till, struct err *err);

/* Before payments get the id of the shift: counts them in it, which must be open; 0 are a sale
 * without any. In their transaction, which begins again when it was closed meanwhile. One round
 * trip where there is a shift, else none. ERR_CONFLICT where payments need one. */
bool till_take(struct scope *scope, const struct till *till, int64_t payments, struct err *err);

/* ---- shifts; all in the caller's transaction, but till_x and till_z ---- */

struct till_opening {
    const char *branch_id, *till; /* NULL: not said */
    money_t opening_float;
    const char *day;
};

/* Reads a body of the form ShiftOpen. One round trip, for the day. */
bool till_opening_read(struct req *req, struct till_opening *opening);
/* Before a transaction: indexes. */
bool till_prepare(struct req *req);

/* ERR_CONFLICT: the user has an open shift, or the drawer has; ERR_FORBIDDEN: another branch than
 * the user's; ERR_VALIDATION: no such branch. *record is arena-owned, as below. */
bool till_open(struct req *req, struct scope *scope, const struct till_opening *opening,
               const bson_t **record, struct err *err);

struct till_move {
    const char *kind, *reason; /* pay_in, pay_out, drop */
    money_t amount;
};
bool till_move_read(struct req *req, struct till_move *move);

/* Of the shift of the request's path, as below. ERR_NOT_FOUND, also for another's shift unless a
 * manager asks; ERR_STATE: it is closed; ERR_CONFLICT: it has TILL_MOVES_MAX. */
bool till_move(struct req *req, struct scope *scope, const struct till_move *move,
               const bson_t **record, struct err *err);

struct till_count {
    money_t cash;
    bson_t *denominations; /* an array; NULL: not said */
    const char *note;
};
/* ERR_VALIDATION also when both are sent and differ. */
bool till_count_read(struct req *req, struct till_count *count);

/* Closes it, once: ERR_STATE for everybody but the first. *report has the members of the form
 * ShiftReport. `list` has the notices of a variance, whose text is put in here; they are stored
 * when there is one. */
bool till_close(struct req *req, struct scope *scope, const struct till_count *count,
                struct notices *list, const bson_t **report, struct err *err);

/* The figures up to now: ERR_STATE when it is closed. */
bool till_x(struct req *req, const bson_t **report);
/* As they were when it was closed: ERR_STATE when it is open. */
bool till_z(struct req *req, const bson_t **report);

#endif
