/* A change stream and its place. Judges failures; what the events mean is its caller's business
 * (tenant/watch.c). */
#include "base.h"
#include "tenant/stream.h"
#include "core/clock.h"
#include "core/log.h"
#include "db/errmap.h"

#define PROBE_US INT64_C(4000000)

struct stream {
    struct clients *clients;
    const char *name, *uri, *db_name, *collection;
    const bson_t *pipeline;
    int32_t wait_ms;
    struct arena *arena; /* holds the client while the stream is open */
    mongoc_change_stream_t *handle;
    bson_t *place;
    bool away; /* said so in the log */
};

struct stream *stream_new(struct clients *clients, const char *name, const char *uri,
                          const char *db_name, const char *collection, const bson_t *pipeline,
                          int32_t wait_ms)
{
    struct stream *stream = calloc(1, sizeof *stream);

    if (!stream)
        die("out of memory: a change stream");
    *stream = (struct stream){
        .clients = clients,
        .name = name,
        .uri = uri,
        .db_name = db_name,
        .collection = collection,
        .pipeline = pipeline,
        .wait_ms = wait_ms,
        .arena = arena_new(1024 * 1024),
    };
    return stream;
}

static void close_handle(struct stream *stream)
{
    if (stream->handle)
        mongoc_change_stream_destroy(stream->handle);
    stream->handle = NULL;
    arena_reset(stream->arena);
}

static void forget_place(struct stream *stream)
{
    bson_destroy(stream->place);
    stream->place = NULL;
}

void stream_free(struct stream *stream)
{
    if (!stream)
        return;
    close_handle(stream);
    forget_place(stream);
    arena_free(stream->arena);
    free(stream);
}

bool stream_is_open(const struct stream *stream)
{
    return stream->handle != NULL;
}

const bson_t *stream_place(const struct stream *stream)
{
    return stream->place;
}

void stream_set_place(struct stream *stream, const bson_t *place)
{
    if (place && stream->place && bson_equal(place, stream->place))
        return;
    forget_place(stream);
    stream->place = place ? bson_copy(place) : NULL;
}

/* Never asked of a stream that failed: that one has none, and ours must survive it. */
static void copy_place(struct stream *stream)
{
    const bson_t *place = mongoc_change_stream_get_resume_token(stream->handle);

    if (place)
        stream_set_place(stream, place);
}

/* Everything else that a server says about an opening or a batch is about the place: too old for
 * the oplog, of another server, not a place at all. */
static bool is_away(const bson_error_t *error, const bson_t *reply)
{
    static const uint32_t refused[] = {13, 18, 8000}; /* no right to read, wrong password */

    if (errmap_is_network(error) || error->domain == MONGOC_ERROR_CLIENT ||
        errmap_has_label(reply, "ResumableChangeStreamError"))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        if (error->domain == MONGOC_ERROR_SERVER && error->code == refused[i])
            return true;
    return false;
}

static enum stream_result away(struct stream *stream, const char *text)
{
    close_handle(stream);
    /* A client that saw its servers fail keeps away from them for seconds. */
    clients_drop(stream->clients, stream->uri);
    if (!stream->away)
        log_event(LOG_LVL_WARN, "watch_away", "stream", stream->name, "text", text, NULL);
    stream->away = true;
    return STREAM_AWAY;
}

void stream_abandon(struct stream *stream)
{
    close_handle(stream);
    forget_place(stream);
}

static enum stream_result lost(struct stream *stream, const char *code, const char *text)
{
    log_event(LOG_LVL_WARN, "watch_lost", "stream", stream->name, "code", code, "text", text, NULL);
    stream_abandon(stream);
    return STREAM_LOST;
}

static enum stream_result failed(struct stream *stream, const bson_error_t *error,
                                 const bson_t *reply)
{
    char code[16];

    if (!stream->place || is_away(error, reply))
        return away(stream, error->message);
    snprintf(code, sizeof code, "%u", error->code);
    return lost(stream, code, error->message);
}

/* The seconds and the counter of a place, which is hexadecimal: 82, 8 digits each, and more. False
 * when it looks otherwise. */
