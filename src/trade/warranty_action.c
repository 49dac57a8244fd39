/* What a supplier answered: another unit, money, a repair, or nothing. */
#include "base.h"
#include "trade/warranty_priv.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/form.h"
#include "trade/sale_priv.h"
#include "trade/warranty_staff.h"

#define CODE_MAX 62 /* bytes of a code that may get another "-R" */

const char *const supplier_action_types[] = {"replacement_sent", "repair_sent",
                                             "cash_refund_offered", "declined", "partial_refund",
                                             NULL};

/* What follows of each. */
static const struct {
    const char *type, *to;
    bool refund;
} outcomes[] = {
    {"replacement_sent", "replaced", false},
    {"repair_sent", "replacement_pending", false},
    {"cash_refund_offered", "refunded", true},
    {"declined", "declined", false},
    {"partial_refund", "replacement_pending", true},
};

static size_t outcome_of(const char *type)
{
    size_t i = 0;

    while (i + 1 < ARRAY_LEN(outcomes) && strcmp(outcomes[i].type, type) != 0)
        i++;
    return i;
}

bool supplier_action_read(struct req *req, struct supplier_action *action)
{
    struct validated in, details = {0};
    json_t *row;

    *action = (struct supplier_action){0};
    if (!form_read(req, "SupplierActionCreate", VALIDATE_CREATE, &in))
        return false;
    action->in = in.set;
    action->type = doc_text(in.set, "action_type");
    row = json_object_get(req->body, "action_details");
    if (json_is_object(row) &&
        !sale_check_row(req, "SupplierActionDetails", row, "action_details", &details))
        return false;
    action->amount = doc_money(details.set, "amount", req->tenant->decimals, 0);
    action->serial = doc_text(details.set, "replacement_serial");
    action->reference = doc_text(details.set, "reference");
    if (action->serial != NULL && *action->serial == '\0')
        action->serial = NULL;
    if (!outcomes[outcome_of(action->type)].refund)
        action->amount = 0;
    else if (action->amount == 0)
        return err_field(req->err, "action_details.amount", "required",
                         "Is required where money goes back");
    return true;
}

/* ---- what it brings ---- */

static void append_head(const struct warranty_change *c, bson_t *doc)
{
    scope_begin_record(c->scope, NULL, doc);
    BSON_APPEND_UTF8(doc, "warranty_id", c->id);
    doc_append_text_or_null(doc, "branch_id", doc_text(c->record, "branch_id"));
}

/* NULL: no money goes back. */
static const bson_t *refund_document(const struct warranty_change *c,
                                     const struct supplier_action *action)
{
    bson_t *doc = own_bson(c->scope->arena);

    if (action->amount == 0)
        return NULL;
    append_head(c, doc);
    BSON_APPEND_UTF8(doc, "type", "refund");
    doc_append_money(doc, "amount", action->amount, c->req->tenant->decimals);
    doc_append_text_or_null(doc, "reference", action->reference);
    doc_append_text_or_null(doc, "warranty_code", doc_text(c->record, "warranty_code"));
    doc_append_text_or_null(doc, "customer_name", doc_text(c->record, "customer_name"));
    doc_append_text_or_null(doc, "approved_by", c->req->principal.email);
    BSON_APPEND_DATE_TIME(doc, "approved_at", c->now);
    BSON_APPEND_INT64(doc, "_rev", 1);
    return doc;
}

/* For the full period from now; *doc NULL: nothing was sent that has a serial number. */
static bool make_replacement(struct warranty_change *c, const struct supplier_action *action,
                             const struct warranty_term *term, const bson_t **doc)
{
    const char *code = doc_text(c->record, "warranty_code");
    const struct warranty_seed seed = {.old = c->record,
                                       .product_id = doc_text(c->record, "product_id"),
                                       .serial = action->serial,
                                       .line = doc_int(c->record, "line", 0),
                                       .unit = doc_int(c->record, "unit", 0),
                                       .term = term};

    *doc = NULL;
    if (action->serial == NULL || strcmp(action->type, "replacement_sent") != 0)
        return true;
    if (term->months == 0 || code == NULL || strlen(code) > CODE_MAX)
        return err_set(c->err, ERR_CONFLICT, "It was replaced too often, or has no period");
    *doc = warranty_document(c->req, c->scope, &seed, NULL);
    return true;
}

