/* A record's values under an index become one text, its key; keys of rows and of stored records
 * are compared as texts. */
#include "base.h"
#include "engine/unique.h"
#include "engine/ids.h"
#include "engine/index.h"
#include "db/bson_json.h"
#include "db/doc.h"
#include "db/own.h"

struct look {
    const struct index_def *index;
    const char *taken; /* resource->taken */
    struct scope *scope;
    struct batch_row *rows;
    const bson_t **docs;
    const char **keys; /* by row; NULL: not in the index */
    size_t n;
};

static size_t key_count(const struct index_def *index)
{
    size_t n = 0;

    while (n < INDEX_KEYS_MAX && index->keys[n] != NULL)
        n++;
    return n;
}

/* Is the record one that a partial index holds? */
static bool holds(const struct index_def *index, const bson_t *doc)
{
    const char *value = index->field != NULL ? doc_text(doc, index->field) : NULL;

    if (index->text == NULL)
        return true;
    if (doc_text(doc, index->text) == NULL)
        return false;
    if (index->field == NULL)
        return true;
    for (const char *const *v = index->values; value != NULL && *v != NULL; v++)
        if (strcmp(*v, value) == 0)
            return true;
    return false;
}

static const char *key_of(const struct look *look, const bson_t *doc)
{
    struct str text;
    const char *out;
    bson_iter_t it;

    if (!holds(look->index, doc))
        return NULL;
    str_init(&text);
    for (size_t i = 1; i < key_count(look->index); i++) {
        const char *name = look->index->keys[i];

        str_addc(&text, '\n');
        if (bson_iter_init_find(&it, doc, name + (name[0] == '-')))
            bson_json_value(&it, &text);
        else
            str_addz(&text, "null");
    }
    out = arena_strndup(look->scope->arena, text.p, text.len);
    str_release(&text);
    return out;
}

/* {a: …, b: …} of a row, null where it lacks one. */
static void append_values(const struct look *look, const bson_t *doc, bson_t *out)
{
    bson_iter_t it;

    for (size_t i = 1; i < key_count(look->index); i++) {
        const char *name = look->index->keys[i] + (look->index->keys[i][0] == '-');

        if (bson_iter_init_find(&it, doc, name))
            bson_append_iter(out, name, -1, &it);
        else
            bson_append_null(out, name, -1);
    }
}

/* So that the server may use the partial index. */
static void append_condition(const struct index_def *index, bson_t *filter)
{
    bson_t both, item;

    if (index->text == NULL)
        return;
    bson_append_array_begin(filter, "$and", 4, &both);
    bson_append_document_begin(&both, "0", 1, &item);
    index_condition(index, &item);
    bson_append_document_end(&both, &item);
    bson_append_array_end(filter, &both);
}

/* {tenant_id, key: {$in: […]}}, or for several keys {tenant_id, $or: [{a, b}, …]}. */
static bson_t *look_filter(const struct look *look)
{
    const char *single = key_count(look->index) == 2 ? look->index->keys[1] : NULL;
    bson_t *filter = own_bson(look->scope->arena);
    bson_t child, list, item;
    size_t used = 0;

    scope_filter(look->scope, NULL, filter);
    if (single != NULL)
        bson_append_document_begin(filter, single, -1, &child);
    bson_append_array_begin(single ? &child : filter, single ? "$in" : "$or", 3, &list);
    for (size_t i = 0; i < look->n; i++) {
        bson_iter_t it;
        char key[24];

        if (look->keys[i] == NULL)
            continue;
        snprintf(key, sizeof(key), "%zu", used++);
        if (single == NULL) {
            bson_append_document_begin(&list, key, -1, &item);
            append_values(look, look->docs[i], &item);
            bson_append_document_end(&list, &item);
        } else if (bson_iter_init_find(&it, look->docs[i], single)) {
            bson_append_iter(&list, key, -1, &it);
        } else {
            bson_append_null(&list, key, -1);
        }
    }
    bson_append_array_end(single ? &child : filter, &list);
    if (single != NULL)
        bson_append_document_end(filter, &child);
    append_condition(look->index, filter);
    return filter;
}

static void take(struct look *look, size_t row)
{
    const char *name = look->index->keys[key_count(look->index) - 1];

    if (look->taken != NULL)
        err_set(look->rows[row].err, ERR_DUPLICATE, "%s", look->taken);
    else
        err_set(look->rows[row].err, ERR_DUPLICATE, "%s already exists", name);
    look->keys[row] = NULL;
}

struct place {
    const char *key;
    size_t row;
};

static int compare(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    int by_key = strcmp(left->key, right->key);

    return by_key ? by_key : (left->row > right->row) - (left->row < right->row);
}

