/* What was bought goes on the shelf, once: the claim, the stock and what it cost are one
 * transaction. Of many at once one claims it; the others begin again and find it done. */
#include "base.h"
#include "trade/purchase_priv.h"
#include "trade/sale_priv.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/many.h"
#include "db/own.h"
#include "engine/batch.h"
#include "engine/change.h"

struct apply {
    struct purchase_work w;
    const char *branch_id; /* NULL: the products' own stock */
    const bson_t *before, *record;
    struct stock_line *moves; /* one a line */
};

/* ---- the claim ---- */

static bool read_record(struct apply *a)
{
    bson_t *filter = own_bson(a->w.scope->arena);

    scope_filter(a->w.scope, "branch_id", filter);
    BSON_APPEND_UTF8(filter, "id", req_param(a->w.req, "id"));
    if (!scope_find_one(a->w.scope, PURCHASES, filter, NULL, &a->before, a->w.err))
        return false;
    return a->before != NULL || err_set(a->w.err, ERR_NOT_FOUND, "Purchase not found");
}

static bool is_applied(const bson_t *record)
{
    const char *status = doc_text(record, "stock_status");

    return status != NULL && strcmp(status, "applied") == 0;
}

/* Nobody but who finds it pending applies it. With the items as they are now. */
static bool claim(struct apply *a)
{
    struct scope *scope = a->w.scope;
    bson_t *filter = own_bson(scope->arena), *update = own_bson(scope->arena);
    bson_t child;

    scope_filter(scope, "branch_id", filter);
    BSON_APPEND_UTF8(filter, "id", req_param(a->w.req, "id"));
    BSON_APPEND_DOCUMENT_BEGIN(filter, "stock_status", &child);
    BSON_APPEND_UTF8(&child, "$ne", "applied");
    bson_append_document_end(filter, &child);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &child);
    BSON_APPEND_UTF8(&child, "stock_status", "applied");
    BSON_APPEND_DATE_TIME(&child, "stock_applied_at", clock_ms());
    doc_append_text_or_null(&child, "stock_applied_by", a->w.req->principal.email);
    doc_append_text_or_null(&child, "stock_branch_id", a->branch_id);
    purchase_append_items(&a->w, &child);
    BSON_APPEND_DATE_TIME(&child, "updated_at", clock_ms());
    bson_append_document_end(update, &child);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$inc", &child);
    BSON_APPEND_INT64(&child, FIELD_REV, 1);
    bson_append_document_end(update, &child);
    if (!scope_find_and_update(scope, PURCHASES, filter, update, true, false, NULL, &a->record,
                               a->w.err))
        return false;
    if (a->record != NULL)
        return true;
    scope->transient = true; /* somebody else did it meanwhile: look again */
    return err_set(a->w.err, ERR_TRY_AGAIN, "The purchase has changed meanwhile");
}

/* ---- its lines ---- */

static const char *own_text(struct arena *arena, const bson_t *doc, const char *name)
{
    const char *text = doc_text(doc, name);

    return text != NULL ? arena_strdup(arena, text) : NULL;
}

static void read_line(struct apply *a, const bson_t *item)
{
    struct arena *arena = a->w.scope->arena;
    struct purchase_line *line = &a->w.lines[a->w.n++];

    *line = (struct purchase_line){.product_id = own_text(arena, item, "product_id"),
                                   .name = own_text(arena, item, "product_name"),
                                   .quantity = doc_int(item, "quantity", 0),
                                   .price = doc_money(item, "price", a->w.req->tenant->decimals, 0),
                                   .has_warranty = doc_bool(item, "has_warranty"),
                                   .warranty_months = doc_int(item, "warranty_months", 0),
                                   .serial = own_text(arena, item, "warranty_serial")};
}

