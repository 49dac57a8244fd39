/* Lists of what a branch has, joined, filtered and sorted by the database, so that what is shown is
 * also what is sorted and filtered by. Three ways, one result:
 *
 *  - where only the assignments are asked (the plain list, the order or range of a number that is
 *    the branch's), they are read in order by their index and only the page is joined;
 *  - where the record is asked for words or values, the records are found by their index, and of
 *    these the assigned ones are kept;
 *  - otherwise all of the branch's assignments are joined, and the first of the order are kept.
 */
#include "base.h"
#include "engine/branches.h"
#include "db/own.h"

struct join {
    struct scope *scope;
    const struct resource *resource, *through;
    const struct branch_view *view;
    const struct list_query *query;
    bson_t *stages; /* the pipeline */
    int n;
};

/* Appends a stage and frees it. */
static void add_stage(struct join *j, bson_t *stage)
{
    char key[12];

    snprintf(key, sizeof(key), "%d", j->n++);
    bson_append_document(j->stages, key, -1, stage);
    bson_destroy(stage);
}

static void add_match(struct join *j, const bson_t *filter)
{
    add_stage(j, BCON_NEW("$match", BCON_DOCUMENT(filter)));
}

static void add_sort(struct join *j, const char *name, const char *id)
{
    bson_t *stage = bson_new();
    bson_t by;

    bson_append_document_begin(stage, "$sort", 5, &by);
    bson_append_int32(&by, name, -1, j->query->sort_dir);
    if (strcmp(name, id) != 0)
        bson_append_int32(&by, id, -1, j->query->sort_dir);
    bson_append_document_end(stage, &by);
    add_stage(j, stage);
    add_stage(j, BCON_NEW("$limit", BCON_INT64(j->query->limit)));
}

/* --- what the assignments alone can answer --------------------------------------------------- */

/* The assignment's name of a record's member; NULL when it has none. */
static const char *name_there(const struct join *j, const char *name)
{
    if (strcmp(name, "id") == 0)
        return j->view->record;
    for (const struct branch_value *v = j->view->values; v->field; v++)
        if (!v->nonzero && strcmp(v->field, name) == 0)
            return v->from;
    return NULL;
}

/* Copies a filter in the assignment's names; false when it asks for more than those. */
static bool translate(const struct join *j, bson_iter_t *it, bson_t *out)
{
    while (bson_iter_next(it)) {
        const char *key = bson_iter_key(it);
        bool plain = key[0] == '$' || isdigit((unsigned char)key[0]);
        const char *name = plain ? key : name_there(j, key);
        bson_iter_t inner;
        bson_t child;
        bool ok;

        if (strcmp(key, "tenant_id") == 0)
            continue; /* the $match begins with it */
        if (!name)
            return false;
        if (!BSON_ITER_HOLDS_DOCUMENT(it) && !BSON_ITER_HOLDS_ARRAY(it)) {
            bson_append_iter(out, name, -1, it);
            continue;
        }
        bson_iter_recurse(it, &inner);
        if (BSON_ITER_HOLDS_ARRAY(it))
            bson_append_array_begin(out, name, -1, &child);
        else
            bson_append_document_begin(out, name, -1, &child);
        ok = translate(j, &inner, &child);
        if (BSON_ITER_HOLDS_ARRAY(it))
            bson_append_array_end(out, &child);
        else
            bson_append_document_end(out, &child);
        if (!ok)
            return false;
    }
    return true;
}

/* Sorts and cuts the assignments before they are joined, where that is all that is asked. */
static bool cut_early(struct join *j)
{
    bson_t *filter = own_bson(j->scope->arena);
    const char *sort = name_there(j, j->query->sort_name);
    bson_iter_t it;

    scope_filter(j->scope, j->through->branch_field, filter);
    if (!sort || !bson_iter_init(&it, j->query->filter) || !translate(j, &it, filter))
        return false;
    add_match(j, filter);
    add_sort(j, sort, j->view->record);
    return true;
}

/* --- what the record is asked for ------------------------------------------------------------ */

