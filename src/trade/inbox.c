/* What one user sees, and marks as read. */
#include "base.h"
#include "trade/inbox.h"

static const struct field fields[] = {
    {.name = "type", .kind = K_ENUM, .values = notice_type_names},
    {.name = "title", .kind = K_TEXT},
    {.name = "message", .kind = K_NOTE},
    {.name = "sale_id", .kind = K_TEXT},
    {.name = "reference_id", .kind = K_TEXT},
    {.name = "user_id", .kind = K_TEXT},
    {.name = "branch_id", .kind = K_TEXT},
    {.name = "is_sticky", .kind = K_BOOL, .def = "false"},
    {.name = "is_read", .kind = K_BOOL, .def = "false"},
    {.name = "read_at", .kind = K_INSTANT},
    {.name = "metadata", .kind = K_OBJECT, .def = "{}"},
    {NULL},
};

/* For lists of administrators (with OP_LIST's own, by date) and of others; what is unread; `once`
 * look-ups and settling; the unique one and the one that removes. */
static const struct index_def indexes[] = {
    {.keys = {"tenant_id", "user_id", "created_at", "id"}},
    {.keys = {"tenant_id", "is_read", "created_at", "id"}},
    {.keys = {"tenant_id", "reference_id", "type"}},
    {.keys = {"tenant_id", "sale_id", "type"}},
    {.keys = {"tenant_id", "once"}, .unique = true, .text = "once"},
    {.keys = {"expires_at"}, .expires = true},
};

const struct resource notices_resource = {
    .noun = "notification",
    .collection = NOTIFICATIONS,
    .ops = OP_LIST,
    .fields = fields,
    .indexes = indexes,
    .n_indexes = ARRAY_LEN(indexes),
};
