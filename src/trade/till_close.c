/* Closing a shift: what was counted beside what should be there, frozen with all its figures. */
#include "base.h"
#include "trade/till_priv.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "engine/change.h"
#include "engine/form.h"
#include "engine/series.h"
#include "trade/sale_priv.h"

/* ---- what was counted ---- */

static bool read_coin(struct req *req, json_t *row, size_t i, bson_t *list, money_t *sum)
{
    const char *path = arena_printf(req->arena, "denominations[%zu]", i);
    int decimals = req->tenant->decimals;
    struct validated in;
    money_t worth;
    char key[24];
    bson_t one;

    if (!sale_check_row(req, "ShiftCoin", row, path, &in))
        return false;
    if (!money_mul(doc_money(in.set, "value", decimals, 0), doc_int(in.set, "count", 0), &worth) ||
        !money_add(*sum, worth, sum))
        return err_field(req->err, path, "range", "The amount is too large");
    snprintf(key, sizeof key, "%zu", i);
    BSON_APPEND_DOCUMENT_BEGIN(list, key, &one);
    doc_append_money(&one, "value", doc_money(in.set, "value", decimals, 0), decimals);
    BSON_APPEND_INT64(&one, "count", doc_int(in.set, "count", 0));
    bson_append_document_end(list, &one);
    return true;
}

static bool read_coins(struct req *req, struct till_count *count, money_t *sum)
{
    json_t *rows = json_object_get(req->body, "denominations"), *row;
    size_t i;

    *sum = 0;
    if (json_array_size(rows) == 0)
        return true;
    count->denominations = own_bson(req->arena);
    json_array_foreach(rows, i, row)
        read_coin(req, row, i, count->denominations, sum);
    return !err_is_set(req->err);
}

bool till_count_read(struct req *req, struct till_count *count)
{
    int decimals = req->tenant->decimals;
    struct validated in;
    bson_iter_t it;
    bool cash;
    money_t sum;

    *count = (struct till_count){0};
    if (!form_read(req, "ShiftClose", VALIDATE_CREATE, &in) || !read_coins(req, count, &sum))
        return false;
    cash = doc_at(in.set, "counted_cash", &it) && !BSON_ITER_HOLDS_NULL(&it);
    count->note = doc_text(in.set, "note");
    count->cash = cash ? doc_money(in.set, "counted_cash", decimals, 0) : sum;
    if (!cash && count->denominations == NULL)
        return err_field(req->err, "counted_cash", "required",
                         "Is required where no denominations are given");
    return count->denominations == NULL || count->cash == sum ||
           err_field(req->err, "counted_cash", "range", "The denominations come to %s",
                     money_text(req->arena, sum, decimals));
}

/* ---- closing ---- */

struct closing {
    struct req *req;
    struct scope *scope;
    const struct till_count *count;
    const bson_t *shift, *figures;
    struct till_sums sums;
    money_t variance;
    int64_t number, now;
};

static const char *who(const struct closing *c)
{
    return c->req->principal.email;
}

/* One series a branch; those of no branch are one too. */
static bool take_number(struct closing *c, struct err *err)
{
    const char *branch = doc_text(c->shift, "branch_id");

    return series_count(c->scope,
                        arena_printf(c->scope->arena, SHIFTS ".z_number:%s", branch ? branch : ""),
                        &c->number, err);
}

/* Members that the record and its Z report both have. */
static void append_closed(const struct closing *c, bson_t *out)
{
    static const bson_t none = BSON_INITIALIZER;
    int decimals = c->req->tenant->decimals;

    BSON_APPEND_UTF8(out, "status", "closed");
    BSON_APPEND_INT64(out, "z_number", c->number);
    BSON_APPEND_DATE_TIME(out, "closed_at", c->now);
    doc_append_text_or_null(out, "closed_by", who(c));
    doc_append_money(out, "counted_cash", c->count->cash, decimals);
    doc_append_money(out, "variance", c->variance, decimals);
    BSON_APPEND_ARRAY(out, "denominations",
                      c->count->denominations ? c->count->denominations : &none);
    doc_append_text_or_null(out, "note", c->count->note);
}

static const bson_t *report_of(const struct closing *c)
{
    bson_t *report = own_bson(c->scope->arena);

    bson_concat(report, c->figures);
    append_closed(c, report);
    BSON_APPEND_DATE_TIME(report, "as_of", c->now);
    return report;
}

static bool store(struct closing *c, const bson_t *report, const bson_t **after, struct err *err)
{
    bson_t *set = own_bson(c->scope->arena);

    append_closed(c, set);
    doc_append_money(set, "expected_cash", c->sums.expected, c->req->tenant->decimals);
    BSON_APPEND_DOCUMENT(set, TILL_Z, report);
    return till_store(c->req, c->scope, set, NULL, after, err);
}

static bool audit(struct closing *c, const bson_t *after, struct err *err)
{
    const char *user = doc_text(c->shift, "user_id");
    bool own = user != NULL && strcmp(user, c->req->principal.user_id) == 0;

    return change_audit(c->req, c->scope, own ? "close" : "close_for_another", SHIFTS,
                        doc_text(c->shift, "id"), c->shift, after, err);
}

static bool tell(const struct closing *c, struct notices *list, struct err *err)
{
    struct arena *arena = c->scope->arena;
    int decimals = c->req->tenant->decimals;

    if (c->variance == 0)
        return true;
    for (size_t i = 0; i < list->n; i++)
        list->rows[i].message = arena_printf(
            arena, "Shift %s was closed with a cash variance of %s: %s counted, %s expected",
            doc_text(c->shift, "shift_number"), money_text(arena, c->variance, decimals),
            money_text(arena, c->count->cash, decimals),
            money_text(arena, c->sums.expected, decimals));
    return notices_store(c->scope, list, err);
}

bool till_close(struct req *req, struct scope *scope, const struct till_count *count,
                struct notices *list, const bson_t **report, struct err *err)
{
    struct closing c = {.req = req, .scope = scope, .count = count, .now = clock_ms()};
    const bson_t *after;

    if (!till_figures(req, scope, &c.shift, &c.figures, &c.sums, err) ||
        !till_is_open(c.shift, err))
        return false;
    if (!money_sub(count->cash, c.sums.expected, &c.variance))
        return err_set(err, ERR_CONFLICT, "The sums of the shift are too large");
    if (!take_number(&c, err))
        return false;
    *report = report_of(&c);
    return store(&c, *report, &after, err) && audit(&c, after, err) && tell(&c, list, err);
}
