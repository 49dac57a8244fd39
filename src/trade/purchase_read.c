/* From a form or a JSON body to a purchase, with every fault named. The two are one: the fields of
 * a form become the members that JSON has, and are checked as such. */
#include "base.h"
#include "trade/purchase_priv.h"
#include "trade/sale_priv.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/form.h"
#include "http/multipart.h"

/* Numbers, flags and rows are JSON in the field; what is none stays text, and is refused so. */
static json_t *member(struct req *req, const struct field *f, const struct multipart_part *part)
{
    json_t *value = NULL;

    if (part->len == 0 && !(f->flags & F_REQUIRED))
        return json_null();
    if (f->kind == K_ROWS || f->kind == K_MONEY || f->kind == K_BOOL)
        value = json_loadb(part->bytes, part->len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (value == NULL && f->kind == K_ROWS)
        err_field(req->err, f->name, "format", "Must be a list in JSON");
    return value ? value : json_stringn(part->bytes, part->len);
}

static json_t *body_of_form(struct req *req)
{
    const struct field *fields = form_by_name("PurchaseForm")->fields;
    json_t *body = own_json(req->arena, json_object());

    for (const struct field *f = fields; f->name != NULL; f++) {
        const struct multipart_part *part = multipart_find(req->form, f->name);

        if (part != NULL)
            json_object_set_new(body, f->name, member(req, f, part));
    }
    return body;
}

static void read_line(struct req *req, json_t *row, size_t at, struct purchase_line *line)
{
    const char *path = arena_printf(req->arena, "items[%zu]", at);
    struct validated in;

    if (!sale_check_row(req, "PurchaseItemCreate", row, path, &in))
        return;
    line->product_id = doc_said(in.set, "product_id");
    line->name = doc_said(in.set, "product_name");
    line->quantity = doc_int(in.set, "quantity", 0);
    doc_get_money(in.set, "price", req->tenant->decimals, &line->price);
    line->has_sale_price =
        doc_get_money(in.set, "sale_price", req->tenant->decimals, &line->sale_price);
    line->has_warranty = doc_bool(in.set, "has_warranty");
    line->warranty_months = line->has_warranty ? doc_int(in.set, "warranty_months", 0) : 0;
    line->serial = doc_said(in.set, "warranty_serial");
    if (line->product_id == NULL && line->name == NULL)
        err_field(req->err, arena_printf(req->arena, "%s.product_name", path), "required",
                  "Is required where no product_id is given");
}

static void read_lines(struct req *req, json_t *items, struct purchase_order *order)
{
    json_t *row;
    size_t i;

    order->n = json_array_size(items);
    if (order->n == 0) {
        err_field(req->err, "items", "required", "At least one item");
        return;
    }
    order->lines = arena_alloc(req->arena, order->n * sizeof *order->lines);
    json_array_foreach(items, i, row)
        read_line(req, row, i, &order->lines[i]);
}

bool purchase_order_read(struct req *req, struct purchase_order *order)
{
    struct validated in;

    *order = (struct purchase_order){0};
    if (req->form)
        req->body = body_of_form(req);
    if (err_is_set(req->err) || !form_read(req, "PurchaseForm", VALIDATE_CREATE, &in))
        return false;
    order->supplier_id = doc_said(in.set, "supplier_id");
    order->branch_id = doc_said(in.set, "branch_id");
    order->payment_status = doc_said(in.set, "payment_status");
    order->terms = doc_said(in.set, "warranty_terms");
    order->notes = doc_said(in.set, "notes");
    order->date = doc_said(in.set, "date");
    order->include_terms = doc_bool(in.set, "include_warranty_terms");
    doc_get_money(in.set, "total_amount", req->tenant->decimals, &order->total);
    read_lines(req, json_object_get(req->body, "items"), order);
    return !err_is_set(req->err);
}
