/* One place where a record gets its id, its dates, its search words and its revision. */
#include "base.h"
#include "engine/write.h"
#include "engine/render.h"
#include "engine/validate.h"
#include "core/clock.h"
#include "db/own.h"

const bson_t *write_document(const struct resource *resource, const struct scope *scope,
                             const char *id, const bson_t *set, struct series *series,
                             const bson_t *derived, struct arena *arena)
{
    bson_t *doc = own_bson(arena), *fields = own_bson(arena);
    int64_t now = clock_ms();

    bson_concat(fields, set);
    series_next(series, fields);
    bson_concat(fields, derived);
    bson_append_utf8(doc, "id", 2, id, -1);
    bson_append_utf8(doc, "tenant_id", -1, scope->tenant_id, -1);
    bson_append_date_time(doc, "created_at", -1, now);
    bson_append_date_time(doc, "updated_at", -1, now);
    bson_concat(doc, fields);
    bson_append_int64(doc, FIELD_REV, -1, 1);
    validate_append_words(resource, fields, NULL, doc);
    return doc;
}

const bson_t *write_set(const bson_t *set, struct arena *arena)
{
    bson_t *update = own_bson(arena);
    bson_t child;

    bson_append_document_begin(update, "$set", 4, &child);
    bson_concat(&child, set);
    bson_append_date_time(&child, "updated_at", -1, clock_ms());
    bson_append_document_end(update, &child);
    bson_append_document_begin(update, "$inc", 4, &child);
    bson_append_int64(&child, FIELD_REV, -1, 1);
    bson_append_document_end(update, &child);
    return update;
}

const bson_t *write_update(const struct resource *resource, const bson_t *old, const bson_t *set,
                           const bson_t *derived, struct arena *arena)
{
    bson_t *all = own_bson(arena);

    bson_concat(all, set);
    bson_concat(all, derived);
    validate_append_words(resource, set, old, all);
    return write_set(all, arena);
}

const bson_t *write_derived(const struct resource *resource, struct scope *scope,
                            const struct kind_env *env, const bson_t *set, const bson_t *old,
                            struct arena *arena, struct err *err)
{
    bson_t *derived = own_bson(arena);

    if (resource->derive != NULL && !resource->derive(env, set, old, derived, err))
        return NULL;
    if (resource->look != NULL && !resource->look(scope, set, old, derived, err))
        return NULL;
    return derived;
}

bool write_follow(const struct resource *resource, struct scope *scope,
                  const struct audit_entry *entry, struct err *err)
{
    const struct written record = {entry->before, entry->after};

    return audit_add(scope, entry, err) &&
           (resource->written == NULL || resource->written(scope, &record, 1, err));
}

bool write_if_match(const char *list, const bson_t *old, struct arena *arena, struct err *err)
{
    if (list == NULL || render_etag_listed(list, old, arena))
        return true;
    return err_set(err, ERR_STALE, "The record was changed by someone else since you read it");
}

bool write_not_found(const struct resource *resource, struct err *err)
{
    char name[64];

    snprintf(name, sizeof(name), "%s", resource->noun);
    name[0] = (char)toupper((unsigned char)name[0]);
    return err_set(err, ERR_NOT_FOUND, "%s not found", name);
}
