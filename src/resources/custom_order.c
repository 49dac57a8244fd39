/* Things made to order, such as furniture, paid for in parts. */
#include "base.h"
#include "engine/resource.h"
#include "db/decimal.h"
#include "db/doc.h"

/* The amount of a field: as it is written, else as it is stored; 0 when it is neither. */
static money_t amount_of(const struct kind_env *env, const bson_t *set, const bson_t *old,
                         const char *name)
{
    return doc_money(bson_has_field(set, name) ? set : old, name, env->decimals, 0);
}

static bool add_installments(const struct kind_env *env, const bson_t *set, const bson_t *old,
                             money_t *paid)
{
    bson_iter_t it, row, amount;
    money_t one;

    if (!bson_iter_init_find(&it, set, "installments") &&
        (old == NULL || !bson_iter_init_find(&it, old, "installments")))
        return true;
    if (!BSON_ITER_HOLDS_ARRAY(&it) || !bson_iter_recurse(&it, &row))
        return true;
    while (bson_iter_next(&row))
        if (BSON_ITER_HOLDS_DOCUMENT(&row) && bson_iter_recurse(&row, &amount) &&
            bson_iter_find(&amount, "amount") && decimal_to_money(&amount, env->decimals, &one) &&
            !money_add(*paid, one, paid))
            return false;
    return true;
}

/* What is paid is the advance and the installments, and the rest is the balance: worked out anew
 * with every write, so that neither can drift from the rows. */
static bool derive(const struct kind_env *env, const bson_t *set, const bson_t *old, bson_t *out,
                   struct err *err)
{
    money_t total = amount_of(env, set, old, "total_amount");
    money_t paid = amount_of(env, set, old, "advance_payment");
    char left[MONEY_TEXT_SIZE];
    bson_iter_t it;

    if (add_installments(env, set, old, &paid) && paid <= total)
        return doc_append_money(out, "balance_amount", total - paid, env->decimals) &&
               doc_append_money(out, "paid_amount", paid, env->decimals);
    if (!bson_iter_init_find(&it, set, "installments") || old == NULL)
        return err_field(err, "advance_payment", "range",
                         "What is paid must not be more than the total");
    paid = amount_of(env, old, NULL, "advance_payment");
    if (!add_installments(env, old, NULL, &paid) || paid > total)
        paid = total;
    money_format(left, total - paid, env->decimals);
    return err_field(err, "amount", "range", "Must not be more than the balance of %s", left);
}

static const char *const closed[] = {"cancelled", NULL};

static const struct append appends[] = {
    {.segment = "installment", .list = "installments", .form = "Installment", .open = true,
     .closed_by = "status", .closed_when = closed,
     .summary = "Pay an installment of an order: the balance becomes less by it"},
};

static const struct field fields[] = {
    {"order_number", K_TEXT, F_READONLY | F_UNIQUE | F_FILTER | F_SEARCH,
     .min = 6, .series = "CO-"},
    {"customer_name", K_TEXT, F_REQUIRED | F_SEARCH},
    {"customer_phone", K_PHONE, F_REQUIRED | F_FILTER | F_SEARCH},
    {"product_description", K_NOTE, F_REQUIRED},
    {"specifications", K_OBJECT, F_REQUIRED},
    {"total_amount", K_MONEY, F_REQUIRED},
    {"advance_payment", K_MONEY, F_REQUIRED},
    {"balance_amount", K_MONEY, F_READONLY, .summary = "The total less what is paid"},
    {"paid_amount", K_MONEY, F_READONLY, .summary = "The advance and the installments"},
    {"delivery_date", K_DAY, F_REQUIRED | F_SORT | F_RANGE},
    {"status", K_TEXT, F_KEEP | F_FILTER, .max = 32, .def = "\"pending\""},
    {"installments", K_ROWS, F_READONLY, .def = "[]"},
    {NULL},
};

const struct resource custom_order_resource = {
    .noun = "custom_order",
    .schema = "CustomOrder",
    .path = "/api/custom-orders",
    .collection = "custom_orders",
    .module = "custom_orders",
    .ops = OP_ALL,
    .write_roles = ROLES_MANAGER | R(ROLE_STAFF) | R(ROLE_CASHIER),
    .delete_roles = ROLES_MANAGER,
    .fields = fields,
    .appends = appends,
    .n_appends = ARRAY_LEN(appends),
    .derive = derive,
    .summary = "custom orders",
};
