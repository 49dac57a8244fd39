/* One transaction a batch. What may be asked of all rows together is asked once; what a row breaks
 * stands in its own error. An attempt that starts again begins with the rows as they came. */
#include "base.h"
#include "engine/batch_priv.h"
#include "engine/index.h"
#include "engine/refs.h"
#include "engine/shared.h"
#include "engine/unique.h"
#include "engine/branches.h"
#include "engine/write.h"
#include "core/id.h"
#include "db/many.h"
#include "db/own.h"
#include "db/txn.h"
#include "tenant/audit.h"

static const char *const actions[] = {
    [BATCH_CREATE] = "create", [BATCH_PATCH] = "patch", [BATCH_DELETE] = "delete"};

size_t batch_count(const struct part *p)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n; i++)
        n += batch_alive(p, i);
    return n;
}

/* --- create ---------------------------------------------------------------------------------- */

static bool check_limit(struct part *p, struct scope *scope, struct err *err)
{
    const struct resource *resource = p->batch->resource;
    bson_t *all = own_bson(scope->arena);
    struct err why;
    int64_t room;
    bool ok;

    scope_filter(scope, NULL, all);
    err_init(&why);
    ok = limit_left(scope, resource->collection, all, p->batch->limit, &room, &why, err);
    for (size_t i = 0; ok && i < p->n; i++)
        if (batch_alive(p, i) && room-- <= 0)
            err_set(p->rows[i].err, ERR_LIMIT_REACHED, "%s", why.detail);
    err_release(&why);
    return ok;
}

static void check_creates(struct part *p, struct scope *scope)
{
    const struct batch *b = p->batch;

    for (size_t i = 0; i < p->n; i++) {
        struct batch_row *row = &p->rows[i];

        if (!batch_alive(p, i) || !branches_check(b->resource, scope, true, row->set, row->err))
            continue;
        p->derived[i] = write_derived(b->resource, scope, &b->env, row->set, NULL, scope->arena,
                                      row->err);
        p->would_be[i] = row->set;
    }
}

/* The documents, in the order of their rows; `at` gets the row of each. */
static bool make_documents(struct part *p, struct scope *scope, const bson_t **docs, size_t *at,
                           struct err *err)
{
    const struct batch *b = p->batch;
    struct series series;
    size_t n = 0;

    if (!series_take(b->resource, scope, batch_count(p), &series, err))
        return false;
    for (size_t i = 0; i < p->n; i++) {
        struct batch_row *row = &p->rows[i];

        if (!batch_alive(p, i))
            continue;
        if (row->id == NULL) {
            char *id = arena_alloc(scope->arena, ID_SIZE);

            id_new(id);
            row->id = id;
        }
        row->result = docs[n] = write_document(b->resource, scope, row->id, row->set, &series,
                                               p->derived[i], scope->arena);
        at[n++] = i;
    }
    return true;
}

bool batch_leave_out(struct part *p, struct scope *scope, size_t row, struct err *err)
{
    if (err->code != ERR_DUPLICATE)
        return false;
    err_clear(p->rows[row].err);
    err_set(p->rows[row].err, ERR_DUPLICATE, "%s",
            p->batch->resource->taken ? p->batch->resource->taken : err->detail);
    p->refused[row] = true;
    scope->transient = true;
    return false;
}

static bool store_creates(struct part *p, struct scope *scope, struct err *err)
{
    const bson_t **docs = arena_alloc(scope->arena, (p->n + 1) * sizeof(*docs));
    size_t *rows = arena_alloc(scope->arena, (p->n + 1) * sizeof(*rows));
    size_t n = batch_count(p), at = n;

    if (!make_documents(p, scope, docs, rows, err))
        return false;
    if (scope_insert_all_at(scope, p->batch->resource->collection, docs, n, &at, err))
        return true;
    return at < n && batch_leave_out(p, scope, rows[at], err);
}

/* --- values that other resources share ------------------------------------------------------- */

static struct shared_row *changes(const struct part *p, struct arena *arena)
{
    struct shared_row *rows = arena_alloc(arena, (p->n + 1) * sizeof(*rows));

    for (size_t i = 0; i < p->n; i++)
        if (batch_alive(p, i))
            rows[i] = (struct shared_row){p->would_be[i], p->old[i], p->rows[i].err};
    return rows;
}

static bool check_elsewhere(const struct part *p, struct scope *scope, struct err *err)
{
    return shared_check(p->batch->resource, scope, changes(p, scope->arena), p->n, err);
}

static bool meet_others(struct part *p, struct scope *scope, struct err *err)
{
    size_t at;

    if (p->batch->op == BATCH_DELETE ||
        shared_meet(p->batch->resource, scope, changes(p, scope->arena), p->n, &at, err))
        return true;
    return at < p->n && batch_leave_out(p, scope, at, err);
}

/* --- one transaction ------------------------------------------------------------------------- */

/* All that is asked before the first write, in the order in which a row learns of it. */
static bool check_rows(struct part *p, struct scope *scope, struct err *err)
{
    const struct batch *b = p->batch;

    if (b->op != BATCH_CREATE && !batch_read_old(p, scope, err))
        return false;
    if (b->op == BATCH_DELETE)
        return refs_unused_rows(b->resource, scope, p->rows, p->n, err);
    if (b->op == BATCH_CREATE)
        check_creates(p, scope);
    else
        batch_check_changes(p, scope);
    return refs_check_rows(b->resource, scope, p->rows, p->n, err) &&
           unique_check(b->resource, scope, p->rows, p->would_be, p->n, err) &&
           check_elsewhere(p, scope, err) &&
           (b->op != BATCH_CREATE || check_limit(p, scope, err));
}

