/* What a change of the registry or the users makes stale. Events carry the few fields that are
 * keys, so neither hashes nor database URIs come here. Run by commands/watch.c, one a host. */
#include "base.h"
#include "tenant/watch.h"
#include "core/clock.h"
#include "core/log.h"
#include "tenant/stream.h"
#include "tenant/watch_state.h"

#define WAIT_MS   100 /* for events of one stream; then the other has its turn … */
#define TURN_US   250000
#define TURN_MAX  1000 /* … as after this time, or these many events */
#define BEHIND_US 2000000
#define RETRY_US  500000   /* between two attempts to open */
#define SAVE_US   10000000 /* without events: the place moves on with the oplog, too */
#define KEYS_MAX  2
#define KEY_BYTES 128 /* no cache has longer keys */

/* To watch another collection: a row. The prefixes are those of the caches that follow the board:
 * tenant/registry.c, auth/users.c. */
static const struct source {
    const char *name; /* in the log and in the file */
    const char *collection;
    struct {
        const char *field, *prefix;
    } keys[KEYS_MAX];
} sources[WATCH_STREAMS] = {
    [WATCH_REGISTRY] = {.name = "registry",
                        .collection = "tenants_registry",
                        .keys = {{"slug", ""}, {"tenant_id", "id:"}}},
    [WATCH_USERS] = {.name = "users", .collection = "users", .keys = {{"id", "user:"}}},
};

struct watch {
    struct board *board;
    const char *state_path;
    bson_t *pipelines[WATCH_STREAMS];
    struct stream *streams[WATCH_STREAMS];
    struct watch_state state;
    int64_t retry_us[WATCH_STREAMS];   /* not to be opened before */
    int64_t drained_us[WATCH_STREAMS]; /* when it was last at its end; 0: not since its opening */
    int64_t saved_us;
    bool moved; /* events came since the places were stored */
    struct watch_counts counts;
};

static void include(bson_t *fields, const char *path, const char *field)
{
    char name[96];

    snprintf(name, sizeof name, "%s.%s", path, field);
    bson_append_bool(fields, name, -1, true);
}

/* [{$project: …}]: what kind of event, and the keys before and after as far as it tells them. */
static bson_t *make_pipeline(const struct source *source)
{
    bson_t fields = BSON_INITIALIZER;
    bson_t *pipeline;

    BSON_APPEND_BOOL(&fields, "operationType", true);
    BSON_APPEND_BOOL(&fields, "updateDescription.removedFields", true);
    for (size_t i = 0; i < KEYS_MAX && source->keys[i].field; i++) {
        include(&fields, "fullDocument", source->keys[i].field);
        include(&fields, "updateDescription.updatedFields", source->keys[i].field);
    }
    pipeline = BCON_NEW("pipeline", "[", "{", "$project", BCON_DOCUMENT(&fields), "}", "]");
    bson_destroy(&fields);
    return pipeline;
}

struct watch *watch_new(const struct conf *conf, struct board *board, struct clients *clients,
                        const char *state_path)
{
    const char *const uris[] = {
        [WATCH_REGISTRY] = conf->admin_mongo_url, [WATCH_USERS] = conf->mongo_url};
    const char *const names[] = {
        [WATCH_REGISTRY] = conf->admin_db_name, [WATCH_USERS] = conf->db_name};
    struct watch *watch = calloc(1, sizeof *watch);

    if (!watch)
        die("out of memory: the watcher");
    watch->board = board;
    watch->state_path = state_path;
    for (size_t i = 0; i < WATCH_STREAMS; i++) {
        const struct source *source = &sources[i];

        watch_state_source(&watch->state, i, source->name, clients_cluster(uris[i]), names[i]);
        watch->pipelines[i] = make_pipeline(source);
        watch->streams[i] = stream_new(clients, source->name, uris[i], names[i], source->collection,
                                       watch->pipelines[i], WAIT_MS);
    }
    watch_state_load(&watch->state, state_path, watch->streams);
    return watch;
}

static void save(struct watch *watch)
{
    watch_state_save(&watch->state, watch->state_path, watch->streams);
    watch->saved_us = clock_mono_us();
    watch->moved = false;
}

void watch_free(struct watch *watch)
{
    if (!watch)
        return;
    save(watch);
    for (size_t i = 0; i < WATCH_STREAMS; i++) {
        stream_free(watch->streams[i]);
        bson_destroy(watch->pipelines[i]);
    }
    free(watch);
}

static void drop_all(struct watch *watch)
{
    board_bump_all(watch->board);
    watch->counts.drops++;
}

static bool names_field(const bson_iter_t *array, const char *field)
{
    bson_iter_t item;

    if (!BSON_ITER_HOLDS_ARRAY(array) || !bson_iter_recurse(array, &item))
        return false;
    while (bson_iter_next(&item))
        if (BSON_ITER_HOLDS_UTF8(&item) && strcmp(bson_iter_utf8(&item, NULL), field) == 0)
            return true;
    return false;
}

