/* The patients of a clinic; who treats or receives them reads of them, and nobody else. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"name", K_TEXT, F_REQUIRED | F_SEARCH | F_SORT},
    {"age", K_INT, F_REQUIRED, .max = 150},
    {"gender", K_TEXT, F_REQUIRED, .max = 32},
    {"phone", K_PHONE, F_REQUIRED | F_FILTER | F_SEARCH},
    {"email", K_EMAIL},
    {"address", K_TEXT, .max = 500},
    {"blood_group", K_TEXT, .max = 8},
    {"medical_history", K_TEXT_LIST, F_KEEP, .def = "[]"},
    {NULL},
};

const struct resource patient_resource = {
    .noun = "patient",
    .schema = "Patient",
    .path = "/api/patients",
    .collection = "patients",
    .module = "patients",
    .ops = OP_ALL,
    .read_roles = ROLES_MANAGER | R(ROLE_STAFF),
    .write_roles = ROLES_MANAGER | R(ROLE_STAFF),
    .delete_roles = ROLES_MANAGER,
    .fields = fields,
    .summary = "patients",
};
