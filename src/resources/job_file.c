/* The file of a shipment at customs: who, what, and what it costs. */
#include "base.h"
#include "engine/resource.h"

static const char *const statuses[] = {
    "created", "in_progress", "documentation", "clearance", "completed", "cancelled", NULL};

static const struct transition transitions[] = {
    {"created", "in_progress"},
    {"created", "cancelled", .roles = ROLES_MANAGER},
    {"in_progress", "documentation"},
    {"in_progress", "cancelled", .roles = ROLES_MANAGER},
    {"documentation", "clearance"},
    {"documentation", "cancelled", .roles = ROLES_MANAGER},
    {"clearance", "completed", .stamp = "completion_date"},
    {"clearance", "cancelled", .roles = ROLES_MANAGER},
    {NULL, NULL},
};

static const struct states states = {
    .field = "status",
    .segment = "status",
    .transitions = transitions,
};

static const struct field fields[] = {
    {"job_number", K_TEXT, F_REQUIRED | F_UNIQUE | F_FILTER | F_SEARCH, .max = 64},
    {"shipment_id", K_REF, F_REQUIRED | F_FILTER, .ref = "shipment"},
    {"client_name", K_TEXT, F_REQUIRED | F_SEARCH},
    {"importer_name", K_TEXT, F_REQUIRED | F_SEARCH},
    {"exporter_name", K_TEXT, F_REQUIRED | F_SEARCH},
    {"port_of_loading", K_TEXT, F_REQUIRED},
    {"port_of_discharge", K_TEXT, F_REQUIRED},
    {"commodity", K_TEXT, F_REQUIRED},
    {"hs_code", K_TEXT, F_FILTER, .max = 32},
    {"duty_amount", K_MONEY, .def = "0"},
    {"vat_amount", K_MONEY, .def = "0"},
    {"other_charges", K_MONEY, .def = "0"},
    {"status", K_ENUM, F_READONLY | F_FILTER, .values = statuses, .def = "\"created\""},
    {"completion_date", K_DAY, F_READONLY},
    {NULL},
};

const struct resource job_file_resource = {
    .noun = "job_file",
    .schema = "JobFile",
    .path = "/api/cnf/jobs",
    .collection = "cnf_jobs",
    .module = "job_files",
    .ops = OP_ALL,
    .write_roles = ROLES_MANAGER | R(ROLE_STAFF),
    .delete_roles = ROLES_MANAGER,
    .fields = fields,
    .states = &states,
    .summary = "job files",
};
