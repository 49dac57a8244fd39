/* One change stream of a database, and the writes that follow from it. */
#include "base.h"
#include "platform/copy_follow.h"
#include "core/clock.h"
#include "tenant/stream.h"

#define QUEUE      200
#define WAIT_MS    100
#define PATIENCE_S 60 /* for a mark to come by; a stream that lags has more to carry meanwhile */
#define ARENA_MAX  ((size_t)256 * 1024 * 1024)

struct touched {
    char *collection;
    bson_t *key;
};

struct copy_follow {
    struct job job; /* with an arena of its own, empty between commands */
    const struct copy_pair *pair;
    bson_t *pipeline;
    struct stream *stream;
    /* what waits to be written: documents or keys of one collection */
    char collection[256];
    bool put;
    bson_t *queue[QUEUE];
    size_t n_queue;
    struct touched *touched;
    size_t n_touched, max_touched;
    bool look; /* and nothing else */
};

/* What is a tenant's own; removals carry nothing but the key, so all come, and take away nothing
 * that the target does not have. */
static bson_t *make_pipeline(const char *tenant_id)
{
    if (!tenant_id)
        return bson_new();
    return BCON_NEW("pipeline", "[", "{", "$match", "{", "$or", "[", "{", "fullDocument.tenant_id",
                    BCON_UTF8(tenant_id), "}", "{", "operationType", "{", "$nin", "[", "insert",
                    "update", "replace", "]", "}", "}", "]", "}", "}", "]");
}

struct copy_follow *copy_follow_new(const struct job *job, const struct copy_pair *pair,
                                    const bson_t *place)
{
    struct copy_follow *follow = calloc(1, sizeof *follow);

    if (!follow)
        die("out of memory: following a copy");
    follow->job = *job;
    follow->job.arena = arena_new(ARENA_MAX);
    follow->pair = pair;
    follow->pipeline = make_pipeline(pair->from.tenant_id);
    follow->stream = stream_new(job->clients, "copy", pair->from.uri, pair->from.db_name, NULL,
                                follow->pipeline, WAIT_MS);
    if (place)
        stream_set_place(follow->stream, place);
    return follow;
}

static void clear_queue(struct copy_follow *follow)
{
    while (follow->n_queue)
        bson_destroy(follow->queue[--follow->n_queue]);
}

void copy_follow_free(struct copy_follow *follow)
{
    if (!follow)
        return;
    clear_queue(follow);
    for (size_t i = 0; i < follow->n_touched; i++) {
        free(follow->touched[i].collection);
        bson_destroy(follow->touched[i].key);
    }
    free(follow->touched);
    stream_free(follow->stream);
    bson_destroy(follow->pipeline);
    arena_free(follow->job.arena);
    free(follow);
}

const bson_t *copy_follow_place(const struct copy_follow *follow)
{
    return stream_place(follow->stream);
}

size_t copy_follow_touched(const struct copy_follow *follow)
{
    return follow->n_touched;
}

static bool lost(const struct copy_follow *follow)
{
    return err_set(follow->job.err, ERR_STATE,
                   "What changed since the copy began cannot be had any more: roll back and begin "
                   "again");
}

bool copy_follow_open(struct copy_follow *follow)
{
    switch (stream_open(follow->stream)) {
    case STREAM_LOST:
        return lost(follow);
    case STREAM_AWAY:
        return err_set(follow->job.err, ERR_DB_UNAVAILABLE,
                       "The changes of the source cannot be followed: it does not answer, is no "
                       "replica set, or the account may not");
    default:
        return true;
    }
}

void copy_follow_touch(void *data, const char *collection, const bson_t *key)
{
    struct copy_follow *follow = data;

    if (follow->n_touched == follow->max_touched) {
        follow->max_touched = follow->max_touched ? 2 * follow->max_touched : 256;
        follow->touched = realloc(follow->touched, follow->max_touched * sizeof *follow->touched);
        if (!follow->touched)
            die("out of memory: following a copy");
    }
    follow->touched[follow->n_touched++] =
        (struct touched){.collection = strdup(collection), .key = bson_copy(key)};
}

static bool flush(struct copy_follow *follow)
{
    const struct copy_end *to = &follow->pair->to;
    const bson_t *const *queue = (const bson_t *const *)follow->queue;
    bool ok = true;

    if (follow->n_queue && follow->put)
        ok = copy_put(&follow->job, to, follow->collection, queue, follow->n_queue);
    else if (follow->n_queue)
        ok = copy_remove(&follow->job, to, follow->collection, queue, follow->n_queue);
    clear_queue(follow);
    arena_reset(follow->job.arena);
    return ok;
}

static bool enqueue(struct copy_follow *follow, const char *collection, bool put, const bson_t *doc)
{
    if ((follow->n_queue == QUEUE || follow->put != put ||
         strcmp(follow->collection, collection) != 0) &&
        !flush(follow))
        return false;
    snprintf(follow->collection, sizeof follow->collection, "%s", collection);
    follow->put = put;
    follow->queue[follow->n_queue++] = bson_copy(doc);
    return true;
}

static bool member(const bson_t *event, const char *name, bson_t *out)
{
    const uint8_t *data;
    bson_iter_t it;
    uint32_t len;

    if (!bson_iter_init_find(&it, event, name) || !BSON_ITER_HOLDS_DOCUMENT(&it))
        return false;
    bson_iter_document(&it, &len, &data);
    return bson_init_static(out, data, len);
}

