/* Customers, with what they bought and owe in all (kept by sales, never by a body),
 * and how much that may be (set by trade/customer.h). */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"name", K_TEXT, F_REQUIRED | F_SEARCH | F_SORT},
    {"phone", K_PHONE, F_REQUIRED | F_SEARCH | F_FILTER},
    {"email", K_EMAIL, F_SEARCH},
    {"address", K_TEXT, .max = 500},
    {"total_purchases", K_MONEY, F_READONLY, .def = "0"},
    {"due_amount", K_MONEY, F_READONLY, .def = "0"},
    {"credit_limit", K_MONEY, F_READONLY, .def = "0",
     .summary = "The most that may be due in all; 0: no limit"},
    {"store_credit", K_MONEY, F_READONLY, .def = "0", .summary = "To be spent here"},
    {NULL},
};

static const struct index_def indexes[] = {
    {.keys = {"tenant_id", "email"}},
};

const struct resource customer_resource = {
    .noun = "customer",
    .schema = "Customer",
    .path = "/api/customers",
    .collection = "customers",
    .module = "customers",
    .ops = OP_ALL,
    .write_roles = ROLES_TENANT,
    .delete_roles = ROLES_MANAGER,
    .fields = fields,
    .indexes = indexes,
    .n_indexes = ARRAY_LEN(indexes),
    .summary = "customers",
};
