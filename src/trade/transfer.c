/* Transfers between branches. */
#include "base.h"
#include "trade/transfer.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/form.h"
#include "engine/index.h"
#include "engine/series.h"
#include "engine/change.h"

bool transfer_read(struct req *req, struct transfer *transfer)
{
    const char *own = req->scope.branch_id;
    struct validated in;

    if (!form_read(req, "StockTransferCreate", VALIDATE_CREATE, &in))
        return false;
    *transfer = (struct transfer){.product_id = doc_text(in.set, "product_id"),
                                  .from_branch_id = doc_text(in.set, "from_branch_id"),
                                  .to_branch_id = doc_text(in.set, "to_branch_id"),
                                  .note = doc_text(in.set, "reference_note"),
                                  .quantity = doc_int(in.set, "quantity", 0),
                                  .stepwise = doc_bool(in.set, "stepwise")};
    if (strcmp(transfer->from_branch_id, transfer->to_branch_id) == 0)
        return err_field(req->err, "to_branch_id", "same", "Must be another branch");
    if (own == NULL || strcmp(own, transfer->from_branch_id) == 0)
        return true;
    if (transfer->stepwise && strcmp(own, transfer->to_branch_id) == 0)
        return true;
    return err_set(req->err, ERR_FORBIDDEN, "You may only %s",
                   transfer->stepwise ? "ask for transfers of your own branch"
                                      : "send goods of your own branch");
}

bool transfer_prepare(struct req *req)
{
    static const char *const nouns[] = {"stock_transfer", "product_branch"};

    for (size_t i = 0; i < ARRAY_LEN(nouns); i++)
        if (!index_ensure(req->app->indexes, resource_by_noun(nouns[i]), &req->scope, req->err))
            return false;
    return true;
}

/* Filters by branch find it by either end, and so do the people of both. */
static void append_branches(const struct transfer *t, bson_t *doc)
{
    bson_t list;

    BSON_APPEND_ARRAY_BEGIN(doc, "branch_id", &list);
    BSON_APPEND_UTF8(&list, "0", t->from_branch_id);
    BSON_APPEND_UTF8(&list, "1", t->to_branch_id);
    bson_append_array_end(doc, &list);
}

/* NULL with `err` set. */
static const bson_t *document(struct req *req, struct scope *scope, const struct transfer *t,
                              struct err *err)
{
    bson_t *doc = own_bson(scope->arena);

    scope_begin_record(scope, NULL, doc);
    if (!series_append(resource_by_noun("stock_transfer"), scope, doc, err))
        return NULL;
    BSON_APPEND_UTF8(doc, "product_id", t->product_id);
    BSON_APPEND_UTF8(doc, "from_branch_id", t->from_branch_id);
    BSON_APPEND_UTF8(doc, "to_branch_id", t->to_branch_id);
    append_branches(t, doc);
    BSON_APPEND_INT64(doc, "quantity", t->quantity);
    doc_append_text(doc, "reference_note", t->note);
    BSON_APPEND_UTF8(doc, "status", t->stepwise ? "requested" : "completed");
    doc_append_text(doc, "transferred_by", req->principal.email);
    BSON_APPEND_INT64(doc, FIELD_REV, 1);
    return doc;
}

static bool found(const struct stock_line *lines, struct err *err)
{
    if (lines[0].product == NULL)
        return err_set(err, ERR_NOT_FOUND, "Product not found");
    if (lines[0].assignment == NULL)
        return err_set(err, ERR_NOT_FOUND, "The product is not assigned to the source branch");
    if (lines[1].assignment == NULL)
        return err_set(err, ERR_NOT_FOUND, "The product is not assigned to the destination branch");
    return true;
}

bool transfer_make(struct req *req, struct scope *scope, const struct transfer *t,
                   const bson_t **record, struct err *err)
{
    struct stock_line lines[] = {
        {.product_id = t->product_id, .branch_id = t->from_branch_id, .delta = -t->quantity},
        {.product_id = t->product_id, .branch_id = t->to_branch_id, .delta = t->quantity},
    };
    const size_t n = ARRAY_LEN(lines);
    struct stock_cause cause = {.kind = STOCK_TRANSFER};

    if (!stock_load(scope, lines, n, err) || !found(lines, err) ||
        (!t->stepwise && !stock_check(scope, lines, n, err)))
        return false;
    *record = document(req, scope, t, err);
    if (*record == NULL)
        return false;
    cause.document_id = doc_text(*record, "id");
    cause.document_number = doc_text(*record, "transfer_number");
    return (t->stepwise || stock_move(scope, &cause, lines, n, err)) &&
           scope_insert(scope, TRANSFERS, *record, err) &&
           change_audit(req, scope, "create", TRANSFERS, cause.document_id, NULL, *record, err);
}

