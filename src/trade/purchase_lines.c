/* The product of every line of a purchase: the one it names, one of that name, or a new one. */
#include "base.h"
#include "trade/purchase_priv.h"
#include "trade/sale_priv.h"
#include "core/clock.h"
#include "core/id.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/batch.h"

const char *purchase_path(const struct purchase_work *w, size_t at, const char *name)
{
    return arena_printf(w->scope->arena, "items[%zu].%s", at, name);
}

/* ---- finding ---- */

/* The ids or, folded, the names of the lines that are not known yet; how many. */
static size_t append_wanted(const struct purchase_work *w, bool names, bson_t *list)
{
    char key[24];
    size_t used = 0;

    for (size_t i = 0; i < w->n; i++) {
        const struct purchase_line *line = &w->lines[i];
        const char *text = names ? line->name : line->product_id;

        if (line->known || text == NULL || (names && line->product_id != NULL))
            continue;
        snprintf(key, sizeof key, "%zu", used++);
        if (names) {
            char *folded = arena_strdup(w->scope->arena, text);

            kind_fold(folded);
            text = folded;
        }
        BSON_APPEND_UTF8(list, key, text);
    }
    return used;
}

/* {id: {$in: …}} or {$expr: {$in: [{$toLower: "$name"}, {$literal: …}]}}. */
static void append_match(const bson_t *wanted, bool names, bson_t *filter)
{
    bson_t in, list, one;

    if (!names) {
        BSON_APPEND_DOCUMENT_BEGIN(filter, "id", &in);
        BSON_APPEND_ARRAY(&in, "$in", wanted);
        bson_append_document_end(filter, &in);
        return;
    }
    BSON_APPEND_DOCUMENT_BEGIN(filter, "$expr", &in);
    BSON_APPEND_ARRAY_BEGIN(&in, "$in", &list);
    BSON_APPEND_DOCUMENT_BEGIN(&list, "0", &one);
    BSON_APPEND_UTF8(&one, "$toLower", "$name");
    bson_append_document_end(&list, &one);
    BSON_APPEND_DOCUMENT_BEGIN(&list, "1", &one);
    BSON_APPEND_ARRAY(&one, "$literal", wanted);
    bson_append_document_end(&list, &one);
    bson_append_array_end(&in, &list);
    bson_append_document_end(filter, &in);
}

static void give(struct purchase_work *w, bool names, const char *id, const char *name)
{
    for (size_t i = 0; i < w->n; i++) {
        struct purchase_line *line = &w->lines[i];

        if (line->known)
            continue;
        if (names ? line->product_id != NULL || name == NULL || strcasecmp(line->name, name) != 0
                  : line->product_id == NULL || strcmp(line->product_id, id) != 0)
            continue;
        line->known = true;
        line->product_id = id;
        if (line->name == NULL)
            line->name = name;
    }
}

/* Those that the lines name by id, or by name: of several of one name the oldest. */
static bool find(struct purchase_work *w, bool names)
{
    struct arena *arena = w->scope->arena;
    bson_t *filter = own_bson(arena), *wanted = own_bson(arena);
    bson_t *opts = BCON_NEW("projection", "{", "_id", BCON_BOOL(false), "id", BCON_BOOL(true),
                            "name", BCON_BOOL(true), "}", "sort", "{", "id", BCON_INT32(1), "}");
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    bool ok = true;

    scope_filter(w->scope, NULL, filter);
    if (append_wanted(w, names, wanted) > 0) {
        append_match(wanted, names, filter);
        cursor = scope_find(w->scope, STOCK_PRODUCTS, filter, opts);
        while ((ok = scope_next(w->scope, cursor, &doc, w->err)) && doc) {
            const char *id = doc_text(doc, "id"), *name = doc_text(doc, "name");

            if (id != NULL)
                give(w, names, arena_strdup(arena, id), name ? arena_strdup(arena, name) : NULL);
        }
    }
    bson_destroy(opts);
    return ok;
}

/* An id without a product is a fault, or as if it were not there. */
static void judge_ids(struct purchase_work *w)
{
    for (size_t i = 0; i < w->n; i++) {
        struct purchase_line *line = &w->lines[i];

        if (line->known || line->product_id == NULL)
            continue;
        if (!w->lenient)
            err_field(w->err, purchase_path(w, i, "product_id"), "reference",
                      "There is no product with this id");
        line->product_id = NULL;
        if (w->lenient && line->name == NULL)
            err_set(w->err, ERR_CONFLICT, "Item %zu has neither a product nor a name", i + 1);
    }
}

/* ---- making ---- */