static const char *text(const bson_t *doc, const char *path)
{
    bson_iter_t it, value;

    if (!bson_iter_init(&it, doc) || !bson_iter_find_descendant(&it, path, &value) ||
        !BSON_ITER_HOLDS_UTF8(&value))
        return "";
    return bson_iter_utf8(&value, NULL);
}

/* One event; *mark true when it is the mark. */
static bool apply(struct copy_follow *follow, const bson_t *event, const char *mark_id, bool *mark)
{
    const char *type = text(event, "operationType"), *collection = text(event, "ns.coll");
    bson_t key, doc;
    bool put;

    if (strcmp(collection, COPY_MARKS) == 0) {
        *mark = strcmp(text(event, "documentKey._id"), mark_id) == 0;
        return true;
    }
    if (!*collection || !copy_wanted(&follow->pair->from, collection) ||
        (follow->look && strcmp(type, "delete") == 0))
        return true;
    if (follow->look) {
        if (!member(event, "documentKey", &key))
            bson_init(&key);
        copy_follow_touch(follow, collection, &key);
        return true;
    }
    if (!member(event, "documentKey", &key))
        return err_set(follow->job.err, ERR_STATE,
                       "The collection %s was dropped or renamed during the copy: roll back and "
                       "begin again",
                       collection);
    put = strcmp(type, "delete") != 0;
    if (put && !member(event, "fullDocument", &doc))
        return true; /* gone by now: its removal comes later */
    copy_follow_touch(follow, collection, &key);
    return enqueue(follow, collection, put, put ? &doc : &key);
}

static bool set_mark(struct copy_follow *follow, char id[static ID_SIZE])
{
    const struct copy_end *from = &follow->pair->from;
    bson_t doc = BSON_INITIALIZER;
    struct scope scope;
    bool ok = copy_scope(&follow->job, from, &scope);

    id_new(id);
    BSON_APPEND_UTF8(&doc, "_id", id);
    if (from->tenant_id)
        BSON_APPEND_UTF8(&doc, "tenant_id", from->tenant_id);
    ok = ok && scope_insert(&scope, COPY_MARKS, &doc, follow->job.err);
    bson_destroy(&doc);
    arena_reset(follow->job.arena);
    return ok;
}

static void remove_mark(struct copy_follow *follow, const char *id)
{
    bson_t filter = BSON_INITIALIZER;
    struct scope scope;
    struct err ignored;
    struct job job = follow->job;
    int64_t n;

    err_init(&ignored);
    job.err = &ignored;
    BSON_APPEND_UTF8(&filter, "_id", id);
    if (copy_scope(&job, &follow->pair->from, &scope))
        scope_delete_one(&scope, COPY_MARKS, &filter, &n, &ignored);
    bson_destroy(&filter);
    err_release(&ignored);
    arena_reset(follow->job.arena);
}

bool copy_follow_catch_up(struct copy_follow *follow)
{
    int64_t until_us = clock_mono_us() + PATIENCE_S * INT64_C(1000000);
    char id[ID_SIZE];
    const bson_t *event;
    bool mark = false;

    if ((!stream_is_open(follow->stream) && !copy_follow_open(follow)) || !set_mark(follow, id))
        return false;
    while (!mark) {
        switch (stream_next(follow->stream, &event)) {
        case STREAM_EVENT:
            if (!apply(follow, event, id, &mark))
                return false;
            until_us = clock_mono_us() + PATIENCE_S * INT64_C(1000000);
            break;
        case STREAM_DRAINED:
            break;
        case STREAM_AWAY:
            return err_set(follow->job.err, ERR_DB_UNAVAILABLE, "The source went away");
        case STREAM_LOST:
            return lost(follow);
        }
        if (clock_mono_us() > until_us)
            return err_set(follow->job.err, ERR_TIMEOUT, "The source's changes do not arrive");
    }
    if (!flush(follow))
        return false;
    remove_mark(follow, id);
    return true;
}

bool copy_follow_look(struct copy_follow *follow, const char **collection)
{
    const struct job *job = &follow->job;

    *collection = NULL;
    follow->look = true;
    if (!copy_follow_catch_up(follow))
        return false;
    if (follow->n_touched)
        *collection = arena_strdup(job->arena, follow->touched[0].collection);
    return true;
}

/* The next touched documents of one collection, from `at`. */
static size_t group(const struct copy_follow *follow, size_t at, const bson_t **keys)
{
    size_t n = 0;

    while (n < QUEUE && at + n < follow->n_touched &&
           strcmp(follow->touched[at + n].collection, follow->touched[at].collection) == 0) {
        keys[n] = follow->touched[at + n].key;
        n++;
    }
    return n;
}

bool copy_follow_check(struct copy_follow *follow, size_t *differ)
{
    const bson_t *keys[QUEUE];
    bool same[QUEUE];
    size_t kept = 0, n;

    *differ = 0;
    for (size_t at = 0; at < follow->n_touched; at += n) {
        n = group(follow, at, keys);
        if (!copy_same(&follow->job, follow->pair, follow->touched[at].collection, keys, n, same)) {
            memmove(follow->touched + kept, follow->touched + at,
                    (follow->n_touched - at) * sizeof *follow->touched);
            follow->n_touched -= at - kept;
            return false;
        }
        for (size_t i = 0; i < n; i++) {
            struct touched one = follow->touched[at + i];

            if (!same[i]) {
                follow->touched[kept++] = one;
                continue;
            }
            free(one.collection);
            bson_destroy(one.key);
        }
    }
    follow->n_touched = *differ = kept;
    return true;
}