/* A key that was changed: what it was before is not told. */
static bool key_moved(const struct source *source, const bson_t *event)
{
    bson_iter_t iter, updated, removed;
    char path[96];

    for (size_t i = 0; i < KEYS_MAX && source->keys[i].field; i++) {
        snprintf(path, sizeof path, "updateDescription.updatedFields.%s", source->keys[i].field);
        if (bson_iter_init(&iter, event) && bson_iter_find_descendant(&iter, path, &updated))
            return true;
        if (bson_iter_init(&iter, event) &&
            bson_iter_find_descendant(&iter, "updateDescription.removedFields", &removed) &&
            names_field(&removed, source->keys[i].field))
            return true;
    }
    return false;
}

static void bump_keys(struct watch *watch, const struct source *source, const bson_iter_t *document)
{
    bson_iter_t field;
    char key[KEY_BYTES];

    for (size_t i = 0; i < KEYS_MAX && source->keys[i].field; i++) {
        if (!bson_iter_recurse(document, &field) ||
            !bson_iter_find(&field, source->keys[i].field) || !BSON_ITER_HOLDS_UTF8(&field))
            continue; /* under a key that is no text nothing is cached */
        if (snprintf(key, sizeof key, "%s%s", source->keys[i].prefix,
                     bson_iter_utf8(&field, NULL)) < KEY_BYTES)
            board_bump(watch->board, key);
    }
}

/* A change whose keys it tells drops what is cached under them. After a replacement or a removal
 * nobody can say what the keys were. */
static void apply(struct watch *watch, size_t i, const bson_t *event)
{
    const struct source *source = &sources[i];
    bson_iter_t iter, document;
    const char *kind = "";

    watch->counts.events++;
    watch->moved = true;
    if (bson_iter_init_find(&iter, event, "operationType") && BSON_ITER_HOLDS_UTF8(&iter))
        kind = bson_iter_utf8(&iter, NULL);
    if ((strcmp(kind, "insert") == 0 || strcmp(kind, "update") == 0) &&
        bson_iter_init_find(&document, event, "fullDocument") &&
        BSON_ITER_HOLDS_DOCUMENT(&document) && !key_moved(source, event))
        bump_keys(watch, source, &document);
    else
        drop_all(watch);
    if (strcmp(kind, "invalidate") == 0) {
        log_event(LOG_LVL_WARN, "watch_lost", "stream", source->name, "text",
                  "the collection was dropped or renamed", NULL);
        stream_abandon(watch->streams[i]);
    }
}

static void open_stream(struct watch *watch, size_t i)
{
    struct stream *stream = watch->streams[i];
    bool resumes = stream_place(stream) != NULL;

    if (clock_mono_us() < watch->retry_us[i])
        return;
    watch->drained_us[i] = 0;
    if (stream_open(stream) != STREAM_DRAINED) {
        watch->retry_us[i] = clock_mono_us() + RETRY_US;
        return;
    }
    /* After the opening: what was read from here on is followed. */
    if (!resumes)
        drop_all(watch);
    watch->moved = true;
}

static void read_stream(struct watch *watch, size_t i)
{
    struct stream *stream = watch->streams[i];
    enum stream_result result = STREAM_EVENT;
    int64_t end_us = clock_mono_us() + TURN_US;
    const bson_t *event;

    for (size_t n = 0; result == STREAM_EVENT && stream_is_open(stream); n++) {
        if (n == TURN_MAX || clock_mono_us() >= end_us)
            return;
        result = stream_next(stream, &event);
        if (result == STREAM_EVENT)
            apply(watch, i, event);
    }
    if (result == STREAM_DRAINED)
        watch->drained_us[i] = clock_mono_us();
    else
        watch->retry_us[i] = clock_mono_us() + RETRY_US;
}

/* Open, and not behind. A stream that has no pause for so long may be: 5 s are better then. */
static bool is_well(const struct watch *watch, size_t i)
{
    return stream_is_open(watch->streams[i]) && watch->drained_us[i] != 0 &&
           clock_mono_us() - watch->drained_us[i] < BEHIND_US;
}

bool watch_turn(struct watch *watch)
{
    bool all_open = true, all_well = true;

    for (size_t i = 0; i < WATCH_STREAMS; i++) {
        if (!stream_is_open(watch->streams[i]))
            open_stream(watch, i);
        if (stream_is_open(watch->streams[i]))
            read_stream(watch, i);
        all_open &= stream_is_open(watch->streams[i]);
    }
    if (watch->moved || clock_mono_us() - watch->saved_us >= SAVE_US)
        save(watch);
    for (size_t i = 0; i < WATCH_STREAMS; i++)
        all_well &= is_well(watch, i);
    if (all_well)
        board_heartbeat(watch->board);
    return all_open;
}

struct watch_counts watch_counts(const struct watch *watch)
{
    return watch->counts;
}
