/* Reads: cursors that die with the arena, and the second try where a connection had broken. The
 * driver would try again too (retryReads), but also after a server that hangs has used up its
 * patience, and then waits for it once more. Called by everything that reads records. */
#include "base.h"
#include "db/scope.h"
#include "core/clock.h"
#include "db/errmap.h"
#include "db/guard.h"
#include "db/scope_priv.h"

static void destroy_cursor(void *cursor)
{
    mongoc_cursor_destroy(cursor);
}

static mongoc_cursor_t *keep(struct scope *scope, mongoc_cursor_t *cursor)
{
    arena_defer(scope->arena, destroy_cursor, cursor);
    if (scope->failed == cursor)
        scope->failed = NULL; /* that one is gone: this one has its address */
    return cursor;
}

/* May a read that failed so be tried again: at once refused, and outside of a transaction (which
 * is tried again as a whole)? */
static bool worth_another_try(const struct scope *scope, int64_t started_us,
                              const bson_error_t *error)
{
    return !scope->session && clock_mono_us() - started_us < LOST_US &&
           errmap_is_passing(error) && scope_time_left_ms(scope) > 0;
}

/* Nothing is sent before the first scope_next, which also sees a deadline that has passed. */
static int32_t cursor_time_ms(struct scope *scope)
{
    int32_t time_ms = scope_time_left_ms(scope);

    return time_ms > 0 ? time_ms : 1;
}

mongoc_cursor_t *scope_find(struct scope *scope, const char *collection, const bson_t *filter,
                            const bson_t *opts)
{
    mongoc_collection_t *handle = scope_open(scope, "find", collection);
    mongoc_cursor_t *cursor;
    bson_t all;

    guard_filter(scope, filter);
    scope_opts(scope, cursor_time_ms(scope), opts, &all);
    cursor = mongoc_collection_find_with_opts(handle, filter, &all, NULL);
    bson_destroy(&all);
    mongoc_collection_destroy(handle);
    scope->unasked = cursor;
    return keep(scope, cursor);
}

mongoc_cursor_t *scope_aggregate(struct scope *scope, const char *collection,
                                 const bson_t *pipeline, const bson_t *opts)
{
    mongoc_collection_t *handle = scope_open(scope, "aggregate", collection);
    mongoc_cursor_t *cursor;
    bson_t all;

    guard_pipeline(scope, pipeline);
    scope_opts(scope, cursor_time_ms(scope), opts, &all);
    cursor = mongoc_collection_aggregate(handle, MONGOC_QUERY_NONE, pipeline, &all, NULL);
    bson_destroy(&all);
    mongoc_collection_destroy(handle);
    scope->unasked = cursor;
    return keep(scope, cursor);
}

/* The same question on another connection: `cursor` stays the caller's name for it. */
static mongoc_cursor_t *ask_again(struct scope *scope, mongoc_cursor_t *cursor)
{
    scope->instead = keep(scope, mongoc_cursor_clone(cursor));
    scope->failed = cursor;
    scope->round_trips++;
    return scope->instead;
}

bool scope_next(struct scope *scope, mongoc_cursor_t *cursor, const bson_t **doc, struct err *err)
{
    int64_t started_us = clock_mono_us();
    bool first = cursor == scope->unasked;
    const bson_t *reply = NULL;
    bson_error_t error = {0};
    bool failed = false;

    *doc = NULL;
    scope->transient = scope->cluster_down = scope->cluster_lost = false;
    if (started_us >= scope->deadline_us)
        return err_set(err, ERR_TIMEOUT, "The request took too long.");
    if (first)
        scope->unasked = NULL;
    if (cursor == scope->failed)
        cursor = scope->instead;
    scope_waits(scope);
    if (!mongoc_cursor_next(cursor, doc)) {
        failed = mongoc_cursor_error_document(cursor, &error, &reply);
        if (failed && first && worth_another_try(scope, started_us, &error)) {
            cursor = ask_again(scope, cursor);
            started_us = scope_waits(scope);
            failed = !mongoc_cursor_next(cursor, doc) &&
                     mongoc_cursor_error_document(cursor, &error, &reply);
        }
    }
    if (failed)
        *doc = NULL;
    return scope_finish(scope, started_us, !failed, &error, reply, err);
}

bool scope_find_one(struct scope *scope, const char *collection, const bson_t *filter,
                    const bson_t *opts, const bson_t **doc, struct err *err)
{
    bson_t one = BSON_INITIALIZER;
    mongoc_cursor_t *cursor;

    if (opts)
        bson_concat(&one, opts);
    BSON_APPEND_INT64(&one, "limit", 1);
    BSON_APPEND_BOOL(&one, "singleBatch", true);
    cursor = scope_find(scope, collection, filter, &one);
    bson_destroy(&one);
    return scope_next(scope, cursor, doc, err);
}

bool scope_count(struct scope *scope, const char *collection, const bson_t *filter, int64_t limit,
                 int64_t *count, struct err *err)
{
    bson_t extra = BSON_INITIALIZER, opts, reply;
    mongoc_collection_t *handle;
    bson_error_t error;
    int64_t started_us;
    int32_t time_ms;
    bool ok;

    guard_filter(scope, filter);
    if (!scope_begin(scope, &time_ms, err))
        return false;
    if (limit > 0)
        BSON_APPEND_INT64(&extra, "limit", limit);
    scope_opts(scope, time_ms, &extra, &opts);
    bson_destroy(&extra);
    handle = scope_open(scope, "count", collection);
    started_us = scope_waits(scope);
    *count = mongoc_collection_count_documents(handle, filter, &opts, NULL, &reply, &error);
    if (*count < 0 && worth_another_try(scope, started_us, &error)) {
        bson_destroy(&reply);
        scope->round_trips++;
        started_us = scope_waits(scope);
        *count = mongoc_collection_count_documents(handle, filter, &opts, NULL, &reply, &error);
    }
    ok = scope_finish(scope, started_us, *count >= 0, &error, &reply, err);
    mongoc_collection_destroy(handle);
    bson_destroy(&opts);
    bson_destroy(&reply);
    return ok;
}
