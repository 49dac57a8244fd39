/* Every operation on data (reads: scope_read.c): tenant checked, deadline and session added, time
 * counted, failure translated. Builds no filters of its own beyond the tenant, and keeps no state
 * between requests. Called by everything that reads or writes records. */
#include "base.h"
#include "db/scope.h"
#include "core/clock.h"
#include "core/id.h"
#include "db/doc.h"
#include "db/errmap.h"
#include "db/guard.h"
#include "db/scope_priv.h"

#define RULE_REFUSED 121 /* DocumentValidationFailure */

static void destroy_bson(void *doc)
{
    bson_destroy(doc);
}

int32_t scope_time_left_ms(const struct scope *scope)
{
    int32_t most = scope->max_time_ms > 0 ? scope->max_time_ms : SCOPE_COMMAND_MS;
    int64_t left = (scope->deadline_us - clock_mono_us()) / 1000;

    if (left <= 0)
        return 0;
    return left < most ? (int32_t)left : most;
}

bool scope_begin(struct scope *scope, int32_t *time_ms, struct err *err)
{
    scope->transient = scope->cluster_down = scope->cluster_lost = scope->rule_refused = false;
    *time_ms = scope_time_left_ms(scope);
    if (*time_ms == 0)
        return err_set(err, ERR_TIMEOUT, "The request took too long.");
    return true;
}

void scope_opts(const struct scope *scope, int32_t time_ms, const bson_t *extra, bson_t *opts)
{
    bson_error_t error;

    bson_init(opts);
    if (extra)
        bson_concat(opts, extra);
    BSON_APPEND_INT32(opts, "maxTimeMS", time_ms);
    if (scope->session && !mongoc_client_session_append(scope->session, opts, &error))
        die("a session of another client: %s", error.message);
}

/* The driver would send the client's own read concern beside that of a snapshot session, and forget
 * the moment. */
static void no_concern(mongoc_collection_t *handle)
{
    mongoc_read_concern_t *none = mongoc_read_concern_new();

    mongoc_collection_set_read_concern(handle, none);
    mongoc_read_concern_destroy(none);
}

mongoc_collection_t *scope_open(struct scope *scope, const char *op, const char *collection)
{
    mongoc_collection_t *handle;

    scope->round_trips++;
    scope->op = op;
    scope->about = collection;
    handle = mongoc_client_get_collection(scope->client, scope->db_name, collection);
    if (scope->session &&
        mongoc_session_opts_get_snapshot(mongoc_client_session_get_opts(scope->session)))
        no_concern(handle);
    return handle;
}

void scope_answered(struct scope *scope)
{
    if (scope->answered)
        return;
    scope->answered = true;
    if (scope->verdict)
        scope->verdict(scope, SCOPE_ANSWERED);
}

static void cluster_failed(struct scope *scope, struct err *err)
{
    if (scope->verdict)
        scope->verdict(scope, scope->cluster_lost ? SCOPE_LOST : SCOPE_DROPPED);
    if (scope->tenant_id)
        err_set_retry(err, ERR_DB_UNAVAILABLE, 3,
                      "Database connection failed for this tenant. Please try again shortly.");
}

/* After each failure. A cluster that went away inside a transaction ends the transaction, whether
 * or not the driver could say so in a reply. */
bool scope_fail(struct scope *scope, const bson_error_t *error, const bson_t *reply,
                int64_t took_us, struct err *err)
{
    scope->rule_refused = error->domain == MONGOC_ERROR_SERVER && error->code == RULE_REFUSED;
    scope->cluster_down = errmap_is_network(error);
    scope->cluster_lost = scope->cluster_down &&
                          (error->domain == MONGOC_ERROR_SERVER_SELECTION || took_us >= LOST_US);
    scope->transient = errmap_has_label(reply, "TransientTransactionError") ||
                       (scope->session && scope->cluster_down);
    if (scope->cluster_down)
        cluster_failed(scope, err);
    else
        scope_answered(scope);
    return errmap_set(err, error, reply);
}

