/* Ledger and stock, compared: two lists in the same order of product and branch, walked side by
 * side, once for the products' own stock and once for the branches'. */
#include "base.h"
#include "trade/stock_ledger.h"
#include "db/bulk.h"
#include "db/own.h"

#define KEY_MAX 128

/* One end of the comparison: a cursor and what it stands at. */
struct side {
    mongoc_cursor_t *cursor;
    bool more;
    char product[KEY_MAX], branch[KEY_MAX];
    int64_t value, rows;
    bool opened;
};

struct pass {
    struct scope *scope;
    struct stock_report *report;
    bool assignments;
    struct side records, ledger;
};

static void read_key(const bson_t *doc, const char *path, char out[static KEY_MAX])
{
    bson_iter_t it, value;

    out[0] = '\0';
    if (bson_iter_init(&it, doc) && bson_iter_find_descendant(&it, path, &value) &&
        BSON_ITER_HOLDS_UTF8(&value))
        snprintf(out, KEY_MAX, "%s", bson_iter_utf8(&value, NULL));
}

static int64_t number(const bson_t *doc, const char *name)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, doc, name) ? bson_iter_as_int64(&it) : 0;
}

static bool next_record(struct pass *pass, struct err *err)
{
    struct side *side = &pass->records;
    const bson_t *doc;
    bson_iter_t it;

    if (!scope_next(pass->scope, side->cursor, &doc, err))
        return false;
    side->more = doc != NULL;
    if (doc == NULL)
        return true;
    pass->report->places++;
    read_key(doc, pass->assignments ? "product_id" : "id", side->product);
    read_key(doc, "branch_id", side->branch);
    if (!pass->assignments)
        side->branch[0] = '\0';
    side->value = stock_of(doc, pass->assignments);
    side->opened = bson_iter_init_find(&it, doc, FIELD_LEDGER);
    return true;
}

static bool next_sum(struct pass *pass, struct err *err)
{
    struct side *side = &pass->ledger;
    const bson_t *doc;

    if (!scope_next(pass->scope, side->cursor, &doc, err))
        return false;
    side->more = doc != NULL;
    if (doc == NULL)
        return true;
    read_key(doc, "_id.product_id", side->product);
    read_key(doc, "_id.branch_id", side->branch);
    side->value = number(doc, "sum");
    side->rows = number(doc, "rows");
    pass->report->rows += side->rows;
    return true;
}

static mongoc_cursor_t *open_records(struct pass *pass)
{
    bson_t *filter = own_bson(pass->scope->arena);
    bson_t *opts = pass->assignments
                       ? BCON_NEW("sort", "{", "product_id", BCON_INT32(1), "branch_id",
                                  BCON_INT32(1), "}", "projection", "{", "product_id",
                                  BCON_BOOL(true), "branch_id", BCON_BOOL(true), "stock_quantity",
                                  BCON_BOOL(true), FIELD_LEDGER, BCON_BOOL(true), "}")
                       : BCON_NEW("sort", "{", "id", BCON_INT32(1), "}", "projection", "{", "id",
                                  BCON_BOOL(true), "stock", BCON_BOOL(true), FIELD_LEDGER,
                                  BCON_BOOL(true), "}");
    mongoc_cursor_t *cursor;

    scope_filter(pass->scope, NULL, filter);
    cursor = scope_find(pass->scope, pass->assignments ? STOCK_ASSIGNMENTS : STOCK_PRODUCTS, filter,
                        opts);
    bson_destroy(opts);
    return cursor;
}

static mongoc_cursor_t *open_ledger(struct pass *pass)
{
    bson_t *pipeline = own_bson(pass->scope->arena), *opts = own_bson(pass->scope->arena);
    bson_t *group = BCON_NEW("$group", "{", "_id", "{", "product_id", "$product_id", "branch_id",
                             "$branch_id", "}", "sum", "{", "$sum", "$delta", "}", "rows", "{",
                             "$sum", BCON_INT64(1), "}", "}");
    bson_t *sort = BCON_NEW("$sort", "{", "_id.product_id", BCON_INT32(1), "_id.branch_id",
                            BCON_INT32(1), "}");
    bson_t stage, match, branch;

    BSON_APPEND_DOCUMENT_BEGIN(pipeline, "0", &stage);
    BSON_APPEND_DOCUMENT_BEGIN(&stage, "$match", &match);
    scope_filter(pass->scope, NULL, &match);
    BSON_APPEND_DOCUMENT_BEGIN(&match, "branch_id", &branch);
    BSON_APPEND_UTF8(&branch, "$type", pass->assignments ? "string" : "null");
    bson_append_document_end(&match, &branch);
    bson_append_document_end(&stage, &match);
    bson_append_document_end(pipeline, &stage);
    BSON_APPEND_DOCUMENT(pipeline, "1", group);
    BSON_APPEND_DOCUMENT(pipeline, "2", sort);
    BSON_APPEND_BOOL(opts, "allowDiskUse", true);
    bson_destroy(group);
    bson_destroy(sort);
    return scope_aggregate(pass->scope, STOCK_LEDGER, pipeline, opts);
}

static void fault(struct pass *pass, const struct side *at, int64_t stock, int64_t sum, bool gone)
{
    struct stock_report *report = pass->report;
    struct arena *arena = pass->scope->arena;

    if (report->n_faults++ >= STOCK_FAULTS_MAX)
        return;
    if (report->faults == NULL)
        report->faults = arena_alloc(arena, STOCK_FAULTS_MAX * sizeof *report->faults);
    report->faults[report->n_faults - 1] =
        (struct stock_fault){.product_id = arena_strdup(arena, at->product),
                             .branch_id = at->branch[0] ? arena_strdup(arena, at->branch) : NULL,
                             .stock = stock,
                             .ledger = sum,
                             .gone = gone};
}

static int compare(const struct side *a, const struct side *b)
{
    int order = strcmp(a->product, b->product);

    if (!a->more || !b->more)
        return a->more ? -1 : 1;
    return order != 0 ? order : strcmp(a->branch, b->branch);
}

/* The place that comes first, or both sides of one place. */
static bool step(struct pass *pass, struct err *err)
{
    struct side *record = &pass->records, *ledger = &pass->ledger;
    int order = compare(record, ledger);

    if (order > 0) {
        if (ledger->value != 0)
            fault(pass, ledger, 0, ledger->value, true);
        return next_sum(pass, err);
    }
    if (!record->opened && order < 0)
        pass->report->unopened++;
    else if (record->value != (order == 0 ? ledger->value : 0))
        fault(pass, record, record->value, order == 0 ? ledger->value : 0, false);
    return next_record(pass, err) && (order < 0 || next_sum(pass, err));
}

static bool run(struct scope *scope, struct stock_report *report, bool assignments, struct err *err)
{
    struct pass pass = {.scope = scope, .report = report, .assignments = assignments};

    pass.records.cursor = open_records(&pass);
    pass.ledger.cursor = open_ledger(&pass);
    if (!next_record(&pass, err) || !next_sum(&pass, err))
        return false;
    while (pass.records.more || pass.ledger.more)
        if (!step(&pass, err))
            return false;
    return true;
}

bool stock_reconcile(struct scope *scope, struct stock_report *report, struct err *err)
{
    *report = (struct stock_report){0};
    return scope_snapshot(scope, err) && run(scope, report, false, err) &&
           run(scope, report, true, err);
}
