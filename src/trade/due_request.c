/* Asking for a sale on credit: the cart is priced, and kept as it was asked for. */
#include "base.h"
#include "trade/due_request_priv.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/change.h"
#include "engine/form.h"
#include "engine/index.h"
#include "engine/series.h"

bool due_request_prepare(struct req *req)
{
    return sale_prepare(req) && index_ensure(req->app->indexes, resource_by_noun("due_request"),
                                             &req->scope, req->err);
}

const char *due_request_person(const struct req *req)
{
    const struct principal *who = &req->principal;

    return who->full_name != NULL && *who->full_name ? who->full_name : who->email;
}

/* ---- what is asked for ---- */

bool due_request_read(struct req *req, struct due_order *order)
{
    struct validated in;
    json_t *rows, *row;
    size_t i;

    *order = (struct due_order){0};
    sale_drop_empty(req->body);
    if (!form_read(req, "DueRequestCreate", VALIDATE_CREATE, &in))
        return false;
    order->set = in.set;
    rows = json_object_get(req->body, "items");
    order->n = json_array_size(rows);
    if (order->n == 0)
        return err_field(req->err, "items", "required", "At least one item");
    order->items = arena_alloc(req->arena, order->n * sizeof *order->items);
    json_array_foreach(rows, i, row)
    {
        sale_check_row(req, "DueRequestItem", row, arena_printf(req->arena, "items[%zu]", i), &in);
        order->items[i] = in.set;
    }
    return !err_is_set(req->err);
}

static bool has(const bson_t *doc, const char *name)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, doc, name) && !BSON_ITER_HOLDS_NULL(&it);
}

bool due_request_sale(struct req *req, const bson_t *request, const bson_t **items, size_t n,
                      struct sale_order *out, struct err *err)
{
    int decimals = req->tenant->decimals;

    *out = (struct sale_order){
        .n = n,
        .items = arena_alloc(req->arena, n * sizeof *out->items),
        .branch_id = doc_text(request, "branch_id"),
        .customer_id = doc_text(request, "customer_id"),
        .customer_name = doc_text(request, "customer_name"),
        .customer_phone = doc_text(request, "customer_phone"),
        .customer_address = doc_text(request, "customer_address"),
        .off = {.amount = doc_money(request, "discount", decimals, 0)},
        .tax_given = has(request, "tax"),
        .tax = doc_money(request, "tax", decimals, 0),
        .paid_given = true,
        .paid = doc_money(request, "paid_amount", decimals, 0),
        .method = pay_methods[0],
        .warranty_terms = doc_text(request, "warranty_terms"),
        .include_warranty_terms = doc_bool(request, "include_warranty_terms"),
        .any_price = true,
    };
    for (size_t i = 0; i < n; i++)
        sale_item_read(req, items[i], arena_printf(req->arena, "items[%zu].discount_percent", i),
                       &out->items[i], err);
    return !err_is_set(err);
}

/* ---- one attempt ---- */

struct work {
    struct req *req;
    struct scope *scope;
    struct err *err;
    const struct due_order *order;
    struct sale_order sale;
    const bson_t **products; /* one an item */
    const char *branch_id, *branch_name;
    int decimals;
};

static money_t amount(const struct work *w, const char *name)
{
    return doc_money(w->order->set, name, w->decimals, 0);
}

static bool check_amounts(struct work *w, money_t total)
{
    money_t due = total - amount(w, "paid_amount");

    if (amount(w, "total_amount") != total)
        err_field(w->err, "total_amount", "sum", "The items come to %s",
                  money_text(w->scope->arena, total, w->decimals));
    else if (amount(w, "due_amount") != due)
        err_field(w->err, "due_amount", "sum", "Is not the total less what is paid: %s",
                  money_text(w->scope->arena, due, w->decimals));
    return !err_is_set(w->err);
}

static bool read_branch(struct work *w)
{
    bson_t *filter;
    const bson_t *branch;

    w->branch_id = w->scope->branch_id != NULL ? w->scope->branch_id : w->sale.branch_id;
    if (w->branch_id == NULL)
        return true;
    filter = own_bson(w->scope->arena);
    scope_filter(w->scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "id", w->branch_id);
    if (!scope_find_one(w->scope, "branches", filter, NULL, &branch, w->err))
        return false;
    if (branch == NULL && w->scope->branch_id == NULL)
        return err_field(w->err, "branch_id", "reference", "There is no branch with this id");
    w->branch_name = doc_text(branch, "name");
    return true;
}

/* ---- documents ---- */

