/* Subscriptions: a state machine, its periods and what is paid for them.
 *
 *     trial → active, suspended, cancelled     suspended → active, cancelled
 *     active → grace, suspended, cancelled     cancelled → (nothing)
 *     grace → active, suspended
 *
 * Anything else is ERR_STATE. A business has at most one subscription that is not cancelled.
 * Every change is one transaction (platform/billing.h), and the workers are told after it; inside
 * a transaction of the caller (job->within) that is the caller's: subscription_tell().
 */
#ifndef ERP_PLATFORM_SUBSCRIPTION_H
#define ERP_PLATFORM_SUBSCRIPTION_H

#include "platform/billing.h"

enum sub_status { SUB_TRIAL, SUB_ACTIVE, SUB_GRACE, SUB_SUSPENDED, SUB_CANCELLED, SUB_COUNT };

/* By status, then a NULL: what a field of a table lists. */
extern const char *const sub_status_names[SUB_COUNT + 1];

/* A record, read. Texts are borrowed from the document. */
struct subscription {
    const bson_t *doc;
    const char *id, *tenant_id, *slug, *plan_id, *cycle, *currency;
    enum sub_status status;
    int64_t expires_ms;    /* end of what was paid for; 0: never */
    int64_t trial_ends_ms; /* 0: no trial */
    int64_t grace_ends_ms; /* 0: not in grace */
    int64_t grace_days;
    money_t price; /* of one cycle, in minor units of the currency */
    int64_t version;
};

/* ERR_STATE when the record is none that can be used. */
bool subscription_read(const bson_t *doc, struct subscription *out, struct err *err);

bool sub_may(enum sub_status from, enum sub_status to);
bool sub_status_parse(const char *text, enum sub_status *out);

struct subscription_wish {
    const char *tenant_id, *plan_id;
    const char *cycle; /* NULL: the plan's */
    const char *notes;
};

/* ERR_TENANT_NOT_FOUND, ERR_NOT_FOUND (the plan), ERR_DUPLICATE (subscribed already); a field
 * error for a cycle that the plan has no price for. */
bool subscription_create(struct job *job, const struct subscription_wish *wish,
                         const bson_t **doc);

/* By hand. A subscription that becomes active although its period is over begins a new one now, or
 * one that ends at `expires_ms` (0: not said). */
bool subscription_set(struct job *job, const char *id, enum sub_status status, const char *reason,
                      int64_t expires_ms, const bson_t **doc);

struct payment {
    const char *subscription_id;
    money_t amount; /* in hundredths; the full price of one cycle */
    const char *method, *receipt, *notes;
    int64_t date_ms; /* when it was paid; 0: now */
};

/* Extends from the end of what was paid for, or from now when that is over, by one cycle.
 * ERR_NOT_FOUND, ERR_STATE when cancelled; a field error for another amount than the price.
 * `*subscription` is the record after it. */
bool subscription_pay(struct job *job, const struct payment *payment, const bson_t **doc,
                      const bson_t **subscription);

/* What the clock brings: the next state that is due at the job's instant; false: none is. */
bool subscription_due(const struct subscription *sub, int64_t now_ms, enum sub_status *to);
/* Moves there, if it is still due. */
bool subscription_advance(struct job *job, const char *id, const bson_t **doc);
/* One billing event for people `days` days before its end. */
bool subscription_remind(struct job *job, const struct subscription *sub, int64_t ends_ms,
                         int32_t days);

/* Workers read the business's entry anew. */
void subscription_tell(struct job *job, const bson_t *doc);

/* {"subscription": …, "events": the last 10, "is_active": …}. `key` is "id" or "tenant_id";
 * ERR_NOT_FOUND. */
bool subscription_view(struct job *job, const char *key, const char *value, struct str *out);

#endif
