/* A step of upgrades: what was sold is called by its name.
 *
 * Sales of earlier systems have nothing but the ids of their products, whose names were looked up
 * for every list. Here an item keeps its product's name and code as they were when it was sold; of
 * those that have none, those that the product has now are the nearest.
 */
#include "base.h"
#include "platform/upgrade.h"
#include "platform/upgrade_lot.h"
#include "db/doc.h"
#include "db/own.h"

#define ITEMS_MAX 500 /* of one sale; further ones stay as they are */

static const char *path_of(const struct upgrade_lot *l, size_t item, const char *member)
{
    return arena_printf(l->arena, "items.%zu.%s", item, member);
}

/* The product of an item that has no name; NULL: it has one, or there is no such item. */
static const char *unnamed(const struct upgrade_lot *l, const bson_t *sale, size_t item)
{
    bson_iter_t it;

    return doc_at(sale, path_of(l, item, "product_name"), &it)
               ? NULL
               : doc_text(sale, path_of(l, item, "product_id"));
}

static void gather(struct upgrade_lot *l)
{
    ids_init(&l->ids, l->arena, l->n * ITEMS_MAX);
    for (size_t i = 0; i < l->n; i++)
        for (size_t k = 0; k < ITEMS_MAX; k++)
            if (unnamed(l, l->docs[i], k) != NULL)
                ids_add(&l->ids, unnamed(l, l->docs[i], k));
    upgrade_lot_sort(l);
}

static bool read_products(struct upgrade_lot *l)
{
    bson_t *filter = own_bson(l->arena), *opts = own_bson(l->arena);

    scope_filter(l->scope, NULL, filter);
    ids_append_in(&l->ids, "id", filter);
    BCON_APPEND(opts, "projection", "{", "_id", BCON_BOOL(false), "id", BCON_BOOL(true), "name",
                BCON_BOOL(true), "sku", BCON_BOOL(true), "}");
    return upgrade_lot_take(
        l, scope_find(l->scope, upgrade_collection("product"), filter, opts), "id");
}

/* Only where the items are those that were read: a worker may just have changed the sale. */
static bool name_items(struct upgrade_lot *l, const bson_t *sale)
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
        product = upgrade_lot_other(l, product_id);
        bson_append_utf8(filter, path_of(l, k, "product_id"), -1, product_id, -1);
        doc_append_text_or_null(&set, path_of(l, k, "product_name"), doc_text(product, "name"));
        doc_append_text_or_null(&set, path_of(l, k, "product_sku"), doc_text(product, "sku"));
    }
    bson_append_document_end(update, &set);
    if (!scope_update_one(l->scope, upgrade_collection("sale"), filter, update, NULL, &matched,
                          l->err))
        return false;
    l->changed += matched;
    return true;
}

static bool name_all(struct upgrade_lot *l, const char *noun ERP_UNUSED)
{
    gather(l);
    if (!read_products(l))
        return false;
    for (size_t i = 0; i < l->n; i++)
        if (!name_items(l, l->docs[i]))
            return false;
    return true;
}

bool upgrade_sale_names(const struct job *job, const struct tenant *tenant, struct scope *scope)
{
    struct upgrade_lot *l = upgrade_lot_new(job, tenant, scope);
    bson_t *filter = own_bson(scope->arena), *opts = own_bson(scope->arena);
    bool ok;

    scope_filter(scope, NULL, filter);
    BCON_APPEND(filter, "items", "{", "$elemMatch", "{", "product_id", "{", "$type", "string", "}",
                "product_name", "{", "$exists", BCON_BOOL(false), "}", "}", "}");
    BCON_APPEND(opts, "projection", "{", "items.product_id", BCON_BOOL(true), "items.product_name",
                BCON_BOOL(true), "}", "batchSize", BCON_INT32(UPGRADE_LOT));
    ok = upgrade_lot_each(l, "sale", filter, opts, name_all);
    if (ok && l->changed > 0)
        job_progress(job, "%s: names of what %" PRId64 " sales sold", tenant->slug, l->changed);
    upgrade_lot_free(l);
    return ok;
}