static const char *product_json(const struct purchase_work *w, const struct purchase_line *line)
{
    struct arena *arena = w->scope->arena;
    int decimals = w->req->tenant->decimals;
    struct str out;
    char hex[7];
    const char *text;

    random_hex(hex, 3);
    str_init(&out);
    str_addz(&out, "{\"name\":");
    str_add_json(&out, line->name, strlen(line->name));
    str_addf(&out, ",\"price\":%s,\"stock\":0,\"serial_number\":\"SN-%" PRIx64 "-%s\"",
             money_text(arena, line->has_sale_price ? line->sale_price : line->price, decimals),
             (uint64_t)clock_ms(), hex);
    if (line->warranty_months > 0)
        str_addf(&out, ",\"warranty_months\":%" PRId64, line->warranty_months);
    if (w->terms != NULL) {
        str_addz(&out, ",\"include_warranty_terms\":true,\"warranty_terms\":");
        str_add_json(&out, w->terms, strlen(w->terms));
    }
    str_addc(&out, '}');
    text = arena_strdup(arena, out.p);
    str_release(&out);
    return text;
}

static bool product_set(struct purchase_work *w, size_t at, bson_t **set)
{
    const struct kind_env env = {.decimals = w->req->tenant->decimals};
    const struct purchase_line *line = &w->lines[at];
    json_auto_t *body = json_loads(product_json(w, line), 0, NULL);
    struct validated in;
    struct err own;
    bool ok;

    err_init(&own);
    ok = body != NULL && validate_body(resource_by_noun("product"), VALIDATE_CREATE, &env, body,
                                       false, w->scope->arena, &in, &own);
    if (!ok)
        err_field(w->err, purchase_path(w, at, "product_name"), "format",
                  "No product can have this name");
    err_release(&own);
    if (!ok)
        return false;
    doc_append_money(in.set, "cost", line->price, env.decimals);
    doc_append_money(in.set, "unit_cost", line->price, env.decimals);
    *set = in.set;
    return true;
}

static bool run_batch(struct purchase_work *w, struct batch_row *rows, const size_t *at, size_t n)
{
    const struct resource *product = resource_by_noun("product");
    const struct principal *who = &w->req->principal;
    const struct batch batch = {.op = BATCH_CREATE,
                                .resource = product,
                                .scope = w->scope,
                                .env = {.decimals = w->req->tenant->decimals},
                                .actor = who->user_id,
                                .impersonated_by = who->claims.impersonated_by,
                                .request_id = w->req->request_id,
                                .limit = limit_of(w->req->tenant, product->limit),
                                .atomic = true};
    size_t stored;

    if (!batch_run(&batch, rows, n, &stored, w->err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!rows[i].done)
            return err_set(w->err, err_is_set(rows[i].err) ? rows[i].err->code : ERR_CONFLICT,
                           "Item %zu: its product could not be made", at[i] + 1);
    return true;
}

/* One for each name that no product has. */
static bool make(struct purchase_work *w)
{
    struct batch_row *rows = batch_rows(w->scope->arena, w->n);
    size_t *at = arena_alloc(w->scope->arena, (w->n + 1) * sizeof *at);
    size_t n = 0;

    for (size_t i = 0; i < w->n; i++) {
        size_t k = 0;

        if (w->lines[i].known)
            continue;
        while (k < n && strcasecmp(w->lines[at[k]].name, w->lines[i].name) != 0)
            k++;
        if (k < n)
            continue;
        if (!product_set(w, i, &rows[n].set))
            return false;
        at[n++] = i;
    }
    if (n == 0)
        return true;
    if (!run_batch(w, rows, at, n))
        return false;
    for (size_t k = 0; k < n; k++) {
        w->lines[at[k]].created = true;
        give(w, true, rows[k].id, doc_text(rows[k].result, "name"));
    }
    return true;
}

bool purchase_resolve(struct purchase_work *w)
{
    if (!find(w, false))
        return false;
    judge_ids(w);
    return !err_is_set(w->err) && find(w, true) && make(w);
}

/* ---- in the record ---- */

void purchase_append_items(const struct purchase_work *w, bson_t *doc)
{
    int decimals = w->req->tenant->decimals;
    bson_t list, one;
    char key[24];

    BSON_APPEND_ARRAY_BEGIN(doc, "items", &list);
    for (size_t i = 0; i < w->n; i++) {
        const struct purchase_line *line = &w->lines[i];

        snprintf(key, sizeof key, "%zu", i);
        BSON_APPEND_DOCUMENT_BEGIN(&list, key, &one);
        doc_append_text_or_null(&one, "product_id", line->product_id);
        doc_append_text_or_null(&one, "product_name", line->name);
        BSON_APPEND_INT64(&one, "quantity", line->quantity);
        doc_append_money(&one, "price", line->price, decimals);
        BSON_APPEND_BOOL(&one, "has_warranty", line->has_warranty);
        BSON_APPEND_INT64(&one, "warranty_months", line->warranty_months);
        doc_append_text_or_null(&one, "warranty_serial", line->serial);
        bson_append_document_end(&list, &one);
    }
    bson_append_array_end(doc, &list);
}
