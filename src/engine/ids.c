/* A sorted array: built once, then searched. */
#include "base.h"
#include "engine/ids.h"
#include "db/doc.h"
#include "db/own.h"

void ids_init(struct ids *ids, struct arena *arena, size_t cap)
{
    *ids = (struct ids){.cap = cap, .arena = arena};
    ids->text = arena_alloc(arena, (cap + 1) * sizeof(*ids->text));
}

void ids_add(struct ids *ids, const char *text)
{
    assert(ids->n < ids->cap);
    ids->text[ids->n++] = text;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void ids_sort(struct ids *ids)
{
    size_t kept = 0;

    qsort(ids->text, ids->n, sizeof(*ids->text), compare);
    for (size_t i = 0; i < ids->n; i++)
        if (kept == 0 || strcmp(ids->text[kept - 1], ids->text[i]) != 0)
            ids->text[kept++] = ids->text[i];
    ids->n = kept;
}

size_t ids_find(const struct ids *ids, const char *text)
{
    const char **at = bsearch(&text, ids->text, ids->n, sizeof(*ids->text), compare);

    return at != NULL ? (size_t)(at - ids->text) : ids->n;
}

void ids_append_in(const struct ids *ids, const char *field, bson_t *filter)
{
    bson_t child, list;

    bson_append_document_begin(filter, field, -1, &child);
    bson_append_array_begin(&child, "$in", 3, &list);
    for (size_t i = 0; i < ids->n; i++) {
        char key[24];

        snprintf(key, sizeof(key), "%zu", i);
        bson_append_utf8(&list, key, -1, ids->text[i], -1);
    }
    bson_append_array_end(&child, &list);
    bson_append_document_end(filter, &child);
}

bool ids_read(struct scope *scope, mongoc_cursor_t *cursor, const char *key, struct ids *out,
              struct err *err)
{
    const bson_t *doc;

    while (scope_next(scope, cursor, &doc, err)) {
        const char *text;

        if (doc == NULL) {
            ids_sort(out);
            return true;
        }
        text = doc_text(doc, key);
        if (text != NULL && out->n < out->cap)
            ids_add(out, arena_strdup(scope->arena, text));
    }
    return false;
}

bool ids_find_in(struct scope *scope, const char *collection, bson_t *filter, const char *key,
                 const struct ids *asked, struct ids *known, struct err *err)
{
    bson_t *opts = own_bson(scope->arena);
    bson_t child;

    ids_append_in(asked, key, filter);
    bson_append_document_begin(opts, "projection", -1, &child);
    bson_append_bool(&child, "_id", 3, false);
    bson_append_bool(&child, key, -1, true);
    bson_append_document_end(opts, &child);
    bson_append_int64(opts, "batchSize", -1, (int64_t)asked->n + 1);
    return ids_read(scope, scope_find(scope, collection, filter, opts), key, known, err);
}
