/* Reading and writing whole collections in chunks. Knows nothing of what the copy is for. */
#include "base.h"
#include "platform/copy.h"
#include "core/clock.h"
#include "db/own.h"
#include "platform/lease.h"

#define CHUNK      500
#define CHUNK_SIZE ((size_t)8 * 1024 * 1024) /* of one command: below the server's 16 MiB */
#define READER_MAX ((size_t)512 * 1024 * 1024)
#define COMMAND_MS 4500 /* our sockets wait 5 s */
#define INDEXES_MAX 256 /* a server allows 64 */
#define NAMES_MAX  50000 /* of one reply; a server gets slow long before */

bool copy_scope(const struct job *job, const struct copy_end *end, struct scope *scope)
{
    if (!lease_keep(job) ||
        !clients_scope(job->clients, end->uri, end->db_name, NULL, job->arena,
                       clock_mono_us() + COMMAND_MS * INT64_C(2000), scope, job->err))
        return false;
    scope->max_time_ms = COMMAND_MS;
    return true;
}

bool copy_wanted(const struct copy_end *end, const char *collection)
{
    static const char *const shared[] = {ACCOUNTS, "login_attempts", "tenants"};

    if (strncmp(collection, "system.", 7) == 0 || strcmp(collection, COPY_MARKS) == 0)
        return false;
    for (size_t i = 0; end->tenant_id && i < ARRAY_LEN(shared); i++)
        if (strcmp(collection, shared[i]) == 0)
            return false;
    return true;
}

static bool run(const struct job *job, const struct copy_end *end, const bson_t *command,
                bson_t *reply)
{
    struct scope scope;

    if (!copy_scope(job, end, &scope)) {
        bson_init(reply);
        return false;
    }
    return scope_command(&scope, command, reply, job->err);
}

/* The first batch of a command's cursor; the reply must outlive it. */
static bool first_batch(const bson_t *reply, bson_iter_t *batch)
{
    bson_iter_t it, list;

    return bson_iter_init(&it, reply) &&
           bson_iter_find_descendant(&it, "cursor.firstBatch", &list) &&
           BSON_ITER_HOLDS_ARRAY(&list) && bson_iter_recurse(&list, batch);
}

static bool one_of(const bson_iter_t *it, bson_t *doc)
{
    const uint8_t *data;
    uint32_t len;

    if (!BSON_ITER_HOLDS_DOCUMENT(it))
        return false;
    bson_iter_document(it, &len, &data);
    return bson_init_static(doc, data, len);
}

/* False when the server has more than it gave. */
static bool is_all(const struct job *job, const bson_t *reply, const char *db_name)
{
    bson_iter_t it, id;

    if (bson_iter_init(&it, reply) && bson_iter_find_descendant(&it, "cursor.id", &id) &&
        bson_iter_as_int64(&id) != 0)
        return err_set(job->err, ERR_STATE, "Database %s has more than %d collections", db_name,
                       NAMES_MAX);
    return true;
}

static uint32_t count_batch(const bson_t *reply)
{
    bson_iter_t it;
    uint32_t n = 0;

    if (first_batch(reply, &it))
        while (bson_iter_next(&it))
            n++;
    return n;
}

bool copy_names(const struct job *job, const struct copy_end *end, const char ***names, size_t *n)
{
    bson_t *command = BCON_NEW("listCollections", BCON_INT32(1), "filter", "{", "type",
                               "collection", "}", "nameOnly", BCON_BOOL(true), "cursor", "{",
                               "batchSize", BCON_INT32(NAMES_MAX), "}");
    bson_iter_t it, name;
    bson_t reply, one;
    bool ok = run(job, end, command, &reply) && is_all(job, &reply, end->db_name);

    *n = 0;
    *names = arena_alloc(job->arena, (count_batch(&reply) + 1) * sizeof **names);
    if (ok && first_batch(&reply, &it))
        while (bson_iter_next(&it))
            if (one_of(&it, &one) && bson_iter_init_find(&name, &one, "name") &&
                BSON_ITER_HOLDS_UTF8(&name) && copy_wanted(end, bson_iter_utf8(&name, NULL)))
                (*names)[(*n)++] = arena_strdup(job->arena, bson_iter_utf8(&name, NULL));
    bson_destroy(command);
    bson_destroy(&reply);
    return ok;
}

/* ---- indexes ---- */

static bool list_indexes(const struct job *job, const struct copy_end *end, const char *collection,
                         bson_t *reply)
{
    bson_t *command = BCON_NEW("listIndexes", BCON_UTF8(collection), "cursor", "{", "batchSize",
                               BCON_INT32(INDEXES_MAX), "}");
    bool ok = run(job, end, command, reply);

    bson_destroy(command);
    return ok;
}

