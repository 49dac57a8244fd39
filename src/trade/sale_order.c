/* From the body of POST /api/sales to an order, with every fault of it named. */
#include "base.h"
#include "trade/sale_priv.h"
#include "db/doc.h"
#include "engine/form.h"

const char *const pay_methods[] = {"cash", "card", "bkash", "nagad", "rocket", "bank", PAY_CREDIT,
                                   NULL};

const char *pay_method(const char *text)
{
    for (size_t i = 0; pay_methods[i] != NULL; i++)
        if (strcasecmp(pay_methods[i], text) == 0)
            return pay_methods[i];
    return NULL;
}

bool pay_is_money(const char *method)
{
    return strcmp(method, PAY_CREDIT) != 0 && strcmp(method, PAY_EXCHANGE) != 0;
}

static const char *read_method(const char *text, bool credit, const char *path, struct err *err)
{
    const char *method = text != NULL ? pay_method(text) : NULL;
    char all[100] = "";
    size_t used = 0;

    if (method != NULL && (credit || pay_is_money(method)))
        return method;
    for (size_t i = 0; pay_methods[i] != NULL && used < sizeof all; i++)
        if (credit || pay_is_money(pay_methods[i]))
            used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i > 0 ? ", " : "",
                                     pay_methods[i]);
    err_field(err, path, "enum", "Must be one of %s", all);
    return NULL;
}

const char *pay_method_read(const char *text, const char *path, struct err *err)
{
    return read_method(text, false, path, err);
}

const char *pay_method_read_any(const char *text, const char *path, struct err *err)
{
    return read_method(text, true, path, err);
}

/* ---- members of checked documents ---- */

static const char *text_of(struct arena *arena, const bson_t *set, const char *name)
{
    const char *text = doc_text(set, name);

    return text != NULL && *text ? arena_strdup(arena, text) : NULL;
}

static bool off_of(const bson_t *set, int decimals, const char *path, struct price_off *out,
                   struct err *err)
{
    doc_get_money(set, "discount", decimals, &out->amount);
    doc_get_money(set, "discount_percent", 4, &out->percent); /* four decimals: as RATE_ONE has */
    if (out->amount != 0 && out->percent != 0)
        return err_field(err, path, "both", "Either an amount or a percentage");
    return true;
}

/* ---- rows ---- */

bool sale_check_row(struct req *req, const char *form, json_t *row, const char *path,
                    struct validated *in)
{
    const struct kind_env env = {.decimals = req->tenant->decimals};
    struct err own;
    bool ok;

    err_init(&own);
    ok = form_check(form, VALIDATE_CREATE, &env, row, req->strict, req->arena, in, &own);
    for (size_t i = 0; i < own.n_fields; i++)
        err_field(req->err,
                  arena_printf(req->arena, "%s%s%s", path, own.fields[i].path[0] ? "." : "",
                               own.fields[i].path),
                  own.fields[i].code, "%s", own.fields[i].detail);
    err_release(&own);
    return ok;
}

bool sale_item_read(struct req *req, const bson_t *set, const char *path, struct sale_item *item,
                    struct err *err)
{
    int decimals = req->tenant->decimals;

    item->product_id = text_of(req->arena, set, "product_id");
    item->quantity = doc_int(set, "quantity", 0);
    doc_get_money(set, "price", decimals, &item->price);
    item->has_cost = doc_get_money(set, "unit_cost", decimals, &item->unit_cost);
    item->serial_number = text_of(req->arena, set, "serial_number");
    item->custom_description = text_of(req->arena, set, "custom_description");
    return off_of(set, decimals, arena_printf(req->arena, "%s.discount_percent", path), &item->off,
                  err);
}

static bool read_item(struct req *req, json_t *row, size_t at, struct sale_item *item)
{
    const char *path = arena_printf(req->arena, "items[%zu]", at);
    struct validated in;

    return sale_check_row(req, "SaleItemCreate", row, path, &in) &&
           sale_item_read(req, in.set, path, item, req->err);
}

