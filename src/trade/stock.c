/* Movements. The records are read and changed in one transaction with snapshot isolation: whoever
 * else changed one meanwhile makes the server abort it, so what was read is what is there, and the
 * condition of each update says so once more. Updates go in the order of product and branch, so
 * that two movements of the same things meet at the first of them. */
#include "base.h"
#include "trade/stock_ledger.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/many.h"
#include "db/own.h"
#include "engine/ids.h"
#include "engine/validate.h"

/* All that one call does to one product in one place. */
struct place {
    struct stock_line *line; /* the first of them */
    int64_t delta, before;
};

/* ---- reading ---- */

static void append_in(struct arena *arena, const struct stock_line *lines, size_t n,
                      const char *name, bool branches, bson_t *filter)
{
    struct ids ids;

    ids_init(&ids, arena, n);
    for (size_t i = 0; i < n; i++)
        if (!branches || lines[i].branch_id != NULL)
            ids_add(&ids, branches ? lines[i].branch_id : lines[i].product_id);
    ids_append_in(&ids, name, filter);
}

static bool text_is(const bson_t *doc, const char *name, const char *text)
{
    const char *stored = doc_text(doc, name);

    return stored != NULL && strcmp(stored, text) == 0;
}

static void give(struct stock_line *lines, size_t n, const bson_t *doc, bool assignment)
{
    for (size_t i = 0; i < n; i++) {
        if (!text_is(doc, assignment ? "product_id" : "id", lines[i].product_id))
            continue;
        if (!assignment)
            lines[i].product = doc;
        else if (lines[i].branch_id != NULL && text_is(doc, "branch_id", lines[i].branch_id))
            lines[i].assignment = doc;
    }
}

static bool read_all(struct scope *scope, const char *collection, const bson_t *filter,
                     struct stock_line *lines, size_t n, struct err *err)
{
    bson_t *opts = own_bson(scope->arena);
    mongoc_cursor_t *cursor;
    const bson_t *doc;

    BSON_APPEND_INT32(opts, "batchSize", 2 * STOCK_LINES_MAX);
    cursor = scope_find(scope, collection, filter, opts);
    while (scope_next(scope, cursor, &doc, err)) {
        if (doc == NULL)
            return true;
        give(lines, n, own_bson_copy(scope->arena, bson_get_data(doc), doc->len),
             strcmp(collection, STOCK_ASSIGNMENTS) == 0);
    }
    return false;
}

bool stock_load(struct scope *scope, struct stock_line *lines, size_t n, struct err *err)
{
    bson_t *products = own_bson(scope->arena), *assignments = own_bson(scope->arena);
    bool branches = false;

    for (size_t i = 0; i < n; i++) {
        lines[i].product = lines[i].assignment = NULL;
        branches |= lines[i].branch_id != NULL;
    }
    if (n == 0)
        return true;
    scope_filter(scope, NULL, products);
    append_in(scope->arena, lines, n, "id", false, products);
    if (!read_all(scope, STOCK_PRODUCTS, products, lines, n, err))
        return false;
    if (!branches)
        return true;
    scope_filter(scope, NULL, assignments);
    append_in(scope->arena, lines, n, "product_id", false, assignments);
    append_in(scope->arena, lines, n, "branch_id", true, assignments);
    return read_all(scope, STOCK_ASSIGNMENTS, assignments, lines, n, err);
}

int64_t stock_of(const bson_t *record, bool assignment)
{
    bson_iter_t it; /* doubles too: earlier systems stored them */

    return bson_iter_init_find(&it, record, assignment ? "stock_quantity" : "stock")
               ? bson_iter_as_int64(&it)
               : 0;
}

/* ---- what is to be done ---- */

static int by_place(const void *a, const void *b)
{
    const struct stock_line *x = ((const struct place *)a)->line;
    const struct stock_line *y = ((const struct place *)b)->line;
    int order = strcmp(x->product_id, y->product_id);

    if (order != 0)
        return order;
    return strcmp(x->branch_id ? x->branch_id : "", y->branch_id ? y->branch_id : "");
}

static const bson_t *record_of(const struct stock_line *line)
{
    return line->branch_id != NULL ? line->assignment : line->product;
}

static bool check_line(const struct stock_line *line, struct err *err)
{
    const char *path = line->path ? line->path : "product_id";

    if (line->product == NULL)
        return err_field(err, path, "reference", "There is no product with this id");
    if (line->branch_id != NULL && line->assignment == NULL)
        return err_field(err, path, "branch", "This product is not assigned to the branch");
    return true;
}