/* Is this member answered by the record itself? */
static bool of_record(const struct join *j, const char *key)
{
    if (key[0] == '$' || strcmp(key, "id") == 0 || strcmp(key, "tenant_id") == 0)
        return false;
    for (const struct branch_value *v = j->view->values; v->field; v++)
        if (strcmp(v->field, key) == 0)
            return false;
    return true;
}

/* The values and words that were asked for, beside the tenant: false when there are none. */
static bool record_filter(const struct join *j, bson_t *out)
{
    bson_iter_t it, clause, member;
    bool asked = false;
    bson_t all;
    char key[12];
    int n = 0;

    scope_filter(j->scope, NULL, out);
    bson_iter_init(&it, j->query->filter);
    while (bson_iter_next(&it))
        if (of_record(j, bson_iter_key(&it))) {
            bson_append_iter(out, NULL, 0, &it);
            asked = true;
        }
    if (!bson_iter_init_find(&it, j->query->filter, "$and") || !bson_iter_recurse(&it, &clause))
        return asked;
    bson_init(&all);
    while (bson_iter_next(&clause)) {
        if (!bson_iter_recurse(&clause, &member) || !bson_iter_next(&member) ||
            !of_record(j, bson_iter_key(&member)))
            continue;
        snprintf(key, sizeof(key), "%d", n++);
        bson_append_iter(&all, key, -1, &clause);
    }
    if (n > 0)
        bson_append_array(out, "$and", 4, &all);
    bson_destroy(&all);
    return n > 0 || asked;
}

/* --- joining --------------------------------------------------------------------------------- */

/* {…: the number, or 0} and {…: the number, or where it is 0 that of the record}. */
static void append_values(const struct join *j, const char *there, const char *here, bson_t *out)
{
    struct arena *arena = j->scope->arena;

    for (const struct branch_value *v = j->view->values; v->field; v++) {
        const char *from = arena_printf(arena, "%s%s", there, v->from);
        bson_t *value =
            v->nonzero
                ? BCON_NEW("$cond", "[", "{", "$ne", "[", "{", "$ifNull", "[", BCON_UTF8(from),
                           BCON_INT32(0), "]", "}", BCON_INT32(0), "]", "}", BCON_UTF8(from),
                           BCON_UTF8(arena_printf(arena, "%s%s", here, v->field)), "]")
                : BCON_NEW("$ifNull", "[", BCON_UTF8(from), BCON_INT32(0), "]");

        bson_append_document(out, v->field, -1, value);
        bson_destroy(value);
    }
}

/* One document of both: the record, its numbers from the assignment, and the assignment as `_a`.
 * `there` and `here` lead to the assignment and the record, `whole` is the record. */
static void add_merge(struct join *j, const char *there, const char *here, const char *whole)
{
    struct arena *arena = j->scope->arena;
    bson_t *members = bson_new();
    bson_t a;

    bson_append_utf8(members, "id", 2, arena_printf(arena, "%s%s", there, j->view->record), -1);
    bson_append_document_begin(members, "_a", 2, &a);
    bson_append_utf8(&a, j->through->branch_field, -1,
                     arena_printf(arena, "%s%s", there, j->through->branch_field), -1);
    for (const struct branch_value *v = j->view->values; v->field; v++)
        bson_append_utf8(&a, v->from, -1, arena_printf(arena, "%s%s", there, v->from), -1);
    bson_append_document_end(members, &a);
    append_values(j, there, here, members);
    add_stage(j, BCON_NEW("$replaceRoot", "{", "newRoot", "{", "$mergeObjects", "[",
                          BCON_UTF8(whole), BCON_DOCUMENT(members), "]", "}", "}"));
    bson_destroy(members);
}

/* Joins each assignment to its record; `keep`: also where there is none. */
static void join_records(struct join *j, bool keep)
{
    bson_t *tenant = own_bson(j->scope->arena);

    scope_filter(j->scope, NULL, tenant);
    add_stage(j, BCON_NEW("$lookup", "{", "from", BCON_UTF8(j->resource->collection), "localField",
                          BCON_UTF8(j->view->record), "foreignField", "id", "as", "_r", "pipeline",
                          "[", "{", "$match", BCON_DOCUMENT(tenant), "}", "]", "}"));
    add_stage(j, BCON_NEW("$unwind", "{", "path", "$_r", "preserveNullAndEmptyArrays",
                          BCON_BOOL(keep), "}"));
    add_merge(j, "$", "$_r.", "$_r");
}

