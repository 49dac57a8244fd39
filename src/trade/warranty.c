/* Where a warranty may go, and how it is changed: read and changed in one transaction, and the
 * change holds only for the revision that was read. */
#include "base.h"
#include "trade/warranty_priv.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/many.h"
#include "db/own.h"
#include "engine/index.h"
#include "engine/validate.h"
#include "tenant/audit.h"
#include "tenant/modules.h"

const char *const warranty_status_names[] = {
    "active",   "expired",  "claimed",  "under_inspection", "replacement_pending",
    "replaced", "refunded", "declined", "closed",           NULL};

const char *const warranty_event_types[] = {"status_changed",
                                            "claim_registered",
                                            "inspection_started",
                                            "inspection_passed",
                                            "inspection_failed",
                                            "supplier_action_requested",
                                            "supplier_action_recorded",
                                            NULL};

const char *const warranty_actors[] = {"customer", "staff", "supplier", "system", NULL};

static const struct transition transitions[] = {
    {"active", "claimed"}, /* the customer says what is wrong */
    {"active", "closed"},  /* the sale is cancelled, or the unit came back */
    {"expired", "claimed"},
    {"expired", "under_inspection"}, /* claimed too late: somebody shall look at it */
    {"expired", "closed"},
    {"claimed", "under_inspection"},
    {"claimed", "closed"},
    {"under_inspection", "replacement_pending"},
    {"under_inspection", "declined"},
    {"under_inspection", "closed"},
    {"replacement_pending", "replacement_pending"}, /* repaired, or paid back in part */
    {"replacement_pending", "replaced"},
    {"replacement_pending", "refunded"},
    {"replacement_pending", "declined"},
    {"replacement_pending", "closed"},
    {NULL, NULL},
};

const struct states warranty_states = {.field = "current_status", .transitions = transitions};

bool warranty_prepare(struct req *req)
{
    static const char *const nouns[] = {"warranty_record", "warranty_event"};

    if (!module_enabled(req->tenant, MODULE_WARRANTY))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(nouns); i++)
        if (!index_ensure(req->app->indexes, resource_by_noun(nouns[i]), &req->scope, req->err))
            return false;
    return true;
}

/* ---- the state ---- */

const struct lapse warranty_lapse = {"current_status", "active", "expired", "expiry_date"};

const char *warranty_status(const bson_t *record, int64_t now)
{
    return lapse_state(&warranty_lapse, record, now);
}

/* ---- a change ---- */

struct warranty_change warranty_change_of(struct req *req, struct scope *scope, const char *id,
                                          struct err *err)
{
    return (struct warranty_change){.req = req, .scope = scope, .err = err, .id = id,
                                    .now = clock_ms()};
}

bson_t *warranty_filter(const struct warranty_change *c)
{
    bson_t *filter = own_bson(c->scope->arena);

    scope_filter(c->scope, "branch_id", filter);
    BSON_APPEND_UTF8(filter, "id", c->id);
    return filter;
}

bool warranty_read(struct warranty_change *c)
{
    if (!scope_find_one(c->scope, WARRANTIES, warranty_filter(c), NULL, &c->record, c->err))
        return false;
    return c->record != NULL || err_set(c->err, ERR_NOT_FOUND, "Warranty not found");
}

void warranty_tell(struct warranty_change *c, const struct warranty_event *event)
{
    assert(c->n_events < EVENTS_MAX);
    c->events[c->n_events++] = event_document(c->req, c->scope, c->record, event);
}

static void tell_moved(struct warranty_change *c, const char *from, const char *to)
{
    bson_t *meta = own_bson(c->scope->arena);

    BSON_APPEND_UTF8(meta, "from", from);
    BSON_APPEND_UTF8(meta, "to", to);
    warranty_tell(c, &(struct warranty_event){
                         .type = "status_changed",
                         .actor = c->req->authenticated ? "staff" : "customer",
                         .meta = meta});
}

bool warranty_may(const struct warranty_change *c, const char *from, const char *to)
{
    const char *now = warranty_status(c->record, c->now);

    if (from != NULL && strcmp(from, now) != 0)
        return err_set(c->err, ERR_STATE, "%s cannot become %s here: allowed from %s", now, to,
                       from);
    return state_may(&warranty_states, now, to, c->err);
}

bool warranty_store(struct warranty_change *c, const char *from, const char *to,
                    const bson_t *set)
{
    bson_t *filter = warranty_filter(c), *update = own_bson(c->scope->arena);
    const char *was = warranty_status(c->record, c->now);
    bson_iter_t rev;
    bson_t child;

    if (to != NULL && !warranty_may(c, from, to))
        return false;
    if (bson_iter_init_find(&rev, c->record, FIELD_REV))
        bson_append_iter(filter, FIELD_REV, -1, &rev);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &child);
    bson_concat(&child, set);
    doc_append_text(&child, "current_status", to);
    BSON_APPEND_DATE_TIME(&child, "updated_at", c->now);
    bson_append_document_end(update, &child);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$inc", &child);
    BSON_APPEND_INT64(&child, FIELD_REV, 1);
    bson_append_document_end(update, &child);
    if (!scope_find_and_update(c->scope, WARRANTIES, filter, update, true, false, NULL, &c->after,
                               c->err))
        return false;
    if (c->after == NULL) {
        c->scope->transient = true; /* somebody else changed it: again */
        return err_set(c->err, ERR_TRY_AGAIN, "The warranty has changed meanwhile");
    }
    if (to != NULL && strcmp(was, to) != 0)
        tell_moved(c, was, to);
    return true;
}

bool warranty_finish(struct warranty_change *c, const char *action)
{
    const struct principal *who = &c->req->principal;
    bool person = c->req->authenticated;

    return scope_insert_all(c->scope, WARRANTY_EVENTS, c->events, c->n_events, c->err) &&
           audit_add(c->scope,
                     &(struct audit_entry){.action = action,
                                           .collection = WARRANTIES,
                                           .record_id = c->id,
                                           .actor = person ? who->user_id : "customer",
                                           .impersonated_by =
                                               person ? who->claims.impersonated_by : NULL,
                                           .request_id = c->req->request_id,
                                           .before = c->record,
                                           .after = c->after},
                     c->err);
}
