/* Everything that a sale has to know, by one aggregation: a $lookup costs less than a way to the
 * server and back. ($unionWith would fit better, but the server has none in transactions.) Only our
 * own words are in it; what the client sent are values of equalities. */
#include "base.h"
#include "trade/sale_priv.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/ids.h"
#include "trade/warranty_priv.h"

/* What comes with every product, as arrays of at most one document. */
#define WITH_ASSIGNMENT "_assignment"
#define WITH_CUSTOMER   "_customer"
#define WITH_NAMESAKE   "_namesake"

struct pipe {
    bson_t *stages;
    unsigned n;
};

static void stage_begin(struct pipe *pipe, bson_t *stage)
{
    char key[12];

    snprintf(key, sizeof key, "%u", pipe->n++);
    bson_append_document_begin(pipe->stages, key, -1, stage);
}

static void add_stage(struct pipe *pipe, const char *name, const bson_t *value)
{
    bson_t stage;

    stage_begin(pipe, &stage);
    BSON_APPEND_DOCUMENT(&stage, name, value);
    bson_append_document_end(pipe->stages, &stage);
}

/* The oldest match in another collection, as the member `as`; `of_product`: of those that name the
 * product. */
static void add_lookup(struct sale_work *w, struct pipe *pipe, const char *collection,
                       const char *as, const bson_t *match, bool of_product)
{
    struct pipe inner = {.stages = own_bson(w->scope->arena)};
    bson_t *sort = own_bson(w->scope->arena);
    bson_t stage, child;

    BSON_APPEND_INT32(sort, "id", 1);
    add_stage(&inner, "$match", match);
    add_stage(&inner, "$sort", sort);
    stage_begin(&inner, &stage);
    BSON_APPEND_INT32(&stage, "$limit", 1);
    bson_append_document_end(inner.stages, &stage);
    stage_begin(pipe, &stage);
    BSON_APPEND_DOCUMENT_BEGIN(&stage, "$lookup", &child);
    BSON_APPEND_UTF8(&child, "from", collection);
    if (of_product) {
        BSON_APPEND_UTF8(&child, "localField", "id");
        BSON_APPEND_UTF8(&child, "foreignField", "product_id");
    }
    BSON_APPEND_ARRAY(&child, "pipeline", inner.stages);
    BSON_APPEND_UTF8(&child, "as", as);
    bson_append_document_end(&stage, &child);
    bson_append_document_end(pipe->stages, &stage);
}

static void append_products(const struct sale_work *w, bson_t *match)
{
    struct ids ids;

    ids_init(&ids, w->scope->arena, w->order->n);
    for (size_t i = 0; i < w->order->n; i++)
        ids_add(&ids, w->order->items[i].product_id);
    ids_append_in(&ids, "id", match);
}

static bson_t *match_of(const struct sale_work *w, const char *name, const char *value)
{
    bson_t *match = own_bson(w->scope->arena);

    scope_filter(w->scope, NULL, match);
    if (name != NULL)
        BSON_APPEND_UTF8(match, name, value);
    return match;
}

static void add_customer(struct sale_work *w, struct pipe *pipe)
{
    const struct sale_order *o = w->order;

    if (o->customer_id != NULL) {
        add_lookup(w, pipe, "customers", WITH_CUSTOMER, match_of(w, "id", o->customer_id), false);
        return;
    }
    if (o->customer_name == NULL || (o->customer_phone == NULL && o->customer_address == NULL))
        return;
    if (o->customer_phone != NULL)
        add_lookup(w, pipe, "customers", WITH_CUSTOMER, match_of(w, "phone", o->customer_phone),
                   false);
    add_lookup(w, pipe, "customers", WITH_NAMESAKE, match_of(w, "name", o->customer_name), false);
}

static const bson_t *pipeline_of(struct sale_work *w)
{
    struct pipe pipe = {.stages = own_bson(w->scope->arena)};
    bson_t *products = match_of(w, NULL, NULL), *set = own_bson(w->scope->arena);
    const struct term_ask term = {.months_path = "$warranty_months"};
    bson_t shift;

    append_products(w, products);
    add_stage(&pipe, "$match", products);
    if (w->branch_id != NULL)
        add_lookup(w, &pipe, STOCK_ASSIGNMENTS, WITH_ASSIGNMENT,
                   match_of(w, "branch_id", w->branch_id), true);
    add_lookup(w, &pipe, "settings", WITH_SETTINGS, match_of(w, NULL, NULL), false);
    add_customer(w, &pipe);
    term_append(&term, set);
    add_stage(&pipe, "$set", set);
    stage_begin(&pipe, &shift);
    till_lookup(w->req, w->scope, &shift);
    bson_append_document_end(pipe.stages, &shift);
    return pipe.stages;
}

/* The one document of such an array; NULL: it is empty. */
static const bson_t *with(const struct sale_work *w, const bson_t *product, const char *path)
{
    const uint8_t *data;
    bson_iter_t it;
    uint32_t len;

    if (!doc_at(product, path, &it) || !BSON_ITER_HOLDS_DOCUMENT(&it))
        return NULL;
    bson_iter_document(&it, &len, &data);
    return own_bson_copy(w->scope->arena, data, len);
}

/* A product of which several lines are goes to each of them; a customer is found by phone before
 * by name. */
static void take(struct sale_work *w, const bson_t *product)
{
    const char *id = doc_text(product, "id");
    const bson_t *assignment = with(w, product, WITH_ASSIGNMENT ".0");

    for (size_t i = 0; id != NULL && i < w->order->n; i++)
        if (strcmp(id, w->lines[i].product_id) == 0) {
            w->lines[i].product = product;
            w->lines[i].assignment = assignment;
        }
    if (w->settings == NULL)
        w->settings = with(w, product, WITH_SETTINGS ".0");
    if (w->customer == NULL)
        w->customer = with(w, product, WITH_CUSTOMER ".0");
    if (w->customer == NULL)
        w->customer = with(w, product, WITH_NAMESAKE ".0");
    w->till = (struct till){till_found(product), doc_bool(w->settings, TILL_RULE)};
}

bool sale_read(struct sale_work *w)
{
    const struct sale_order *o = w->order;
    bson_t *opts = own_bson(w->scope->arena);
    mongoc_cursor_t *cursor;
    const bson_t *doc;

    w->settings = w->customer = NULL;
    w->till = (struct till){0};
    w->lines = arena_alloc(w->scope->arena, o->n * sizeof *w->lines);
    for (size_t i = 0; i < o->n; i++)
        w->lines[i] = (struct stock_line){
            .product_id = o->items[i].product_id,
            .branch_id = w->branch_id,
            .delta = -o->items[i].quantity,
            .path = arena_printf(w->scope->arena, "items[%zu].product_id", i)};
    BSON_APPEND_INT32(opts, "batchSize", 3 * STOCK_LINES_MAX);
    cursor = scope_aggregate(w->scope, STOCK_PRODUCTS, pipeline_of(w), opts);
    while (scope_next(w->scope, cursor, &doc, w->err)) {
        if (doc == NULL)
            return true;
        take(w, own_bson_copy(w->scope->arena, bson_get_data(doc), doc->len));
    }
    return false;
}
