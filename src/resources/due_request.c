/* Credit sales that staff ask for, to be read; they are asked for and decided on by the rules of
 * trade/due_request.h. */
#include "base.h"
#include "engine/resource.h"

static const char *const statuses[] = {"pending", "approved", "rejected", NULL};

static const struct field fields[] = {
    {"request_number", K_TEXT, F_READONLY | F_UNIQUE | F_FILTER, .min = 6, .max = 32,
     .series = "DUE-"},
    {"customer_name", K_TEXT, F_READONLY},
    {"customer_phone", K_TEXT, F_READONLY, .max = 32},
    {"customer_id", K_REF, F_READONLY | F_FILTER, .ref = "customer"},
    {"customer_address", K_TEXT, F_READONLY, .max = 500},
    {"due_amount", K_MONEY, F_READONLY, .def = "0"},
    {"total_amount", K_MONEY, F_READONLY, .def = "0"},
    {"paid_amount", K_MONEY, F_READONLY, .def = "0"},
    {"discount", K_MONEY, F_READONLY, .def = "0"},
    {"tax", K_MONEY, F_READONLY, .summary = "null: by the rates of the settings"},
    {"items", K_ROWS, F_READONLY, .def = "[]"},
    {"notes", K_NOTE, F_READONLY},
    {"branch_id", K_REF, F_READONLY | F_FILTER, .ref = "branch"},
    {"branch_name", K_TEXT, F_READONLY},
    {"status", K_ENUM, F_READONLY | F_FILTER, .values = statuses, .def = "\"pending\""},
    {"requested_by", K_TEXT, F_READONLY | F_FILTER, .max = 64, .summary = "Id of the user"},
    {"requested_by_name", K_TEXT, F_READONLY},
    {"requested_by_email", K_TEXT, F_READONLY, .max = 254},
    {"approved_by", K_TEXT, F_READONLY, .max = 64,
     .summary = "Id of the user who decided, either way"},
    {"approved_by_name", K_TEXT, F_READONLY},
    {"decided_at", K_INSTANT, F_READONLY},
    {"sale_id", K_REF, F_READONLY | F_FILTER, .ref = "sale"},
    {"invoice_no", K_TEXT, F_READONLY, .max = 32},
    {"rejection_reason", K_TEXT, F_READONLY, .max = 500},
    {"include_warranty_terms", K_BOOL, F_READONLY, .def = "false"},
    {"warranty_terms", K_NOTE, F_READONLY},
    {NULL},
};

const struct resource due_request_resource = {
    .noun = "due_request",
    .schema = "DueRequest",
    .path = "/api/due-requests",
    .collection = "due_requests",
    .module = "sales",
    .branch_field = "branch_id",
    .own_field = "requested_by",
    .own_roles = R(ROLE_STAFF),
    .ops = OP_READ,
    .fields = fields,
    .sort = "-id",
    .summary = "credit sales that are asked for",
};
