/* What a shift comes to: one aggregation of the shift, its payments and its sales, added up by the
 * database; what is cash, and what there should be of it, is worked out here. */
#include "base.h"
#include "trade/till_priv.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "trade/sale.h"

#define WITH_METHODS "_methods"
#define WITH_SALES   "_sales"

/* Texts of ours; what a client sent is a value of an equality before them. */
static const char by_method[] =
    "[{\"$group\": {\"_id\": \"$method\","
    "   \"received\": {\"$sum\": {\"$cond\": [{\"$gt\": [\"$amount\", 0]}, \"$amount\", 0]}},"
    "   \"refunded\": {\"$sum\": {\"$cond\": [{\"$lt\": [\"$amount\", 0]}, \"$amount\", 0]}},"
    "   \"payments\": {\"$sum\": {\"$cond\": [{\"$gt\": [\"$amount\", 0]}, 1, 0]}},"
    "   \"refunds\": {\"$sum\": {\"$cond\": [{\"$lt\": [\"$amount\", 0]}, 1, 0]}}}},"
    " {\"$sort\": {\"_id\": 1}}]";

/* Totals as they were sold: what came back is off them. */
static const char of_sales[] =
    "[{\"$match\": {\"status\": {\"$ne\": \"cancelled\"}}},"
    " {\"$group\": {\"_id\": null, \"count\": {\"$sum\": 1},"
    "   \"total\": {\"$sum\": {\"$add\": [\"$total\", {\"$ifNull\": [\"$refunded_amount\", 0]}]}},"
    "   \"discount\": {\"$sum\": \"$discount\"}, \"tax\": {\"$sum\": \"$tax\"},"
    "   \"tax_included\": {\"$sum\": \"$tax_included\"}}}]";

static void add_stage(bson_t *stages, unsigned at, const char *name, const bson_t *value)
{
    char key[12];
    bson_t stage;

    snprintf(key, sizeof key, "%u", at);
    BSON_APPEND_DOCUMENT_BEGIN(stages, key, &stage);
    BSON_APPEND_DOCUMENT(&stage, name, value);
    bson_append_document_end(stages, &stage);
}

/* What `json` makes of the shift's records of a collection, as the member `as`. */
static void add_sums(const struct req *req, const struct scope *scope, bson_t *stages, unsigned at,
                     const char *collection, const char *as, const char *json)
{
    bson_t *inner = own_bson(scope->arena), *match = own_bson(scope->arena);
    bson_t *lookup = own_bson(scope->arena);
    bson_error_t error;
    bson_t texts;
    bson_iter_t it;
    unsigned n = 1;
    char key[12];

    scope_filter(scope, NULL, match);
    BSON_APPEND_UTF8(match, "shift_id", req_param(req, "id"));
    add_stage(inner, 0, "$match", match);
    if (!bson_init_from_json(&texts, json, -1, &error) || !bson_iter_init(&it, &texts))
        die("stages of a shift: %s", error.message);
    while (bson_iter_next(&it)) {
        snprintf(key, sizeof key, "%u", n++);
        bson_append_iter(inner, key, -1, &it);
    }
    bson_destroy(&texts);
    BSON_APPEND_UTF8(lookup, "from", collection);
    BSON_APPEND_ARRAY(lookup, "pipeline", inner);
    BSON_APPEND_UTF8(lookup, "as", as);
    add_stage(stages, at, "$lookup", lookup);
}

static bool read_shift(const struct req *req, struct scope *scope, const bson_t **shift,
                       struct err *err)
{
    bson_t *stages = own_bson(scope->arena);
    const bson_t *doc;

    add_stage(stages, 0, "$match", till_filter(req, scope));
    add_sums(req, scope, stages, 1, SALE_PAYMENTS, WITH_METHODS, by_method);
    add_sums(req, scope, stages, 2, SALES, WITH_SALES, of_sales);
    *shift = NULL;
    if (!scope_next(scope, scope_aggregate(scope, SHIFTS, stages, NULL), &doc, err))
        return false;
    if (doc != NULL)
        *shift = own_bson_copy(scope->arena, bson_get_data(doc), doc->len);
    return true;
}

