/* References of one record or many: what they name is gathered, and asked for together; what must
 * stay because others name it, for many at once. */
#include "base.h"
#include "engine/refs.h"
#include "engine/branches.h"
#include "engine/ids.h"
#include "db/doc.h"
#include "db/own.h"

/* The id that a document names in `f`; NULL when it names none. */
static const char *named(const bson_t *doc, const char *name)
{
    const char *id = doc_text(doc, name);

    return id != NULL && id[0] != '\0' ? id : NULL;
}

/* Adds to `known` those of the ids that records of `from` have in `key`. */
static bool find_ids(struct scope *scope, const struct resource *from, const char *key,
                     const struct ids *asked, struct ids *known, struct err *err)
{
    bson_t *filter = own_bson(scope->arena);

    scope_filter(scope, from->branch_field, filter);
    return ids_find_in(scope, from->collection, filter, key, asked, known, err);
}

/* Which of the ids are records of `target` that the scope may refer to: those that it finds, and
 * what is assigned to its branch of those that it does not. */
static bool find_known(struct scope *scope, const struct resource *target, const struct ids *asked,
                       struct ids *known, struct err *err)
{
    const struct branch_view *view = target->branches;
    struct ids missing;

    ids_init(known, scope->arena, 2 * asked->n);
    if (!find_ids(scope, target, "id", asked, known, err))
        return false;
    if (known->n == asked->n || !branches_bound(target, scope))
        return true;
    ids_init(&missing, scope->arena, asked->n);
    for (size_t i = 0; i < asked->n; i++)
        if (ids_find(known, asked->text[i]) == known->n)
            ids_add(&missing, asked->text[i]);
    return find_ids(scope, resource_by_noun(view->through), view->record, &missing, known, err);
}

/* Documents whose references are to be checked, and where a fault of each is noted. */
struct naming {
    const bson_t *set; /* NULL: not to be looked at */
    struct err *err;
};

static bool check_field(struct scope *scope, const struct field *f, const struct naming *names,
                        size_t n, struct err *err)
{
    struct ids asked, known;

    ids_init(&asked, scope->arena, n);
    for (size_t i = 0; i < n; i++) {
        const char *id = names[i].set != NULL ? named(names[i].set, f->name) : NULL;

        if (id != NULL)
            ids_add(&asked, id);
    }
    if (asked.n == 0)
        return true;
    ids_sort(&asked);
    if (!find_known(scope, resource_by_noun(f->ref), &asked, &known, err))
        return false;
    for (size_t i = 0; i < n && known.n < asked.n; i++) {
        const char *id = names[i].set != NULL ? named(names[i].set, f->name) : NULL;

        if (id != NULL && ids_find(&known, id) == known.n)
            err_field(names[i].err, f->name, "reference", "There is no %s with this id", f->ref);
    }
    return true;
}

static bool check_fields(const struct resource *resource, struct scope *scope,
                         const struct naming *names, size_t n, struct err *err)
{
    for (const struct field *f = resource->fields; f->name != NULL; f++)
        if (f->kind == K_REF && !check_field(scope, f, names, n, err))
            return false;
    return true;
}

bool refs_check(const struct resource *resource, struct scope *scope, const bson_t *set,
                struct err *err)
{
    const struct naming name = {set, err};

    return check_fields(resource, scope, &name, 1, err) && !err_is_set(err);
}

bool refs_check_rows(const struct resource *resource, struct scope *scope, struct batch_row *rows,
                     size_t n, struct err *err)
{
    struct naming *names = arena_alloc(scope->arena, (n + 1) * sizeof(*names));

    for (size_t i = 0; i < n; i++)
        if (!err_is_set(rows[i].err))
            names[i] = (struct naming){rows[i].set, rows[i].err};
    return check_fields(resource, scope, names, n, err);
}

/* --- deletions ------------------------------------------------------------------------------- */

/* [{$match: {tenant_id, field: {$in: ids}}}, {$group: {_id: "$field"}}]: a step on the index for
 * each id, however many records name it. */
static bson_t *naming_pipeline(const struct scope *scope, const char *field,
                               const struct ids *asked)
{
    bson_t *pipeline = own_bson(scope->arena);
    bson_t list, stage, match, group;

    bson_append_array_begin(pipeline, "pipeline", -1, &list);
    bson_append_document_begin(&list, "0", 1, &stage);
    bson_append_document_begin(&stage, "$match", -1, &match);
    scope_filter(scope, NULL, &match);
    ids_append_in(asked, field, &match);
    bson_append_document_end(&stage, &match);
    bson_append_document_end(&list, &stage);
    bson_append_document_begin(&list, "1", 1, &stage);
    bson_append_document_begin(&stage, "$group", -1, &group);
    bson_append_utf8(&group, "_id", 3, arena_printf(scope->arena, "$%s", field), -1);
    bson_append_document_end(&stage, &group);
    bson_append_document_end(&list, &stage);
    bson_append_array_end(pipeline, &list);
    return pipeline;
}

static bool check_naming(struct scope *scope, const struct resource *from, const struct field *f,
                         const struct ids *asked, struct batch_row *rows, size_t n,
                         struct err *err)
{
    const bson_t *pipeline = naming_pipeline(scope, f->name, asked);
    struct ids used;

    ids_init(&used, scope->arena, asked->n);
    if (!ids_read(scope, scope_aggregate(scope, from->collection, pipeline, NULL), "_id", &used,
                  err))
        return false;
    for (size_t i = 0; i < n && used.n > 0; i++)
        if (!err_is_set(rows[i].err) && ids_find(&used, rows[i].id) < used.n)
            err_set(rows[i].err, ERR_IN_USE, "It is still used by %s (%s)", from->summary,
                    f->name);
    return true;
}

bool refs_unused_rows(const struct resource *resource, struct scope *scope, struct batch_row *rows,
                      size_t n, struct err *err)
{
    struct referrer r = {.field = NULL};
    struct ids asked;

    ids_init(&asked, scope->arena, n);
    for (size_t i = 0; i < n; i++)
        if (!err_is_set(rows[i].err))
            ids_add(&asked, rows[i].id);
    if (asked.n == 0)
        return true;
    ids_sort(&asked);
    while (resource_next_referrer(resource, &r))
        if (!check_naming(scope, r.from, r.field, &asked, rows, n, err))
            return false;
    return true;
}
