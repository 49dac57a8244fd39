/* Shifts at the till, to be read: trade/till.h opens and closes them. Whoever is no manager sees
 * their own alone. */
#include "base.h"
#include "trade/till.h"

static const char *const statuses[] = {"open", "closed", NULL};
static const char *const open_ones[] = {"open", NULL};

static const struct field fields[] = {
    {"shift_number", K_TEXT, F_READONLY | F_UNIQUE | F_FILTER, .min = 6, .max = 32,
     .series = "SHIFT-"},
    {"status", K_ENUM, F_READONLY | F_FILTER, .values = statuses, .def = "\"open\""},
    {"branch_id", K_REF, F_READONLY | F_FILTER, .ref = "branch"},
    {"till", K_TEXT, F_READONLY | F_FILTER, .max = 64, .summary = "Name of the drawer"},
    {"user_id", K_TEXT, F_READONLY | F_FILTER, .max = 64, .summary = "Whose shift it is"},
    {"opened_by", K_TEXT, F_READONLY, .max = 254, .summary = "Email of that user"},
    {"opened_at", K_INSTANT, F_READONLY},
    {"day", K_DAY, F_READONLY | F_FILTER, .max = 10,
     .summary = "The day on which it was opened, in the business's time zone"},
    {"opening_float", K_MONEY, F_READONLY, .def = "0", .summary = "Cash in the drawer then"},
    {"payments", K_INT, F_READONLY, .def = "0", .summary = "How many were taken or given back"},
    {"movements", K_ROWS, F_READONLY, .max = TILL_MOVES_MAX, .def = "[]",
     .summary = "Cash that came and went without a sale; kind, amount, reason, when and who"},
    {"z_number", K_INT, F_READONLY, .summary = "Of its Z report: without gaps in a branch"},
    {"closed_at", K_INSTANT, F_READONLY},
    {"closed_by", K_TEXT, F_READONLY, .max = 254, .summary = "Email of who closed it"},
    {"expected_cash", K_MONEY, F_READONLY, .min = -MONEY_MAX},
    {"counted_cash", K_MONEY, F_READONLY},
    {"variance", K_MONEY, F_READONLY, .min = -MONEY_MAX, .summary = "counted - expected"},
    {"denominations", K_ROWS, F_READONLY, .max = TILL_COINS_MAX, .def = "[]",
     .summary = "What was counted: value and count of each coin and note"},
    {"note", K_TEXT, F_READONLY, .max = 500},
    {NULL},
};

static const struct index_def indexes[] = {
    /* One open shift a user, and one a drawer that has a name. */
    {.keys = {"tenant_id", "user_id"}, .unique = true, .text = "user_id", .field = "status",
     .values = open_ones},
    {.keys = {"tenant_id", "branch_id", "till"}, .unique = true, .text = "till",
     .field = "status", .values = open_ones},
    /* Asked by every sale. */
    {.keys = {"tenant_id", "user_id", "status"}},
};

const struct resource shift_resource = {
    .noun = "shift",
    .schema = "Shift",
    .path = "/api/till/shifts",
    .collection = SHIFTS,
    .module = "sales",
    .branch_field = "branch_id",
    .own_field = "user_id",
    .own_roles = ROLES_TENANT & ~ROLES_MANAGER,
    .ops = OP_READ,
    .read_roles = ROLES_TILL,
    .fields = fields,
    .indexes = indexes,
    .n_indexes = ARRAY_LEN(indexes),
    .summary = "shifts at the till",
};
