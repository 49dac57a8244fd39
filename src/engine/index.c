/* Index definitions out of the field flags, and their creation at first use. */
#include "base.h"
#include "engine/index.h"
#include "tenant/audit.h"
#include "engine/validate.h"
#include "core/id.h"
#include "core/log.h"

#define CACHE_SIZE 4096 /* a power of two */

/* Open addressing over hashes of database and collection; a full table starts anew, which only
 * costs a repeated no-op command. */
struct index_cache {
    uint64_t seen[CACHE_SIZE];
    size_t used;
};

struct index_cache *index_cache_new(void)
{
    struct index_cache *cache = calloc(1, sizeof(*cache));

    if (cache == NULL)
        die("out of memory");
    return cache;
}

void index_cache_free(struct index_cache *cache)
{
    free(cache);
}

static uint64_t cache_key(const char *db_name, const char *collection, unsigned version)
{
    char text[200];

    snprintf(text, sizeof(text), "%s|%s|%u", db_name, collection, version);
    return hash64(text, strlen(text)) | 1;
}

static bool cache_has(const struct index_cache *cache, uint64_t key)
{
    for (size_t i = key % CACHE_SIZE; cache->seen[i] != 0; i = (i + 1) % CACHE_SIZE)
        if (cache->seen[i] == key)
            return true;
    return false;
}

static void cache_add(struct index_cache *cache, uint64_t key)
{
    size_t i;

    if (cache->used >= CACHE_SIZE / 2)
        memset(cache, 0, sizeof(*cache));
    for (i = key % CACHE_SIZE; cache->seen[i] != 0; i = (i + 1) % CACHE_SIZE)
        if (cache->seen[i] == key)
            return;
    cache->seen[i] = key;
    cache->used++;
}

/* --- the command ----------------------------------------------------------------------------- */

struct builder {
    bson_t *indexes;
    enum index_part part;
    int n;
};

void index_condition(const struct index_def *only, bson_t *out)
{
    bson_t cond, list;
    char number[12];

    if (only->text != NULL) {
        bson_append_document_begin(out, only->text, -1, &cond);
        bson_append_utf8(&cond, "$type", 5, "string", -1);
        bson_append_document_end(out, &cond);
    }
    if (only->above != NULL) {
        bson_append_document_begin(out, only->above, -1, &cond);
        bson_append_int64(&cond, "$gt", 3, 0);
        bson_append_document_end(out, &cond);
    }
    if (only->field == NULL)
        return;
    bson_append_document_begin(out, only->field, -1, &cond);
    bson_append_array_begin(&cond, "$in", 3, &list);
    for (int i = 0; only->values[i] != NULL; i++) {
        snprintf(number, sizeof(number), "%d", i);
        bson_append_utf8(&list, number, -1, only->values[i], -1);
    }
    bson_append_array_end(&cond, &list);
    bson_append_document_end(out, &cond);
}

static void add_named(struct builder *b, const char *const *keys, const char *name, bool unique,
                      const struct index_def *only, bool expires)
{
    char number[12];
    bson_t doc, child;

    if (b->part != INDEX_ALL && unique != (b->part == INDEX_UNIQUE))
        return;
    snprintf(number, sizeof(number), "%d", b->n++);
    bson_append_document_begin(b->indexes, number, -1, &doc);
    bson_append_document_begin(&doc, "key", 3, &child);
    for (size_t i = 0; i < INDEX_KEYS_MAX && keys[i] != NULL; i++) {
        bool down = keys[i][0] == '-';

        bson_append_int32(&child, keys[i] + down, -1, down ? -1 : 1);
    }
    bson_append_document_end(&doc, &child);
    bson_append_utf8(&doc, "name", 4, name, -1);
    if (unique)
        bson_append_bool(&doc, "unique", 6, true);
    if (expires)
        bson_append_int32(&doc, "expireAfterSeconds", -1, 0);
    if (only->text != NULL || only->above != NULL) {
        bson_append_document_begin(&doc, "partialFilterExpression", -1, &child);
        index_condition(only, &child);
        bson_append_document_end(&doc, &child);
    }
    bson_append_document_end(b->indexes, &doc);
}