static bool read_lines(struct apply *a)
{
    bson_iter_t items, it;
    bson_t item;
    const uint8_t *bytes;
    uint32_t len;

    a->w.lines = arena_alloc(a->w.scope->arena, PURCHASE_LINES_MAX * sizeof *a->w.lines);
    if (!bson_iter_init_find(&items, a->before, "items") || !bson_iter_recurse(&items, &it))
        return true;
    while (bson_iter_next(&it)) {
        if (!BSON_ITER_HOLDS_DOCUMENT(&it))
            continue;
        if (a->w.n == PURCHASE_LINES_MAX)
            return err_set(a->w.err, ERR_CONFLICT, "It has more than %d items",
                           PURCHASE_LINES_MAX);
        bson_iter_document(&it, &len, &bytes);
        if (bson_init_static(&item, bytes, len))
            read_line(a, &item);
    }
    return true;
}

/* ---- the shelf ---- */

static bool new_assignment(const struct apply *a, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(a->moves[i].product_id, a->moves[at].product_id) == 0)
            return false;
    return a->branch_id != NULL && a->moves[at].assignment == NULL;
}

/* A branch gets what it did not have yet; its stock comes with the movement. */
static bool assign(struct apply *a, bool *made)
{
    const struct principal *who = &a->w.req->principal;
    const struct kind_env env = {.decimals = a->w.req->tenant->decimals};
    struct batch_row *rows = batch_rows(a->w.scope->arena, a->w.n);
    const struct batch batch = {.op = BATCH_CREATE,
                                .resource = resource_by_noun("product_branch"),
                                .scope = a->w.scope,
                                .env = env,
                                .actor = who->user_id,
                                .impersonated_by = who->claims.impersonated_by,
                                .request_id = a->w.req->request_id,
                                .limit = -1,
                                .atomic = true};
    const char *own = a->w.scope->branch_id;
    size_t n = 0, stored;
    bool ok;

    for (size_t i = 0; i < a->w.n; i++) {
        json_auto_t *body = NULL;
        struct validated in;

        if (!new_assignment(a, i))
            continue;
        body = json_pack("{s:s,s:s,s:i}", "product_id", a->moves[i].product_id, "branch_id",
                         a->branch_id, "stock_quantity", 0);
        if (!validate_body(batch.resource, VALIDATE_CREATE, &env, body, false, a->w.scope->arena,
                           &in, a->w.err))
            return false;
        rows[n++].set = in.set;
    }
    *made = n > 0;
    if (n == 0)
        return true;
    a->w.scope->branch_id = NULL; /* a branch does not see a product before it has it */
    ok = batch_run(&batch, rows, n, &stored, a->w.err);
    a->w.scope->branch_id = own;
    if (!ok)
        return false;
    return stored == n || err_field(a->w.err, "branch_id", "reference",
                                    "There is no branch with this id that could get the products");
}

static bool shelve(struct apply *a)
{
    const struct stock_cause cause = {STOCK_PURCHASE, doc_text(a->record, "id"),
                                      doc_text(a->record, "purchase_number")};
    bool made;

    a->moves = arena_alloc(a->w.scope->arena, (a->w.n + 1) * sizeof *a->moves);
    for (size_t i = 0; i < a->w.n; i++)
        a->moves[i] = (struct stock_line){.product_id = a->w.lines[i].product_id,
                                          .branch_id = a->branch_id,
                                          .delta = a->w.lines[i].quantity,
                                          .path = purchase_path(&a->w, i, "product_id")};
    return stock_load(a->w.scope, a->moves, a->w.n, a->w.err) && assign(a, &made) &&
           (!made || stock_load(a->w.scope, a->moves, a->w.n, a->w.err)) &&
           stock_move(a->w.scope, &cause, a->moves, a->w.n, a->w.err);
}

/* ---- what it cost ---- */

