/* The audit log, to be read by the business's administrator. Entries come into being with what they
 * are about (tenant/audit.c). Its indexes serve lists by each filter, the auditor (by time and id)
 * and the time of the last write (by kind). */
#include "base.h"
#include "engine/resource.h"
#include "tenant/audit.h"

static const char *const kinds[] = {"data", "access", "operator", "service", NULL};

static const struct field fields[] = {
    {"at", K_INSTANT, F_READONLY | F_SORT | F_RANGE, .summary = "When it happened"},
    {"kind", K_ENUM, F_READONLY | F_FILTER, .values = kinds,
     .summary = "A record was written, somebody signed in or was refused, the operator acted, or "
                "the service made a record of defaults"},
    {"action", K_TEXT, F_READONLY | F_FILTER, .max = 64},
    {"collection", K_TEXT, F_READONLY | F_FILTER, .max = 64, .summary = "Of what was written"},
    {"record_id", K_TEXT, F_READONLY | F_FILTER, .max = 64},
    {"actor", K_TEXT, F_READONLY | F_FILTER, .max = 64, .summary = "Id of the user, or erpctl"},
    {"actor_email", K_TEXT, F_READONLY, .max = 254},
    {"actor_role", K_TEXT, F_READONLY, .max = 32},
    {"impersonated_by", K_TEXT, F_READONLY, .max = 64,
     .summary = "The super_admin who acted in the actor's place"},
    {"remote_addr", K_TEXT, F_READONLY, .max = 64},
    {"request_id", K_TEXT, F_READONLY, .max = 64},
    {"route", K_TEXT, F_READONLY, .max = 128, .summary = "What was refused"},
    {"code", K_TEXT, F_READONLY, .max = 64, .summary = "Why it was refused"},
    {"note", K_NOTE, F_READONLY, .summary = "Why, in the actor's words"},
    {"before", K_TEXT, F_READONLY, .max = 64, .summary = "SHA-256 of the record before"},
    {"after", K_TEXT, F_READONLY, .max = 64, .summary = "SHA-256 of the record afterwards"},
    {NULL},
};

static const struct index_def indexes[] = {
    {.keys = {"tenant_id", "at", "id"}},
    {.keys = {"tenant_id", "kind", "at", "id"}},
    {.keys = {"tenant_id", "action", "at", "id"}},
    {.keys = {"tenant_id", "actor", "at", "id"}},
    {.keys = {"tenant_id", "collection", "at", "id"}},
    {.keys = {"tenant_id", "record_id", "at", "id"}},
};

const struct resource audit_entry_resource = {
    .noun = "audit_entry",
    .schema = "AuditEntry",
    .path = "/api/audit-log",
    .collection = AUDIT_COLLECTION,
    .module = "core",
    .ops = OP_LIST,
    .read_roles = ROLES_ADMIN,
    .fields = fields,
    .indexes = indexes,
    .n_indexes = ARRAY_LEN(indexes),
    .sort = "-at",
    .audit = true,
    .index_version = 2,
    .summary = "entries of the audit log",
};
