/* Appointments with customers. Nobody is booked twice for one day and time: an index sees to it. */
#include "base.h"
#include "engine/resource.h"

static const char *const statuses[] = {"pending", "confirmed", "completed", "cancelled", NULL};

static const struct transition transitions[] = {
    {"pending", "confirmed"},
    {"pending", "cancelled"},
    {"confirmed", "completed"},
    {"confirmed", "cancelled"},
    {NULL, NULL},
};

static const struct states states = {
    .field = "status",
    .segment = "status",
    .transitions = transitions,
};

/* What takes a place in the diary. */
static const char *const booked[] = {"pending", "confirmed", "completed", NULL};

static const struct field fields[] = {
    {"customer_name", K_TEXT, F_REQUIRED | F_SEARCH},
    {"customer_phone", K_PHONE, F_REQUIRED | F_FILTER | F_SEARCH},
    {"service_id", K_REF, F_REQUIRED | F_FILTER, .ref = "service"},
    {"staff_id", K_TEXT, F_FILTER, .max = 64, .summary = "The user who is booked"},
    {"appointment_date", K_DAY, F_REQUIRED | F_FILTER | F_SORT | F_RANGE, .max = 10},
    {"appointment_time", K_CLOCK, F_REQUIRED},
    {"status", K_ENUM, F_READONLY | F_FILTER, .values = statuses, .def = "\"pending\""},
    {"notes", K_NOTE},
    {NULL},
};

static const struct index_def indexes[] = {
    {.keys = {"tenant_id", "staff_id", "appointment_date", "appointment_time"},
         .unique = true,
         .text = "staff_id",
         .field = "status",
         .values = booked},
};

const struct resource appointment_resource = {
    .noun = "appointment",
    .schema = "Appointment",
    .path = "/api/appointments",
    .collection = "appointments",
    .module = "appointments",
    .ops = OP_ALL,
    .write_roles = ROLES_TENANT,
    .delete_roles = ROLES_MANAGER,
    .fields = fields,
    .indexes = indexes,
    .n_indexes = ARRAY_LEN(indexes),
    .states = &states,
    .summary = "appointments",
};
