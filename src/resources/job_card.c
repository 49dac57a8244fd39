/* Job cards of a workshop: a device, what is wrong with it, and what its repair costs. */
#include "base.h"
#include "trade/stock.h"
#include "core/clock.h"
#include "db/doc.h"

static const char *const statuses[] = {
    "pending", "in_progress", "completed", "delivered", "cancelled", NULL};

static const struct transition transitions[] = {
    {"pending", "in_progress"},
    {"pending", "cancelled", .roles = ROLES_MANAGER},
    {"in_progress", "completed", .stamp = "completion_date"},
    {"in_progress", "cancelled", .roles = ROLES_MANAGER},
    {"completed", "in_progress", .roles = ROLES_MANAGER},
    {"completed", "delivered", .stamp = "delivery_date"},
    {NULL, NULL},
};

static const struct states states = {
    .field = "status",
    .segment = "status",
    .transitions = transitions,
};

static bool derive(const struct kind_env *env ERP_UNUSED, const bson_t *set ERP_UNUSED,
                   const bson_t *old, bson_t *out, struct err *err ERP_UNUSED)
{
    char now[CLOCK_TEXT_SIZE];

    clock_format(now, clock_ms());
    return old != NULL || bson_append_utf8(out, "received_date", -1, now, -1);
}

/* A part that is a product comes off the shelf: of the branch of who adds it where that has it
 * assigned, else of the product's own stock. */
static bool take_part(struct scope *scope, const bson_t *card, const bson_t *part, struct err *err)
{
    const struct stock_cause cause = {STOCK_JOB, doc_text(card, "id"),
                                      doc_text(card, "job_number")};
    struct stock_line line = {.product_id = doc_text(part, "product_id"),
                              .branch_id = scope->branch_id,
                              .delta = -doc_int(part, "quantity", 1)};

    if (line.product_id == NULL || line.product_id[0] == '\0')
        return true;
    if (!stock_load(scope, &line, 1, err))
        return false;
    if (line.assignment == NULL)
        line.branch_id = NULL;
    return stock_move(scope, &cause, &line, 1, err);
}

static const char *const closed[] = {"delivered", "cancelled", NULL};

static const struct append appends[] = {
    {.segment = "add-part", .list = "parts_used", .form = "JobPart",
     .amount = "cost", .sum = "actual_cost", .open = true,
     .closed_by = "status", .closed_when = closed, .added = take_part,
     .summary = "Add a part to a job card, and its cost to what the job costs; a product comes off "
                "the shelf"},
};

static const struct field fields[] = {
    {"job_number", K_TEXT, F_READONLY | F_UNIQUE | F_FILTER | F_SEARCH, .min = 5, .series = "JOB-"},
    {"customer_id", K_REF, F_REQUIRED | F_FILTER, .ref = "customer"},
    {"device_type", K_TEXT, F_REQUIRED, .max = 64},
    {"device_brand", K_TEXT, F_REQUIRED | F_SEARCH, .max = 100},
    {"device_model", K_TEXT, F_REQUIRED | F_SEARCH},
    {"serial_number", K_TEXT, F_FILTER | F_SEARCH, .max = 64},
    {"issue_description", K_NOTE, F_REQUIRED},
    {"estimated_cost", K_MONEY, F_REQUIRED},
    {"actual_cost", K_MONEY, F_READONLY, .def = "0"},
    {"technician_id", K_TEXT, F_FILTER, .max = 64, .summary = "The user who repairs it"},
    {"parts_used", K_ROWS, F_READONLY, .def = "[]"},
    {"status", K_ENUM, F_READONLY | F_FILTER, .values = statuses, .def = "\"pending\""},
    {"received_date", K_DAY, F_READONLY},
    {"completion_date", K_DAY, F_READONLY},
    {"delivery_date", K_DAY, F_READONLY},
    {NULL},
};

const struct resource job_card_resource = {
    .noun = "job_card",
    .schema = "JobCard",
    .path = "/api/job-cards",
    .collection = "job_cards",
    .module = "repairs",
    .ops = OP_ALL,
    .write_roles = ROLES_TENANT,
    .delete_roles = ROLES_MANAGER,
    .fields = fields,
    .states = &states,
    .appends = appends,
    .n_appends = ARRAY_LEN(appends),
    .derive = derive,
    .journal = "stock_movement",
    .summary = "job cards",
};