/* What createIndexes does not take back is left out. */
static void append_index(bson_t *array, int i, const bson_t *index)
{
    char key[16];
    bson_t copy = BSON_INITIALIZER;

    bson_copy_to_excluding_noinit(index, &copy, "ns", "background", NULL);
    snprintf(key, sizeof key, "%d", i);
    bson_append_document(array, key, -1, &copy);
    bson_destroy(&copy);
}

bool copy_indexes(const struct job *job, const struct copy_pair *pair, const char *collection)
{
    bson_t reply, made, array, one, command = BSON_INITIALIZER;
    bson_iter_t it, name;
    bool ok = list_indexes(job, &pair->from, collection, &reply);
    int n = 0;

    BSON_APPEND_UTF8(&command, "createIndexes", collection);
    BSON_APPEND_ARRAY_BEGIN(&command, "indexes", &array);
    if (ok && first_batch(&reply, &it))
        while (bson_iter_next(&it))
            if (one_of(&it, &one) && bson_iter_init_find(&name, &one, "name") &&
                strcmp(bson_iter_utf8(&name, NULL), "_id_") != 0)
                append_index(&array, n++, &one);
    bson_append_array_end(&command, &array);
    bson_destroy(&reply);
    if (ok && n) {
        ok = run(job, &pair->to, &command, &made);
        bson_destroy(&made);
    }
    bson_destroy(&command);
    return ok;
}

static bool drop_unique(const struct job *job, const struct copy_end *end, const char *collection)
{
    bson_t reply, one, dropped;
    bson_iter_t it, name, unique;
    bool ok = list_indexes(job, end, collection, &reply);

    if (ok && first_batch(&reply, &it))
        while (ok && bson_iter_next(&it)) {
            bson_t *command;

            if (!one_of(&it, &one) || !bson_iter_init_find(&unique, &one, "unique") ||
                !bson_iter_as_bool(&unique) || !bson_iter_init_find(&name, &one, "name"))
                continue;
            command = BCON_NEW("dropIndexes", BCON_UTF8(collection), "index",
                               BCON_UTF8(bson_iter_utf8(&name, NULL)));
            ok = run(job, end, command, &dropped);
            bson_destroy(command);
            bson_destroy(&dropped);
        }
    bson_destroy(&reply);
    return ok;
}

bool copy_expires(const struct job *job, const struct copy_end *end, const char *collection,
                  bool *expires)
{
    bson_t reply, one;
    bson_iter_t it;
    bool ok = list_indexes(job, end, collection, &reply);

    *expires = false;
    if (ok && first_batch(&reply, &it))
        while (bson_iter_next(&it))
            if (one_of(&it, &one) && bson_has_field(&one, "expireAfterSeconds"))
                *expires = true;
    bson_destroy(&reply);
    return ok;
}

/* ---- reading ---- */

struct copy_reader {
    struct job job; /* with the arena of one chunk */
    const struct copy_end *end;
    const char *collection;
    bson_t last; /* {_id: …}, or empty */
    bool done;
};

bool copy_key(const bson_t *doc, bson_t *out)
{
    bson_iter_t it;

    bson_init(out);
    return bson_iter_init_find(&it, doc, "_id") && bson_append_iter(out, "_id", 3, &it);
}

struct copy_reader *copy_reader_new(const struct job *job, const struct copy_end *end,
                                    const char *collection, const bson_t *after)
{
    struct copy_reader *reader = bson_aligned_alloc0(BSON_ALIGNOF(bson_t), sizeof *reader);

    reader->job = *job;
    reader->job.arena = arena_new(READER_MAX);
    reader->end = end;
    reader->collection = collection;
    if (after)
        bson_copy_to(after, &reader->last);
    else
        bson_init(&reader->last);
    return reader;
}

void copy_reader_free(struct copy_reader *reader)
{
    if (!reader)
        return;
    arena_free(reader->job.arena);
    bson_destroy(&reader->last);
    bson_free(reader);
}

/* By bounds of the index, not by $gt, which would end with the values of one type. */
static mongoc_cursor_t *open_chunk(struct copy_reader *reader, struct scope *scope)
{
    bson_t filter = BSON_INITIALIZER;
    bson_t *opts =
        BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "hint", "{", "_id", BCON_INT32(1), "}",
                 "limit", BCON_INT64(CHUNK), "batchSize", BCON_INT64(CHUNK));
    mongoc_cursor_t *cursor;

    if (reader->end->tenant_id)
        BSON_APPEND_UTF8(&filter, "tenant_id", reader->end->tenant_id);
    if (!bson_empty(&reader->last))
        BSON_APPEND_DOCUMENT(opts, "min", &reader->last);
    cursor = scope_find(scope, reader->collection, &filter, opts);
    bson_destroy(&filter);
    bson_destroy(opts);
    return cursor;
}