void scope_adopt_failure(struct scope *scope, const struct scope *beside)
{
    scope->transient = beside->transient;
    scope->cluster_down = beside->cluster_down;
    scope->cluster_lost = beside->cluster_lost;
    scope->rule_refused = beside->rule_refused;
}

bool scope_finish(struct scope *scope, int64_t started_us, bool ok, const bson_error_t *error,
                  const bson_t *reply, struct err *err)
{
    int64_t took_us = clock_mono_us() - started_us;

    scope_waited(scope);
    scope->spent_us += took_us;
    scope_log(scope, took_us, ok ? NULL : error);
    if (!ok)
        return scope_fail(scope, error, reply, took_us, err);
    scope_answered(scope);
    return true;
}

void scope_filter(const struct scope *scope, const char *branch_field, bson_t *filter)
{
    if (scope->tenant_id)
        BSON_APPEND_UTF8(filter, "tenant_id", scope->tenant_id);
    if (branch_field && scope->branch_id)
        bson_append_utf8(filter, branch_field, -1, scope->branch_id, -1);
}

void scope_begin_record(const struct scope *scope, const char *id, bson_t *doc)
{
    char fresh[ID_SIZE];

    if (!id)
        id_new(fresh);
    BSON_APPEND_UTF8(doc, "id", id ? id : fresh);
    BSON_APPEND_UTF8(doc, "tenant_id", scope->tenant_id);
    doc_append_dates(doc);
}

bool scope_insert(struct scope *scope, const char *collection, const bson_t *doc, struct err *err)
{
    mongoc_collection_t *handle;
    bson_error_t error;
    bson_t opts, reply;
    int64_t started_us;
    int32_t time_ms;
    bool ok;

    guard_document(scope, doc);
    if (!scope_begin(scope, &time_ms, err))
        return false;
    scope_opts(scope, time_ms, NULL, &opts);
    handle = scope_open(scope, "insert", collection);
    started_us = scope_waits(scope);
    ok = mongoc_collection_insert_one(handle, doc, &opts, &reply, &error);
    ok = scope_finish(scope, started_us, ok, &error, &reply, err);
    mongoc_collection_destroy(handle);
    bson_destroy(&opts);
    bson_destroy(&reply);
    return ok;
}

/* All updates and deletes go by findAndModify: it is retried by the driver like the plain commands,
 * and the driver lets it carry maxTimeMS, which it puts in the wrong place for those. */
static bool modify(struct scope *scope, const char *collection, const bson_t *filter,
                   mongoc_find_and_modify_opts_t *opts, const bson_t *extra, bson_t *reply,
                   struct err *err)
{
    mongoc_collection_t *handle;
    bson_error_t error;
    int64_t started_us;
    int32_t time_ms;
    bson_t all;
    bool ok;

    bson_init(reply);
    guard_filter(scope, filter);
    if (!scope_begin(scope, &time_ms, err))
        return false;
    scope_opts(scope, time_ms, extra, &all);
    if (!mongoc_find_and_modify_opts_append(opts, &all))
        die("options of findAndModify do not fit");
    bson_destroy(&all);
    handle = scope_open(scope, "findAndModify", collection);
    bson_destroy(reply); /* the driver initialises it again */
    started_us = scope_waits(scope);
    ok = mongoc_collection_find_and_modify_with_opts(handle, filter, opts, reply, &error);
    ok = scope_finish(scope, started_us, ok, &error, reply, err);
    mongoc_collection_destroy(handle);
    return ok;
}

static bool reply_says(const bson_t *reply, const char *path)
{
    bson_iter_t iter, value;

    return bson_iter_init(&iter, reply) && bson_iter_find_descendant(&iter, path, &value) &&
           bson_iter_as_bool(&value);
}

/* The whole record is not wanted back. */
static void want_nothing(mongoc_find_and_modify_opts_t *opts)
{
    bson_t fields = BSON_INITIALIZER;

    BSON_APPEND_INT32(&fields, "_id", 1);
    mongoc_find_and_modify_opts_set_fields(opts, &fields);
    bson_destroy(&fields);
}

