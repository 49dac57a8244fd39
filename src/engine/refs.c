/* References to a record that is to go: what others name must stay. */
#include "base.h"
#include "engine/refs.h"
#include "db/many.h"
#include "db/own.h"

/* Those that would go with this one, but hold something. */
static bool check_holding(struct scope *scope, const struct resource *from, const struct field *f,
                          const char *id, struct err *err)
{
    bson_t filter = BSON_INITIALIZER, other, nothing;
    int64_t count = 0;
    bool ok;

    if (from->holds == NULL)
        return true;
    scope_filter(scope, NULL, &filter);
    bson_append_utf8(&filter, f->name, -1, id, -1);
    bson_append_document_begin(&filter, from->holds, -1, &other);
    bson_append_array_begin(&other, "$nin", -1, &nothing);
    bson_append_int32(&nothing, "0", 1, 0);
    bson_append_null(&nothing, "1", 1);
    bson_append_array_end(&other, &nothing);
    bson_append_document_end(&filter, &other);
    ok = scope_count(scope, from->collection, &filter, 0, &count, err);
    bson_destroy(&filter);
    if (ok && count > 0)
        return err_set(err, ERR_IN_USE, "It still holds %" PRId64 " %s (%s is not 0)", count,
                       from->summary, from->holds);
    return ok;
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
    struct referrer r = {.field = NULL};

    while (resource_next_referrer(resource, &r))
        if (!(r.field->flags & F_OWNED ? check_holding : check_unnamed)(scope, r.from, r.field, id,
                                                                        err))
            return false;
    return true;
}

bool refs_drop_owned(const struct resource *resource, struct scope *scope, const char *id,
                     struct err *err)
{
    struct referrer r = {.field = NULL};

    while (resource_next_referrer(resource, &r)) {
        bson_t *filter = own_bson(scope->arena);
        int64_t deleted;

        if (!(r.field->flags & F_OWNED))
            continue;
        scope_filter(scope, NULL, filter);
        bson_append_utf8(filter, r.field->name, -1, id, -1);
        if (!scope_delete_all(scope, r.from->collection, filter, &deleted, err))
            return false;
    }
    return true;
}
