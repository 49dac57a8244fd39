/* References: what a record names must be there, and what others name must stay. */
#include "base.h"
#include "engine/refs.h"

/* A reference must name a record of the same tenant, and of the branch that the user is bound to:
 * one query a reference, by the unique index. */
static bool check_ref(struct scope *scope, const struct field *f, const char *id, struct err *err)
{
    const struct resource *target = resource_by_noun(f->ref);
    bson_t filter = BSON_INITIALIZER;
    int64_t count = 0;
    bool ok;

    scope_filter(scope, target->branch_field, &filter);
    bson_append_utf8(&filter, "id", 2, id, -1);
    ok = scope_count(scope, target->collection, &filter, 1, &count, err);
    bson_destroy(&filter);
    if (ok && count == 0)
        return err_field(err, f->name, "reference", "There is no %s with this id", f->ref);
    return ok;
}

bool refs_check(const struct resource *resource, struct scope *scope, const bson_t *set,
                       struct err *err)
{
    bson_iter_t it;

    for (const struct field *f = resource->fields; f->name != NULL; f++) {
        if (f->kind != K_REF || !bson_iter_init_find(&it, set, f->name) ||
            !BSON_ITER_HOLDS_UTF8(&it) || bson_iter_utf8(&it, NULL)[0] == '\0')
            continue;
        if (!check_ref(scope, f, bson_iter_utf8(&it, NULL), err) &&
            err->code != ERR_VALIDATION)
            return false;
    }
    return !err_is_set(err);
}

/* Whether some record of `from` names this id in `f`: one step on the index of that field. */
static bool check_unnamed(struct scope *scope, const struct resource *from, const struct field *f,
                          const char *id, struct err *err)
{
    bson_t filter = BSON_INITIALIZER;
    int64_t count = 0;
    bool ok;

    scope_filter(scope, NULL, &filter);
    bson_append_utf8(&filter, f->name, -1, id, -1);
    ok = scope_count(scope, from->collection, &filter, 1, &count, err);
    bson_destroy(&filter);
    if (ok && count > 0)
        return err_set(err, ERR_IN_USE, "It is still used by %s (%s)", from->summary, f->name);
    return ok;
}

bool refs_unused(const struct resource *resource, struct scope *scope, const char *id,
                 struct err *err)
{
    for (size_t i = 0; i < resource_count(); i++)
        for (const struct field *f = resource_at(i)->fields; f->name != NULL; f++)
            if (f->kind == K_REF && strcmp(f->ref, resource->noun) == 0 &&
                !check_unnamed(scope, resource_at(i), f, id, err))
                return false;
    return true;
}