/* The lines by place, in their order. Returns how many; 0 when a line is refused. */
static size_t gather(struct stock_line *lines, size_t n, struct place *places, struct err *err)
{
    size_t used = 0;

    for (size_t i = 0; i < n; i++)
        check_line(&lines[i], err);
    if (err_is_set(err))
        return 0;
    for (size_t i = 0; i < n; i++)
        places[i] = (struct place){&lines[i], lines[i].delta,
                                   stock_of(record_of(&lines[i]), lines[i].branch_id != NULL)};
    qsort(places, n, sizeof *places, by_place);
    for (size_t i = 0; i < n; i++) {
        if (used > 0 && by_place(&places[used - 1], &places[i]) == 0)
            places[used - 1].delta += places[i].delta;
        else
            places[used++] = places[i];
    }
    return used;
}

static const char *name_of(const struct stock_line *line)
{
    const char *name = doc_text(line->product, "name");

    return name != NULL ? name : line->product_id;
}

static bool check_room(const struct place *p, struct err *err)
{
    if (p->delta < 0 && p->before < -p->delta)
        return err_set(err, ERR_STOCK,
                       "Insufficient stock for %.100s. Available: %" PRId64 ", Requested: %" PRId64,
                       name_of(p->line), p->before > 0 ? p->before : 0, -p->delta);
    if (p->delta > 0 && p->before > STOCK_MAX - p->delta)
        return err_set(err, ERR_CONFLICT, "There would be more than %" PRId64 " of %.100s",
                       STOCK_MAX, name_of(p->line));
    return true;
}

/* ---- doing it ---- */

static bool is_number(const bson_t *record, const char *name)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, record, name) && BSON_ITER_HOLDS_NUMBER(&it);
}

/* A field that an earlier system left without a number cannot be counted up. */
static const bson_t *update_of(const struct scope *scope, const struct place *p)
{
    const char *name = p->line->branch_id != NULL ? "stock_quantity" : "stock";
    bool counts = is_number(record_of(p->line), name);
    bson_t *update = own_bson(scope->arena);
    bson_t child;

    BSON_APPEND_DOCUMENT_BEGIN(update, "$inc", &child);
    if (counts)
        BSON_APPEND_INT64(&child, name, p->delta);
    BSON_APPEND_INT64(&child, FIELD_REV, 1);
    bson_append_document_end(update, &child);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &child);
    if (!counts)
        BSON_APPEND_INT64(&child, name, p->before + p->delta);
    BSON_APPEND_BOOL(&child, FIELD_LEDGER, true);
    BSON_APPEND_DATE_TIME(&child, "updated_at", clock_ms());
    bson_append_document_end(update, &child);
    return update;
}

static const bson_t *filter_of(const struct scope *scope, const struct place *p)
{
    const struct stock_line *line = p->line;
    bson_t *filter = own_bson(scope->arena);
    bson_t child;

    scope_filter(scope, NULL, filter);
    BSON_APPEND_UTF8(filter, line->branch_id ? "product_id" : "id", line->product_id);
    if (line->branch_id != NULL)
        BSON_APPEND_UTF8(filter, "branch_id", line->branch_id);
    if (p->delta < 0) {
        BSON_APPEND_DOCUMENT_BEGIN(filter, line->branch_id ? "stock_quantity" : "stock", &child);
        BSON_APPEND_INT64(&child, "$gte", -p->delta);
        bson_append_document_end(filter, &child);
    }
    return filter;
}

/* The places of one collection. */
static bool update_some(struct scope *scope, const struct place *places, size_t n, bool branches,
                        struct err *err)
{
    const bson_t **filters = arena_alloc(scope->arena, (n + 1) * sizeof *filters);
    const bson_t **updates = arena_alloc(scope->arena, (n + 1) * sizeof *updates);
    int64_t matched;
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        if ((places[i].line->branch_id != NULL) != branches || places[i].delta == 0)
            continue;
        filters[used] = filter_of(scope, &places[i]);
        updates[used++] = update_of(scope, &places[i]);
    }
    if (!scope_update_each(scope, branches ? STOCK_ASSIGNMENTS : STOCK_PRODUCTS, filters, updates,
                           used, &matched, err))
        return false;
    if (matched == (int64_t)used)
        return true;
    scope->transient = true; /* it was read elsewhere than here: again */
    return err_set(err, ERR_TRY_AGAIN, "The stock has changed meanwhile");
}

