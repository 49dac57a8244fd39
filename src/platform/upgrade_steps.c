/* The steps. How to add one stands in upgrade.h. */
#include "base.h"
#include "platform/upgrade.h"
#include "engine/index.h"
#include "engine/resource.h"
#include "engine/validate.h"
#include "tenant/schema.h"

#define BATCH 500

/* Resources whose collection is there: the others get theirs when they are first used. */
static bool has_collection(const struct resource *resource, struct scope *scope, bool *has,
                           struct err *err)
{
    bson_t *command = BCON_NEW("listCollections", BCON_INT32(1), "nameOnly", BCON_BOOL(true),
                               "filter", "{", "name", BCON_UTF8(resource->collection), "}");
    bson_iter_t iter, batch;
    bson_t reply;
    bool ok = scope_command(scope, command, &reply, err);

    *has = ok && bson_iter_init(&iter, &reply) &&
           bson_iter_find_descendant(&iter, "cursor.firstBatch.0", &batch);
    bson_destroy(&reply);
    bson_destroy(command);
    return ok;
}

/* 1: what earlier systems left has the indexes that this one relies on. */
static bool index_sets(const struct job *job, const struct tenant *tenant, struct scope *scope)
{
    for (size_t i = 0; i < resource_count(); i++) {
        const struct resource *resource = resource_at(i);
        bool has;

        if (!has_collection(resource, scope, &has, job->err))
            return false;
        if (!has)
            continue;
        job_progress(job, "%s: indexes of %s", tenant->slug, resource->collection);
        if (!index_ensure(job->indexes, resource, scope, job->err))
            return false;
    }
    return true;
}

/* Only where there are none still: a worker may just have changed the record. */
static bool add_words(const struct resource *resource, struct scope *scope, const bson_t *doc,
                      struct err *err)
{
    bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER, child;
    int64_t matched;
    bson_iter_t id;
    bool ok;

    scope_filter(scope, NULL, &filter);
    if (bson_iter_init_find(&id, doc, "_id"))
        bson_append_iter(&filter, "_id", -1, &id);
    BSON_APPEND_DOCUMENT_BEGIN(&filter, FIELD_WORDS, &child);
    BSON_APPEND_BOOL(&child, "$exists", false);
    bson_append_document_end(&filter, &child);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &child);
    validate_append_words(resource, doc, NULL, &child);
    bson_append_document_end(&update, &child);
    ok = scope_update_one(scope, resource->collection, &filter, &update, NULL, &matched, err);
    bson_destroy(&filter);
    bson_destroy(&update);
    return ok;
}

static bool words_of(const struct resource *resource, struct scope *scope, int64_t *n,
                     struct err *err)
{
    bson_t filter = BSON_INITIALIZER, child;
    bson_t *opts = BCON_NEW("batchSize", BCON_INT32(BATCH));
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    bool ok;

    scope_filter(scope, NULL, &filter);
    BSON_APPEND_DOCUMENT_BEGIN(&filter, FIELD_WORDS, &child);
    BSON_APPEND_BOOL(&child, "$exists", false);
    bson_append_document_end(&filter, &child);
    cursor = scope_find(scope, resource->collection, &filter, opts);
    while ((ok = scope_next(scope, cursor, &doc, err)) && doc &&
           add_words(resource, scope, doc, err))
        ++*n;
    bson_destroy(&filter);
    bson_destroy(opts);
    return ok && !doc;
}

/* 2: records of earlier systems are found by ?q= too. */
static bool search_words(const struct job *job, const struct tenant *tenant, struct scope *scope)
{
    for (size_t i = 0; i < resource_count(); i++) {
        const struct resource *resource = resource_at(i);
        int64_t n = 0;

        if (!resource_searchable(resource))
            continue;
        if (!words_of(resource, scope, &n, job->err))
            return false;
        if (n > 0)
            job_progress(job, "%s: search words of %" PRId64 " %s", tenant->slug, n,
                         resource->collection);
    }
    return true;
}

static const struct upgrade_step steps[] = {
    {1, "index sets", index_sets},
    {2, "search words", search_words},
    {3, "names of what was sold", upgrade_sale_names},
    {4, "whose payments and dues are", upgrade_payments},
    {5, "what customers owe", upgrade_owed},
    {6, "branches of what is a sale's", upgrade_branches},
    {7, "dates of warranties", upgrade_lapses},
};
static_assert(ARRAY_LEN(steps) == SCHEMA_CURRENT, "a step or the current version is missing");

const struct upgrade_step *upgrade_step(int32_t number)
{
    assert(number >= 1 && number <= SCHEMA_CURRENT && steps[number - 1].number == number);
    return &steps[number - 1];
}
