/* Appointments with customers. Nobody is booked twice for one day and time: an index sees to it. */
#include "base.h"
#include "engine/resource.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "db/scope.h"

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
static const char *const taking[] = {"pending", "confirmed", NULL};

#define SLOT_MS  INT64_C(300000) /* the diary is kept in steps of five minutes */
#define SLOTS    "_slots"

/* Whether any of what decides about the time is written. */
static bool moves(const bson_t *set)
{
    static const char *const names[] = {"staff_id", "appointment_date", "appointment_time",
                                        "service_id"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (bson_has_field(set, names[i]))
            return true;
    return false;
}

/* A text as it is written, else as it is stored; NULL: none. */
static const char *text_of(const bson_t *set, const bson_t *old, const char *name)
{
    return bson_has_field(set, name) ? doc_text(set, name) : doc_text(old, name);
}

/* How long the service takes; a service that is not there any more: nothing. */
static bool read_minutes(struct scope *scope, const char *service_id, int64_t *minutes,
                         struct err *err)
{
    bson_t *filter = own_bson(scope->arena);
    const bson_t *service;

    scope_filter(scope, NULL, filter);
    bson_append_utf8(filter, "id", 2, service_id != NULL ? service_id : "", -1);
    if (!scope_find_one(scope, "services", filter, NULL, &service, err))
        return false;
    *minutes = doc_int(service, "duration_minutes", 0);
    return true;
}

/* The steps of the diary that the appointment takes, as numbers since 1970, in an array: a unique
 * index over staff and steps lets nobody else have one of them, however much the times overlap, and
 * lets go of them when the state is no longer open. Null without staff. */
static bool look(struct scope *scope, const bson_t *set, const bson_t *old, bson_t *out,
                 struct err *err)
{
    const char *staff = text_of(set, old, "staff_id");
    const char *day = text_of(set, old, "appointment_date");
    const char *hour = text_of(set, old, "appointment_time");
    int64_t begin, end, minutes = 0;
    char text[32];
    bson_t slots;

    if (!moves(set))
        return true;
    snprintf(text, sizeof(text), "%.10sT%.5s:00Z", day != NULL ? day : "",
             hour != NULL ? hour : "");
    if (staff == NULL || *staff == '\0' || !clock_parse(text, strlen(text), &begin) ||
        begin < SLOT_MS)
        return bson_append_null(out, SLOTS, -1);
    if (!read_minutes(scope, text_of(set, old, "service_id"), &minutes, err))
        return false;
    end = begin + (minutes > 0 ? minutes : 1) * 60000;
    bson_append_array_begin(out, SLOTS, -1, &slots);
    for (int64_t n = 0, slot = begin / SLOT_MS; slot * SLOT_MS < end; slot++, n++) {
        snprintf(text, sizeof(text), "%" PRId64, n);
        bson_append_int64(&slots, text, -1, slot);
    }
    bson_append_array_end(out, &slots);
    return true;
}

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
    {.keys = {"tenant_id", "staff_id", SLOTS},
         .unique = true,
         .above = SLOTS,
         .field = "status",
         .values = taking},
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
    .index_version = 1,
    .look = look,
    .taken = "The staff member has another appointment at that time",
    .states = &states,
    .summary = "appointments",
};
