/* The numbers of the branches beside the records that they are of. */
#include "base.h"
#include "engine/branches.h"
#include "engine/crud.h"
#include "engine/ids.h"
#include "engine/validate.h"
#include "core/id.h"
#include "db/doc.h"
#include "db/own.h"

#define BATCH_ALL 100000 /* one reply, unless it passes the server's 16 MiB */

/* An assignment at hand, by the id of its record. */
struct assigned {
    const char *record;
    const bson_t *doc;
};

bool branches_bound(const struct resource *resource, const struct scope *scope)
{
    return resource->branches != NULL && scope->branch_id != NULL;
}

/* --- reading them ---------------------------------------------------------------------------- */

static bson_t *ids_filter(struct scope *scope, const struct resource *through, const char *record,
                          const bson_t **docs, size_t n)
{
    bson_t *filter = own_bson(scope->arena);
    struct ids ids;

    ids_init(&ids, scope->arena, n);
    for (size_t i = 0; i < n; i++)
        ids_add(&ids, doc_text(docs[i], "id") ? doc_text(docs[i], "id") : "");
    scope_filter(scope, through->branch_field, filter);
    ids_append_in(&ids, record, filter);
    return filter;
}

static bson_t *wanted(struct scope *scope, const struct branch_view *view,
                      const struct resource *through)
{
    bson_t *opts = own_bson(scope->arena);
    bson_t fields;

    bson_append_document_begin(opts, "projection", -1, &fields);
    bson_append_bool(&fields, "_id", 3, false);
    bson_append_bool(&fields, view->record, -1, true);
    bson_append_bool(&fields, through->branch_field, -1, true);
    for (const struct branch_value *v = view->values; v->field; v++)
        bson_append_bool(&fields, v->from, -1, true);
    bson_append_document_end(opts, &fields);
    bson_append_int64(opts, "batchSize", -1, BATCH_ALL);
    return opts;
}

static int by_record(const void *a, const void *b)
{
    return strcmp(((const struct assigned *)a)->record, ((const struct assigned *)b)->record);
}

/* All of the assignments of the documents, in the order of their records. */
static bool read_all(struct scope *scope, const struct resource *resource, const bson_t **docs,
                     size_t n, struct assigned **out, size_t *n_out, struct err *err)
{
    const struct branch_view *view = resource->branches;
    const struct resource *through = resource_by_noun(view->through);
    mongoc_cursor_t *cursor =
        scope_find(scope, through->collection, ids_filter(scope, through, view->record, docs, n),
                   wanted(scope, view, through));
    size_t room = 0;
    const bson_t *doc;

    *out = NULL;
    *n_out = 0;
    for (;;) {
        if (!scope_next(scope, cursor, &doc, err))
            return false;
        if (!doc)
            break;
        if (!doc_text(doc, view->record) || !doc_text(doc, through->branch_field))
            continue;
        if (*n_out == room) {
            struct assigned *more;

            room = room ? 2 * room : 64;
            more = arena_alloc(scope->arena, room * sizeof(*more));
            if (*n_out)
                memcpy(more, *out, *n_out * sizeof(*more));
            *out = more;
        }
        doc = own_bson_copy(scope->arena, bson_get_data(doc), doc->len);
        (*out)[(*n_out)++] = (struct assigned){doc_text(doc, view->record), doc};
    }
    if (*n_out)
        qsort(*out, *n_out, sizeof(**out), by_record);
    return true;
}

/* --- showing them ---------------------------------------------------------------------------- */

static bool is_zero(const bson_iter_t *value)
{
    bson_decimal128_t d;

    if (!BSON_ITER_HOLDS_DECIMAL128(value))
        return !BSON_ITER_HOLDS_NUMBER(value) || bson_iter_as_double(value) == 0;
    return bson_iter_decimal128(value, &d) && d.low == 0 && (d.high & 0x1ffffffffffff) == 0;
}

static bool has_value(const bson_t *assigned, const struct branch_value *v, bson_iter_t *value)
{
    return bson_iter_init_find(value, assigned, v->from) &&
           (BSON_ITER_HOLDS_NUMBER(value) || BSON_ITER_HOLDS_DECIMAL128(value)) &&
           !(v->nonzero && is_zero(value));
}

static void append_map(const struct branch_value *v, const char *branch_field,
                       const struct assigned *all, size_t n, bson_t *out)
{
    bson_iter_t value;
    bson_t map;

    bson_append_document_begin(out, v->map, -1, &map);
    for (size_t i = 0; i < n; i++)
        if (has_value(all[i].doc, v, &value))
            bson_append_iter(&map, doc_text(all[i].doc, branch_field), -1, &value);
    bson_append_document_end(out, &map);
}

/* A copy of the record with the numbers of its assignments; of one alone when `bound`. */
static const bson_t *shown(struct scope *scope, const struct branch_view *view,
                           const char *branch_field, const bson_t *doc, const struct assigned *all,
                           size_t n, bool bound)
{
    bson_t *out = own_bson(scope->arena);
    bson_iter_t it, value;

    if (!bson_iter_init(&it, doc))
        return doc;
    while (bson_iter_next(&it)) {
        const struct branch_value *v = view->values;

        while (v->field && strcmp(v->map, bson_iter_key(&it)) != 0 &&
               (!bound || strcmp(v->field, bson_iter_key(&it)) != 0))
            v++;
        if (!v->field)
            bson_append_iter(out, NULL, 0, &it);
        else if (strcmp(v->field, bson_iter_key(&it)) == 0)
            bson_append_iter(out, v->field, -1,
                             n && has_value(all[0].doc, v, &value) ? &value : &it);
    }
    for (const struct branch_value *v = view->values; v->field; v++)
        append_map(v, branch_field, all, n, out);
    return out;
}