static void read_items(struct req *req, json_t *items, struct sale_order *order)
{
    json_t *row;
    size_t i;

    order->n = json_array_size(items);
    if (order->n == 0) {
        err_field(req->err, "items", "required", "At least one item");
        return;
    }
    order->items = arena_alloc(req->arena, order->n * sizeof *order->items);
    json_array_foreach(items, i, row)
        read_item(req, row, i, &order->items[i]);
}

static void read_tender(struct req *req, json_t *row, size_t at, struct tender *tender)
{
    const char *path = arena_printf(req->arena, "payments[%zu]", at);
    struct validated in;

    if (!sale_check_row(req, "SaleTender", row, path, &in))
        return;
    tender->method = pay_method_read_any(doc_text(in.set, "method"),
                                         arena_printf(req->arena, "%s.method", path), req->err);
    doc_get_money(in.set, "amount", req->tenant->decimals, &tender->amount);
}

/* What is paid is their sum, whether or not it is said. */
static void read_tenders(struct req *req, json_t *rows, struct sale_order *order)
{
    money_t sum = 0;
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        read_tender(req, row, i, &order->tenders[i]);
        if (!money_add(sum, order->tenders[i].amount, &sum))
            err_field(req->err, "payments", "range", "The amounts are too large");
    }
    order->n_tenders = json_array_size(rows);
    if (order->n_tenders == 0)
        return;
    if (order->paid_given && order->paid != sum)
        err_field(req->err, "paid_amount", "sum", "Is not the sum of the payments");
    order->paid_given = true;
    order->paid = sum;
    order->method = order->n_tenders == 1 ? order->tenders[0].method : "split";
}

/* ---- the whole ---- */

void sale_drop_empty(json_t *body)
{
    static const char *const names[] = {"branch_id",      "customer_id",      "customer_name",
                                        "customer_phone", "customer_address", "payment_method",
                                        "reference",      "warranty_terms"};

    for (size_t i = 0; json_is_object(body) && i < ARRAY_LEN(names); i++) {
        const char *text = json_string_value(json_object_get(body, names[i]));

        if (text != NULL && text[strspn(text, " ")] == '\0')
            json_object_set_new(body, names[i], json_null());
    }
}

static void read_texts(struct req *req, const bson_t *set, struct sale_order *order)
{
    const char *method = text_of(req->arena, set, "payment_method");
    bson_iter_t it;

    order->branch_id = text_of(req->arena, set, "branch_id");
    order->customer_id = text_of(req->arena, set, "customer_id");
    order->customer_name = text_of(req->arena, set, "customer_name");
    order->customer_phone = text_of(req->arena, set, "customer_phone");
    order->customer_address = text_of(req->arena, set, "customer_address");
    order->reference = text_of(req->arena, set, "reference");
    order->warranty_terms = text_of(req->arena, set, "warranty_terms");
    order->include_warranty_terms =
        bson_iter_init_find(&it, set, "include_warranty_terms") && bson_iter_as_bool(&it);
    order->over_limit = doc_bool(set, "over_credit_limit");
    order->method = pay_method_read_any(method ? method : "cash", "payment_method", req->err);
}

bool sale_order_read(struct req *req, struct sale_order *order)
{
    struct validated in;

    return sale_order_read_as(req, "SaleCreate", order, &in);
}

bool sale_order_read_as(struct req *req, const char *form, struct sale_order *order,
                        struct validated *in)
{
    int decimals = req->tenant->decimals;

    *order = (struct sale_order){0};
    sale_drop_empty(req->body);
    if (!form_read(req, form, VALIDATE_CREATE, in))
        return false;
    read_texts(req, in->set, order);
    off_of(in->set, decimals, "discount_percent", &order->off, req->err);
    order->tax_given = doc_get_money(in->set, "tax", decimals, &order->tax);
    order->paid_given = doc_get_money(in->set, "paid_amount", decimals, &order->paid);
    read_items(req, json_object_get(req->body, "items"), order);
    read_tenders(req, json_object_get(req->body, "payments"), order);
    return !err_is_set(req->err);
}