/* ---- working it out ---- */

struct work {
    const bson_t *shift;
    struct arena *arena;
    int decimals;
    struct till_sums *sums;
    bool over; /* a sum passed what amounts may be */
};

static void add(struct work *w, money_t *sum, money_t amount)
{
    if (!money_add(*sum, amount, sum))
        w->over = true;
}

static money_t at(struct work *w, const char *list, unsigned i, const char *name)
{
    return doc_money(w->shift, arena_printf(w->arena, "%s.%u.%s", list, i, name), w->decimals, 0);
}

static int64_t count_at(struct work *w, const char *list, unsigned i, const char *name)
{
    return doc_int(w->shift, arena_printf(w->arena, "%s.%u.%s", list, i, name), 0);
}

static bool there(struct work *w, const char *list, unsigned i)
{
    bson_iter_t it;

    return doc_at(w->shift, arena_printf(w->arena, "%s.%u", list, i), &it);
}

static void append_method(struct work *w, unsigned i, const char *method, bson_t *row)
{
    money_t received = at(w, WITH_METHODS, i, "received"), refunded = 0, net = received;

    add(w, &refunded, -at(w, WITH_METHODS, i, "refunded"));
    add(w, &net, -refunded);
    add(w, &w->sums->received, received);
    add(w, &w->sums->refunded, refunded);
    if (method != NULL && strcmp(method, pay_methods[0]) == 0) {
        add(w, &w->sums->cash_received, received);
        add(w, &w->sums->cash_refunded, refunded);
    }
    doc_append_text_or_null(row, "method", method);
    doc_append_money(row, "received", received, w->decimals);
    doc_append_money(row, "refunded", refunded, w->decimals);
    doc_append_money(row, "net", net, w->decimals);
    BSON_APPEND_INT64(row, "payments", count_at(w, WITH_METHODS, i, "payments"));
    BSON_APPEND_INT64(row, "refunds", count_at(w, WITH_METHODS, i, "refunds"));
}

static void append_methods(struct work *w, bson_t *out)
{
    int64_t payments = 0, refunds = 0;
    bson_t list, row;
    char key[12];

    BSON_APPEND_ARRAY_BEGIN(out, "methods", &list);
    for (unsigned i = 0; there(w, WITH_METHODS, i); i++) {
        snprintf(key, sizeof key, "%u", i);
        BSON_APPEND_DOCUMENT_BEGIN(&list, key, &row);
        append_method(w, i, doc_text(w->shift, arena_printf(w->arena, WITH_METHODS ".%u._id", i)),
                      &row);
        bson_append_document_end(&list, &row);
        payments += count_at(w, WITH_METHODS, i, "payments");
        refunds += count_at(w, WITH_METHODS, i, "refunds");
    }
    bson_append_array_end(out, &list);
    BSON_APPEND_INT64(out, "payments_count", payments);
    doc_append_money(out, "payments_total", w->sums->received, w->decimals);
    BSON_APPEND_INT64(out, "refunds_count", refunds);
    doc_append_money(out, "refunds_total", w->sums->refunded, w->decimals);
}

static void append_sales(struct work *w, bson_t *out)
{
    static const char *const sums[][2] = {{"sales_total", "total"},
                                          {"discount", "discount"},
                                          {"tax", "tax"},
                                          {"tax_included", "tax_included"}};

    BSON_APPEND_INT64(out, "sales_count", count_at(w, WITH_SALES, 0, "count"));
    for (size_t i = 0; i < ARRAY_LEN(sums); i++)
        doc_append_money(out, sums[i][0], at(w, WITH_SALES, 0, sums[i][1]), w->decimals);
}

