/* Warranties end with what they are of: a sale that is cancelled, a unit that comes back. */
#include "base.h"
#include "trade/warranty_priv.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/many.h"
#include "db/own.h"
#include "engine/ids.h"
#include "engine/resource.h"
#include "engine/validate.h"

/* Of a sale: its own, and those that replaced them. */
#define OF_A_SALE (2 * WARRANTY_UNITS_MAX)

struct ending {
    struct req *req;
    struct scope *scope;
    struct err *err;
    const char *reason;
    const bson_t *records[OF_A_SALE];
    size_t n;
};

static bool is_open(const bson_t *record)
{
    static const char *const open[] = {"active", "claimed", "under_inspection",
                                       "replacement_pending"};
    const char *status = doc_text(record, "current_status");

    for (size_t i = 0; status != NULL && i < ARRAY_LEN(open); i++)
        if (strcmp(status, open[i]) == 0)
            return true;
    return false;
}

/* Those that are open of a sale, or of one of its items; the last units first. */
static bool read_open(struct ending *e, const char *sale_id, const int64_t *line)
{
    bson_t *filter = own_bson(e->scope->arena), *opts = own_bson(e->scope->arena);
    mongoc_cursor_t *cursor;
    const bson_t *doc;

    scope_filter(e->scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "sale_id", sale_id);
    if (line != NULL)
        BSON_APPEND_INT64(filter, "line", *line);
    BCON_APPEND(opts, "sort", "{", "id", BCON_INT32(-1), "}", "batchSize", BCON_INT32(OF_A_SALE));
    cursor = scope_find(e->scope, WARRANTIES, filter, opts);
    while (e->n < OF_A_SALE) {
        if (!scope_next(e->scope, cursor, &doc, e->err))
            return false;
        if (doc == NULL)
            return true;
        if (is_open(doc))
            e->records[e->n++] = own_bson_copy(e->scope->arena, bson_get_data(doc), doc->len);
    }
    return true;
}

static bool close_all(struct ending *e)
{
    bson_t *filter = own_bson(e->scope->arena), *update = own_bson(e->scope->arena);
    struct ids ids;
    int64_t changed;

    ids_init(&ids, e->scope->arena, e->n);
    for (size_t i = 0; i < e->n; i++)
        ids_add(&ids, doc_text(e->records[i], "id"));
    scope_filter(e->scope, NULL, filter);
    ids_append_in(&ids, "id", filter);
    BCON_APPEND(update, "$set", "{", "current_status", "closed", "updated_at",
                BCON_DATE_TIME(clock_ms()), "}", "$inc", "{", FIELD_REV, BCON_INT64(1), "}");
    return scope_update_all(e->scope, WARRANTIES, filter, update, &changed, e->err);
}

static bool tell_all(struct ending *e)
{
    const bson_t **events = arena_alloc(e->scope->arena, e->n * sizeof *events);

    for (size_t i = 0; i < e->n; i++) {
        bson_t *meta = own_bson(e->scope->arena);

        BSON_APPEND_UTF8(meta, "from", warranty_status(e->records[i], clock_ms()));
        BSON_APPEND_UTF8(meta, "to", "closed");
        events[i] = event_document(e->req, e->scope, e->records[i],
                                   &(struct warranty_event){.type = "status_changed",
                                                            .actor = "system",
                                                            .note = e->reason,
                                                            .meta = meta});
    }
    return scope_insert_all(e->scope, WARRANTY_EVENTS, events, e->n, e->err);
}

static bool end_all(struct ending *e)
{
    return e->n == 0 || (close_all(e) && tell_all(e));
}

bool warranty_void_sale(struct req *req, struct scope *scope, const char *sale_id, struct err *err)
{
    struct ending e = {.req = req, .scope = scope, .err = err, .reason = "The sale was cancelled"};

    return read_open(&e, sale_id, NULL) && end_all(&e);
}

/* Those that nobody has claimed to the front, each group as it was. */
static void unclaimed_first(struct ending *e)
{
    const bson_t *sorted[OF_A_SALE];
    size_t n = 0;

    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < e->n; i++)
            if ((strcmp(doc_text(e->records[i], "current_status"), "active") == 0) == (pass == 0))
                sorted[n++] = e->records[i];
    memcpy(e->records, sorted, n * sizeof *sorted);
}

bool warranty_void_units(struct req *req, struct scope *scope, const char *sale_id, int64_t line,
                         int64_t quantity, struct err *err)
{
    struct ending e = {.req = req, .scope = scope, .err = err, .reason = "The unit came back"};

    if (!read_open(&e, sale_id, &line))
        return false;
    unclaimed_first(&e);
    if (e.n > (size_t)quantity)
        e.n = (size_t)quantity;
    return end_all(&e);
}
