/* Shifts that are open: opened, given payments and movements of cash. */
#include "base.h"
#include "trade/till_priv.h"
#include "core/clock.h"
#include "core/id.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/change.h"
#include "engine/form.h"
#include "engine/index.h"
#include "engine/refs.h"
#include "engine/series.h"
#include "trade/report.h"

#define RULES "_till_rules"

/* ---- for whoever takes payments ---- */

/* One member of the first match, as an array of at most one document. */
static void lookup(const char *collection, const bson_t *match, const char *member, const char *as,
                   bson_t *stage)
{
    BCON_APPEND(stage, "$lookup", "{", "from", BCON_UTF8(collection), "pipeline", "[", "{",
                "$match", BCON_DOCUMENT(match), "}", "{", "$project", "{", member, BCON_INT32(1),
                "}", "}", "{", "$limit", BCON_INT32(1), "}", "]", "as", BCON_UTF8(as), "}");
}

void till_lookup(const struct req *req, const struct scope *scope, bson_t *stage)
{
    bson_t *match = own_bson(scope->arena);

    scope_filter(scope, NULL, match);
    BSON_APPEND_UTF8(match, "user_id", req->principal.user_id);
    BSON_APPEND_UTF8(match, "status", "open");
    lookup(SHIFTS, match, "id", TILL_LOOKUP, stage);
}

const char *till_found(const bson_t *doc)
{
    return doc_text(doc, TILL_LOOKUP ".0.id");
}

static bool meanwhile(struct scope *scope, struct err *err)
{
    scope->transient = true; /* somebody else changed it: again */
    return err_set(err, ERR_TRY_AGAIN, "The shift has changed meanwhile");
}

static void look_for_rule(const struct scope *scope, bson_t *stage)
{
    bson_t *match = own_bson(scope->arena);

    scope_filter(scope, NULL, match);
    lookup("settings", match, TILL_RULE, RULES, stage);
}

bool till_find_one(const struct req *req, struct scope *scope, const char *collection,
                   const bson_t *filter, const bson_t **doc, struct till *till, struct err *err)
{
    bson_t *stages = own_bson(scope->arena), *record, stage;
    const bson_t *found;

    *doc = NULL;
    *till = (struct till){0};
    BSON_APPEND_DOCUMENT_BEGIN(stages, "0", &stage);
    BSON_APPEND_DOCUMENT(&stage, "$match", filter);
    bson_append_document_end(stages, &stage);
    BSON_APPEND_DOCUMENT_BEGIN(stages, "1", &stage);
    BSON_APPEND_INT64(&stage, "$limit", 1);
    bson_append_document_end(stages, &stage);
    BSON_APPEND_DOCUMENT_BEGIN(stages, "2", &stage);
    till_lookup(req, scope, &stage);
    bson_append_document_end(stages, &stage);
    BSON_APPEND_DOCUMENT_BEGIN(stages, "3", &stage);
    look_for_rule(scope, &stage);
    bson_append_document_end(stages, &stage);
    if (!scope_next(scope, scope_aggregate(scope, collection, stages, NULL), &found, err))
        return false;
    if (found == NULL)
        return true;
    record = own_bson(scope->arena);
    bson_copy_to_excluding_noinit(found, record, TILL_LOOKUP, RULES, NULL);
    *doc = record;
    *till = (struct till){.shift_id = arena_strdup(scope->arena, till_found(found)),
                          .ruled = doc_bool(found, RULES ".0." TILL_RULE)};
    return true;
}

bool till_take(struct scope *scope, const struct till *till, int64_t payments, struct err *err)
{
    bson_t *filter = own_bson(scope->arena), *update = own_bson(scope->arena);
    int64_t matched;

    if (till->shift_id == NULL)
        return !till->ruled || payments == 0 ||
               err_set(err, ERR_CONFLICT, "Please open a shift at the till first: no payment is "
                                          "taken without one");
    scope_filter(scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "id", till->shift_id);
    BSON_APPEND_UTF8(filter, "status", "open");
    BCON_APPEND(update, "$inc", "{", "payments", BCON_INT64(payments), FIELD_REV, BCON_INT64(1),
                "}", "$set", "{", "updated_at", BCON_DATE_TIME(clock_ms()), "}");
    if (!scope_update_one(scope, SHIFTS, filter, update, NULL, &matched, err))
        return false;
    return matched == 1 || meanwhile(scope, err);
}

/* ---- opening ---- */

bool till_prepare(struct req *req)
{
    static const char *const nouns[] = {"shift", "sale", "payment"};

    for (size_t i = 0; i < ARRAY_LEN(nouns); i++)
        if (!index_ensure(req->app->indexes, resource_by_noun(nouns[i]), &req->scope, req->err))
            return false;
    return notices_prepare(req, req->err);
}

bool till_opening_read(struct req *req, struct till_opening *opening)
{
    struct report_days days;
    struct validated in;

    if (!form_read(req, "ShiftOpen", VALIDATE_CREATE, &in) || !report_days(req, &days))
        return false;
    *opening = (struct till_opening){.branch_id = doc_said(in.set, "branch_id"),
                                     .till = doc_said(in.set, "till"),
                                     .day = days.dates[REPORT_WEEK - 1],
                                     .opening_float = doc_money(in.set, "opening_float",
                                                                req->tenant->decimals, 0)};
    return true;
}

