/* Counts and hashes of the source, noted in the record of the migration. */
#include "base.h"
#include "platform/migrate_proof.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"
#include "platform/copy_follow.h"
#include "tenant/audit.h"

#define SCRATCH_MAX ((size_t)256 * 1024 * 1024)

/* What a collection of the source has now. */
struct note {
    int pair;
    const char *collection;
    int64_t count;
    char sha256[SHA256_HEX_SIZE];
};

/* The entries of the shared audit log stay, and other collections beside a tenant's own may have
 * been written by an auditor that came late. */
static bool wanted(const struct migration *m, int pair, const char *collection)
{
    return pair == PAIR_DATA || (m->move && strcmp(collection, AUDIT_COLLECTION) == 0);
}

static bool note_one(const struct job *job, const struct migration *m, int pair,
                     const char *collection, bool (*take)(void *data, const struct note *note),
                     void *data)
{
    const struct copy_end *from = &m->pairs[pair].from;
    struct note note = {.pair = pair, .collection = collection};
    bool expires;

    if (!copy_expires(job, from, collection, &expires))
        return false;
    if (expires)
        return true;
    return copy_hash(job, from, collection, &note.count, note.sha256) &&
           (note.count == 0 || take(data, &note));
}

/* Calls `take` for every collection that is not empty. */
static bool note_all(const struct job *job, const struct migration *m,
                     bool (*take)(void *data, const struct note *note), void *data)
{
    struct job step = *job;
    const char **names;
    size_t n;
    bool ok = true;

    step.arena = arena_new(SCRATCH_MAX);
    for (int pair = 0; ok && pair < N_PAIRS; pair++) {
        ok = copy_names(job, &m->pairs[pair].from, &names, &n);
        for (size_t i = 0; ok && i < n; i++) {
            if (wanted(m, pair, names[i]))
                ok = note_one(&step, m, pair, names[i], take, data);
            arena_reset(step.arena);
        }
    }
    arena_free(step.arena);
    return ok;
}

/* ---- at the switch ---- */

struct list {
    bson_t array;
    uint32_t n;
};

static bool append(void *data, const struct note *note)
{
    struct list *list = data;
    char key[16];
    bson_t one;

    snprintf(key, sizeof key, "%" PRIu32, list->n++);
    BSON_APPEND_DOCUMENT_BEGIN(&list->array, key, &one);
    BSON_APPEND_INT32(&one, "pair", note->pair);
    BSON_APPEND_UTF8(&one, "collection", note->collection);
    BSON_APPEND_INT64(&one, "count", note->count);
    BSON_APPEND_UTF8(&one, "sha256", note->sha256);
    bson_append_document_end(&list->array, &one);
    return true;
}

/* By hand, past the service: what was not carried over, and is in the hashes. */
static bool find_late(const struct job *job, struct migration *m, bson_t *set)
{
    struct copy_follow *follow;
    const char *late;
    bool ok;

    if (!m->places_proved || !m->places[PAIR_DATA])
        return true;
    follow = copy_follow_new(job, &m->pairs[PAIR_DATA], m->places[PAIR_DATA]);
    ok = copy_follow_look(follow, &late);
    if (ok && late)
        m->late = arena_strdup(job->arena, late);
    copy_follow_free(follow);
    if (!ok && job->err->code == ERR_STATE) { /* the place is gone: nobody knows */
        err_clear(job->err);
        m->late = "something";
        ok = true;
    }
    doc_append_text(set, "late", m->late);
    return ok;
}

bool migrate_note_source(const struct job *job, struct migration *m)
{
    struct list list = {.n = 0};
    bson_t set = BSON_INITIALIZER;
    bool ok;

    if (m->proof) {
        bson_destroy(&set);
        return true;
    }
    bson_init(&list.array);
    job_progress(job, "noting what is left in %s", m->from_db);
    ok = note_all(job, m, append, &list) && find_late(job, m, &set);
    if (ok) {
        BSON_APPEND_ARRAY(&set, "proof", &list.array);
        BSON_APPEND_DATE_TIME(&set, "proved_at", clock_ms());
        ok = migration_set(job, m, &set);
        m->proof = own_bson_copy(job->arena, bson_get_data(&list.array), list.array.len);
    }
    bson_destroy(&list.array);
    bson_destroy(&set);
    return ok;
}

/* ---- at the end ---- */

struct check {
    const struct job *job;
    const struct migration *m;
    uint32_t n;       /* of the noted ones, that are still there */
    const char *what; /* the first that is another */
};

static bool is_noted(const bson_t *proof, const struct note *note)
{
    bson_iter_t it;
    bson_t one;
    const uint8_t *data;
    uint32_t len;

    if (!bson_iter_init(&it, proof))
        return false;
    while (bson_iter_next(&it)) {
        const char *name;

        if (!BSON_ITER_HOLDS_DOCUMENT(&it))
            continue;
        bson_iter_document(&it, &len, &data);
        if (!bson_init_static(&one, data, len) || !(name = doc_text(&one, "collection")) ||
            doc_int(&one, "pair", -1) != note->pair || strcmp(name, note->collection) != 0)
            continue;
        name = doc_text(&one, "sha256");
        return name && strcmp(name, note->sha256) == 0;
    }
    return false;
}

static bool compare(void *data, const struct note *note)
{
    struct check *check = data;

    if (is_noted(check->m->proof, note))
        check->n++;
    else if (!check->what)
        check->what = arena_strdup(check->job->arena, note->collection);
    return true;
}

bool migrate_source_same(const struct job *job, const struct migration *m, const char **what)
{
    struct check check = {.job = job, .m = m};
    bool ok = note_all(job, m, compare, &check);

    *what = check.what;
    if (ok && !check.what && check.n != bson_count_keys(m->proof))
        *what = "a collection that is gone or empty";
    return ok;
}
