/* A new subscription, and the copy that workers read. */
#include "base.h"
#include "platform/subscription_priv.h"
#include "core/id.h"
#include "db/doc.h"
#include "db/own.h"
#include "db/txn.h"
#include "platform/plan.h"
#include "tenant/standing.h"

#define TRIAL_MS   (14 * DAY_MS)
#define GRACE_DAYS 3

static const struct cycle {
    const char *name;
    int64_t days;   /* 0: never ends */
    int64_t months; /* 0: for what costs nothing */
} cycles[] = {{"monthly", 30, 1}, {"quarterly", 90, 3}, {"yearly", 365, 12}, {"lifetime", 0, 0}};

static const struct cycle *cycle_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(cycles); i++)
        if (strcmp(cycles[i].name, name) == 0)
            return &cycles[i];
    return &cycles[0];
}

int64_t cycle_end(const char *cycle, int64_t from_ms)
{
    int64_t days = cycle_of(cycle)->days;

    return days ? from_ms + days * DAY_MS : 0;
}

/* ---- the copy in the registry entry ---- */

static void ends_of(const struct subscription *sub, int64_t *expires, int64_t *ends)
{
    *expires = sub->status == SUB_TRIAL ? sub->trial_ends_ms : sub->expires_ms;
    *ends = sub->status == SUB_GRACE ? sub->grace_ends_ms : *expires;
    if (sub->status == SUB_ACTIVE && *expires)
        *ends = *expires + sub->grace_days * DAY_MS;
}

bool subscription_copy(struct job *job, struct scope *scope, const struct subscription *sub,
                       const bson_t *limits, struct err *err)
{
    bson_t *filter = own_bson(job->arena), *update = own_bson(job->arena), set;
    int64_t expires, ends, matched = 0;

    ends_of(sub, &expires, &ends);
    BSON_APPEND_UTF8(filter, "tenant_id", sub->tenant_id);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    BSON_APPEND_UTF8(&set, "subscription_status", sub_status_names[sub->status]);
    BSON_APPEND_UTF8(&set, "subscription_plan", sub->plan_id);
    billing_append_instant(&set, "subscription_expires_at", expires);
    billing_append_instant(&set, "subscription_ends_at", ends);
    if (limits) {
        BSON_APPEND_UTF8(&set, "license_type", plan_licence(sub->plan_id));
        BSON_APPEND_INT32(&set, "max_users", (int32_t)plan_quota(limits, "max_users"));
        BSON_APPEND_INT32(&set, "max_branches", (int32_t)plan_quota(limits, "max_branches"));
    }
    BSON_APPEND_DATE_TIME(&set, "updated_at", job_now(job));
    bson_append_document_end(update, &set);
    return scope_update_one(scope, ENTRIES, filter, update, NULL, &matched, err) &&
           (matched || err_set(err, ERR_TENANT_NOT_FOUND,
                               "The registry has no entry of business %s.", sub->tenant_id));
}

/* ---- a new one ---- */

struct birth {
    struct job *job;
    const struct subscription_wish *wish;
    const bson_t *plan;
    const char *cycle, *currency;
    money_t price;
    const bson_t *doc;
};

/* Plans are priced by the month; a longer cycle costs its months. */
static bool read_terms(struct birth *b, struct err *err)
{
    const char *own = doc_text(b->plan, "billing_cycle");
    const struct cycle *base = cycle_of(own ? own : "monthly"), *cycle;
    money_t price;
    bson_iter_t it;

    if (bson_iter_init_find(&it, b->plan, "is_active") && BSON_ITER_HOLDS_BOOL(&it) &&
        !bson_iter_bool(&it))
        return err_set(err, ERR_STATE, "The plan \"%s\" is not offered any more.",
                       b->wish->plan_id);
    cycle = b->wish->cycle ? cycle_of(b->wish->cycle) : base;
    b->cycle = cycle->name;
    b->currency = doc_text(b->plan, "currency");
    if (!b->currency || currency_decimals(b->currency) < 0)
        return err_set(err, ERR_STATE, "The record of this plan cannot be used.");
    price = doc_money(b->plan, "price", currency_decimals(b->currency), -1);
    if (price < 0)
        return err_set(err, ERR_STATE, "The record of this plan cannot be used.");
    if ((cycle->months == 0) != (base->months == 0))
        return err_field(err, "billing_cycle", "value", "This plan is %s.", base->name);
    b->price = price;
    if (base->months && !money_scale(price, cycle->months, base->months, &b->price))
        return err_field(err, "billing_cycle", "range", "The price would be too high.");
    return true;
}

