/* The places of the watcher in a file: {"registry": {"source": …, "place": {…}}, "users": {…}} in
 * MongoDB's extended JSON. Not flushed to the disk: after a crash of the machine the board is gone
 * as well, and a place that is older than need be only repeats what was said. */
#include "base.h"
#include "tenant/watch_state.h"
#include "core/log.h"

#define FILE_MAX_BYTES 65536

void watch_state_source(struct watch_state *state, size_t i, const char *name, uint64_t cluster,
                        const char *db_name)
{
    state->names[i] = name;
    snprintf(state->sources[i], sizeof state->sources[i], "%016" PRIx64 "/%s", cluster, db_name);
}

static bool read_file(const char *path, char *text, size_t cap, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = 1;

    *len = 0;
    if (fd < 0)
        return false;
    while (got > 0 && *len < cap) {
        got = read(fd, text + *len, cap - *len);
        if (got > 0)
            *len += (size_t)got;
    }
    close(fd);
    return got == 0;
}

/* Gives stream `i` what is stored for it; false when there is nothing of its collection. */
static bool take(const struct watch_state *state, size_t i, const bson_t *stored,
                 struct stream *stream)
{
    bson_iter_t at, source, place;
    const uint8_t *bytes;
    bson_t document;
    uint32_t len;

    if (!bson_iter_init_find(&at, stored, state->names[i]) || !BSON_ITER_HOLDS_DOCUMENT(&at) ||
        !bson_iter_recurse(&at, &source) || !bson_iter_find(&source, "source") ||
        !BSON_ITER_HOLDS_UTF8(&source) ||
        strcmp(bson_iter_utf8(&source, NULL), state->sources[i]) != 0 ||
        !bson_iter_recurse(&at, &place) || !bson_iter_find(&place, "place") ||
        !BSON_ITER_HOLDS_DOCUMENT(&place))
        return false;
    bson_iter_document(&place, &len, &bytes);
    if (!bson_init_static(&document, bytes, len) || bson_empty(&document))
        return false;
    stream_set_place(stream, &document);
    return true;
}

void watch_state_load(const struct watch_state *state, const char *path,
                      struct stream *const streams[static WATCH_STREAMS])
{
    char *text = malloc(FILE_MAX_BYTES);
    bson_error_t error;
    bson_t *stored = NULL;
    size_t len;

    if (!text)
        die("out of memory: the watcher's file");
    errno = 0;
    if (read_file(path, text, FILE_MAX_BYTES, &len))
        stored = bson_new_from_json((const uint8_t *)text, (ssize_t)len, &error);
    free(text);
    if (!stored && errno != ENOENT)
        log_event(LOG_LVL_WARN, "watch_state_unusable", "path", path, NULL);
    for (size_t i = 0; stored && i < WATCH_STREAMS; i++)
        if (!take(state, i, stored, streams[i]))
            log_event(LOG_LVL_WARN, "watch_state_unusable", "path", path, "stream", state->names[i],
                      NULL);
    bson_destroy(stored);
}

/* NULL when no stream has a place yet. */
static char *make_text(const struct watch_state *state,
                       struct stream *const streams[static WATCH_STREAMS], size_t *len)
{
    bson_t all = BSON_INITIALIZER, one;
    char *text = NULL;

    for (size_t i = 0; i < WATCH_STREAMS; i++) {
        const bson_t *place = stream_place(streams[i]);

        if (!place)
            continue;
        bson_append_document_begin(&all, state->names[i], -1, &one);
        BSON_APPEND_UTF8(&one, "source", state->sources[i]);
        BSON_APPEND_DOCUMENT(&one, "place", place);
        bson_append_document_end(&all, &one);
    }
    text = bson_as_canonical_extended_json(&all, len);
    bson_destroy(&all);
    return text;
}

/* Whoever runs the watcher by hand as root must not shut the service out. */
static bool give_to_owner(int fd, const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX];
    struct stat st;

    if (geteuid() != 0)
        return true;
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    return stat(folder, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0;
}

static bool write_file(const char *path, const char *text, size_t len)
{
    char fresh[PATH_MAX];
    bool ok;
    int fd;

    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh)
        return false;
    unlink(fresh);
    fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    ok = write(fd, text, len) == (ssize_t)len && give_to_owner(fd, path);
    ok = close(fd) == 0 && ok && rename(fresh, path) == 0;
    if (!ok)
        unlink(fresh);
    return ok;
}

void watch_state_save(struct watch_state *state, const char *path,
                      struct stream *const streams[static WATCH_STREAMS])
{
    size_t len;
    char *text = make_text(state, streams, &len);
    bool ok = write_file(path, text, len);

    bson_free(text);
    if (!ok && !state->unwritable)
        log_event(LOG_LVL_ERROR, "watch_state_unwritable", "path", path, "text", strerror(errno),
                  NULL);
    state->unwritable = !ok;
}