bool scope_update_one(struct scope *scope, const char *collection, const bson_t *filter,
                      const bson_t *update, const bson_t *opts, int64_t *matched, struct err *err)
{
    mongoc_find_and_modify_opts_t *how = mongoc_find_and_modify_opts_new();
    bson_t reply;
    bool ok;

    guard_update(scope, update);
    mongoc_find_and_modify_opts_set_update(how, update);
    want_nothing(how);
    ok = modify(scope, collection, filter, how, opts, &reply, err);
    *matched = ok && reply_says(&reply, "lastErrorObject.updatedExisting");
    mongoc_find_and_modify_opts_destroy(how);
    bson_destroy(&reply);
    return ok;
}

bool scope_delete_one(struct scope *scope, const char *collection, const bson_t *filter,
                      int64_t *deleted, struct err *err)
{
    mongoc_find_and_modify_opts_t *how = mongoc_find_and_modify_opts_new();
    bson_t reply;
    bool ok;

    mongoc_find_and_modify_opts_set_flags(how, MONGOC_FIND_AND_MODIFY_REMOVE);
    want_nothing(how);
    ok = modify(scope, collection, filter, how, NULL, &reply, err);
    *deleted = ok && reply_says(&reply, "lastErrorObject.n");
    mongoc_find_and_modify_opts_destroy(how);
    bson_destroy(&reply);
    return ok;
}

/* The member "value" of the reply, owned by the arena; NULL when nothing matched. */
static const bson_t *take_value(struct scope *scope, const bson_t *reply)
{
    const uint8_t *bytes;
    bson_iter_t iter;
    uint32_t len;
    bson_t *copy;

    if (!bson_iter_init_find(&iter, reply, "value") || !BSON_ITER_HOLDS_DOCUMENT(&iter))
        return NULL;
    bson_iter_document(&iter, &len, &bytes);
    copy = bson_new_from_data(bytes, len);
    if (!copy)
        die("a reply holds a document that is none");
    arena_defer(scope->arena, destroy_bson, copy);
    return copy;
}

bool scope_find_and_update(struct scope *scope, const char *collection, const bson_t *filter,
                           const bson_t *update, bool after, bool upsert, const bson_t *projection,
                           const bson_t **doc, struct err *err)
{
    mongoc_find_and_modify_opts_t *how = mongoc_find_and_modify_opts_new();
    unsigned flags = MONGOC_FIND_AND_MODIFY_NONE;
    bson_t reply;
    bool ok;

    guard_update(scope, update);
    flags |= after ? MONGOC_FIND_AND_MODIFY_RETURN_NEW : 0;
    flags |= upsert ? MONGOC_FIND_AND_MODIFY_UPSERT : 0;
    mongoc_find_and_modify_opts_set_flags(how, flags);
    mongoc_find_and_modify_opts_set_update(how, update);
    if (projection)
        mongoc_find_and_modify_opts_set_fields(how, projection);
    ok = modify(scope, collection, filter, how, NULL, &reply, err);
    *doc = ok ? take_value(scope, &reply) : NULL;
    mongoc_find_and_modify_opts_destroy(how);
    bson_destroy(&reply);
    return ok;
}

bool scope_command(struct scope *scope, const bson_t *command, bson_t *reply, struct err *err)
{
    bson_error_t error;
    int64_t started_us;
    int32_t time_ms;
    bson_t opts;
    bool ok;

    bson_init(reply);
    if (!scope_begin(scope, &time_ms, err))
        return false;
    bson_destroy(reply); /* the driver initialises it again */
    bson_init(&opts);
    BSON_APPEND_INT32(&opts, "maxTimeMS", time_ms);
    scope->round_trips++;
    scope->op = scope_command_name(command);
    scope->about = NULL;
    started_us = scope_waits(scope);
    ok = mongoc_client_command_with_opts(scope->client, scope->db_name, command, NULL, &opts, reply,
                                         &error);
    bson_destroy(&opts);
    return scope_finish(scope, started_us, ok, &error, reply, err);
}