static void add_rows(struct ledger *ledger, const struct scope *scope,
                     const struct stock_cause *cause, const struct place *p)
{
    struct ledger_row row = {.kind = STOCK_OPENING,
                             .product_id = p->line->product_id,
                             .branch_id = p->line->branch_id,
                             .delta = p->before};
    bson_iter_t it;

    if (p->before != 0 && !bson_iter_init_find(&it, record_of(p->line), FIELD_LEDGER))
        ledger_add(ledger, scope, &row);
    row.kind = cause->kind;
    row.before = p->before;
    row.delta = p->delta;
    row.document_id = cause->document_id;
    row.document_number = cause->document_number;
    if (p->delta != 0)
        ledger_add(ledger, scope, &row);
}

static void tell(struct stock_line *lines, size_t n, const struct place *places, size_t n_places)
{
    for (size_t i = 0; i < n; i++) {
        const struct place key = {.line = &lines[i]};
        const struct place *p = bsearch(&key, places, n_places, sizeof *places, by_place);

        lines[i].before = p->before;
        lines[i].after = p->before + p->delta;
    }
}

/* The places of the lines; *used 0 with `err` set when one is refused. */
static struct place *plan(const struct scope *scope, struct stock_line *lines, size_t n,
                          size_t *used, struct err *err)
{
    struct place *places = arena_alloc(scope->arena, (n + 1) * sizeof *places);

    assert(n <= STOCK_LINES_MAX);
    *used = gather(lines, n, places, err);
    for (size_t i = 0; i < *used; i++)
        if (!check_room(&places[i], err))
            *used = 0;
    return places;
}

bool stock_check(const struct scope *scope, struct stock_line *lines, size_t n, struct err *err)
{
    size_t used;

    plan(scope, lines, n, &used, err);
    return !err_is_set(err);
}

bool stock_move(struct scope *scope, const struct stock_cause *cause, struct stock_line *lines,
                size_t n, struct err *err)
{
    struct ledger ledger;
    size_t used;
    const struct place *places = plan(scope, lines, n, &used, err);

    assert(scope->session);
    if (err_is_set(err))
        return false;
    ledger_init(&ledger, scope, 2 * used);
    for (size_t i = 0; i < used; i++)
        add_rows(&ledger, scope, cause, &places[i]);
    tell(lines, n, places, used);
    return update_some(scope, places, used, false, err) &&
           update_some(scope, places, used, true, err) && ledger_store(&ledger, scope, err);
}

/* ---- plain writes ---- */

bool stock_mark(const struct kind_env *env ERP_UNUSED, const bson_t *set ERP_UNUSED,
                const bson_t *old ERP_UNUSED, bson_t *out, struct err *err ERP_UNUSED)
{
    return BSON_APPEND_BOOL(out, FIELD_LEDGER, true);
}

static void add_written(struct ledger *ledger, const struct scope *scope,
                        const struct written *record, bool assignment)
{
    const bson_t *doc = record->after ? record->after : record->before;
    int64_t before = record->before ? stock_of(record->before, assignment) : 0;
    int64_t after = record->after ? stock_of(record->after, assignment) : 0;
    struct ledger_row row = {.kind = STOCK_OPENING,
                             .product_id = doc_text(doc, assignment ? "product_id" : "id"),
                             .branch_id = assignment ? doc_text(doc, "branch_id") : NULL,
                             .delta = before};
    bson_iter_t it;

    if (before != 0 && !bson_iter_init_find(&it, record->before, FIELD_LEDGER))
        ledger_add(ledger, scope, &row);
    row.kind = STOCK_ADJUST;
    row.before = before;
    row.delta = after - before;
    if (row.delta != 0)
        ledger_add(ledger, scope, &row);
}

static bool written(struct scope *scope, const struct written *records, size_t n, bool assignment,
                    struct err *err)
{
    struct ledger ledger;

    ledger_init(&ledger, scope, 2 * n);
    for (size_t i = 0; i < n; i++)
        add_written(&ledger, scope, &records[i], assignment);
    return ledger_store(&ledger, scope, err);
}

bool stock_product_written(struct scope *scope, const struct written *records, size_t n,
                           struct err *err)
{
    return written(scope, records, n, false, err);
}

bool stock_assignment_written(struct scope *scope, const struct written *records, size_t n,
                              struct err *err)
{
    return written(scope, records, n, true, err);
}
