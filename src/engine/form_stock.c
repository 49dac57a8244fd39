/* Bodies and replies about goods that come in and go from branch to branch. */
#include "base.h"
#include "engine/form.h"

const struct field form_transfer_create[] = {
    {.name = "product_id", .kind = K_TEXT, .flags = F_REQUIRED, .max = 64},
    {.name = "from_branch_id", .kind = K_TEXT, .flags = F_REQUIRED, .max = 64,
     .summary = "For users of one branch: their own"},
    {.name = "to_branch_id", .kind = K_TEXT, .flags = F_REQUIRED, .max = 64},
    {.name = "quantity", .kind = K_INT, .flags = F_REQUIRED, .min = 1, .max = 1000000000},
    {.name = "reference_note", .kind = K_TEXT, .max = 500},
    {NULL},
};
