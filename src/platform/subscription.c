/* The state machine's table, and reading, showing and telling. Writing is subscription_write.c. */
#include "base.h"
#include "platform/subscription.h"
#include "db/doc.h"

#define EVENTS_SHOWN 10

const char *const sub_status_names[SUB_COUNT + 1] = {
    [SUB_TRIAL] = "trial",         [SUB_ACTIVE] = "active",       [SUB_GRACE] = "grace",
    [SUB_SUSPENDED] = "suspended", [SUB_CANCELLED] = "cancelled", NULL,
};

#define S(status) (1u << (status))

static const unsigned legal[SUB_COUNT] = {
    [SUB_TRIAL] = S(SUB_ACTIVE) | S(SUB_SUSPENDED) | S(SUB_CANCELLED),
    [SUB_ACTIVE] = S(SUB_GRACE) | S(SUB_SUSPENDED) | S(SUB_CANCELLED),
    [SUB_GRACE] = S(SUB_ACTIVE) | S(SUB_SUSPENDED),
    [SUB_SUSPENDED] = S(SUB_ACTIVE) | S(SUB_CANCELLED),
    [SUB_CANCELLED] = 0,
};

bool sub_may(enum sub_status from, enum sub_status to)
{
    return (legal[from] & S(to)) != 0;
}

bool sub_status_parse(const char *text, enum sub_status *out)
{
    for (size_t i = 0; text && i < SUB_COUNT; i++)
        if (strcmp(sub_status_names[i], text) == 0) {
            *out = (enum sub_status)i;
            return true;
        }
    return false;
}

bool subscription_read(const bson_t *doc, struct subscription *out, struct err *err)
{
    bson_iter_t it;

    *out = (struct subscription){
        .doc = doc,
        .id = doc_text(doc, "id"),
        .tenant_id = doc_text(doc, "tenant_id"),
        .slug = doc_text(doc, "tenant_slug"),
        .plan_id = doc_text(doc, "plan_id"),
        .cycle = doc_text(doc, "billing_cycle"),
        .currency = doc_text(doc, "currency"),
        .expires_ms = billing_instant(doc, "expires_on"),
        .trial_ends_ms = billing_instant(doc, "trial_ends_at"),
        .grace_ends_ms = billing_instant(doc, "grace_expires_at"),
        .grace_days = 3,
    };
    if (!out->id || !out->tenant_id || !out->slug || !out->plan_id || !out->cycle ||
        !out->currency || currency_decimals(out->currency) < 0 ||
        !sub_status_parse(doc_text(doc, "status"), &out->status))
        return err_set(err, ERR_STATE, "The record of this subscription cannot be used.");
    out->price = doc_money(doc, "price", currency_decimals(out->currency), -1);
    if (bson_iter_init_find(&it, doc, "grace_period_days") && BSON_ITER_HOLDS_NUMBER(&it))
        out->grace_days = bson_iter_as_int64(&it);
    if (bson_iter_init_find(&it, doc, "version") && BSON_ITER_HOLDS_NUMBER(&it))
        out->version = bson_iter_as_int64(&it);
    if (out->price < 0 || out->grace_days < 0 || out->grace_days > 365)
        return err_set(err, ERR_STATE, "The record of this subscription cannot be used.");
    return true;
}

bool subscription_due(const struct subscription *sub, int64_t now_ms, enum sub_status *to)
{
    switch (sub->status) {
    case SUB_TRIAL:
        *to = SUB_SUSPENDED;
        return sub->trial_ends_ms && now_ms >= sub->trial_ends_ms;
    case SUB_ACTIVE:
        *to = SUB_GRACE;
        return sub->expires_ms && now_ms >= sub->expires_ms;
    case SUB_GRACE:
        *to = SUB_SUSPENDED;
        return sub->grace_ends_ms && now_ms >= sub->grace_ends_ms;
    default:
        return false;
    }
}

void subscription_tell(struct job *job, const bson_t *doc)
{
    const char *slug = doc_text(doc, "tenant_slug");

    if (!slug)
        return;
    if (job->board)
        board_bump(job->board, slug);
    registry_forget(job->registry, slug);
}

bool subscription_view(struct job *job, const char *key, const char *value, struct str *out)
{
    struct scope own, *scope = billing_scope(job, &own);
    struct subscription sub;
    const bson_t *doc;
    enum sub_status due;
    bool active;

    if (!scope || !billing_find(job, scope, SUBSCRIPTIONS, key, value, &doc, job->err))
        return false;
    if (!doc)
        return err_set(job->err, ERR_NOT_FOUND, "There is no such subscription.");
    if (!subscription_read(doc, &sub, job->err))
        return false;
    active = sub.status <= SUB_GRACE &&
             !(subscription_due(&sub, job_now(job), &due) && due == SUB_SUSPENDED);
    str_addz(out, "{\"subscription\":");
    billing_show(doc, out);
    str_addz(out, ",\"events\":");
    if (!billing_list(job, BILLING_EVENTS,
                      &(struct billing_query){"subscription_id", sub.id, EVENTS_SHOWN, NULL}, out,
                      NULL))
        return false;
    str_addf(out, ",\"is_active\":%s}", active ? "true" : "false");
    return true;
}
