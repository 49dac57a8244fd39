/* The ledger's rows as documents, and what they say about a moment. */
#include "base.h"
#include "trade/stock_ledger.h"
#include "core/clock.h"
#include "core/id.h"
#include "db/doc.h"
#include "db/many.h"
#include "db/own.h"
#include "engine/validate.h"

const char *const stock_kinds[STOCK_KINDS + 1] = {
    [STOCK_OPENING] = "opening",   [STOCK_SALE] = "sale",         [STOCK_RETURN] = "return",
    [STOCK_PURCHASE] = "purchase", [STOCK_TRANSFER] = "transfer", [STOCK_ADJUST] = "adjust",
    [STOCK_CANCEL] = "cancel",     [STOCK_JOB] = "job",
};

void ledger_init(struct ledger *ledger, const struct scope *scope, size_t room)
{
    ledger->rows = arena_alloc(scope->arena, (room + 1) * sizeof *ledger->rows);
    ledger->n = 0;
    ledger->room = room;
}

void ledger_add(struct ledger *ledger, const struct scope *scope, const struct ledger_row *row)
{
    bson_t *doc = own_bson(scope->arena);
    int64_t now = clock_ms();
    char id[ID_SIZE];

    assert(ledger->n < ledger->room);
    id_new(id);
    doc_append_text_or_null(doc, "id", id);
    doc_append_text_or_null(doc, "tenant_id", scope->tenant_id);
    BSON_APPEND_DATE_TIME(doc, "created_at", now);
    BSON_APPEND_DATE_TIME(doc, "updated_at", now);
    doc_append_text_or_null(doc, "kind", stock_kinds[row->kind]);
    doc_append_text_or_null(doc, "product_id", row->product_id);
    doc_append_text_or_null(doc, "branch_id", row->branch_id);
    BSON_APPEND_INT64(doc, "delta", row->delta);
    BSON_APPEND_INT64(doc, "before", row->before);
    BSON_APPEND_INT64(doc, "after", row->before + row->delta);
    doc_append_text_or_null(doc, "document_id", row->document_id);
    doc_append_text_or_null(doc, "document_number", row->document_number);
    doc_append_text_or_null(doc, "created_by",
                            scope->who && scope->who->email ? scope->who->email : "erpctl");
    BSON_APPEND_INT64(doc, FIELD_REV, 1);
    ledger->rows[ledger->n++] = doc;
}

bool ledger_store(const struct ledger *ledger, struct scope *scope, struct err *err)
{
    return scope_insert_all(scope, STOCK_LEDGER, ledger->rows, ledger->n, err);
}

/* ---- as of ---- */

/* {$cond: [{$lte: ["$created_at", at]}, "$delta", 0]} and its like, for one group a place. */
static bson_t *group_stage(int64_t at_ms)
{
    return BCON_NEW(
        "$group", "{", "_id", "$branch_id", "stock", "{", "$sum", "{", "$cond", "[", "{", "$lte",
        "[", "$created_at", BCON_DATE_TIME(at_ms), "]", "}", "$delta", BCON_INT64(0), "]", "}", "}",
        "since", "{", "$min", "$created_at", "}", "late", "{", "$max", "{", "$and", "[", "{", "$eq",
        "[", "$kind", stock_kinds[STOCK_OPENING], "]", "}", "{", "$gt", "[", "$created_at",
        BCON_DATE_TIME(at_ms), "]", "}", "]", "}", "}", "}");
}

static bson_t *as_of_pipeline(const struct scope *scope, const char *product_id, int64_t at_ms)
{
    bson_t *pipeline = own_bson(scope->arena), *group = group_stage(at_ms);
    bson_t stage, match;

    BSON_APPEND_DOCUMENT_BEGIN(pipeline, "0", &stage);
    BSON_APPEND_DOCUMENT_BEGIN(&stage, "$match", &match);
    scope_filter(scope, NULL, &match);
    BSON_APPEND_UTF8(&match, "product_id", product_id);
    if (scope->branch_id != NULL)
        BSON_APPEND_UTF8(&match, "branch_id", scope->branch_id);
    bson_append_document_end(&stage, &match);
    bson_append_document_end(pipeline, &stage);
    BSON_APPEND_DOCUMENT(pipeline, "1", group);
    BSON_APPEND_DOCUMENT_BEGIN(pipeline, "2", &stage);
    BSON_APPEND_DOCUMENT_BEGIN(&stage, "$sort", &match);
    BSON_APPEND_INT32(&match, "_id", 1);
    bson_append_document_end(&stage, &match);
    bson_append_document_end(pipeline, &stage);
    bson_destroy(group);
    return pipeline;
}

static struct stock_place place_of(const struct scope *scope, const bson_t *doc, int64_t *since_ms)
{
    int64_t since;

    if (doc_instant(doc, "since", &since) && (*since_ms < 0 || since < *since_ms))
        *since_ms = since;
    return (struct stock_place){.branch_id = arena_strdup(scope->arena, doc_text(doc, "_id")),
                                .stock = doc_int(doc, "stock", 0),
                                .known = !doc_bool(doc, "late")};
}

bool stock_as_of(struct scope *scope, const char *product_id, int64_t at_ms,
                 struct stock_place **places, size_t *n, int64_t *since_ms, struct err *err)
{
    mongoc_cursor_t *cursor = scope_aggregate(
        scope, STOCK_LEDGER, as_of_pipeline(scope, product_id, at_ms), NULL);
    size_t room = 0;
    const bson_t *doc;

    *places = NULL;
    *n = 0;
    *since_ms = -1;
    while (scope_next(scope, cursor, &doc, err)) {
        if (doc == NULL)
            return true;
        if (*n == room) {
            struct stock_place *more = arena_alloc(scope->arena, (2 * room + 16) * sizeof *more);

            if (room > 0)
                memcpy(more, *places, room * sizeof *more);
            *places = more;
            room = 2 * room + 16;
        }
        (*places)[(*n)++] = place_of(scope, doc, since_ms);
    }
    return false;
}
