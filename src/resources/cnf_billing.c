/* Invoices of a clearing agent; the sums are the server's. */
#include "base.h"
#include "engine/resource.h"
#include "db/decimal.h"
#include "db/doc.h"

static const char *const statuses[] = {
    "pending", "unpaid", "partial", "paid", "overdue", "cancelled", NULL};

static const struct transition transitions[] = {
    {"pending", "unpaid"},
    {"pending", "partial", .stamp = "payment_date"},
    {"pending", "paid", .stamp = "payment_date"},
    {"pending", "overdue"},
    {"pending", "cancelled", .roles = ROLES_MANAGER},
    {"unpaid", "partial", .stamp = "payment_date"},
    {"unpaid", "paid", .stamp = "payment_date"},
    {"unpaid", "overdue"},
    {"unpaid", "cancelled", .roles = ROLES_MANAGER},
    {"partial", "paid", .stamp = "payment_date"},
    {"partial", "overdue"},
    {"overdue", "partial", .stamp = "payment_date"},
    {"overdue", "paid", .stamp = "payment_date"},
    {"overdue", "cancelled", .roles = ROLES_MANAGER},
    {"paid", "pending", .roles = ROLES_MANAGER},
    {NULL, NULL},
};

static const struct states states = {
    .field = "payment_status",
    .segment = "payment",
    .transitions = transitions,
};

static bool add(const struct kind_env *env, const bson_t *set, const char *name, money_t *sum)
{
    money_t amount;
    bson_iter_t it;

    return !bson_iter_init_find(&it, set, name) ||
           (decimal_to_money(&it, env->decimals, &amount) &&
            !__builtin_add_overflow(*sum, amount, sum));
}

/* An invoice is not changed afterwards, so all of it is in `set`. */
static bool derive(const struct kind_env *env, const bson_t *set, const bson_t *old, bson_t *out,
                   struct err *err)
{
    static const char *const charges[] = {"cnf_charges", "transport_charges",
                                          "documentation_charges", "port_charges",
                                          "other_charges"};
    money_t sum = 0, discount = 0;

    if (old != NULL)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(charges); i++)
        if (!add(env, set, charges[i], &sum) || sum > MONEY_MAX)
            return err_field(err, charges[i], "range", "The sum is too large");
    if (!add(env, set, "discount", &discount) || discount > sum)
        return err_field(err, "discount", "range", "Must not be more than the charges");
    return doc_append_money(out, "subtotal", sum, env->decimals) &&
           doc_append_money(out, "total_amount", sum - discount, env->decimals);
}

static const struct field fields[] = {
    {"invoice_number", K_TEXT, F_READONLY | F_UNIQUE | F_FILTER | F_SEARCH,
     .min = 5, .series = "INV-CNF-"},
    {"job_file_id", K_REF, F_REQUIRED | F_FILTER, .ref = "job_file"},
    {"client_name", K_TEXT, F_REQUIRED | F_SEARCH},
    {"cnf_charges", K_MONEY, F_REQUIRED},
    {"transport_charges", K_MONEY, F_REQUIRED},
    {"documentation_charges", K_MONEY, F_REQUIRED},
    {"port_charges", K_MONEY, F_REQUIRED},
    {"other_charges", K_MONEY, .def = "0"},
    {"subtotal", K_MONEY, F_READONLY},
    {"discount", K_MONEY, .def = "0"},
    {"total_amount", K_MONEY, F_READONLY | F_SORT | F_RANGE},
    {"payment_status", K_ENUM, F_IMMUTABLE | F_FILTER, .values = statuses, .def = "\"pending\""},
    {"payment_date", K_DAY, F_READONLY},
    {NULL},
};

const struct resource cnf_billing_resource = {
    .noun = "cnf_billing",
    .schema = "CNFBilling",
    .path = "/api/cnf/billing",
    .collection = "cnf_billing",
    .module = "customs",
    .ops = OP_READ | OP_CREATE,
    .read_roles = ROLES_MANAGER | R(ROLE_STAFF),
    .write_roles = ROLES_MANAGER | R(ROLE_STAFF),
    .fields = fields,
    .states = &states,
    .derive = derive,
    .summary = "invoices of job files",
};