static void append_terms(const struct birth *b, bson_t *doc)
{
    bson_t snapshot;

    BSON_APPEND_UTF8(doc, "plan_id", b->wish->plan_id);
    BSON_APPEND_UTF8(doc, "billing_cycle", b->cycle);
    doc_append_money(doc, "price", b->price, currency_decimals(b->currency));
    BSON_APPEND_UTF8(doc, "currency", b->currency);
    BSON_APPEND_INT32(doc, "grace_period_days", GRACE_DAYS);
    bson_init(&snapshot);
    bson_copy_to_excluding_noinit(b->plan, &snapshot, "_id", NULL);
    BSON_APPEND_DOCUMENT(doc, "plan_snapshot", &snapshot);
    bson_destroy(&snapshot);
}

static bson_t *birth_doc(const struct birth *b, const char *slug)
{
    bson_t *doc = own_bson(b->job->arena);
    int64_t now = job_now(b->job);
    bool trial = b->price > 0;
    char hex[13];
    const char *id;

    random_hex(hex, 6);
    id = arena_printf(b->job->arena, "sub_%s", hex);
    BSON_APPEND_UTF8(doc, "id", id);
    BSON_APPEND_UTF8(doc, "subscription_id", id);
    BSON_APPEND_UTF8(doc, "tenant_id", b->wish->tenant_id);
    BSON_APPEND_UTF8(doc, "open_tenant_id", b->wish->tenant_id);
    BSON_APPEND_UTF8(doc, "tenant_slug", slug);
    append_terms(b, doc);
    BSON_APPEND_UTF8(doc, "status", sub_status_names[trial ? SUB_TRIAL : SUB_ACTIVE]);
    BSON_APPEND_DATE_TIME(doc, "started_on", now);
    billing_append_instant(doc, "expires_on", cycle_end(b->cycle, now));
    billing_append_instant(doc, "trial_ends_at", trial ? now + TRIAL_MS : 0);
    billing_append_instant(doc, "grace_expires_at", 0);
    BSON_APPEND_UTF8(doc, "notes", b->wish->notes ? b->wish->notes : "");
    BSON_APPEND_INT64(doc, "version", 1);
    BSON_APPEND_DATE_TIME(doc, "created_at", now);
    BSON_APPEND_DATE_TIME(doc, "updated_at", now);
    return doc;
}

static bool check_free(const struct birth *b, struct scope *scope, struct err *err)
{
    const bson_t *other;

    return billing_find(b->job, scope, SUBSCRIPTIONS, "open_tenant_id", b->wish->tenant_id, &other,
                        err) &&
           (!other || err_set(err, ERR_DUPLICATE, "This business has a subscription already."));
}

static bool find_slug(const struct birth *b, struct scope *scope, const char **slug,
                      struct err *err)
{
    const bson_t *entry;
    const char *status;

    if (!billing_find(b->job, scope, ENTRIES, "tenant_id", b->wish->tenant_id, &entry, err))
        return false;
    status = entry ? doc_text(entry, "status") : NULL;
    *slug = entry ? doc_text(entry, "slug") : NULL;
    if (!*slug || (status && strcmp(status, tenant_status_name(TENANT_DELETED)) == 0))
        return err_set(err, ERR_TENANT_NOT_FOUND, "Tenant not found");
    return true;
}

static bool create_body(struct scope *scope, void *data, struct err *err)
{
    struct birth *b = data;
    struct billing_event event = {.what = "created", .action = "subscription_create"};
    struct subscription sub;
    const char *slug;

    if (!find_slug(b, scope, &slug, err) || !check_free(b, scope, err))
        return false;
    b->doc = birth_doc(b, slug);
    if (!subscription_read(b->doc, &sub, err) ||
        !scope_insert(scope, SUBSCRIPTIONS, b->doc, err) ||
        !subscription_copy(b->job, scope, &sub, b->plan, err))
        return false;
    event.subscription_id = sub.id;
    event.tenant_id = sub.tenant_id;
    event.new = sub_status_names[sub.status];
    event.after = b->doc;
    return billing_note(b->job, scope, &event, err);
}

/* Two at once: the unique index refuses the second. */
bool subscription_create(struct job *job, const struct subscription_wish *wish, const bson_t **doc)
{
    struct birth b = {.job = job, .wish = wish};
    struct scope own, *scope;

    if (!plan_find(job, wish->plan_id, &b.plan) || !read_terms(&b, job->err) ||
        !(scope = billing_scope(job, &own)) || !txn_run(scope, create_body, &b, job->err))
        return false;
    if (!job->within)
        subscription_tell(job, b.doc);
    *doc = b.doc;
    return true;
}