/* ---- step by step ---- */

enum side { SENDER = 1, RECEIVER = 2 };

/* By the state that it leads to. */
static const struct step {
    const char *to;
    unsigned sides;      /* whose people may */
    enum side place;     /* whose stock moves */
    int sign;            /* which way; 0: none moves */
    const char *by, *at; /* the fields that say so */
} steps[] = {
    {"in_transit", SENDER, SENDER, -1, "sent_by", "sent_at"},
    {"received", RECEIVER, RECEIVER, 1, "received_by", "received_at"},
    {"returned", SENDER, SENDER, 1, "returned_by", "returned_at"},
    {"cancelled", SENDER | RECEIVER, SENDER, 0, "cancelled_by", "cancelled_at"},
};

static const struct step *step_to(const char *to)
{
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (strcmp(steps[i].to, to) == 0)
            return &steps[i];
    die("no step of a transfer leads to %s", to);
}

static const char *branch_of(const bson_t *old, enum side side)
{
    return doc_text(old, side == SENDER ? "from_branch_id" : "to_branch_id");
}

static bool step_allowed(const struct scope *scope, const struct step *step, const bson_t *old,
                         struct err *err)
{
    for (unsigned side = SENDER; side <= RECEIVER; side++) {
        const char *branch = branch_of(old, side);

        if (scope->branch_id == NULL || ((step->sides & side) && branch != NULL &&
                                         strcmp(scope->branch_id, branch) == 0))
            return true;
    }
    return err_set(err, ERR_FORBIDDEN, "Only the branch that %s the goods may say so",
                   step->sides == SENDER ? "sends" : "gets");
}

/* How many the step moves; what arrives may be fewer than what was sent. -1 with `err` set. */
static int64_t count_of(const struct transition *t, const bson_t *old, bson_t *set,
                        struct err *err)
{
    int64_t sent = doc_int(old, "quantity", 0), here = sent;

    if (t->takes == NULL)
        return sent;
    here = doc_int(set, t->takes, -1);
    if (here > sent) {
        err_field(err, t->takes, "range", "At most the %" PRId64 " that were sent", sent);
        return -1;
    }
    if (here < 0) {
        here = sent;
        bson_append_int64(set, t->takes, -1, here);
    }
    BSON_APPEND_INT64(set, "missing_quantity", sent - here);
    return here;
}

static bool step_move(struct scope *scope, const struct step *step, const bson_t *old,
                      int64_t count, struct err *err)
{
    const struct stock_cause cause = {STOCK_TRANSFER, doc_text(old, "id"),
                                      doc_text(old, "transfer_number")};
    struct stock_line line = {.product_id = doc_text(old, "product_id"),
                              .branch_id = branch_of(old, step->place),
                              .delta = step->sign * count};

    if (line.product_id == NULL || line.branch_id == NULL)
        return err_set(err, ERR_STATE, "The transfer names no product and branches");
    if (!stock_load(scope, &line, 1, err))
        return false;
    if (line.product == NULL)
        return err_set(err, ERR_NOT_FOUND, "Product not found");
    if (line.assignment == NULL)
        return err_set(err, ERR_NOT_FOUND, "The product is not assigned to the branch");
    return stock_move(scope, &cause, &line, 1, err);
}

bool transfer_step(struct req *req, struct scope *scope, const struct transition *t,
                   const bson_t *old, bson_t *set, struct err *err)
{
    const struct step *step = step_to(t->to);
    int64_t count;

    if (!step_allowed(scope, step, old, err))
        return false;
    count = count_of(t, old, set, err);
    if (count < 0 || (step->sign != 0 && !step_move(scope, step, old, count, err)))
        return false;
    bson_append_utf8(set, step->by, -1, req->principal.email, -1);
    return bson_append_date_time(set, step->at, -1, clock_ms());
}