static const bson_t *action_document(const struct warranty_change *c,
                                     const struct supplier_action *action,
                                     const bson_t *replacement, const bson_t *refund)
{
    bson_t *doc = own_bson(c->scope->arena), *none = own_bson(c->scope->arena);
    bson_iter_t it;

    append_head(c, doc);
    BSON_APPEND_UTF8(doc, "action_type", action->type);
    if (doc_at(action->in, "action_details", &it) && BSON_ITER_HOLDS_DOCUMENT(&it))
        bson_append_iter(doc, "action_details", -1, &it);
    else
        BSON_APPEND_DOCUMENT(doc, "action_details", none);
    doc_append_text_or_null(doc, "notes", doc_text(action->in, "notes"));
    BSON_APPEND_UTF8(doc, "status", "confirmed");
    doc_append_text_or_null(doc, "replacement_warranty_id", doc_text(replacement, "id"));
    doc_append_text_or_null(doc, "transaction_id", doc_text(refund, "id"));
    doc_append_text_or_null(doc, "recorded_by", c->req->principal.email);
    BSON_APPEND_INT64(doc, "_rev", 1);
    return doc;
}

static bool store(struct warranty_change *c, const char *collection, const bson_t *doc)
{
    return doc == NULL || scope_insert(c->scope, collection, doc, c->err);
}

/* ---- the whole ---- */

/* With the term that a replacement would have; no months where it has none. */
static bool read_with_term(struct warranty_change *c, struct warranty_term *term)
{
    const struct term_ask ask = {.months_path = "$warranty_period_months"};
    bson_t *record = own_bson(c->scope->arena);
    const bson_t *found;

    if (!term_read(c->scope, WARRANTIES, warranty_filter(c), &ask, &found, c->err))
        return false;
    if (found == NULL)
        return err_set(c->err, ERR_NOT_FOUND, "Warranty not found");
    if (!term_of(found, term))
        *term = (struct warranty_term){0};
    bson_copy_to_excluding_noinit(found, record, WITH_TERM, WITH_SETTINGS, NULL);
    c->record = record;
    return true;
}

static void tell_action(struct warranty_change *c, const struct supplier_action *action,
                        const bson_t *made)
{
    bson_t *meta = own_bson(c->scope->arena);

    BSON_APPEND_UTF8(meta, "action_id", doc_text(made, "id"));
    BSON_APPEND_UTF8(meta, "action_type", action->type);
    doc_append_text(meta, "replacement_warranty_id", doc_text(made, "replacement_warranty_id"));
    doc_append_text(meta, "transaction_id", doc_text(made, "transaction_id"));
    warranty_tell(c, &(struct warranty_event){.type = "supplier_action_recorded",
                                              .actor = "supplier",
                                              .note = doc_text(action->in, "notes"),
                                              .meta = meta});
}

bool warranty_supplier_action(struct req *req, struct scope *scope,
                              const struct supplier_action *action, const bson_t **record,
                              const bson_t **made, struct err *err)
{
    struct warranty_change c = warranty_change_of(req, scope, req_param(req, "id"), err);
    bson_t *set = own_bson(scope->arena);
    const char *to = outcomes[outcome_of(action->type)].to;
    const bson_t *replacement, *refund;
    struct warranty_term term;

    if (!read_with_term(&c, &term) || !warranty_may(&c, "replacement_pending", to) ||
        !make_replacement(&c, action, &term, &replacement))
        return false;
    refund = refund_document(&c, action);
    *made = action_document(&c, action, replacement, refund);
    doc_append_text(set, "replaced_by_warranty_id", doc_text(replacement, "id"));
    /* The change decides who of many wins: what follows of it is stored after it. */
    if (!warranty_store(&c, "replacement_pending", to, set) ||
        !store(&c, WARRANTIES, replacement) || !store(&c, WARRANTY_REFUNDS, refund) ||
        !store(&c, WARRANTY_ACTIONS, *made))
        return false;
    tell_action(&c, action, *made);
    *record = c.after;
    return warranty_finish(&c, "supplier_action");
}
