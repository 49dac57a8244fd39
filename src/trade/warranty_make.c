/* Warranties come into being: with a sale, or later for one that was made without them. */
#include "base.h"
#include "trade/warranty_priv.h"
#include "db/doc.h"
#include "db/many.h"
#include "db/own.h"
#include "engine/change.h"
#include "tenant/modules.h"
#include "trade/sale_priv.h"

/* ---- with the sale ---- */

static bool has_warranty(const struct sale_work *w, size_t at, struct warranty_term *term)
{
    return term_of(w->lines[at].product, term);
}

bool sale_check_warranties(struct sale_work *w)
{
    struct warranty_term term;

    w->warranties = 0;
    if (!module_enabled(w->req->tenant, MODULE_WARRANTY))
        return true;
    for (size_t i = 0; i < w->order->n; i++) {
        if (!has_warranty(w, i, &term))
            continue;
        w->warranties += w->order->items[i].quantity; /* at most 500 times 1,000,000 */
        if (w->warranties > WARRANTY_UNITS_MAX)
            return err_field(w->err, arena_printf(w->scope->arena, "items[%zu].quantity", i),
                             "range", "A sale has at most %d units with a warranty",
                             WARRANTY_UNITS_MAX);
    }
    return true;
}

static void add_line(struct sale_work *w, const bson_t *sale, size_t at, struct series *series,
                     const bson_t **docs, size_t *n)
{
    const struct sale_item *item = &w->order->items[at];
    const bson_t *product = w->lines[at].product;
    struct warranty_term term;
    struct warranty_seed seed = {.sale = sale,
                                 .product = product,
                                 .product_id = item->product_id,
                                 .serial = item->serial_number ? item->serial_number
                                                               : product_serial(product),
                                 .line = (int64_t)at,
                                 .term = &term};

    if (!has_warranty(w, at, &term))
        return;
    series->year = term.year;
    for (seed.unit = 0; seed.unit < item->quantity; seed.unit++)
        docs[(*n)++] = warranty_document(w->req, w->scope, &seed, series);
}

bool sale_store_warranties(struct sale_work *w, const bson_t *sale)
{
    const bson_t *docs[WARRANTY_UNITS_MAX];
    struct series series;
    size_t n = 0;

    if (w->warranties == 0)
        return true;
    if (!series_take(resource_by_noun("warranty_record"), w->scope, (size_t)w->warranties, &series,
                     w->err))
        return false;
    for (size_t i = 0; i < w->order->n; i++)
        add_line(w, sale, i, &series, docs, &n);
    return scope_insert_all(w->scope, WARRANTIES, docs, n, w->err);
}
