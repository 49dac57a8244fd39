/* What the business spends: rent, wages, power. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"category", K_TEXT, F_REQUIRED | F_FILTER | F_SEARCH, .max = 100},
    {"amount", K_MONEY, F_REQUIRED | F_SORT | F_RANGE},
    {"description", K_NOTE, F_REQUIRED},
    {"date", K_DAY, F_REQUIRED | F_FILTER | F_SORT | F_RANGE},
    {NULL},
};

const struct resource expense_resource = {
    .noun = "expense",
    .schema = "Expense",
    .path = "/api/expenses",
    .collection = "expenses",
    .module = "sales",
    .ops = OP_ALL,
    .read_roles = ROLES_MANAGER,
    .fields = fields,
    .summary = "expenses",
};
