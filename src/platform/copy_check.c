/* Proves that two copies are the same. */
#include "base.h"
#include "platform/copy.h"

#include <sodium.h>

#define ARENA_MAX ((size_t)512 * 1024 * 1024) /* a chunk of documents of 1 MiB */

struct side {
    crypto_hash_sha256_state state;
    bool hashed;
};

static void feed(struct side *side, const bson_t *doc)
{
    if (side->hashed)
        crypto_hash_sha256_update(&side->state, bson_get_data(doc), doc->len);
}

static void finish(struct side *side, char out[static SHA256_HEX_SIZE])
{
    uint8_t bytes[crypto_hash_sha256_BYTES];

    *out = '\0';
    if (!side->hashed)
        return;
    crypto_hash_sha256_final(&side->state, bytes);
    sodium_bin2hex(out, SHA256_HEX_SIZE, bytes, sizeof bytes);
}

bool copy_count(const struct job *job, const struct copy_end *end, const char *collection,
                int64_t *n)
{
    bson_t filter = BSON_INITIALIZER;
    struct scope scope;
    bool ok;

    if (end->tenant_id)
        BSON_APPEND_UTF8(&filter, "tenant_id", end->tenant_id);
    ok = copy_scope(job, end, &scope) && scope_count(&scope, collection, &filter, 0, n, job->err);
    bson_destroy(&filter);
    return ok;
}

bool copy_hash(const struct job *job, const struct copy_end *end, const char *collection,
               int64_t *count, char sha256[static SHA256_HEX_SIZE])
{
    struct copy_reader *reader = copy_reader_new(job, end, collection, NULL);
    struct side side = {.hashed = true};
    const bson_t **docs;
    size_t n = 0;
    bool ok;

    *count = 0;
    crypto_hash_sha256_init(&side.state);
    while ((ok = copy_read(reader, &docs, &n)) && n) {
        for (size_t i = 0; i < n; i++)
            feed(&side, docs[i]);
        *count += (int64_t)n;
    }
    finish(&side, sha256);
    copy_reader_free(reader);
    return ok;
}

/* The documents of a chunk's keys at the other end, in the order of _id. */
static bool fetch(const struct job *job, const struct copy_end *end, const char *collection,
                  const bson_t *const *docs, size_t n, const bson_t ***found, size_t *n_found)
{
    bson_t filter = BSON_INITIALIZER, in, list;
    bson_t *opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "batchSize", BCON_INT64(1000));
    mongoc_cursor_t *cursor;
    const bson_t *doc = NULL;
    struct scope scope;
    bson_iter_t it;
    char key[24];
    bool ok = copy_scope(job, end, &scope);

    BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &in);
    BSON_APPEND_ARRAY_BEGIN(&in, "$in", &list);
    for (size_t i = 0; i < n; i++) {
        snprintf(key, sizeof key, "%zu", i);
        if (bson_iter_init_find(&it, docs[i], "_id"))
            bson_append_iter(&list, key, -1, &it);
    }
    bson_append_array_end(&in, &list);
    bson_append_document_end(&filter, &in);
    if (end->tenant_id)
        BSON_APPEND_UTF8(&filter, "tenant_id", end->tenant_id);
    *n_found = 0;
    *found = arena_alloc(job->arena, (n + 1) * sizeof **found);
    cursor = ok ? scope_find(&scope, collection, &filter, opts) : NULL;
    while (ok && (ok = scope_next(&scope, cursor, &doc, job->err)) && doc && *n_found < n) {
        bson_t *copy = bson_copy(doc);

        (*found)[(*n_found)++] = copy;
        arena_defer(job->arena, (void (*)(void *))bson_destroy, copy);
    }
    bson_destroy(&filter);
    bson_destroy(opts);
    return ok;
}

struct walk {
    const struct job *job;
    const char *collection;
    void (*differs)(void *data, const char *collection, const bson_t *key);
    void *data;
    int64_t differ;
};

static bool same_key(const bson_t *a, const bson_t *b)
{
    bson_t one, two;
    bool same;

    copy_key(a, &one);
    copy_key(b, &two);
    same = bson_equal(&one, &two);
    bson_destroy(&one);
    bson_destroy(&two);
    return same;
}