static void append_item(const struct work *w, size_t at, bson_t *out)
{
    const bson_t *set = w->order->items[at];
    const char *said = doc_text(set, "product_name");
    bson_iter_t it;

    if (said == NULL)
        said = doc_text(set, "name");
    BSON_APPEND_UTF8(out, "product_id", w->sale.items[at].product_id);
    doc_append_text_or_null(out, "product_name",
                            said != NULL ? said : doc_text(w->products[at], "name"));
    bson_iter_init(&it, set);
    while (bson_iter_next(&it)) {
        const char *key = bson_iter_key(&it);

        if (strcmp(key, "product_id") != 0 && strcmp(key, "product_name") != 0 &&
            strcmp(key, "name") != 0)
            bson_append_iter(out, key, -1, &it);
    }
}

static void append_items(const struct work *w, bson_t *doc)
{
    bson_t list, one;
    char key[24];

    BSON_APPEND_ARRAY_BEGIN(doc, "items", &list);
    for (size_t i = 0; i < w->order->n; i++) {
        snprintf(key, sizeof key, "%zu", i);
        BSON_APPEND_DOCUMENT_BEGIN(&list, key, &one);
        append_item(w, i, &one);
        bson_append_document_end(&list, &one);
    }
    bson_append_array_end(doc, &list);
}

/* What was sent goes in as it was checked, but for what is worked out here. */
static void append_sent(const struct work *w, bson_t *doc)
{
    bson_iter_t it;

    bson_iter_init(&it, w->order->set);
    while (bson_iter_next(&it)) {
        const char *key = bson_iter_key(&it);

        if (strcmp(key, "items") != 0 && strcmp(key, "branch_id") != 0)
            bson_append_iter(doc, key, -1, &it);
    }
}

static const bson_t *document(struct work *w)
{
    const struct principal *who = &w->req->principal;
    bson_t *doc = own_bson(w->scope->arena);

    scope_begin_record(w->scope, NULL, doc);
    if (!series_append(resource_by_noun("due_request"), w->scope, doc, w->err))
        return NULL;
    append_sent(w, doc);
    append_items(w, doc);
    doc_append_text_or_null(doc, "branch_id", w->branch_id);
    doc_append_text_or_null(doc, "branch_name", w->branch_name);
    BSON_APPEND_UTF8(doc, "status", "pending");
    BSON_APPEND_UTF8(doc, "requested_by", who->user_id);
    doc_append_text_or_null(doc, "requested_by_name", due_request_person(w->req));
    doc_append_text_or_null(doc, "requested_by_email", who->email);
    BSON_APPEND_INT64(doc, FIELD_REV, 1);
    return doc;
}

/* Administrators see it, and the people of the branch, who see its sales too. */
static bool tell(struct work *w, const bson_t *doc)
{
    struct arena *arena = w->scope->arena;
    bson_t *metadata = own_bson(arena);
    struct notices list;

    BSON_APPEND_UTF8(metadata, "due_request_id", doc_text(doc, "id"));
    BSON_APPEND_UTF8(metadata, "request_number", doc_text(doc, "request_number"));
    doc_append_text_or_null(metadata, "customer_name", doc_text(doc, "customer_name"));
    doc_append_text_or_null(metadata, "requested_by_name", doc_text(doc, "requested_by_name"));
    doc_append_money(metadata, "total_amount", amount(w, "total_amount"), w->decimals);
    doc_append_money(metadata, "paid_amount", amount(w, "paid_amount"), w->decimals);
    doc_append_money(metadata, "due_amount", amount(w, "due_amount"), w->decimals);
    notices_init(&list, arena);
    notices_add(&list,
                &(struct notice){
                    .type = NOTICE_DUE_REQUEST,
                    .title = "Due request",
                    .message = arena_printf(arena, "%.100s asks for a due sale to %.200s: %s",
                                            due_request_person(w->req),
                                            doc_text(doc, "customer_name"),
                                            money_said(w->req, amount(w, "due_amount"))),
                    .reference_id = doc_text(doc, "id"),
                    .branch_id = w->branch_id,
                    .metadata = metadata,
                    .sticky = true});
    return notices_store(w->scope, &list, w->err);
}

bool due_request_make(struct req *req, struct scope *scope, const struct due_order *order,
                      const bson_t **record, struct err *err)
{
    struct work w = {.req = req, .scope = scope, .err = err, .order = order,
                     .products = arena_alloc(scope->arena, order->n * sizeof *w.products),
                     .decimals = req->tenant->decimals};
    money_t total;

    if (!due_request_sale(req, order->set, order->items, order->n, &w.sale, err) ||
        !sale_quote(req, scope, &w.sale, w.products, &total, err) || !check_amounts(&w, total) ||
        !read_branch(&w))
        return false;
    *record = document(&w);
    return *record != NULL && scope_insert(scope, DUE_REQUESTS, *record, err) &&
           change_audit(req, scope, "create", DUE_REQUESTS, doc_text(*record, "id"), NULL, *record,
                        err) &&
           tell(&w, *record);
}
