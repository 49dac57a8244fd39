/* A step of upgrades: what was sold is called by its name.
 *
 * Sales of earlier systems have nothing but the ids of their products, whose names were looked up
 * for every list. Here an item keeps its product's name and code as they were when it was sold; of
 * those that have none, those that the product has now are the nearest.
 */
#include "base.h"
#include "platform/upgrade.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/ids.h"
#include "engine/resource.h"

#define SALES_AT_ONCE 200
#define ITEMS_MAX     500 /* of one sale; further ones stay as they are */
#define ARENA_MAX     ((size_t)256 << 20)

/* Some sales and what is known of their products. */
struct lot {
    struct arena *arena; /* of this lot alone */
    struct scope *scope;
    struct err *err;
    const bson_t *sales[SALES_AT_ONCE];
    size_t n;
    struct ids ids;
    const bson_t **products; /* by their place in `ids`; NULL: it is gone */
    int64_t named;
};

static const char *path_of(const struct lot *l, size_t item, const char *member)
{
    return arena_printf(l->arena, "items.%zu.%s", item, member);
}

/* The product of an item that has no name; NULL: it has one, or there is no such item. */
static const char *unnamed(const struct lot *l, const bson_t *sale, size_t item)
{
    bson_iter_t it;

    return doc_at(sale, path_of(l, item, "product_name"), &it)
               ? NULL
               : doc_text(sale, path_of(l, item, "product_id"));
}

static void gather(struct lot *l)
{
    ids_init(&l->ids, l->arena, l->n * ITEMS_MAX);
    for (size_t i = 0; i < l->n; i++)
        for (size_t k = 0; k < ITEMS_MAX; k++)
            if (unnamed(l, l->sales[i], k) != NULL)
                ids_add(&l->ids, unnamed(l, l->sales[i], k));
    ids_sort(&l->ids);
    l->products = arena_alloc(l->arena, (l->ids.n + 1) * sizeof *l->products);
}

static bool read_products(struct lot *l)
{
    bson_t *filter = own_bson(l->arena), *opts = own_bson(l->arena);
    mongoc_cursor_t *cursor;
    const bson_t *doc;

    scope_filter(l->scope, NULL, filter);
    ids_append_in(&l->ids, "id", filter);
    BCON_APPEND(opts, "projection", "{", "_id", BCON_BOOL(false), "id", BCON_BOOL(true), "name",
                BCON_BOOL(true), "sku", BCON_BOOL(true), "}");
    cursor = scope_find(l->scope, resource_by_noun("product")->collection, filter, opts);
    while (scope_next(l->scope, cursor, &doc, l->err)) {
        size_t at;

        if (doc == NULL)
            return true;
        at = ids_find(&l->ids, doc_text(doc, "id"));
        if (at < l->ids.n)
            l->products[at] = own_bson_copy(l->arena, bson_get_data(doc), doc->len);
    }
    return false;
}

/* Only where the items are those that were read: a worker may just have changed the sale. */
static bool name_items(struct lot *l, const bson_t *sale)
{
    bson_t *filter = own_bson(l->arena), *update = own_bson(l->arena), set;
    bson_iter_t id;
    int64_t matched;

    scope_filter(l->scope, NULL, filter);
    if (bson_iter_init_find(&id, sale, "_id"))
        bson_append_iter(filter, "_id", -1, &id);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    for (size_t k = 0; k < ITEMS_MAX; k++) {
        const char *product_id = unnamed(l, sale, k);
        const bson_t *product;

        if (product_id == NULL)
            continue;
        product = l->products[ids_find(&l->ids, product_id)];
        bson_append_utf8(filter, path_of(l, k, "product_id"), -1, product_id, -1);
        doc_append_text_or_null(&set, path_of(l, k, "product_name"), doc_text(product, "name"));
        doc_append_text_or_null(&set, path_of(l, k, "product_sku"), doc_text(product, "sku"));
    }
    bson_append_document_end(update, &set);
    if (!scope_update_one(l->scope, resource_by_noun("sale")->collection, filter, update, NULL,
                          &matched, l->err))
        return false;
    l->named += matched;
    return true;
}

static bool finish(struct lot *l)
{
    bool ok;

    if (l->n == 0)
        return true;
    gather(l);
    ok = read_products(l);
    for (size_t i = 0; ok && i < l->n; i++)
        ok = name_items(l, l->sales[i]);
    l->n = 0;
    arena_reset(l->arena);
    return ok;
}

static bool name_all(struct lot *l)
{
    bson_t *filter = own_bson(l->scope->arena), *opts = own_bson(l->scope->arena);
    mongoc_cursor_t *cursor;
    const bson_t *doc;

    scope_filter(l->scope, NULL, filter);
    BCON_APPEND(filter, "items", "{", "$elemMatch", "{", "product_id", "{", "$type", "string", "}",
                "product_name", "{", "$exists", BCON_BOOL(false), "}", "}", "}");
    BCON_APPEND(opts, "projection", "{", "items.product_id", BCON_BOOL(true), "items.product_name",
                BCON_BOOL(true), "}", "batchSize", BCON_INT32(SALES_AT_ONCE));
    cursor = scope_find(l->scope, resource_by_noun("sale")->collection, filter, opts);
    while (scope_next(l->scope, cursor, &doc, l->err)) {
        if (doc == NULL)
            return finish(l);
        l->sales[l->n++] = own_bson_copy(l->arena, bson_get_data(doc), doc->len);
        if (l->n == SALES_AT_ONCE && !finish(l))
            return false;
    }
    return false;
}

bool upgrade_sale_names(const struct job *job, const struct tenant *tenant, struct scope *scope)
{
    struct lot *l = arena_alloc(scope->arena, sizeof *l);
    bool ok;

    *l = (struct lot){.arena = arena_new(ARENA_MAX), .scope = scope, .err = job->err};
    ok = name_all(l);
    if (ok && l->named > 0)
        job_progress(job, "%s: names of what %" PRId64 " sales sold", tenant->slug, l->named);
    arena_free(l->arena);
    return ok;
}