/* One index; the name is spelled from its keys, so that equal keys make equal names. */
static void add_index(struct builder *b, const char *const *keys, bool unique,
                      const struct index_def *only, bool expires)
{
    char name[128] = "";
    size_t used = 0;

    for (size_t i = 0; i < INDEX_KEYS_MAX && keys[i] != NULL; i++) {
        bool down = keys[i][0] == '-';

        used += (size_t)snprintf(name + used, sizeof(name) - used, "%s%s_%d", i ? "_" : "",
                                 keys[i] + down, down ? -1 : 1);
    }
    add_named(b, keys, name, unique, only, expires);
}

static const struct index_def all_records;

static const struct resource *audit_resource(void)
{
    for (size_t i = 0; i < resource_count(); i++)
        if (resource_at(i)->audit)
            return resource_at(i);
    die("no resource describes the audit log");
}

/* The entries are in a database of their own, and each index costs every write. */
static void audit_index_command(bson_t *command)
{
    const struct resource *resource = audit_resource();
    bson_t array;
    struct builder b = {.indexes = &array};

    bson_init(command);
    bson_append_utf8(command, "createIndexes", -1, resource->collection, -1);
    bson_append_array_begin(command, "indexes", -1, &array);
    for (size_t i = 0; i < resource->n_indexes; i++)
        add_index(&b, resource->indexes[i].keys, false, &all_records, false);
    bson_append_array_end(command, &array);
}

static void add_field_indexes(struct builder *b, const struct field *f)
{
    const char *const listed[INDEX_KEYS_MAX] = {"tenant_id", f->name, "id"};
    const char *const unique[INDEX_KEYS_MAX] = {"tenant_id", f->name};
    const struct index_def there = {.text = f->name};

    if (f->flags & (F_FILTER | F_SORT))
        add_index(b, listed, false, &all_records, false);
    if (f->flags & F_UNIQUE)
        add_index(b, unique, true, &there, false);
}

size_t index_command(const struct resource *resource, enum index_part part, bson_t *command)
{
    static const char *const base[INDEX_KEYS_MAX] = {"tenant_id", "id"};
    static const char *const dates[INDEX_KEYS_MAX] = {"tenant_id", "created_at", "id"};
    static const char *const words[INDEX_KEYS_MAX] = {"tenant_id", FIELD_WORDS};
    static const char *const one[INDEX_KEYS_MAX] = {"tenant_id"};
    bson_t array;
    const struct index_def with_id = {.text = "id"};
    struct builder b = {.indexes = &array, .part = part};

    bson_init(command);
    bson_append_utf8(command, "createIndexes", -1, resource->collection, -1);
    bson_append_array_begin(command, "indexes", -1, &array);
    if (resource->audit) {
        bson_append_array_end(command, &array);
        return 0;
    }
    if (resource->singleton)
        add_index(&b, one, true, &all_records, false);
    add_index(&b, base, true, &with_id, false);
    /* The unique one leaves out what has no id, so the server finds and sorts nothing by it. */
    if (resource->ops != 0)
        add_named(&b, base, "tenant_id_id", false, &all_records, false);
    if (resource->ops & OP_LIST)
        add_index(&b, dates, false, &all_records, false);
    if (resource_searchable(resource))
        add_index(&b, words, false, &all_records, false);
    for (const struct field *f = resource->fields; f->name != NULL; f++)
        add_field_indexes(&b, f);
    for (size_t i = 0; i < resource->n_indexes; i++)
        add_index(&b, resource->indexes[i].keys, resource->indexes[i].unique,
                  &resource->indexes[i], resource->indexes[i].expires);
    bson_append_array_end(command, &array);
    return (size_t)b.n;
}

static bool run(struct scope *scope, const bson_t *command, struct err *err)
{
    bson_t reply;
    bool ok = scope_command(scope, command, &reply, err);

    bson_destroy(&reply);
    return ok;
}

/* A unique index that duplicates forbid is left out, and only that one. */
static bool run_each(const struct resource *resource, const bson_t *command, struct scope *scope,
                     struct err *err)
{
    bson_iter_t all, one, name;