static void add_movements(struct work *w)
{
    for (unsigned i = 0; there(w, "movements", i); i++) {
        const char *kind = doc_text(w->shift, arena_printf(w->arena, "movements.%u.kind", i));
        money_t amount = at(w, "movements", i, "amount");

        if (kind == NULL)
            continue;
        add(w,
            strcmp(kind, "pay_in") == 0    ? &w->sums->pay_ins
            : strcmp(kind, "pay_out") == 0 ? &w->sums->pay_outs
                                           : &w->sums->drops,
            amount);
    }
}

static void append_cash(struct work *w, bson_t *out)
{
    struct till_sums *s = w->sums;

    add_movements(w);
    s->opening = s->expected = doc_money(w->shift, "opening_float", w->decimals, 0);
    add(w, &s->expected, s->cash_received);
    add(w, &s->expected, -s->cash_refunded);
    add(w, &s->expected, s->pay_ins);
    add(w, &s->expected, -s->pay_outs);
    add(w, &s->expected, -s->drops);
    doc_append_money(out, "opening_float", s->opening, w->decimals);
    doc_append_money(out, "cash_received", s->cash_received, w->decimals);
    doc_append_money(out, "cash_refunded", s->cash_refunded, w->decimals);
    doc_append_money(out, "pay_ins", s->pay_ins, w->decimals);
    doc_append_money(out, "pay_outs", s->pay_outs, w->decimals);
    doc_append_money(out, "drops", s->drops, w->decimals);
    doc_append_money(out, "expected_cash", s->expected, w->decimals);
}

static void append_same(struct work *w, const char *name, const char *from, bson_t *out)
{
    bson_iter_t it;

    if (bson_iter_init_find(&it, w->shift, from))
        bson_append_iter(out, name, -1, &it);
}

bool till_figures(const struct req *req, struct scope *scope, const bson_t **shift,
                  const bson_t **figures, struct till_sums *sums, struct err *err)
{
    static const char *const same[] = {"shift_number", "branch_id", "till",
                                       "user_id", "opened_by", "opened_at", "day"};
    bson_t *out = own_bson(scope->arena), *bare;
    struct work w = {.arena = scope->arena, .decimals = req->tenant->decimals, .sums = sums};

    *sums = (struct till_sums){0};
    *figures = out;
    if (!read_shift(req, scope, shift, err))
        return false;
    if (*shift == NULL)
        return true;
    w.shift = *shift;
    append_same(&w, "shift_id", "id", out);
    for (size_t i = 0; i < ARRAY_LEN(same); i++)
        append_same(&w, same[i], same[i], out);
    append_sales(&w, out);
    append_methods(&w, out);
    append_cash(&w, out);
    bare = own_bson(scope->arena);
    bson_copy_to_excluding_noinit(*shift, bare, WITH_METHODS, WITH_SALES, NULL);
    *shift = bare;
    return !w.over || err_set(err, ERR_CONFLICT, "The sums of the shift are too large");
}

/* ---- asked for ---- */

bool till_x(struct req *req, const bson_t **report)
{
    struct till_sums sums;
    const bson_t *shift;
    bson_t *out = own_bson(req->arena);

    if (!till_figures(req, &req->scope, &shift, report, &sums, req->err) ||
        !till_is_open(shift, req->err))
        return false;
    bson_concat(out, *report);
    BSON_APPEND_UTF8(out, "status", "open");
    BSON_APPEND_DATE_TIME(out, "as_of", clock_ms());
    *report = out;
    return true;
}

bool till_z(struct req *req, const bson_t **report)
{
    const bson_t *shift;
    const uint8_t *data;
    bson_iter_t it;
    uint32_t len;

    if (!scope_find_one(&req->scope, SHIFTS, till_filter(req, &req->scope), NULL, &shift,
                        req->err))
        return false;
    if (shift == NULL)
        return err_set(req->err, ERR_NOT_FOUND, "Shift not found");
    if (!bson_iter_init_find(&it, shift, TILL_Z) || !BSON_ITER_HOLDS_DOCUMENT(&it))
        return err_set(req->err, ERR_STATE, "The shift is open: it has a Z report once it is "
                                            "closed");
    bson_iter_document(&it, &len, &data);
    *report = own_bson_copy(req->arena, data, len);
    return true;
}