/* Those of one record among all: their number; *first is the first. */
static size_t of_record(const struct assigned *all, size_t n, const char *id,
                        const struct assigned **first)
{
    const struct assigned key = {.record = id};
    const struct assigned *at = n && id ? bsearch(&key, all, n, sizeof(*all), by_record) : NULL;
    size_t count = 0;

    if (!at)
        return 0;
    while (at > all && by_record(at - 1, &key) == 0)
        at--;
    *first = at;
    while (at + count < all + n && by_record(at + count, &key) == 0)
        count++;
    return count;
}

/* What branches_find() has joined already. */
static bool joined(struct scope *scope, const bson_t *doc, struct assigned *out)
{
    bson_iter_t it;
    const uint8_t *bytes;
    uint32_t len;

    if (!bson_iter_init_find(&it, doc, "_a") || !BSON_ITER_HOLDS_DOCUMENT(&it))
        return false;
    bson_iter_document(&it, &len, &bytes);
    *out = (struct assigned){.doc = own_bson_copy(scope->arena, bytes, len)};
    return true;
}

bool branches_show(struct req *req, const struct resource *resource, const bson_t **docs, size_t n,
                   uint64_t *tag, struct err *err)
{
    struct scope *scope = &req->scope;
    const struct resource *through = resource_by_noun(resource->branches->through);
    bool bound = branches_bound(resource, scope);
    struct assigned *all = NULL, one;
    bool was_joined = n > 0 && joined(scope, docs[0], &one);
    size_t n_all = 0;

    if (tag)
        *tag = 0;
    if (n == 0 || (!was_joined && !read_all(scope, resource, docs, n, &all, &n_all, err)))
        return n == 0;
    for (size_t i = 0; i < n; i++) {
        const struct assigned *first = &one;
        size_t count = was_joined ? joined(scope, docs[i], &one)
                                  : of_record(all, n_all, doc_text(docs[i], "id"), &first);

        if (bound && (!count || !doc_text(docs[i], "tenant_id")))
            docs[i] = NULL;
        else
            docs[i] = shown(scope, resource->branches, through->branch_field, docs[i], first,
                            count, bound);
    }
    for (size_t i = 0; tag && i < n_all; i++)
        *tag += hash64((const char *)bson_get_data(all[i].doc), all[i].doc->len);
    return true;
}

bool branches_have(struct scope *scope, const struct resource *resource, const char *id, bool *have,
                   struct err *err)
{
    const struct resource *through = resource_by_noun(resource->branches->through);
    bson_t *filter = own_bson(scope->arena);
    int64_t count = 0;

    scope_filter(scope, through->branch_field, filter);
    bson_append_utf8(filter, resource->branches->record, -1, id, -1);
    if (!scope_count(scope, through->collection, filter, 1, &count, err))
        return false;
    *have = count > 0;
    return true;
}

void branches_drop(const struct resource *resource, struct arena *arena, struct validated *input)
{
    bson_t *kept = own_bson(arena);
    bson_iter_t it;

    bson_iter_init(&it, input->set);
    while (bson_iter_next(&it)) {
        const struct branch_value *v = resource->branches->values;

        while (v->field && strcmp(v->field, bson_iter_key(&it)) != 0)
            v++;
        if (!v->field)
            bson_append_iter(kept, NULL, 0, &it);
        else
            input->ignored = input->ignored
                                 ? arena_printf(arena, "%s, %s", input->ignored, v->field)
                                 : v->field;
    }
    input->set = kept;
}

const bson_t *branches_split(const struct resource *resource, struct arena *arena,
                             struct validated *input)
{
    bson_t *numbers = own_bson(arena), *left = own_bson(arena);
    bson_iter_t it;

    bson_iter_init(&it, input->set);
    while (bson_iter_next(&it)) {
        const struct branch_value *v = resource->branches->values;

        while (v->field && (v->nonzero || strcmp(v->field, bson_iter_key(&it)) != 0))
            v++;
        if (v->field) {
            bson_append_iter(numbers, v->from, -1, &it);
            bson_append_int64(left, v->field, -1, 0);
        } else {
            bson_append_iter(left, NULL, 0, &it);
        }
    }
    input->set = left;
    return numbers;
}

bool branches_assign(struct scope *scope, const struct resource *resource,
                     const struct kind_env *env, const char *actor, const char *id,
                     const bson_t *numbers, struct err *err)
{
    const struct branch_view *view = resource->branches;
    const struct resource *through = resource_by_noun(view->through);
    json_auto_t *row = json_object();
    bool created;

    json_object_set_new(row, view->record, json_string(id));
    json_object_set_new(row, through->branch_field, json_string(scope->branch_id));
    for (const struct branch_value *v = view->values; v->field; v++)
        if (!v->nonzero)
            json_object_set_new(row, v->from, json_integer(doc_int(numbers, v->from, 0)));
    return crud_seed(through, scope, env, NULL, actor, row, &created, err);
}

bool branches_check(const struct resource *resource, const struct scope *scope, bool create,
                    bson_t *set, struct err *err)
{
    const char *field = resource->branch_field;
    bson_iter_t it;
    bool there;

    if (field == NULL || scope->branch_id == NULL)
        return true;
    there = bson_iter_init_find(&it, set, field);
    if (!there)
        return !create || bson_append_utf8(set, field, -1, scope->branch_id, -1);
    if (!BSON_ITER_HOLDS_UTF8(&it) || strcmp(bson_iter_utf8(&it, NULL), scope->branch_id) != 0)
        return err_set(err, ERR_FORBIDDEN, "You may only write records of your own branch");
    return true;
}
