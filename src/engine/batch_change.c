/* The part of a batch that deals with records which are there: one query finds them all. */
#include "base.h"
#include "engine/batch_priv.h"
#include "engine/ids.h"
#include "engine/branches.h"
#include "engine/write.h"
#include "db/doc.h"
#include "db/many.h"
#include "db/own.h"

static bson_t *filter_of(struct scope *scope, const struct resource *resource)
{
    bson_t *filter = own_bson(scope->arena);

    scope_filter(scope, resource->branch_field, filter);
    return filter;
}

static void gather_ids(const struct part *p, struct arena *arena, struct ids *ids)
{
    ids_init(ids, arena, p->n);
    for (size_t i = 0; i < p->n; i++)
        if (batch_alive(p, i))
            ids_add(ids, p->rows[i].id);
    ids_sort(ids);
}

/* The records of the rows as they are now, by row: one query. */
static bool read_records(struct part *p, struct scope *scope, const bson_t **out, struct err *err)
{
    const struct resource *resource = p->batch->resource;
    bson_t *filter = filter_of(scope, resource), *opts = own_bson(scope->arena);
    mongoc_cursor_t *cursor;
    const bson_t **found;
    const bson_t *doc;
    struct ids ids;

    memset(out, 0, p->n * sizeof(*out));
    gather_ids(p, scope->arena, &ids);
    if (ids.n == 0)
        return true;
    found = arena_alloc(scope->arena, (ids.n + 1) * sizeof(*found));
    ids_append_in(&ids, "id", filter);
    bson_append_int64(opts, "batchSize", -1, (int64_t)ids.n + 1);
    cursor = scope_find(scope, resource->collection, filter, opts);
    for (;;) {
        if (!scope_next(scope, cursor, &doc, err))
            return false;
        if (doc == NULL)
            break;
        found[ids_find(&ids, doc_text(doc, "id"))] =
            own_bson_copy(scope->arena, bson_get_data(doc), doc->len);
    }
    for (size_t i = 0; i < p->n; i++)
        if (batch_alive(p, i))
            out[i] = found[ids_find(&ids, p->rows[i].id)];
    return true;
}

/* Each record once: what a second row says would rest on what the first one did. */
static void refuse_repeats(struct part *p, struct arena *arena)
{
    struct ids ids;
    bool *seen = arena_alloc(arena, p->n + 1);

    gather_ids(p, arena, &ids);
    for (size_t i = 0; i < p->n; i++) {
        size_t at = batch_alive(p, i) ? ids_find(&ids, p->rows[i].id) : ids.n;

        if (at < ids.n && seen[at])
            err_field(p->rows[i].err, "id", "repeated", "Another row names the same record");
        else if (at < ids.n)
            seen[at] = true;
    }
}

bool batch_read_old(struct part *p, struct scope *scope, struct err *err)
{
    refuse_repeats(p, scope->arena);
    if (!read_records(p, scope, p->old, err))
        return false;
    for (size_t i = 0; i < p->n; i++) {
        struct batch_row *row = &p->rows[i];

        if (!batch_alive(p, i))
            continue;
        if (p->old[i] == NULL)
            write_not_found(p->batch->resource, row->err);
        else
            write_if_match(row->if_match, p->old[i], scope->arena, row->err);
    }
    return true;
}

/* `set` over `old`: what the record will hold under its unique indexes. */
static const bson_t *merged(struct arena *arena, const bson_t *set, const bson_t *derived,
                            const bson_t *old)
{
    bson_t *out = own_bson(arena);
    bson_iter_t it;

    bson_concat(out, set);
    bson_concat(out, derived);
    if (bson_iter_init(&it, old))
        while (bson_iter_next(&it))
            if (!bson_has_field(out, bson_iter_key(&it)))
                bson_append_iter(out, NULL, 0, &it);
    return out;
}

void batch_check_changes(struct part *p, struct scope *scope)
{
    const struct batch *b = p->batch;

    for (size_t i = 0; i < p->n; i++) {
        struct batch_row *row = &p->rows[i];

        if (!batch_alive(p, i) ||
            !branches_check(b->resource, scope, false, row->set, row->err))
            continue;
        p->derived[i] = write_derived(b->resource, scope, &b->env, row->set, p->old[i],
                                      scope->arena, row->err);
        if (p->derived[i] != NULL)
            p->would_be[i] = merged(scope->arena, row->set, p->derived[i], p->old[i]);
    }
}

bool batch_store_changes(struct part *p, struct scope *scope, struct err *err)
{
    const struct resource *resource = p->batch->resource;
    const bson_t **filters = arena_alloc(scope->arena, (p->n + 1) * sizeof(*filters));
    const bson_t **updates = arena_alloc(scope->arena, (p->n + 1) * sizeof(*updates));
    const bson_t **now = arena_alloc(scope->arena, (p->n + 1) * sizeof(*now));
    size_t *rows = arena_alloc(scope->arena, (p->n + 1) * sizeof(*rows));
    size_t n = 0, at;
    int64_t matched;

    for (size_t i = 0; i < p->n; i++) {
        bson_t *filter;

        if (!batch_alive(p, i))
            continue;
        filter = filter_of(scope, resource);
        bson_append_utf8(filter, "id", 2, p->rows[i].id, -1);
        filters[n] = filter;
        updates[n] = write_update(resource, p->old[i], p->rows[i].set, p->derived[i],
                                  scope->arena);
        rows[n++] = i;
    }
    at = n;
    if (!scope_update_each_at(scope, resource->collection, filters, updates, n, &matched, &at, err))
        return at < n && batch_leave_out(p, scope, rows[at], err);
    if (!read_records(p, scope, now, err))
        return false;
    for (size_t i = 0; i < p->n; i++)
        if (batch_alive(p, i))
            p->rows[i].result = now[i];
    return true;
}

bool batch_store_deletions(struct part *p, struct scope *scope, struct err *err)
{
    bson_t *filter = filter_of(scope, p->batch->resource);
    int64_t deleted;
    struct ids ids;

    gather_ids(p, scope->arena, &ids);
    ids_append_in(&ids, "id", filter);
    return scope_delete_all(scope, p->batch->resource->collection, filter, &deleted, err);
}
