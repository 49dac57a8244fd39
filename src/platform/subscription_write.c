/* Moving a subscription and paying for it: each one transaction, begun again when
 * somebody else changed the record meanwhile. */
#include "base.h"
#include "platform/subscription.h"
#include "core/id.h"
#include "db/doc.h"
#include "db/own.h"
#include "db/txn.h"
#include "platform/subscription_priv.h"
#include "tenant/standing.h"

/* ---- changing ---- */

struct write {
    struct job *job;
    const char *id;
    const char *reason;
    enum sub_status to;
    int64_t expires_ms; /* as somebody said; 0: nobody did */
    bool by_clock;
    const struct payment *payment;
    const bson_t *doc, *paid; /* outcome */
};

static bool load(struct write *w, struct scope *scope, struct subscription *old, struct err *err)
{
    const bson_t *doc;

    if (!billing_find(w->job, scope, SUBSCRIPTIONS, "id", w->id, &doc, err))
        return false;
    if (!doc)
        return err_set(err, ERR_NOT_FOUND, "There is no such subscription.");
    return subscription_read(doc, old, err);
}

static bool refuse(const struct write *w, const struct subscription *old, struct err *err)
{
    struct str list;
    bool ok;

    str_init(&list);
    for (int i = 0; i < SUB_COUNT; i++)
        if (sub_may(old->status, (enum sub_status)i))
            str_addf(&list, "%s%s", list.len ? ", " : "", sub_status_names[i]);
    ok = err_set(err, ERR_STATE, "A subscription that is %s cannot become %s; allowed: %s.",
                 sub_status_names[old->status], sub_status_names[w->to],
                 list.len ? list.p : "nothing");
    str_release(&list);
    return ok;
}

/* Replaces the record as it was read; nobody else's change is lost. */
static bool store(struct write *w, struct scope *scope, const struct subscription *old,
                  const struct subscription *new, struct err *err)
{
    bson_t *filter = own_bson(w->job->arena), *update = own_bson(w->job->arena), set;

    BSON_APPEND_UTF8(filter, "id", old->id);
    BSON_APPEND_INT64(filter, "version", old->version);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    BSON_APPEND_UTF8(&set, "status", sub_status_names[new->status]);
    billing_append_instant(&set, "expires_on", new->expires_ms);
    billing_append_instant(&set, "grace_expires_at", new->grace_ends_ms);
    BSON_APPEND_INT64(&set, "version", old->version + 1);
    BSON_APPEND_DATE_TIME(&set, "updated_at", job_now(w->job));
    bson_append_document_end(update, &set);
    if (new->status == SUB_CANCELLED)
        BCON_APPEND(update, "$unset", "{", "open_tenant_id", BCON_UTF8(""), "}");
    if (!scope_find_and_update(scope, SUBSCRIPTIONS, filter, update, true, false, NULL, &w->doc,
                               err))
        return false;
    if (!w->doc) {
        scope->transient = true;
        return err_set(err, ERR_TRY_AGAIN, "Somebody else changed this subscription meanwhile.");
    }
    return subscription_copy(w->job, scope, new, NULL, err);
}

static bool note(struct write *w, struct scope *scope, const struct subscription *old,
                 enum sub_status to, const char *what, const char *action, struct err *err)
{
    const struct billing_event event = {.what = what,
                                        .action = action,
                                        .subscription_id = old->id,
                                        .tenant_id = old->tenant_id,
                                        .old = sub_status_names[old->status],
                                        .new = sub_status_names[to],
                                        .reason = w->reason,
                                        .before = old->doc,
                                        .after = w->doc};

    return billing_note(w->job, scope, &event, err);
}

static struct subscription moved(const struct write *w, const struct subscription *old)
{
    struct subscription new = *old;
    int64_t now = job_now(w->job);

    new.status = w->to;
    new.grace_ends_ms = 0;
    if (w->to == SUB_GRACE)
        new.grace_ends_ms = (w->by_clock ? old->expires_ms : now) + old->grace_days * DAY_MS;
    if (w->to == SUB_ACTIVE && w->expires_ms)
        new.expires_ms = w->expires_ms;
    else if (w->to == SUB_ACTIVE && new.expires_ms && new.expires_ms <= now)
        new.expires_ms = cycle_end(old->cycle, now);
    return new;
}

static bool set_body(struct scope *scope, void *data, struct err *err)
{
    struct write *w = data;
    struct subscription old, new;

    if (!load(w, scope, &old, err))
        return false;
    if (w->by_clock && !subscription_due(&old, job_now(w->job), &w->to)) {
        w->doc = NULL; /* somebody paid, or another host was here */
        return true;
    }
    if (!sub_may(old.status, w->to))
        return refuse(w, &old, err);
    new = moved(w, &old);
    return store(w, scope, &old, &new, err) &&
           note(w, scope, &old, w->to, "status", "subscription_status", err);
}

static bool run(struct write *w, txn_body *body)
{
    struct scope own, *scope = billing_scope(w->job, &own);

    if (!scope || !txn_run(scope, body, w, w->job->err))
        return false;
    if (w->doc && !w->job->within)
        subscription_tell(w->job, w->doc);
    return true;
}