/* The average, line by line, over what was there. False when nothing says what it is. */
static bool average(const struct apply *a, size_t first, money_t *cost)
{
    const struct stock_line *move = &a->moves[first];
    int decimals = a->w.req->tenant->decimals;
    int64_t n = move->before > 0 ? move->before : 0;
    bool changed = false;
    money_t part;

    *cost = a->branch_id ? doc_money(move->assignment, "purchase_price", decimals, 0)
                         : doc_money(move->product, "unit_cost", decimals, 0);
    for (size_t i = first; i < a->w.n; i++) {
        const struct purchase_line *line = &a->w.lines[i];

        if (line->price <= 0 || line->quantity <= 0 ||
            strcmp(line->product_id, move->product_id) != 0)
            continue;
        if (*cost <= 0 || n == 0)
            *cost = line->price;
        else if (money_scale(line->price - *cost, line->quantity, n + line->quantity, &part))
            *cost += part;
        n += line->quantity;
        changed = true;
    }
    return changed;
}

static const bson_t *place_filter(const struct apply *a, const struct stock_line *move)
{
    bson_t *filter = own_bson(a->w.scope->arena);

    scope_filter(a->w.scope, NULL, filter);
    BSON_APPEND_UTF8(filter, a->branch_id ? "product_id" : "id", move->product_id);
    if (a->branch_id != NULL)
        BSON_APPEND_UTF8(filter, "branch_id", a->branch_id);
    return filter;
}

static const bson_t *cost_update(const struct apply *a, money_t cost)
{
    bson_t *update = own_bson(a->w.scope->arena);
    int decimals = a->w.req->tenant->decimals;
    bson_t set;

    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    if (a->branch_id != NULL) {
        doc_append_money(&set, "purchase_price", cost, decimals);
    } else {
        doc_append_money(&set, "cost", cost, decimals);
        doc_append_money(&set, "unit_cost", cost, decimals);
    }
    bson_append_document_end(update, &set);
    return update;
}

static bool set_costs(struct apply *a)
{
    struct arena *arena = a->w.scope->arena;
    const bson_t **filters = arena_alloc(arena, (a->w.n + 1) * sizeof *filters);
    const bson_t **updates = arena_alloc(arena, (a->w.n + 1) * sizeof *updates);
    int64_t matched;
    size_t used = 0;
    money_t cost;

    for (size_t i = 0; i < a->w.n; i++) {
        size_t k = 0;

        while (k < i && strcmp(a->moves[k].product_id, a->moves[i].product_id) != 0)
            k++;
        if (k < i || !average(a, i, &cost))
            continue;
        filters[used] = place_filter(a, &a->moves[i]);
        updates[used++] = cost_update(a, cost);
    }
    return scope_update_each(a->w.scope, a->branch_id ? STOCK_ASSIGNMENTS : STOCK_PRODUCTS,
                             filters, updates, used, &matched, a->w.err);
}

/* ---- the whole ---- */

bool purchase_apply(struct req *req, struct scope *scope, const char *branch_id,
                    struct purchase_applied *out, struct err *err)
{
    struct apply a = {.w = {.req = req, .scope = scope, .err = err, .lenient = true}};

    *out = (struct purchase_applied){0};
    if (!read_record(&a))
        return false;
    if (is_applied(a.before)) {
        out->before = true;
        return true;
    }
    a.branch_id = scope->branch_id   ? scope->branch_id
                  : branch_id != NULL ? branch_id
                                      : doc_text(a.before, "branch_id");
    if (branch_id != NULL && strcmp(branch_id, a.branch_id) != 0)
        return err_set(err, ERR_FORBIDDEN, "You may only fill the shelves of your own branch");
    if (doc_bool(a.before, "include_warranty_terms"))
        a.w.terms = doc_text(a.before, "warranty_terms");
    if (!read_lines(&a) || !purchase_resolve(&a.w) || !claim(&a) || !shelve(&a) || !set_costs(&a))
        return false;
    out->lines = a.w.lines;
    out->n = a.w.n;
    return change_audit(req, scope, "apply_stock", PURCHASES, req_param(req, "id"), a.before,
                        a.record, err);
}
