/* The doctors of a clinic. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"name", K_TEXT, F_REQUIRED | F_SEARCH | F_SORT},
    {"specialization", K_TEXT, F_REQUIRED | F_SEARCH | F_FILTER},
    {"phone", K_PHONE, F_REQUIRED | F_FILTER},
    {"email", K_EMAIL},
    {"consultation_fee", K_MONEY, F_REQUIRED},
    {"available_days", K_TEXT_LIST, .max = 14, .def = "[]"},
    {NULL},
};

const struct resource doctor_resource = {
    .noun = "doctor",
    .schema = "Doctor",
    .path = "/api/doctors",
    .collection = "doctors",
    .module = "patients",
    .ops = OP_ALL,
    .fields = fields,
    .summary = "doctors",
};