static bool write_audit(const struct part *p, struct scope *scope, struct err *err)
{
    const struct batch *b = p->batch;
    struct audit_entry *entries = arena_alloc(scope->arena, (p->n + 1) * sizeof(*entries));
    size_t n = 0;

    for (size_t i = 0; i < p->n; i++)
        if (batch_alive(p, i))
            entries[n++] = (struct audit_entry){.action = actions[b->op],
                                                .collection = b->resource->collection,
                                                .record_id = p->rows[i].id,
                                                .actor = b->actor,
                                                .impersonated_by = b->impersonated_by,
                                                .request_id = b->request_id,
                                                .before = p->old[i],
                                                .after = p->rows[i].result};
    return audit_add_many(scope, entries, n, err);
}

/* What the descriptor says follows from writes. */
static bool follow(const struct part *p, struct scope *scope, struct err *err)
{
    struct written *records = arena_alloc(scope->arena, (p->n + 1) * sizeof(*records));
    size_t n = 0;

    if (p->batch->resource->written == NULL)
        return true;
    for (size_t i = 0; i < p->n; i++)
        if (batch_alive(p, i))
            records[n++] = (struct written){p->old[i], p->rows[i].result};
    return p->batch->resource->written(scope, records, n, err);
}

/* As the rows came, but for what the server refused in an earlier attempt. */
static void begin_attempt(struct part *p)
{
    for (size_t i = 0; i < p->n; i++) {
        if (!p->refused[i])
            err_clear(p->rows[i].err);
        p->rows[i].result = NULL;
        p->old[i] = p->derived[i] = p->would_be[i] = NULL;
    }
}

static bool part_body(struct scope *scope, void *data, struct err *err)
{
    static bool (*const store[])(struct part *, struct scope *, struct err *) = {
        [BATCH_CREATE] = store_creates,
        [BATCH_PATCH] = batch_store_changes,
        [BATCH_DELETE] = batch_store_deletions,
    };
    struct part *p = data;
    size_t n;

    begin_attempt(p);
    if (!check_rows(p, scope, err))
        return false;
    n = batch_count(p);
    if (n == 0 || p->batch->dry_run || (p->batch->atomic && n < p->n))
        return true;
    return store[p->batch->op](p, scope, err) && meet_others(p, scope, err) &&
           write_audit(p, scope, err) && follow(p, scope, err);
}

/* A row of an atomic batch that was refused keeps the others from being stored. */
static size_t settle(struct part *p)
{
    size_t n = batch_count(p);
    bool none = p->batch->atomic && n < p->n;

    for (size_t i = 0; i < p->n; i++) {
        p->rows[i].done = batch_alive(p, i) && !none;
        if (!p->rows[i].done)
            p->rows[i].result = NULL;
    }
    return none ? 0 : n;
}

static bool run_part(const struct batch *batch, struct batch_row *rows, size_t n, size_t *stored,
                     struct err *err)
{
    struct arena *arena = batch->scope->arena;
    struct part p = {.batch = batch, .rows = rows, .n = n};

    p.refused = arena_alloc(arena, n + 1);
    p.old = arena_alloc(arena, (n + 1) * sizeof(*p.old));
    p.derived = arena_alloc(arena, (n + 1) * sizeof(*p.derived));
    p.would_be = arena_alloc(arena, (n + 1) * sizeof(*p.would_be));
    for (size_t i = 0; i < n; i++)
        p.refused[i] = err_is_set(rows[i].err);
    if (!txn_run(batch->scope, part_body, &p, err))
        return false;
    *stored += settle(&p);
    return true;
}

/* --- for callers ----------------------------------------------------------------------------- */

bool batch_run(const struct batch *batch, struct batch_row *rows, size_t n, size_t *stored,
               struct err *err)
{
    assert(!batch->atomic || n <= BATCH_MAX);
    *stored = 0;
    for (size_t i = 0; i < n; i++)
        rows[i].done = false;
    for (size_t i = 0; i < n; i += BATCH_MAX) {
        size_t part = n - i < BATCH_MAX ? n - i : BATCH_MAX;

        if (!run_part(batch, rows + i, part, stored, err))
            return false;
    }
    return true;
}

bool batch_open(struct req *req, enum batch_op op, struct batch *batch, struct err *err)
{
    const struct resource *resource = req->route->resource;

    *batch = (struct batch){.op = op,
                            .resource = resource,
                            .scope = &req->scope,
                            .env = {.decimals = req->tenant->decimals},
                            .actor = req->principal.user_id,
                            .impersonated_by = req->principal.claims.impersonated_by,
                            .request_id = req->request_id,
                            .limit = limit_of(req->tenant, resource->limit)};
    /* What such a user makes is split between the record and the branch, one by one. */
    if (branches_bound(resource, &req->scope))
        return err_set(err, ERR_FORBIDDEN, "Users of a branch write these records one by one.");
    return index_ensure(req->app->indexes, resource, &req->scope, err);
}

static void release_err(void *err)
{
    err_release(err);
}

struct batch_row *batch_rows(struct arena *arena, size_t n)
{
    struct batch_row *rows = arena_alloc(arena, (n + 1) * sizeof(*rows));
    struct err *errs = arena_alloc(arena, (n + 1) * sizeof(*errs));

    for (size_t i = 0; i < n; i++) {
        err_init(&errs[i]);
        rows[i].err = &errs[i];
        arena_defer(arena, release_err, &errs[i]);
    }
    return rows;
}
