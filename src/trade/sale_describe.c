/* Serial numbers and descriptions, written on the items of a sale that was made before. */
#include "base.h"
#include "trade/sale_priv.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/form.h"
#include "tenant/audit.h"

bool sale_notes_read(struct req *req, struct sale_order *order)
{
    struct validated in;
    json_t *rows, *row;
    size_t i;

    *order = (struct sale_order){0};
    if (!form_read(req, "SaleItemsUpdateRequest", VALIDATE_CREATE, &in))
        return false;
    rows = json_object_get(req->body, "items");
    order->n = json_array_size(rows);
    order->items = arena_alloc(req->arena, (order->n + 1) * sizeof *order->items);
    json_array_foreach(rows, i, row)
    {
        struct sale_item *item = &order->items[i];

        if (!sale_check_row(req, "SaleItemUpdate", row, arena_printf(req->arena, "items[%zu]", i),
                            &in))
            continue;
        item->product_id = doc_text(in.set, "product_id");
        item->serial_number = doc_text(in.set, "serial_number");
        item->custom_description = doc_text(in.set, "custom_description");
    }
    return !err_is_set(req->err) &&
           (order->n > 0 || err_field(req->err, "items", "required", "At least one item"));
}

/* What is to be written on an item of this product; NULL: nothing. The last of several holds. */
static const struct sale_item *note_for(const struct sale_order *order, const char *product_id,
                                        bool *used)
{
    const struct sale_item *note = NULL;

    for (size_t i = 0; product_id != NULL && i < order->n; i++)
        if (strcmp(order->items[i].product_id, product_id) == 0) {
            note = &order->items[i];
            used[i] = true;
        }
    return note;
}

static void append_item(const bson_t *old, const struct sale_item *note, bson_t *out)
{
    bson_iter_t it;
    bool serial = false, description = false;

    bson_iter_init(&it, old);
    while (bson_iter_next(&it)) {
        const char *key = bson_iter_key(&it);

        if (note != NULL && strcmp(key, "serial_number") == 0) {
            serial = true;
            doc_append_text_or_null(out, key, note->serial_number);
        } else if (note != NULL && strcmp(key, "custom_description") == 0) {
            description = true;
            doc_append_text_or_null(out, key, note->custom_description);
        } else {
            bson_append_iter(out, key, -1, &it);
        }
    }
    if (note != NULL && !serial)
        doc_append_text_or_null(out, "serial_number", note->serial_number);
    if (note != NULL && !description)
        doc_append_text_or_null(out, "custom_description", note->custom_description);
}

static bool append_items(struct scope *scope, const bson_t *sale, const struct sale_order *order,
                         bson_t *set, struct err *err)
{
    bool *used = arena_alloc(scope->arena, (order->n + 1) * sizeof *used);
    bson_iter_t items, item;
    bson_t list, one;

    BSON_APPEND_ARRAY_BEGIN(set, "items", &list);
    if (bson_iter_init_find(&items, sale, "items") && BSON_ITER_HOLDS_ARRAY(&items) &&
        bson_iter_recurse(&items, &item))
        while (bson_iter_next(&item)) {
            const uint8_t *data;
            uint32_t len;
            const bson_t *old;

            if (!BSON_ITER_HOLDS_DOCUMENT(&item))
                continue;
            bson_iter_document(&item, &len, &data);
            old = own_bson_copy(scope->arena, data, len);
            bson_append_document_begin(&list, bson_iter_key(&item), -1, &one);
            append_item(old, note_for(order, doc_text(old, "product_id"), used), &one);
            bson_append_document_end(&list, &one);
        }
    bson_append_array_end(set, &list);
    for (size_t i = 0; i < order->n; i++)
        if (!used[i])
            err_field(err, arena_printf(scope->arena, "items[%zu].product_id", i), "reference",
                      "The sale has no item of this product");
    return !err_is_set(err);
}

bool sale_describe(struct req *req, struct scope *scope, const struct sale_order *order,
                   const bson_t **sale, struct err *err)
{
    struct sale_change c = sale_change_of(req, scope, req_param(req, "id"), NULL, err);
    bson_t *set = own_bson(scope->arena);

    if (!sale_change_read(&c) || !append_items(scope, c.sale, order, set, err) ||
        !sale_change_store(&c, set) || !sale_change_audit(&c, "describe"))
        return false;
    *sale = c.after;
    return true;
}
