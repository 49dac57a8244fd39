/* What customers owe, a record a sale. A closed one stays, with nothing due, as history: the list
 * shows what is open. */
#include "base.h"
#include "engine/resource.h"

static const char *const statuses[] = {"open", "settled", "cancelled", NULL};

static const struct field fields[] = {
    {"customer_id", K_REF, F_READONLY | F_FILTER, .ref = "customer"},
    {"customer_name", K_TEXT, F_READONLY},
    {"sale_id", K_REF, F_READONLY | F_FILTER, .ref = "sale"},
    {"sale_number", K_TEXT, F_READONLY, .max = 32},
    {"branch_id", K_REF, F_READONLY | F_FILTER, .ref = "branch"},
    {"total_amount", K_MONEY, F_READONLY, .def = "0"},
    {"paid_amount", K_MONEY, F_READONLY, .def = "0"},
    {"due_amount", K_MONEY, F_READONLY | F_SORT, .def = "0"},
    {"transaction_date", K_INSTANT, F_READONLY},
    {"status", K_ENUM, F_READONLY | F_FILTER, .values = statuses, .def = "\"open\""},
    {"closed_at", K_INSTANT, F_READONLY},
    {"reminded_at", K_INSTANT, F_READONLY, .summary = "When a reminder of it was last made"},
    {NULL},
};

static void due(bson_t *filter)
{
    bson_t child;

    bson_append_document_begin(filter, "due_amount", -1, &child);
    bson_append_int64(&child, "$gt", 3, 0);
    bson_append_document_end(filter, &child);
}

static void closed(bson_t *filter)
{
    bson_t child;

    bson_append_document_begin(filter, "due_amount", -1, &child);
    bson_append_int64(&child, "$lte", 4, 0);
    bson_append_document_end(filter, &child);
}

/* Whatever is closed stays, so what is open is found without looking at it: the list, what a
 * customer owes from the oldest on, and what nobody was reminded of for longest. (The first is
 * turned round, since the index by id has a name that another of the same keys would have too.) */
static const struct index_def indexes[] = {
    {.keys = {"tenant_id", "-id"}, .above = "due_amount"},
    {.keys = {"tenant_id", "customer_id", "transaction_date", "id"}, .above = "due_amount"},
    {.keys = {"tenant_id", "reminded_at", "id"}, .above = "due_amount"},
};

static const struct view open_view = {.filter = due};

static const struct view views[] = {
    {"history", "List what was due and is closed", closed, "due_amount"}, /* 0: so by id */
};

const struct resource customer_due_resource = {
    .noun = "customer_due",
    .schema = "CustomerDue",
    .path = "/api/customer-dues",
    .collection = "customer_dues",
    .module = "sales",
    .branch_field = "branch_id",
    .ops = OP_READ,
    .fields = fields,
    .indexes = indexes,
    .n_indexes = ARRAY_LEN(indexes),
    .index_version = 2,
    .list_view = &open_view,
    .views = views,
    .n_views = ARRAY_LEN(views),
    .summary = "what customers owe",
};