    bson_iter_init_find(&all, command, "indexes");
    for (bson_iter_recurse(&all, &one); bson_iter_next(&one);) {
        bson_t single = BSON_INITIALIZER, array;
        bool ok;

        bson_append_utf8(&single, "createIndexes", -1, resource->collection, -1);
        bson_append_array_begin(&single, "indexes", -1, &array);
        bson_append_iter(&array, "0", 1, &one);
        bson_append_array_end(&single, &array);
        ok = run(scope, &single, err);
        bson_destroy(&single);
        if (ok)
            continue;
        if (err->code != ERR_DUPLICATE)
            return false;
        log_event(LOG_LVL_WARN, "unique_index_refused", "db", scope->db_name, "collection",
                  resource->collection, "index",
                  bson_iter_recurse(&one, &name) && bson_iter_find(&name, "name")
                      ? bson_iter_utf8(&name, NULL)
                      : NULL,
                  NULL);
        err_clear(err);
    }
    return true;
}

static bool run_part(const struct resource *resource, enum index_part part, struct scope *scope,
                     struct err *err)
{
    bson_t command;
    bool ok = index_command(resource, part, &command) == 0 || run(scope, &command, err);

    if (!ok && part == INDEX_UNIQUE && err->code == ERR_DUPLICATE) {
        err_clear(err);
        ok = run_each(resource, &command, scope, err);
    }
    bson_destroy(&command);
    return ok;
}

/* One command where nothing forbids a unique index: a first request makes those of many
 * collections. */
static bool run_all(const struct resource *resource, struct scope *scope, struct err *err)
{
    if (run_part(resource, INDEX_ALL, scope, err))
        return true;
    if (err->code != ERR_DUPLICATE)
        return false;
    err_clear(err);
    return run_part(resource, INDEX_PLAIN, scope, err) &&
           run_part(resource, INDEX_UNIQUE, scope, err);
}

static bool run_audit(struct scope *scope, struct err *err)
{
    bson_t command, reply;
    bool ok;

    audit_index_command(&command);
    ok = audit_command(scope, &command, &reply, err);
    bson_destroy(&reply);
    bson_destroy(&command);
    return ok;
}

bool index_known(const struct index_cache *cache, const struct resource *resource,
                 const char *db_name)
{
    return cache_has(cache, cache_key(db_name, resource->collection, resource->index_version));
}

bool index_ensure(struct index_cache *cache, const struct resource *resource, struct scope *scope,
                  struct err *err)
{
    uint64_t audit = cache_key(scope->db_name, AUDIT_COLLECTION, audit_resource()->index_version);

    if (!cache_has(cache, audit)) {
        if (!run_audit(scope, err))
            return false;
        cache_add(cache, audit);
    }
    if (resource->audit || index_known(cache, resource, scope->db_name))
        return true;
    if (!run_all(resource, scope, err))
        return false;
    if (resource->journal != NULL &&
        !index_ensure(cache, resource_by_noun(resource->journal), scope, err))
        return false;
    cache_add(cache, cache_key(scope->db_name, resource->collection, resource->index_version));
    return true;
}

static void print_part(const struct resource *resource, enum index_part part, FILE *out)
{
    bson_t command, array, one;
    bson_iter_t it, name;
    const uint8_t *data;
    uint32_t len;

    index_command(resource, part, &command);
    bson_iter_init_find(&it, &command, "indexes");
    bson_iter_array(&it, &len, &data);
    bson_init_static(&array, data, len);
    bson_iter_init(&it, &array);
    while (bson_iter_next(&it)) {
        bson_iter_document(&it, &len, &data);
        bson_init_static(&one, data, len);
        bson_iter_init_find(&name, &one, "name");
        fprintf(out, "%s\t%s%s\n", resource->collection, bson_iter_utf8(&name, NULL),
                part == INDEX_UNIQUE ? "\tunique" : "");
    }
    bson_destroy(&command);
}

void index_print(FILE *out)
{
    for (size_t i = 0; i < resource_count(); i++) {
        print_part(resource_at(i), INDEX_PLAIN, out);
        print_part(resource_at(i), INDEX_UNIQUE, out);
    }
}