static void tell(struct walk *walk, const bson_t *doc)
{
    bson_t key;

    walk->differ++;
    if (!walk->differs)
        return;
    copy_key(doc, &key);
    walk->differs(walk->data, walk->collection, &key);
    bson_destroy(&key);
}

/* Both lists are in the order of _id, and the second has none that the first lacks. */
static void match(struct walk *walk, const bson_t **docs, size_t n, const bson_t **found,
                  size_t n_found, bool only_missing)
{
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        bool there = at < n_found && same_key(docs[i], found[at]);

        if (!there || (!only_missing && !bson_equal(docs[i], found[at])))
            tell(walk, docs[i]);
        at += there;
    }
}

/* Every document of `a`, compared with `b`'s. */
static bool walk_side(struct walk *walk, const struct copy_end *a, const struct copy_end *b,
                      bool only_missing, struct side *side, int64_t *count)
{
    struct copy_reader *reader = copy_reader_new(walk->job, a, walk->collection, NULL);
    struct job other = *walk->job;
    const bson_t **docs, **found;
    size_t n = 0, n_found;
    bool ok;

    other.arena = arena_new(ARENA_MAX);
    while ((ok = copy_read(reader, &docs, &n)) && n) {
        for (size_t i = 0; i < n; i++)
            feed(side, docs[i]);
        *count += (int64_t)n;
        ok = fetch(&other, b, walk->collection, docs, n, &found, &n_found);
        if (!ok)
            break;
        match(walk, docs, n, found, n_found, only_missing);
        arena_reset(other.arena);
    }
    arena_free(other.arena);
    copy_reader_free(reader);
    return ok;
}

bool copy_compare(const struct job *job, const struct copy_pair *pair, const char *collection,
                  bool hash, struct copy_check *check,
                  void (*differs)(void *data, const char *collection, const bson_t *key),
                  void *data)
{
    struct walk walk = {.job = job, .collection = collection, .differs = differs, .data = data};
    struct side from = {.hashed = hash}, to = {.hashed = hash};
    bool ok;

    memset(check, 0, sizeof *check);
    crypto_hash_sha256_init(&from.state);
    crypto_hash_sha256_init(&to.state);
    ok = walk_side(&walk, &pair->from, &pair->to, false, &from, &check->from) &&
         walk_side(&walk, &pair->to, &pair->from, true, &to, &check->to);
    check->differ = walk.differ;
    finish(&from, check->from_sha256);
    finish(&to, check->to_sha256);
    return ok;
}

static const bson_t *find_key(const bson_t **docs, size_t n, const bson_t *key)
{
    for (size_t i = 0; i < n; i++)
        if (same_key(docs[i], key))
            return docs[i];
    return NULL;
}

bool copy_same(const struct job *job, const struct copy_pair *pair, const char *collection,
               const bson_t *const *keys, size_t n, bool *same)
{
    struct job step = *job;
    const bson_t **a, **b;
    size_t n_a, n_b;
    bool ok;

    step.arena = arena_new(ARENA_MAX);
    ok = fetch(&step, &pair->from, collection, keys, n, &a, &n_a) &&
         fetch(&step, &pair->to, collection, keys, n, &b, &n_b);
    for (size_t i = 0; ok && i < n; i++) {
        const bson_t *one = find_key(a, n_a, keys[i]), *other = find_key(b, n_b, keys[i]);

        same[i] = one && other ? bson_equal(one, other) : one == other;
    }
    arena_free(step.arena);
    return ok;
}

bool copy_carry(const struct job *job, const struct copy_pair *pair, const char *collection,
                const bson_t *const *keys, size_t n)
{
    struct job step = *job;
    const bson_t **there, **gone;
    size_t n_there, n_gone = 0;
    bool ok;

    step.arena = arena_new(ARENA_MAX);
    gone = arena_alloc(step.arena, (n + 1) * sizeof *gone);
    ok = fetch(&step, &pair->from, collection, keys, n, &there, &n_there);
    for (size_t i = 0; ok && i < n; i++)
        if (!find_key(there, n_there, keys[i]))
            gone[n_gone++] = keys[i];
    ok = ok && copy_put(&step, &pair->to, collection, there, n_there) &&
         copy_remove(&step, &pair->to, collection, gone, n_gone);
    arena_free(step.arena);
    return ok;
}
