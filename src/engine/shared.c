/* Looks for values elsewhere, and lets two writers of one value meet at one index. */
#include "base.h"
#include "engine/shared.h"
#include "engine/ids.h"
#include "db/doc.h"
#include "db/many.h"
#include "db/own.h"

/* The value that a row changes to; NULL: it changes none. */
static const char *changed(const struct shared_row *row, const char *name)
{
    const char *value = row->doc != NULL ? doc_text(row->doc, name) : NULL;
    const char *was = row->old != NULL ? doc_text(row->old, name) : NULL;

    return value != NULL && was != NULL && strcmp(value, was) == 0 ? NULL : value;
}

static bool look(struct scope *scope, const struct resource *other, const char *name,
                 const struct shared_row *rows, size_t n, struct err *err)
{
    bson_t *filter = own_bson(scope->arena);
    struct ids asked, taken;
    const char *value;

    ids_init(&asked, scope->arena, n);
    for (size_t i = 0; i < n; i++)
        if ((value = changed(&rows[i], name)) != NULL)
            ids_add(&asked, value);
    if (asked.n == 0)
        return true;
    ids_sort(&asked);
    ids_init(&taken, scope->arena, asked.n);
    scope_filter(scope, NULL, filter);
    if (!ids_find_in(scope, other->collection, filter, name, &asked, &taken, err))
        return false;
    for (size_t i = 0; i < n && taken.n > 0; i++)
        if ((value = changed(&rows[i], name)) != NULL && ids_find(&taken, value) < taken.n)
            err_set(rows[i].err, ERR_DUPLICATE, "%s already exists", name);
    return true;
}

bool shared_check(const struct resource *resource, struct scope *scope,
                  const struct shared_row *rows, size_t n, struct err *err)
{
    for (size_t i = 0; i < resource_count(); i++) {
        const struct resource *from = resource_at(i);

        for (const struct field *f = from->fields; f->name != NULL; f++) {
            const struct resource *other = NULL;

            if (f->shared != NULL && from == resource)
                other = resource_by_noun(f->shared);
            else if (f->shared != NULL && strcmp(f->shared, resource->noun) == 0)
                other = from;
            if (other != NULL && !look(scope, other, f->name, rows, n, err))
                return false;
        }
    }
    return true;
}

/* A document of nothing but the value; its _id goes into `list`. */
static const bson_t *mark_of(const struct scope *scope, const char *name, const char *value,
                             size_t i, bson_t *list)
{
    bson_t *mark = own_bson(scope->arena);
    bson_oid_t id;
    char key[24];

    bson_oid_init(&id, NULL);
    snprintf(key, sizeof(key), "%zu", i);
    bson_append_oid(list, key, -1, &id);
    bson_append_oid(mark, "_id", 3, &id);
    doc_append_text(mark, "tenant_id", scope->tenant_id);
    bson_append_utf8(mark, name, -1, value, -1);
    return mark;
}

static bool meet(struct scope *scope, const struct resource *other, const char *name,
                 const struct shared_row *rows, size_t n, size_t *at, struct err *err)
{
    const bson_t **marks = arena_alloc(scope->arena, (n + 1) * sizeof(*marks));
    size_t *row = arena_alloc(scope->arena, (n + 1) * sizeof(*row)), used = 0, place;
    bson_t *filter = own_bson(scope->arena);
    bson_t ids, list;
    const char *value;
    int64_t deleted;

    scope_filter(scope, NULL, filter);
    bson_append_document_begin(filter, "_id", 3, &ids);
    bson_append_array_begin(&ids, "$in", 3, &list);
    for (size_t i = 0; i < n; i++)
        if ((value = changed(&rows[i], name)) != NULL) {
            marks[used] = mark_of(scope, name, value, used, &list);
            row[used++] = i;
        }
    bson_append_array_end(&ids, &list);
    bson_append_document_end(filter, &ids);
    if (used == 0)
        return true;
    if (!scope_insert_all_at(scope, other->collection, marks, used, &place, err)) {
        *at = place < used ? row[place] : n;
        return false;
    }
    return scope_delete_all(scope, other->collection, filter, &deleted, err);
}

bool shared_meet(const struct resource *resource, struct scope *scope,
                 const struct shared_row *rows, size_t n, size_t *at, struct err *err)
{
    *at = n;
    for (const struct field *f = resource->fields; f->name != NULL; f++)
        if (f->shared != NULL &&
            !meet(scope, resource_by_noun(f->shared), f->name, rows, n, at, err))
            return false;
    return true;
}