bool subscription_set(struct job *job, const char *id, enum sub_status status, const char *reason,
                      int64_t expires_ms, const bson_t **doc)
{
    struct write w = {
        .job = job, .id = id, .to = status, .reason = reason, .expires_ms = expires_ms};

    if (expires_ms && (status != SUB_ACTIVE || expires_ms <= job_now(job)))
        return err_field(job->err, "expires_on", "value",
                         "Must be in the future, and goes with the status active.");
    if (!run(&w, set_body))
        return false;
    *doc = w.doc;
    return true;
}

bool subscription_advance(struct job *job, const char *id, const bson_t **doc)
{
    struct write w = {.job = job, .id = id, .by_clock = true, .reason = "due by its date"};

    if (!run(&w, set_body))
        return false;
    *doc = w.doc;
    return true;
}

/* ---- paying ---- */

static bson_t *payment_doc(const struct write *w, const struct subscription *old, int64_t from,
                           int64_t to)
{
    const struct payment *p = w->payment;
    bson_t *doc = own_bson(w->job->arena);
    char *id = arena_alloc(w->job->arena, ID_SIZE);
    int64_t now = job_now(w->job);

    id_new(id);
    BSON_APPEND_UTF8(doc, "id", id);
    BSON_APPEND_UTF8(doc, "subscription_id", old->id);
    BSON_APPEND_UTF8(doc, "tenant_id", old->tenant_id);
    doc_append_money(doc, "amount", p->amount, currency_decimals(old->currency));
    BSON_APPEND_UTF8(doc, "currency", old->currency);
    BSON_APPEND_UTF8(doc, "payment_method", p->method);
    BSON_APPEND_DATE_TIME(doc, "payment_date", p->date_ms ? p->date_ms : now);
    doc_append_text_or_null(doc, "receipt_number", p->receipt);
    BSON_APPEND_UTF8(doc, "notes", p->notes ? p->notes : "");
    billing_append_instant(doc, "period_start", from);
    billing_append_instant(doc, "period_end", to);
    BSON_APPEND_UTF8(doc, "recorded_by", w->job->actor);
    BSON_APPEND_DATE_TIME(doc, "created_at", now);
    return doc;
}

static bool check_amount(const struct write *w, const struct subscription *old, struct err *err)
{
    char text[MONEY_TEXT_SIZE];

    if (w->payment->amount == old->price && old->price > 0)
        return true;
    money_format(text, old->price, currency_decimals(old->currency));
    return err_field(err, "amount", "value", "The price of one period is %s %s.", text,
                     old->currency);
}

static bool pay_body(struct scope *scope, void *data, struct err *err)
{
    struct write *w = data;
    struct subscription old, new;
    int64_t now = job_now(w->job), from;

    if (!load(w, scope, &old, err))
        return false;
    w->to = SUB_ACTIVE;
    if (old.status != SUB_ACTIVE && !sub_may(old.status, SUB_ACTIVE))
        return refuse(w, &old, err);
    if (!check_amount(w, &old, err))
        return false;
    from = old.expires_ms > now ? old.expires_ms : now;
    new = old;
    new.status = SUB_ACTIVE;
    new.grace_ends_ms = 0;
    new.expires_ms = cycle_end(old.cycle, from);
    w->paid = payment_doc(w, &old, from, new.expires_ms);
    return store(w, scope, &old, &new, err) && scope_insert(scope, PAYMENTS, w->paid, err) &&
           note(w, scope, &old, SUB_ACTIVE, "payment", "payment", err);
}

bool subscription_pay(struct job *job, const struct payment *payment, const bson_t **doc,
                      const bson_t **subscription)
{
    struct write w = {.job = job, .id = payment->subscription_id, .payment = payment,
                      .reason = payment->notes && *payment->notes ? payment->notes : NULL};

    if (!run(&w, pay_body))
        return false;
    *doc = w.paid;
    *subscription = w.doc;
    return true;
}

/* ---- reminding ---- */

struct remind {
    struct job *job;
    const struct subscription *sub;
    int64_t ends_ms;
    int32_t days;
};

static bool remind_body(struct scope *scope, void *data, struct err *err)
{
    const struct remind *r = data;
    const struct subscription *sub = r->sub;
    bson_t *filter = own_bson(r->job->arena), *update = own_bson(r->job->arena);
    const char *reason = arena_printf(r->job->arena, "ends within %d days", (int)r->days);
    const struct billing_event event = {.what = "reminder",
                                        .action = "subscription_reminder",
                                        .subscription_id = sub->id,
                                        .tenant_id = sub->tenant_id,
                                        .old = sub_status_names[sub->status],
                                        .new = sub_status_names[sub->status],
                                        .reason = reason};
    int64_t matched;

    BCON_APPEND(filter, "id", BCON_UTF8(sub->id), "version", BCON_INT64(sub->version));
    BCON_APPEND(update, "$set", "{", "reminded_for", BCON_DATE_TIME(r->ends_ms), "reminded_days",
                BCON_INT32(r->days), "version", BCON_INT64(sub->version + 1), "}");
    if (!scope_update_one(scope, SUBSCRIPTIONS, filter, update, NULL, &matched, err))
        return false;
    return !matched || billing_note(r->job, scope, &event, err);
}

bool subscription_remind(struct job *job, const struct subscription *sub, int64_t ends_ms,
                         int32_t days)
{
    struct remind r = {.job = job, .sub = sub, .ends_ms = ends_ms, .days = days};
    struct scope own, *scope = billing_scope(job, &own);

    return scope && txn_run(scope, remind_body, &r, job->err);
}
