/* Reads at one moment and inserts by the batch, for work on whole databases. */
#include "base.h"
#include "db/bulk.h"
#include "core/clock.h"
#include "db/guard.h"

static void destroy_session(void *session)
{
    mongoc_client_session_destroy(session);
}

bool scope_snapshot(struct scope *scope, struct err *err)
{
    mongoc_session_opt_t *opts = mongoc_session_opts_new();
    int64_t started_us = clock_mono_us();
    bson_error_t error;

    mongoc_session_opts_set_snapshot(opts, true);
    scope->session = mongoc_client_start_session(scope->client, opts, &error);
    mongoc_session_opts_destroy(opts);
    if (!scope->session)
        return scope_fail(scope, &error, NULL, clock_mono_us() - started_us, err);
    arena_defer(scope->arena, destroy_session, scope->session);
    return true;
}

bool scope_insert_many(struct scope *scope, const char *collection, const bson_t **docs, size_t n,
                       struct err *err)
{
    mongoc_collection_t *handle;
    int64_t started_us = clock_mono_us();
    bson_t reply;
    bson_error_t error;
    bool ok;

    for (size_t i = 0; i < n; i++)
        guard_document(scope, docs[i]);
    if (n == 0)
        return true;
    if (started_us >= scope->deadline_us)
        return err_set(err, ERR_TIMEOUT, "The request took too long.");
    scope->transient = scope->cluster_down = scope->cluster_lost = false;
    handle = mongoc_client_get_collection(scope->client, scope->db_name, collection);
    scope->round_trips++;
    ok = mongoc_collection_insert_many(handle, docs, n, NULL, &reply, &error);
    scope->spent_us += clock_mono_us() - started_us;
    if (!ok)
        scope_fail(scope, &error, &reply, clock_mono_us() - started_us, err);
    mongoc_collection_destroy(handle);
    bson_destroy(&reply);
    return ok;
}
