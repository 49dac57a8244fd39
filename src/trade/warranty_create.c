/* Warranties of a sale that was made without them: by an earlier system, or before the product had
 * any. They begin when it was sold. Two who ask at once meet at the number series. */
#include "base.h"
#include "trade/warranty_priv.h"
#include "db/doc.h"
#include "db/many.h"
#include "db/own.h"
#include "engine/resource.h"
#include "tenant/audit.h"
#include "trade/sale_priv.h"

#define LINES_MAX 500

struct lack {
    struct sale_change c;
    const char *product_id;
    const bson_t *product;
    struct warranty_term term;
    int64_t had[LINES_MAX];     /* records of the item, closed ones too */
    int64_t covered[LINES_MAX]; /* those that are not closed */
    int64_t missing[LINES_MAX];
    size_t n;
};

static const char *item_text(const struct lack *l, size_t line, const char *name)
{
    return doc_text(l->c.sale, arena_printf(l->c.scope->arena, "items.%zu.%s", line, name));
}

static int64_t item_int(const struct lack *l, size_t line, const char *name)
{
    return doc_int(l->c.sale, arena_printf(l->c.scope->arena, "items.%zu.%s", line, name), 0);
}

static bool read_product(struct lack *l)
{
    bson_t *filter = own_bson(l->c.scope->arena);
    struct term_ask ask = {.months_path = "$warranty_months"};

    doc_instant(l->c.sale, "created_at", &ask.start);
    scope_filter(l->c.scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "id", l->product_id);
    if (!term_read(l->c.scope, STOCK_PRODUCTS, filter, &ask, &l->product, l->c.err))
        return false;
    if (l->product == NULL)
        return err_field(l->c.err, "product_id", "reference", "There is no product with this id");
    return term_of(l->product, &l->term) ||
           err_field(l->c.err, "product_id", "state", "The product has no warranty_months");
}

static bool count_had(struct lack *l)
{
    bson_t *filter = own_bson(l->c.scope->arena);
    mongoc_cursor_t *cursor;
    const bson_t *doc;

    scope_filter(l->c.scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "sale_id", l->c.id);
    BSON_APPEND_NULL(filter, "replaces_warranty_id");
    cursor = scope_find(l->c.scope, WARRANTIES, filter, NULL);
    while (scope_next(l->c.scope, cursor, &doc, l->c.err)) {
        const char *status = doc_text(doc, "current_status");
        int64_t line = doc_int(doc, "line", -1);

        if (doc == NULL)
            return true;
        if (line < 0 || line >= LINES_MAX)
            continue;
        l->had[line]++;
        l->covered[line] += status == NULL || strcmp(status, "closed") != 0;
    }
    return false;
}

/* Units that are out and not covered, at most as many as one sale makes. */
static bool count_missing(struct lack *l)
{
    bool sold = false;

    l->n = 0;
    for (size_t i = 0; i < LINES_MAX && item_text(l, i, "product_id") != NULL; i++) {
        int64_t room = WARRANTY_UNITS_MAX - (int64_t)l->n;

        l->missing[i] = 0;
        if (strcmp(item_text(l, i, "product_id"), l->product_id) != 0)
            continue;
        sold = true;
        l->missing[i] = item_int(l, i, "quantity") - item_int(l, i, SALE_RETURNED) - l->covered[i];
        if (l->missing[i] > room)
            l->missing[i] = room;
        if (l->missing[i] > 0)
            l->n += (size_t)l->missing[i];
    }
    if (!sold)
        return err_field(l->c.err, "product_id", "reference",
                         "The sale has no item of this product");
    return l->n > 0 || err_set(l->c.err, ERR_CONFLICT, "Every unit of it has a warranty already");
}

static const bson_t **documents(struct lack *l)
{
    const bson_t **docs = arena_alloc(l->c.scope->arena, l->n * sizeof *docs);
    struct series series;
    size_t n = 0;

    if (!series_take(resource_by_noun("warranty_record"), l->c.scope, l->n, &series, l->c.err))
        return NULL;
    series.year = l->term.year;
    for (size_t i = 0; n < l->n; i++) {
        const char *serial = item_text(l, i, "serial_number");
        struct warranty_seed seed = {.sale = l->c.sale,
                                     .product = l->product,
                                     .product_id = l->product_id,
                                     .serial = serial ? serial : product_serial(l->product),
                                     .line = (int64_t)i,
                                     .unit = l->had[i],
                                     .term = &l->term};

        for (int64_t k = 0; k < l->missing[i]; k++, seed.unit++)
            docs[n++] = warranty_document(l->c.req, l->c.scope, &seed, &series);
    }
    return docs;
}

static bool tell(struct lack *l, const bson_t **docs)
{
    const bson_t **events = arena_alloc(l->c.scope->arena, l->n * sizeof *events);
    const struct principal *who = &l->c.req->principal;
    struct audit_entry *entries = arena_alloc(l->c.scope->arena, l->n * sizeof *entries);
    bson_t *meta = own_bson(l->c.scope->arena);

    BSON_APPEND_UTF8(meta, "to", "active");
    for (size_t i = 0; i < l->n; i++) {
        events[i] = event_document(l->c.req, l->c.scope, docs[i],
                                   &(struct warranty_event){.type = "status_changed",
                                                            .actor = "staff",
                                                            .meta = meta});
        entries[i] = (struct audit_entry){.action = "create",
                                          .collection = WARRANTIES,
                                          .record_id = doc_text(docs[i], "id"),
                                          .actor = who->user_id,
                                          .impersonated_by = who->claims.impersonated_by,
                                          .request_id = l->c.req->request_id,
                                          .after = docs[i]};
    }
    return scope_insert_all(l->c.scope, WARRANTY_EVENTS, events, l->n, l->c.err) &&
           audit_add_many(l->c.scope, entries, l->n, l->c.err);
}

bool warranty_create(struct req *req, struct scope *scope, const char *sale_id,
                     const char *product_id, const bson_t ***made, size_t *n, struct err *err)
{
    struct lack *l = arena_alloc(scope->arena, sizeof *l);

    *l = (struct lack){.c = sale_change_of(req, scope, sale_id, NULL, err),
                       .product_id = product_id};
    l->c.path = "sale_id";
    if (!sale_change_read(&l->c))
        return false;
    if (sale_change_cancelled(&l->c))
        return err_set(err, ERR_STATE, "The sale is cancelled: nothing of it has a warranty");
    if (!read_product(l) || !count_had(l) || !count_missing(l) || (*made = documents(l)) == NULL)
        return false;
    *n = l->n;
    return scope_insert_all(scope, WARRANTIES, *made, *n, err) && tell(l, *made);
}
