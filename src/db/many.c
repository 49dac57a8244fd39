/* Commands on many documents. They refuse to run outside a transaction, where a failure in the
 * middle would leave a part of them done. */
#include "base.h"
#include "db/many.h"
#include "core/clock.h"
#include "db/guard.h"

static bool begin(struct scope *scope, const char *op, const char *collection, bson_t *opts,
                  int32_t *time_ms, struct err *err)
{
    bson_error_t error;

    if (!scope->session)
        die("%s of many in %s outside a transaction", op, collection);
    scope->transient = scope->cluster_down = scope->cluster_lost = scope->rule_refused = false;
    *time_ms = scope_time_left_ms(scope);
    if (*time_ms == 0)
        return err_set(err, ERR_TIMEOUT, "The request took too long.");
    bson_init(opts);
    if (!mongoc_client_session_append(scope->session, opts, &error))
        die("a session of another client: %s", error.message);
    scope->round_trips++;
    scope->op = op;
    scope->about = collection;
    return true;
}

static bool finish(struct scope *scope, int64_t started_us, bool ok, const bson_error_t *error,
                   const bson_t *reply, struct err *err)
{
    int64_t took_us = clock_mono_us() - started_us;

    scope_waited(scope);
    scope->spent_us += took_us;
    scope_log(scope, took_us, ok ? NULL : error);
    return ok || scope_fail(scope, error, reply, took_us, err);
}

bool scope_insert_all(struct scope *scope, const char *collection, const bson_t **docs, size_t n,
                      struct err *err)
{
    mongoc_collection_t *handle;
    bson_t opts, reply;
    bson_error_t error;
    int64_t started_us;
    int32_t time_ms;
    bool ok;

    for (size_t i = 0; i < n; i++)
        guard_document(scope, docs[i]);
    if (n == 0)
        return true;
    if (!begin(scope, "insert", collection, &opts, &time_ms, err))
        return false;
    BSON_APPEND_INT32(&opts, "maxTimeMS", time_ms);
    handle = mongoc_client_get_collection(scope->client, scope->db_name, collection);
    started_us = scope_waits(scope);
    ok = mongoc_collection_insert_many(handle, docs, n, &opts, &reply, &error);
    ok = finish(scope, started_us, ok, &error, &reply, err);
    mongoc_collection_destroy(handle);
    bson_destroy(&opts);
    bson_destroy(&reply);
    return ok;
}

/* A statement that fails is told inside a reply that is otherwise fine. */
static bool took_effect(const bson_t *reply, bson_error_t *error)
{
    bson_iter_t it, one, part;

    if (!bson_iter_init(&it, reply) ||
        !bson_iter_find_descendant(&it, "writeErrors.0", &one))
        return true;
    bson_set_error(error, MONGOC_ERROR_SERVER, 0, "a write failed");
    if (BSON_ITER_HOLDS_DOCUMENT(&one) && bson_iter_recurse(&one, &part) &&
        bson_iter_find(&part, "code"))
        error->code = (uint32_t)bson_iter_as_int64(&part);
    return false;
}

/* The driver would put maxTimeMS into the statement; so the command is spelled out. `statements` is
 * an array; `count` names the member of the reply that says how many. */
static bool run(struct scope *scope, const char *op, const char *collection, const char *list,
                const bson_t *statements, const char *count, int64_t *n, struct err *err)
{
    bson_t command = BSON_INITIALIZER, opts, reply;
    bson_error_t error = {0};
    int64_t started_us;
    bson_iter_t it;
    int32_t time_ms;
    bool ok;

    *n = 0;
    if (!begin(scope, op, collection, &opts, &time_ms, err))
        return false;
    BSON_APPEND_UTF8(&command, op, collection);
    BSON_APPEND_ARRAY(&command, list, statements);
    BSON_APPEND_INT32(&command, "maxTimeMS", time_ms);
    started_us = scope_waits(scope);
    ok = mongoc_client_write_command_with_opts(scope->client, scope->db_name, &command, &opts,
                                               &reply, &error) &&
         took_effect(&reply, &error);
    ok = finish(scope, started_us, ok, &error, &reply, err);
    if (ok && bson_iter_init_find(&it, &reply, count))
        *n = bson_iter_as_int64(&it);
    bson_destroy(&command);
    bson_destroy(&opts);
    bson_destroy(&reply);
    return ok;
}

bool scope_update_all(struct scope *scope, const char *collection, const bson_t *filter,
                      const bson_t *update, int64_t *changed, struct err *err)
{
    bson_t *statement;
    bool ok;

    guard_filter(scope, filter);
    guard_update(scope, update);
    statement = BCON_NEW("0", "{", "q", BCON_DOCUMENT(filter), "u", BCON_DOCUMENT(update), "multi",
                         BCON_BOOL(true), "}");
    ok = run(scope, "update", collection, "updates", statement, "nModified", changed, err);
    bson_destroy(statement);
    return ok;
}

bool scope_update_each(struct scope *scope, const char *collection, const bson_t **filters,
                       const bson_t **updates, size_t n, int64_t *matched, struct err *err)
{
    bson_t statements = BSON_INITIALIZER, one;
    char key[24];
    bool ok;

    *matched = 0;
    for (size_t i = 0; i < n; i++) {
        guard_filter(scope, filters[i]);
        guard_update(scope, updates[i]);
        snprintf(key, sizeof key, "%zu", i);
        BSON_APPEND_DOCUMENT_BEGIN(&statements, key, &one);
        BSON_APPEND_DOCUMENT(&one, "q", filters[i]);
        BSON_APPEND_DOCUMENT(&one, "u", updates[i]);
        bson_append_document_end(&statements, &one);
    }
    ok = n == 0 || run(scope, "update", collection, "updates", &statements, "n", matched, err);
    bson_destroy(&statements);
    return ok;
}

bool scope_delete_all(struct scope *scope, const char *collection, const bson_t *filter,
                      int64_t *deleted, struct err *err)
{
    bson_t *statement;
    bool ok;

    guard_filter(scope, filter);
    statement = BCON_NEW("0", "{", "q", BCON_DOCUMENT(filter), "limit", BCON_INT32(0), "}");
    ok = run(scope, "delete", collection, "deletes", statement, "n", deleted, err);
    bson_destroy(statement);
    return ok;
}
