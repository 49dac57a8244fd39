/* The manual register of warranties: what was sold to whom, and until when it is covered. */
#include "base.h"
#include "engine/resource.h"

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

/* What is written now, else what is stored. */
static bool find(const bson_t *set, const bson_t *old, const char *name, bson_iter_t *it)
{
    return bson_iter_init_find(it, set, name) ||
           (old != NULL && bson_iter_init_find(it, old, name));
}

/* Calendar months; from the 31st on, the last day of a shorter month. */
static bool derive(const struct kind_env *env ERP_UNUSED, const bson_t *set, const bson_t *old,
                   bson_t *out, struct err *err ERP_UNUSED)
{
    bson_iter_t date, months;
    int year, month, day;
    int64_t at;
    char text[32];

    if (!find(set, old, "purchase_date", &date) || !BSON_ITER_HOLDS_UTF8(&date) ||
        sscanf(bson_iter_utf8(&date, NULL), "%4d-%2d-%2d", &year, &month, &day) != 3 ||
        month < 1 || month > 12 || !find(set, old, "warranty_period_months", &months))
        return true;
    at = (int64_t)year * 12 + month - 1 + bson_iter_as_int64(&months);
    year = (int)(at / 12);
    month = (int)(at % 12) + 1;
    if (day > month_days(year, month))
        day = month_days(year, month);
    snprintf(text, sizeof(text), "%04d-%02d-%02d", year, month, day);
    return bson_append_utf8(out, "expiry_date", -1, text, -1);
}

static const struct field fields[] = {
    {"product_id", K_REF, F_REQUIRED | F_FILTER, .ref = "product"},
    {"serial_number", K_TEXT, F_REQUIRED | F_FILTER | F_SEARCH, .max = 64},
    {"customer_name", K_TEXT, F_REQUIRED | F_SEARCH},
    {"customer_phone", K_PHONE, F_REQUIRED | F_FILTER | F_SEARCH},
    {"purchase_date", K_DAY, F_REQUIRED},
    {"warranty_period_months", K_INT, F_REQUIRED, .max = 1200},
    {"expiry_date", K_DAY, F_READONLY | F_SORT | F_RANGE},
    {"is_active", K_BOOL, F_FILTER | F_KEEP, .def = "true"},
    {NULL},
};

const struct resource warranty_resource = {
    .noun = "warranty",
    .schema = "Warranty",
    .path = "/api/warranties",
    .collection = "warranties",
    .module = "sales",
    .ops = OP_ALL,
    .write_roles = ROLES_MANAGER | R(ROLE_STAFF) | R(ROLE_CASHIER),
    .delete_roles = ROLES_MANAGER,
    .fields = fields,
    .derive = derive,
    .summary = "warranties",
};
