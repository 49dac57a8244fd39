/* Plans, subscriptions and payments over the wire: what the body says, and what is shown. */
#include "base.h"
#include "actions/actions.h"
#include "core/clock.h"
#include "db/doc.h"
#include "engine/cursor.h"
#include "engine/form.h"
#include "engine/query.h"
#include "platform/plan.h"
#include "platform/subscription.h"
#include "tenant/standing.h"

#define LIST_MAX 1000

static bool show(struct req *req, const bson_t *doc)
{
    billing_show(doc, resp_body(req));
    return true;
}

/* Workers are told once the change is stored: with an Idempotency-Key that is later. */
static void tell(struct req *req)
{
    struct job job = job_of_req(req);

    subscription_tell(&job, req->commit_arg);
}

static void tell_after(struct req *req, const bson_t *doc)
{
    req->commit_arg = doc;
    req->on_commit = tell;
}

/* ---- lists ---- */

/* A page of records as `limit` and `after` of the query say. One round trip. */
static bool page(struct req *req, const char *collection, const char *key, const char *value)
{
    const char *bound = arena_printf(req->arena, "%s %s", collection, value ? value : "");
    const char *limit = req_query(req, "limit"), *after = req_query(req, "after");
    struct billing_query query = {key, value, LIST_MAX, NULL};
    struct job job = job_of_req(req);
    bson_iter_t at, id;
    const bson_t *more;
    char *end = NULL;

    if (limit) {
        query.limit = strtoll(limit, &end, 10);
        if (end == limit || *end || query.limit < 1 || query.limit > LIST_MAX)
            return err_set(req->err, ERR_BAD_QUERY, "limit must be a whole number from 1 to %d.",
                           LIST_MAX);
    }
    if (after && !cursor_open(req->app->cursor_key, bound, after, req->arena, &query.after,
                              req->err))
        return false;
    if (!billing_list(&job, collection, &query, resp_body(req), &more))
        return false;
    if (more && bson_iter_init_find(&id, more, "id") && BSON_ITER_HOLDS_UTF8(&id))
        query_link_after(req, cursor_make(req->app->cursor_key, bound,
                                          bson_iter_init_find(&at, more, "created_at") ? &at : NULL,
                                          bson_iter_utf8(&id, NULL), req->arena));
    return true;
}

/* ---- plans ---- */

bool action_plan_list(struct req *req)
{
    struct job job = job_of_req(req);

    return plans_ensure(&job) &&
           billing_list(&job, PLANS, &(struct billing_query){NULL, NULL, LIST_MAX, NULL},
                        resp_body(req), NULL);
}

bool action_plan_change(struct req *req)
{
    struct job job = job_of_req(req);
    struct validated in;
    const bson_t *plan;

    return form_read(req, "UpdatePlanRequest", VALIDATE_PATCH, &in) &&
           plan_change(&job, req_param(req, "plan_id"), in.set, &plan) && show(req, plan);
}

/* ---- subscriptions ---- */

bool action_subscription_list(struct req *req)
{
    return page(req, SUBSCRIPTIONS, "status", req_query(req, "status"));
}

bool action_subscription_create(struct req *req)
{
    struct job job = job_of_req(req);
    struct subscription_wish wish;
    struct validated in;
    const bson_t *doc;

    if (!form_read(req, "CreateSubscriptionRequest", VALIDATE_CREATE, &in))
        return false;
    wish = (struct subscription_wish){.tenant_id = doc_text(in.set, "tenant_id"),
                                      .plan_id = doc_text(in.set, "plan_id"),
                                      .cycle = doc_text(in.set, "billing_cycle"),
                                      .notes = doc_text(in.set, "notes")};
    if (!subscription_create(&job, &wish, &doc))
        return false;
    tell_after(req, doc);
    resp_header(req, "Location", arena_printf(req->arena, "/api/super/subscriptions/%s",
                                              wish.tenant_id));
    return show(req, doc);
}

bool action_subscription_get(struct req *req)
{
    struct job job = job_of_req(req);
    struct scope scope;
    const bson_t *doc;

    if (!job_registry(&job, &scope) ||
        !billing_find(&job, &scope, SUBSCRIPTIONS, "tenant_id", req_param(req, "tenant_id"), &doc,
                      req->err))
        return false;
    if (!doc)
        return err_set(req->err, ERR_NOT_FOUND, "This business has no subscription.");
    return show(req, doc);
}

bool action_subscription_view(struct req *req)
{
    struct job job = job_of_req(req);

    return subscription_view(&job, "id", req_param(req, "subscription_id"), resp_body(req));
}

bool action_subscription_set(struct req *req)
{
    struct job job = job_of_req(req);
    struct validated in;
    enum sub_status status;
    const bson_t *doc;

    if (!form_read(req, "SubscriptionStatusRequest", VALIDATE_CREATE, &in))
        return false;
    if (!sub_status_parse(doc_text(in.set, "status"), &status))
        die("the form lets a status pass that is none");
    if (!subscription_set(&job, req_param(req, "subscription_id"), status,
                          doc_text(in.set, "reason"), billing_instant(in.set, "expires_on"),
                          &doc))
        return false;
    return show(req, doc);
}

/* A business's own view. */
bool action_subscription_own(struct req *req)
{
    struct job job = job_of_req(req);

    return subscription_view(&job, "tenant_id", req->principal.tenant_id, resp_body(req));
}

/* ---- payments ---- */

bool action_payment_create(struct req *req)
{
    struct job job = job_of_req(req);
    const bson_t *doc, *subscription;
    struct payment payment;
    struct validated in;

    if (!form_read(req, "RecordPaymentRequest", VALIDATE_CREATE, &in))
        return false;
    payment = (struct payment){.subscription_id = doc_text(in.set, "subscription_id"),
                               .amount = doc_money(in.set, "amount", 2, -1),
                               .method = doc_text(in.set, "payment_method"),
                               .receipt = doc_text(in.set, "receipt_number"),
                               .notes = doc_text(in.set, "notes"),
                               .date_ms = billing_instant(in.set, "payment_date")};
    if (!subscription_pay(&job, &payment, &doc, &subscription))
        return false;
    tell_after(req, subscription);
    resp_header(req, "Location", arena_printf(req->arena, "/api/super/payments/%s",
                                              payment.subscription_id));
    return show(req, doc);
}

bool action_payment_list(struct req *req)
{
    return page(req, PAYMENTS, "subscription_id", req_param(req, "subscription_id"));
}

/* ---- access ---- */

bool action_access(struct req *req)
{
    const struct tenant *tenant;
    struct standing standing;
    struct str *out = resp_body(req);
    char ends[CLOCK_TEXT_SIZE];

    if (!registry_by_tenant_id(req->app->registry, req_param(req, "tenant_id"), &tenant, req->err))
        return false;
    if (!tenant)
        return err_set(req->err, ERR_TENANT_NOT_FOUND, "Tenant not found");
    standing = standing_at(tenant, clock_ms());
    str_addf(out, "{\"allowed\":%s,\"status\":", standing.allowed ? "true" : "false");
    str_add_json(out, standing.status, strlen(standing.status));
    str_addz(out, ",\"plan\":");
    str_add_json(out, tenant->subscription_plan, strlen(tenant->subscription_plan));
    str_addz(out, ",\"ends_at\":");
    clock_format(ends, standing.ends_ms);
    if (standing.ends_ms)
        str_add_json(out, ends, strlen(ends));
    else
        str_addz(out, "null");
    str_addf(out, ",\"message\":\"%s\"}",
             standing.allowed ? "Its records may be used." : "The subscription has to be renewed.");
    return true;
}