static bool place_time(const bson_t *place, uint32_t *seconds, uint32_t *counter)
{
    bson_iter_t iter;

    return bson_iter_init_find(&iter, place, "_data") && BSON_ITER_HOLDS_UTF8(&iter) &&
           sscanf(bson_iter_utf8(&iter, NULL), "82%8" SCNx32 "%8" SCNx32, seconds, counter) == 2;
}

/* Is the place later than the server's last operation? A server that was set back is asked so, and
 * it would not complain: it would wait, in silence, until its time has come. */
static bool place_is_ahead(const struct stream *stream, const bson_t *reply)
{
    uint32_t seconds, counter, last, last_counter;
    bson_iter_t iter;

    if (!place_time(stream->place, &seconds, &counter) ||
        !bson_iter_init_find(&iter, reply, "operationTime") || !BSON_ITER_HOLDS_TIMESTAMP(&iter))
        return false;
    bson_iter_timestamp(&iter, &last, &last_counter);
    return seconds > last || (seconds == last && counter > last_counter);
}

/* False when the server does not answer. */
static bool check_place(struct stream *stream, struct scope *scope, bool *ahead, struct err *err)
{
    bson_t ping = BSON_INITIALIZER, reply;
    bool ok;

    *ahead = false;
    if (!stream->place)
        return true;
    BSON_APPEND_INT32(&ping, "ping", 1);
    ok = scope_command(scope, &ping, &reply, err);
    *ahead = ok && place_is_ahead(stream, &reply);
    bson_destroy(&ping);
    bson_destroy(&reply);
    return ok;
}

static void start(struct stream *stream, const struct scope *scope)
{
    mongoc_collection_t *collection = NULL;
    mongoc_database_t *database = NULL;
    bson_t opts = BSON_INITIALIZER;

    BSON_APPEND_UTF8(&opts, "fullDocument", "updateLookup");
    BSON_APPEND_INT64(&opts, "maxAwaitTimeMS", stream->wait_ms);
    if (stream->place)
        BSON_APPEND_DOCUMENT(&opts, "resumeAfter", stream->place);
    if (stream->collection) {
        collection =
            mongoc_client_get_collection(scope->client, stream->db_name, stream->collection);
        stream->handle = mongoc_collection_watch(collection, stream->pipeline, &opts);
    } else {
        database = mongoc_client_get_database(scope->client, stream->db_name);
        stream->handle = mongoc_database_watch(database, stream->pipeline, &opts);
    }
    bson_destroy(&opts);
    mongoc_collection_destroy(collection);
    mongoc_database_destroy(database);
}

static enum stream_result begin(struct stream *stream, const struct scope *scope)
{
    bool resumes = stream->place != NULL;
    const bson_t *reply = NULL;
    bson_error_t error;

    start(stream, scope);
    if (mongoc_change_stream_error_document(stream->handle, &error, &reply))
        return failed(stream, &error, reply);
    copy_place(stream);
    stream->away = false;
    log_event(LOG_LVL_INFO, resumes ? "watch_resumed" : "watch_began", "stream", stream->name,
              NULL);
    return STREAM_DRAINED;
}

enum stream_result stream_open(struct stream *stream)
{
    struct scope scope;
    struct err err;
    bool ok, ahead;

    err_init(&err);
    ok = clients_scope(stream->clients, stream->uri, stream->db_name, NULL, stream->arena,
                       clock_mono_us() + PROBE_US, &scope, &err) &&
         check_place(stream, &scope, &ahead, &err);
    if (!ok)
        away(stream, err.detail);
    err_release(&err);
    if (!ok)
        return STREAM_AWAY;
    return ahead ? lost(stream, NULL, "the server's time is before the place")
                 : begin(stream, &scope);
}

enum stream_result stream_next(struct stream *stream, const bson_t **event)
{
    const bson_t *reply = NULL;
    bson_error_t error;
    bool found = mongoc_change_stream_next(stream->handle, event);

    if (!found && mongoc_change_stream_error_document(stream->handle, &error, &reply))
        return failed(stream, &error, reply);
    copy_place(stream);
    return found ? STREAM_EVENT : STREAM_DRAINED;
}