/* NULL with the error set. */
static const bson_t *document(struct req *req, struct scope *scope, const struct till_opening *o,
                              const char *branch_id, struct err *err)
{
    bson_t *doc = own_bson(scope->arena);
    bson_t list;

    scope_begin_record(scope, NULL, doc);
    if (!series_append(resource_by_noun("shift"), scope, doc, err))
        return NULL;
    BSON_APPEND_UTF8(doc, "status", "open");
    doc_append_text_or_null(doc, "branch_id", branch_id);
    doc_append_text_or_null(doc, "till", o->till);
    BSON_APPEND_UTF8(doc, "user_id", req->principal.user_id);
    doc_append_text_or_null(doc, "opened_by", req->principal.email);
    BSON_APPEND_DATE_TIME(doc, "opened_at", clock_ms());
    doc_append_text_or_null(doc, "day", o->day);
    doc_append_money(doc, "opening_float", o->opening_float, req->tenant->decimals);
    BSON_APPEND_INT64(doc, "payments", 0);
    BSON_APPEND_ARRAY_BEGIN(doc, "movements", &list);
    bson_append_array_end(doc, &list);
    BSON_APPEND_INT64(doc, FIELD_REV, 1);
    return doc;
}

/* The unique indexes decide, not a look before. */
static bool insert(struct scope *scope, const bson_t *record, struct err *err)
{
    if (scope_insert(scope, SHIFTS, record, err))
        return true;
    if (err->code != ERR_DUPLICATE)
        return false;
    err_clear(err);
    return err_set(err, ERR_CONFLICT,
                   "There is an open shift already: a user has one at a time, and so has a till");
}

bool till_open(struct req *req, struct scope *scope, const struct till_opening *o,
               const bson_t **record, struct err *err)
{
    const char *branch = scope->branch_id ? scope->branch_id : o->branch_id;
    bson_t *refers = own_bson(scope->arena);

    *record = NULL;
    if (o->branch_id != NULL && strcmp(o->branch_id, branch) != 0)
        return err_set(err, ERR_FORBIDDEN, "You may only open a till of your own branch");
    doc_append_text(refers, "branch_id", o->branch_id);
    if (!refs_check(resource_by_noun("shift"), scope, refers, err))
        return false;
    *record = document(req, scope, o, branch, err);
    return *record != NULL && insert(scope, *record, err) &&
           change_audit(req, scope, "open", SHIFTS, doc_text(*record, "id"), NULL, *record, err);
}

/* ---- changing ---- */

bson_t *till_filter(const struct req *req, const struct scope *scope)
{
    const struct resource *shift = resource_by_noun("shift");
    bson_t *filter = own_bson(scope->arena);

    scope_filter(scope, shift->branch_field, filter);
    resource_filter_own(shift, req, filter);
    BSON_APPEND_UTF8(filter, "id", req_param(req, "id"));
    return filter;
}

bool till_is_open(const bson_t *shift, struct err *err)
{
    const char *status = doc_text(shift, "status");

    if (shift == NULL)
        return err_set(err, ERR_NOT_FOUND, "Shift not found");
    return (status != NULL && strcmp(status, "open") == 0) ||
           err_set(err, ERR_STATE, "The shift is closed");
}

bool till_store(const struct req *req, struct scope *scope, const bson_t *set, const bson_t *push,
                const bson_t **after, struct err *err)
{
    bson_t *filter = till_filter(req, scope), *update = own_bson(scope->arena);
    bson_t child;

    BSON_APPEND_UTF8(filter, "status", "open");
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &child);
    bson_concat(&child, set);
    BSON_APPEND_DATE_TIME(&child, "updated_at", clock_ms());
    bson_append_document_end(update, &child);
    BCON_APPEND(update, "$inc", "{", FIELD_REV, BCON_INT64(1), "}");
    if (push != NULL)
        BCON_APPEND(update, "$push", "{", "movements", BCON_DOCUMENT(push), "}");
    if (!scope_find_and_update(scope, SHIFTS, filter, update, true, false, NULL, after, err))
        return false;
    return *after != NULL || meanwhile(scope, err);
}

/* ---- cash that comes and goes without a sale ---- */

bool till_move_read(struct req *req, struct till_move *move)
{
    struct validated in;

    if (!form_read(req, "ShiftMovement", VALIDATE_CREATE, &in))
        return false;
    *move = (struct till_move){.kind = doc_text(in.set, "kind"),
                               .reason = doc_text(in.set, "reason"),
                               .amount = doc_money(in.set, "amount", req->tenant->decimals, 0)};
    return true;
}

static const bson_t *movement(const struct req *req, struct scope *scope,
                              const struct till_move *move)
{
    bson_t *row = own_bson(scope->arena);
    char id[ID_SIZE];

    id_new(id);
    BSON_APPEND_UTF8(row, "id", id);
    BSON_APPEND_UTF8(row, "kind", move->kind);
    doc_append_money(row, "amount", move->amount, req->tenant->decimals);
    doc_append_text_or_null(row, "reason", move->reason);
    BSON_APPEND_DATE_TIME(row, "at", clock_ms());
    doc_append_text_or_null(row, "by", req->principal.email);
    return row;
}

bool till_move(struct req *req, struct scope *scope, const struct till_move *move,
               const bson_t **record, struct err *err)
{
    const char *last = arena_printf(scope->arena, "movements.%d", TILL_MOVES_MAX - 1);
    const bson_t *before;
    bson_iter_t it;

    if (!scope_find_one(scope, SHIFTS, till_filter(req, scope), NULL, &before, err) ||
        !till_is_open(before, err))
        return false;
    if (doc_at(before, last, &it))
        return err_set(err, ERR_CONFLICT, "It has %d movements already, the most there can be",
                       TILL_MOVES_MAX);
    return till_store(req, scope, own_bson(scope->arena), movement(req, scope, move), record,
                      err) &&
           change_audit(req, scope, move->kind, SHIFTS, doc_text(before, "id"), before, *record,
                        err);
}