/* By key, then by row. Returns how many places there are. */
static size_t sort_keys(const struct look *look, struct place *places)
{
    size_t n = 0;

    for (size_t i = 0; i < look->n; i++)
        if (look->keys[i] != NULL)
            places[n++] = (struct place){look->keys[i], i};
    qsort(places, n, sizeof(*places), compare);
    return n;
}

/* Of rows that still share a key the first stands. */
static void refuse_repeats(struct look *look, const struct place *places, size_t n)
{
    const struct place *stands = NULL;

    for (size_t i = 0; i < n; i++) {
        if (look->keys[places[i].row] == NULL)
            continue;
        if (stands != NULL && strcmp(stands->key, places[i].key) == 0)
            take(look, places[i].row);
        else
            stands = &places[i];
    }
}

static int compare_key(const void *a, const void *b)
{
    return strcmp(((const struct place *)a)->key, ((const struct place *)b)->key);
}

static bool own_record(const struct batch_row *row, const bson_t *doc)
{
    const char *id = doc_text(doc, "id");

    return row->id != NULL && id != NULL && strcmp(id, row->id) == 0;
}

/* id, and what the key is made of. */
static bson_t *look_options(const struct look *look, size_t n)
{
    bson_t *opts = own_bson(look->scope->arena), *shown = own_bson(look->scope->arena);
    const struct index_def *index = look->index;

    bson_append_bool(shown, "id", 2, true);
    for (size_t i = 1; i < key_count(index); i++)
        bson_append_bool(shown, index->keys[i] + (index->keys[i][0] == '-'), -1, true);
    if (index->text != NULL && !bson_has_field(shown, index->text))
        bson_append_bool(shown, index->text, -1, true);
    if (index->field != NULL && !bson_has_field(shown, index->field))
        bson_append_bool(shown, index->field, -1, true);
    bson_append_document(opts, "projection", -1, shown);
    bson_append_int64(opts, "batchSize", -1, (int64_t)n + 1);
    return opts;
}

static bool look_up(struct look *look, const char *collection, struct place *places, size_t n,
                    struct err *err)
{
    mongoc_cursor_t *cursor = scope_find(look->scope, collection, look_filter(look),
                                         look_options(look, n));
    const bson_t *doc;

    while (scope_next(look->scope, cursor, &doc, err)) {
        struct place wanted = {.key = NULL}, *at;

        if (doc == NULL)
            return true;
        wanted.key = key_of(look, doc);
        at = wanted.key ? bsearch(&wanted, places, n, sizeof(*places), compare_key) : NULL;
        while (at != NULL && at > places && strcmp(at[-1].key, wanted.key) == 0)
            at--;
        for (; at != NULL && at < places + n && strcmp(at->key, wanted.key) == 0; at++)
            if (look->keys[at->row] != NULL && !own_record(&look->rows[at->row], doc))
                take(look, at->row);
    }
    return false;
}

/* Does the row set anything that the index is about? A patch may leave all of it as it is. */
static bool touches(const struct look *look, const struct batch_row *row)
{
    const struct index_def *index = look->index;

    for (size_t i = 1; i < key_count(index); i++)
        if (bson_has_field(row->set, index->keys[i] + (index->keys[i][0] == '-')))
            return true;
    return (index->text != NULL && bson_has_field(row->set, index->text)) ||
           (index->field != NULL && bson_has_field(row->set, index->field));
}

static bool check_index(struct look *look, const struct resource *resource, struct err *err)
{
    struct arena *arena = look->scope->arena;
    struct place *places = arena_alloc(arena, (look->n + 1) * sizeof(*places));
    size_t n;

    look->keys = arena_alloc(arena, (look->n + 1) * sizeof(*look->keys));
    for (size_t i = 0; i < look->n; i++)
        if (!err_is_set(look->rows[i].err) && touches(look, &look->rows[i]))
            look->keys[i] = key_of(look, look->docs[i]);
    n = sort_keys(look, places);
    if (n == 0)
        return true;
    if (!look_up(look, resource->collection, places, n, err))
        return false;
    refuse_repeats(look, places, n);
    return true;
}

bool unique_check(const struct resource *resource, struct scope *scope, struct batch_row *rows,
                  const bson_t **docs, size_t n, struct err *err)
{
    struct look look = {.taken = resource->taken, .scope = scope, .rows = rows, .docs = docs,
                        .n = n};

    for (const struct field *f = resource->fields; f->name != NULL; f++) {
        const struct index_def of_field = {.keys = {"tenant_id", f->name}, .text = f->name};

        look.index = &of_field;
        if ((f->flags & F_UNIQUE) && f->series == NULL && !check_index(&look, resource, err))
            return false;
    }
    for (size_t i = 0; i < resource->n_indexes; i++) {
        look.index = &resource->indexes[i];
        /* A list's values are its index's own matter. */
        if (look.index->unique && look.index->above == NULL &&
            !check_index(&look, resource, err))
            return false;
    }
    return true;
}