bool copy_read(struct copy_reader *reader, const bson_t ***docs, size_t *n)
{
    struct arena *arena = reader->job.arena;
    const bson_t **list, *doc;
    mongoc_cursor_t *cursor;
    struct scope scope;
    bson_t key;
    size_t seen = 0;

    *n = 0;
    arena_reset(arena);
    if (reader->done)
        return true;
    *docs = list = arena_alloc(arena, CHUNK * sizeof *list);
    if (!copy_scope(&reader->job, reader->end, &scope))
        return false;
    cursor = open_chunk(reader, &scope);
    for (;;) {
        if (!scope_next(&scope, cursor, &doc, reader->job.err))
            return false;
        if (!doc)
            break;
        seen++;
        copy_key(doc, &key);
        if (!bson_equal(&key, &reader->last))
            list[(*n)++] = own_bson_copy(arena, bson_get_data(doc), doc->len);
        bson_destroy(&key);
    }
    reader->done = seen < CHUNK;
    if (*n) {
        bson_destroy(&reader->last);
        copy_key(list[*n - 1], &reader->last);
    }
    return true;
}

/* ---- writing ---- */

static void append_write(bson_t *array, size_t i, const bson_t *doc, bool put)
{
    bson_t one, key;
    char name[24];

    copy_key(doc, &key);
    snprintf(name, sizeof name, "%zu", i);
    BSON_APPEND_DOCUMENT_BEGIN(array, name, &one);
    BSON_APPEND_DOCUMENT(&one, "q", &key);
    if (put) {
        BSON_APPEND_DOCUMENT(&one, "u", doc);
        BSON_APPEND_BOOL(&one, "upsert", true);
    } else {
        BSON_APPEND_INT32(&one, "limit", 1);
    }
    bson_append_document_end(array, &one);
    bson_destroy(&key);
}

static bool judge(const struct job *job, const bson_t *reply, bool *duplicate)
{
    bson_iter_t it, code;

    *duplicate = false;
    if (bson_iter_init(&it, reply) && bson_iter_find_descendant(&it, "writeErrors.0.code", &code)) {
        *duplicate = bson_iter_as_int64(&code) == 11000;
        return err_set(job->err, ERR_CONFLICT, "The target refused a document (code %" PRId64 ")",
                       bson_iter_as_int64(&code));
    }
    if (bson_iter_init_find(&it, reply, "writeConcernError"))
        return err_set(job->err, ERR_DB_UNAVAILABLE, "The target's majority did not answer");
    return true;
}

/* One command of as many documents as fit; *from moves on. */
static bool write_some(const struct job *job, const struct copy_end *end, const char *collection,
                       const bson_t *const *docs, size_t n, bool put, size_t *from, bool *duplicate)
{
    bson_t command = BSON_INITIALIZER, array, concern, reply;
    size_t size = 0, i = *from, first = *from;
    bool ok;

    *duplicate = false;
    BSON_APPEND_UTF8(&command, put ? "update" : "delete", collection);
    BSON_APPEND_ARRAY_BEGIN(&command, put ? "updates" : "deletes", &array);
    for (; i < n && i - first < CHUNK && (i == first || size + docs[i]->len <= CHUNK_SIZE); i++) {
        append_write(&array, i - first, docs[i], put);
        size += docs[i]->len;
    }
    bson_append_array_end(&command, &array);
    if (put)
        BSON_APPEND_BOOL(&command, "bypassDocumentValidation", true);
    BSON_APPEND_DOCUMENT_BEGIN(&command, "writeConcern", &concern);
    BSON_APPEND_UTF8(&concern, "w", "majority");
    bson_append_document_end(&command, &concern);
    ok = run(job, end, &command, &reply) && judge(job, &reply, duplicate);
    bson_destroy(&command);
    bson_destroy(&reply);
    if (ok)
        *from = i;
    return ok;
}

static bool write_all(const struct job *job, const struct copy_end *end, const char *collection,
                      const bson_t *const *docs, size_t n, bool put)
{
    bool duplicate;
    size_t i = 0;

    while (i < n) {
        if (write_some(job, end, collection, docs, n, put, &i, &duplicate))
            continue;
        if (!duplicate)
            return false;
        err_clear(job->err);
        if (!drop_unique(job, end, collection) ||
            !write_some(job, end, collection, docs, n, put, &i, &duplicate))
            return false;
    }
    return true;
}

bool copy_put(const struct job *job, const struct copy_end *end, const char *collection,
              const bson_t *const *docs, size_t n)
{
    return write_all(job, end, collection, docs, n, true);
}

bool copy_remove(const struct job *job, const struct copy_end *end, const char *collection,
                 const bson_t *const *keys, size_t n)
{
    return write_all(job, end, collection, keys, n, false);
}