static void join_assignments(struct join *j)
{
    bson_t *own = own_bson(j->scope->arena);

    scope_filter(j->scope, j->through->branch_field, own);
    add_stage(j, BCON_NEW("$lookup", "{", "from", BCON_UTF8(j->through->collection), "localField",
                          "id", "foreignField", BCON_UTF8(j->view->record), "as", "_a", "pipeline",
                          "[", "{", "$match", BCON_DOCUMENT(own), "}", "]", "}"));
    add_stage(j, BCON_NEW("$unwind", "$_a"));
    add_merge(j, "$_a.", "$", "$$ROOT");
}

/* Everything but the page: what is in the whole list, by `filter`. The collection to begin with. */
static const char *join_all(struct join *j, const bson_t *filter)
{
    bson_t *first = own_bson(j->scope->arena), *own = own_bson(j->scope->arena);
    bool asked = record_filter(j, first);

    if (asked) {
        add_match(j, first);
        join_assignments(j);
    } else {
        scope_filter(j->scope, j->through->branch_field, own);
        add_match(j, own);
        join_records(j, false);
    }
    add_match(j, filter);
    return asked ? j->resource->collection : j->through->collection;
}

static struct join begin(struct req *req, const struct resource *resource,
                         const struct list_query *query)
{
    return (struct join){.scope = &req->scope,
                         .resource = resource,
                         .through = resource_by_noun(resource->branches->through),
                         .view = resource->branches,
                         .query = query,
                         .stages = own_bson(req->arena)};
}

bool branches_wanted(const struct req *req, const struct resource *resource,
                     const struct list_query *query)
{
    if (query->all_fields || branches_bound(resource, &req->scope))
        return true;
    for (const struct branch_value *v = resource->branches->values; v->field; v++)
        if (query->shown >> (resource_field(resource, v->map) - resource->fields) & 1)
            return true;
    return false;
}

static mongoc_cursor_t *find_joined(struct req *req, const struct resource *resource,
                                    const struct list_query *query)
{
    struct join j = begin(req, resource, query);
    const char *collection = j.through->collection;
    bson_t *opts = own_bson(req->arena);

    if (cut_early(&j)) {
        join_records(&j, true);
    } else {
        collection = join_all(&j, query->filter);
        add_sort(&j, query->sort_name, "id");
    }
    bson_append_int64(opts, "batchSize", -1,
                      query->limit < LIST_LIMIT_MAX ? query->limit : LIST_LIMIT_MAX);
    return scope_aggregate(j.scope, collection, j.stages, opts);
}

mongoc_cursor_t *branches_find(struct req *req, const struct resource *resource,
                               const struct list_query *query)
{
    if (branches_bound(resource, &req->scope))
        return find_joined(req, resource, query);
    return scope_find(&req->scope, resource->collection, query->filter, query->opts);
}

static bool count_joined(struct req *req, const struct resource *resource,
                         const struct list_query *query, int64_t *total, struct err *err)
{
    struct join j = begin(req, resource, query);
    const char *collection = join_all(&j, query->count_filter);
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    bson_iter_t it;

    add_stage(&j, BCON_NEW("$count", "n"));
    cursor = scope_aggregate(j.scope, collection, j.stages, NULL);
    if (!scope_next(j.scope, cursor, &doc, err))
        return false;
    *total = doc && bson_iter_init_find(&it, doc, "n") ? bson_iter_as_int64(&it) : 0;
    return true;
}

bool branches_count(struct req *req, const struct resource *resource,
                    const struct list_query *query, int64_t most, int64_t *total,
                    struct err *err)
{
    if (branches_bound(resource, &req->scope))
        return count_joined(req, resource, query, total, err);
    return scope_count(&req->scope, resource->collection, query->count_filter, most, total, err);
}
