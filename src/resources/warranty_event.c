/* What became of a warranty, step by step; rows come into being with what they tell of
 * (trade/warranty.h), and nothing changes or removes one. */
#include "base.h"
#include "engine/resource.h"
#include "trade/warranty.h"

static const struct field fields[] = {
    {"warranty_id", K_TEXT, F_READONLY | F_FILTER, .max = 64},
    {"branch_id", K_TEXT, F_READONLY | F_FILTER, .max = 64},
    {"event_type", K_ENUM, F_READONLY, .values = warranty_event_types},
    {"actor_type", K_ENUM, F_READONLY, .values = warranty_actors},
    {"actor_id", K_TEXT, F_READONLY, .max = 64, .summary = "Of the user; null: none signed in"},
    {"actor_name", K_TEXT, F_READONLY, .max = 254, .summary = "Email of the user, or the customer"},
    {"note", K_NOTE, F_READONLY},
    {"attachments", K_TEXT_LIST, F_READONLY, .def = "[]"},
    {"meta", K_OBJECT, F_READONLY, .def = "{}"},
    {NULL},
};

const struct resource warranty_event_resource = {
    .noun = "warranty_event",
    .schema = "WarrantyEvent",
    .path = "/api/warranty-events",
    .collection = WARRANTY_EVENTS,
    .module = MODULE_WARRANTY,
    .branch_field = "branch_id",
    .ops = OP_LIST,
    .fields = fields,
    .summary = "what became of warranties",
};
