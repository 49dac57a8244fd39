/* Writing: every operation is one transaction that holds the change and its audit entry. */
#include "base.h"
#include "engine/crud_write.h"
#include "engine/branches.h"
#include "engine/index.h"
#include "engine/refs.h"
#include "engine/shared.h"
#include "engine/validate.h"
#include "engine/write.h"
#include "core/id.h"
#include "db/own.h"
#include "db/txn.h"

/* One write, whoever asks for it: a request or erpctl. */
struct write {
    const struct resource *resource;
    enum audit_kind kind;
    const char *action; /* of the audit entry */
    const char *id;
    const char *actor, *impersonated_by, *request_id;
    const char *if_match;    /* NULL: no condition */
    const bson_t *filter;    /* replace, patch, delete */
    struct validated *input; /* NULL when deleting */
    struct arena *arena;
    struct kind_env env;
    int64_t limit;        /* how many records the licence allows; negative: no limit */
    const bson_t *result; /* the document afterwards, arena-owned */
    bool missing;         /* there is no such record */
    const bson_t *numbers; /* of a create in a branch: what it has; NULL: none */
    struct req *req;      /* of a create that is told of; NULL: it is not */
    void *told;
};

/* A refused duplicate in the resource's words. Always false. */
static bool refused(const struct write *w, struct err *err)
{
    if (err->code != ERR_DUPLICATE || w->resource->taken == NULL)
        return false;
    err_clear(err);
    return err_set(err, ERR_DUPLICATE, "%s", w->resource->taken);
}

/* The audit entry, and what else follows from the write. */
static bool follow(struct scope *scope, const struct write *w, const bson_t *before,
                   const bson_t *after, struct err *err)
{
    const struct audit_entry entry = {.kind = w->kind,
                                      .action = w->action,
                                      .collection = w->resource->collection,
                                      .record_id = w->id,
                                      .actor = w->actor,
                                      .impersonated_by = w->impersonated_by,
                                      .request_id = w->request_id,
                                      .before = before,
                                      .after = after};

    return write_follow(w->resource, scope, &entry, err);
}

/* --- create ---------------------------------------------------------------------------------- */

static bool check_limit(struct scope *scope, const struct write *w, struct err *err)
{
    bson_t all = BSON_INITIALIZER;
    bool ok;

    scope_filter(scope, NULL, &all);
    ok = limit_check(scope, w->resource->collection, &all, w->limit, err);
    bson_destroy(&all);
    return ok;
}

/* What the fields that are set change in a record; `old` NULL: all of it is new. */
static struct shared_row changes(const struct write *w, const bson_t *old, struct err *err)
{
    return (struct shared_row){w->input->set, old, err};
}

static bool check_elsewhere(struct scope *scope, const struct write *w, const bson_t *old,
                            struct err *err)
{
    const struct shared_row row = changes(w, old, err);

    return shared_check(w->resource, scope, &row, 1, err) && !err_is_set(err);
}

static bool meet_others(struct scope *scope, const struct write *w, const bson_t *old,
                        struct err *err)
{
    const struct shared_row row = changes(w, old, err);
    size_t at;

    return shared_meet(w->resource, scope, &row, 1, &at, err);
}

/* Numbers are taken and values worked out in the transaction, anew in each attempt. */
static bool create_body(struct scope *scope, void *data, struct err *err)
{
    struct write *w = data;
    const bson_t *derived;
    struct series series;

    if (!refs_check(w->resource, scope, w->input->set, err) ||
        !check_elsewhere(scope, w, NULL, err) || !check_limit(scope, w, err) ||
        (derived = write_derived(w->resource, scope, &w->env, w->input->set, NULL, w->arena,
                                 err)) == NULL ||
        !series_take(w->resource, scope, 1, &series, err))
        return false;
    w->result = write_document(w->resource, scope, w->id, w->input->set, &series, derived,
                               w->arena);
    return (scope_insert(scope, w->resource->collection, w->result, err) || refused(w, err)) &&
           meet_others(scope, w, NULL, err) && follow(scope, w, NULL, w->result, err) &&
           (w->numbers == NULL || branches_assign(scope, w->resource, &w->env, w->actor, w->id,
                                                  w->numbers, err)) &&
           (w->req == NULL ||
            w->resource->tell(w->req, w->input->set, w->result, &w->told, err));
}

static bool run_create(struct write *w, struct scope *scope, struct err *err)
{
    if (!branches_check(w->resource, scope, true, w->input->set, err))
        return false;
    return txn_run(scope, create_body, w, err);
}

/* --- replace and patch ----------------------------------------------------------------------- */

/* The record before the write: NULL and `missing` when there is none. */
static bool find_old(struct scope *scope, struct write *w, const bson_t **old, struct err *err)
{
    w->missing = false;
    if (!scope_find_one(scope, w->resource->collection, w->filter, NULL, old, err))
        return false;
    w->missing = *old == NULL;
    return w->missing || write_if_match(w->if_match, *old, w->arena, err);
}

static bool update_body(struct scope *scope, void *data, struct err *err)
{
    struct write *w = data;
    const bson_t *old, *derived;

    if (!find_old(scope, w, &old, err))
        return false;
    if (w->missing)
        return true;
    if (!refs_check(w->resource, scope, w->input->set, err) ||
        !check_elsewhere(scope, w, old, err) ||
        (derived = write_derived(w->resource, scope, &w->env, w->input->set, old, w->arena,
                                 err)) == NULL ||
        !(scope_find_and_update(scope, w->resource->collection, w->filter,
                                write_update(w->resource, old, w->input->set, derived, w->arena),
                                true, false, NULL, &w->result, err) ||
          refused(w, err)))
        return false;
    w->missing = w->result == NULL;
    return w->missing || (meet_others(scope, w, old, err) &&
                          follow(scope, w, old, w->result, err));
}

/* --- delete ---------------------------------------------------------------------------------- */

static bool delete_body(struct scope *scope, void *data, struct err *err)
{
    struct write *w = data;
    const bson_t *old;
    int64_t deleted = 0;

    if (!find_old(scope, w, &old, err))
        return false;
    if (w->missing)
        return true;
    return refs_unused(w->resource, scope, w->id, err) &&
           refs_drop_owned(w->resource, scope, w->id, err) &&
           scope_delete_one(scope, w->resource->collection, w->filter, &deleted, err) &&
           follow(scope, w, old, NULL, err);
}

/* --- handlers -------------------------------------------------------------------------------- */

static struct write write_of(struct req *req, const char *action)
{
    return (struct write){.resource = req->route->resource,
                          .action = action,
                          .actor = req->principal.user_id,
                          .impersonated_by = req->principal.claims.impersonated_by,
                          .request_id = req->request_id,
                          .if_match = req->if_match,
                          .arena = req->arena,
                          .env = {.decimals = req->tenant->decimals},
                          .limit = limit_of(req->tenant, req->route->resource->limit)};
}

static bool read_input(struct req *req, enum validate_mode mode, struct validated *input)
{
    const struct kind_env env = {.decimals = req->tenant->decimals};

    if (!validate_body(req->route->resource, mode, &env, req->body, req->strict, req->arena,
                       input, req->err))
        return false;
    if (mode != VALIDATE_CREATE && branches_bound(req->route->resource, &req->scope))
        branches_drop(req->route->resource, req->arena, input);
    if (input->ignored != NULL)
        resp_header(req, "X-Ignored-Fields", input->ignored);
    return true;
}

bool crud_create(struct req *req)
{
    struct write w = write_of(req, "create");
    char *id = arena_alloc(req->arena, ID_SIZE);

    w.input = arena_alloc(req->arena, sizeof(*w.input));
    if (!read_input(req, VALIDATE_CREATE, w.input) ||
        !index_ensure(req->app->indexes, w.resource, &req->scope, req->err) ||
        (branches_bound(w.resource, &req->scope) &&
         !index_ensure(req->app->indexes, resource_by_noun(w.resource->branches->through),
                       &req->scope, req->err)))
        return false;
    if (branches_bound(w.resource, &req->scope))
        w.numbers = branches_split(w.resource, req->arena, w.input);
    id_new(id);
    w.id = id;
    w.req = w.resource->tell != NULL ? req : NULL;
    if (w.req != NULL && !w.resource->tell(req, w.input->set, NULL, &w.told, req->err))
        return false;
    if (!run_create(&w, &req->scope, req->err))
        return false;
    resp_header(req, "Location", arena_printf(req->arena, "%s/%s", w.resource->path, id));
    return crud_reply(req, w.result);
}

/* The record with every default, made by whoever reads first, which is not that the business has
 * done something; the unique index on tenant_id lets one of two first readers win. */
static bool make_singleton(struct req *req, const bson_t *filter, const bson_t **doc)
{
    struct write w = write_of(req, "create");
    char *id = arena_alloc(req->arena, ID_SIZE);
    json_auto_t *empty = json_object();
    const struct kind_env env = {.decimals = req->tenant->decimals};

    w.kind = AUDIT_SERVICE;
    w.input = arena_alloc(req->arena, sizeof(*w.input));
    id_new(id);
    w.id = id;
    if (!validate_body(w.resource, VALIDATE_CREATE, &env, empty, false, req->arena, w.input,
                       req->err) ||
        !index_ensure(req->app->indexes, w.resource, &req->scope, req->err))
        return false;
    if (run_create(&w, &req->scope, req->err)) {
        *doc = w.result;
        return true;
    }
    if (req->err->code != ERR_DUPLICATE)
        return false;
    err_clear(req->err);
    return scope_find_one(&req->scope, w.resource->collection, filter, NULL, doc, req->err);
}

/* Finds the singleton, or makes it. */
static bool open_singleton(struct req *req, const bson_t **doc)
{
    bson_t *filter = own_bson(req->arena);

    crud_filter(req, filter);
    if (!scope_find_one(&req->scope, req->route->resource->collection, filter, NULL, doc,
                        req->err))
        return false;
    return *doc != NULL || make_singleton(req, filter, doc);
}

static bool change(struct req *req, enum validate_mode mode, const char *action)
{
    struct write w = write_of(req, action);
    bson_t *filter = own_bson(req->arena);
    const bson_t *made;

    w.input = arena_alloc(req->arena, sizeof(*w.input));
    crud_filter(req, filter);
    w.filter = filter;
    w.id = req_param(req, "id");
    if (!read_input(req, mode, w.input) ||
        !branches_check(w.resource, &req->scope, false, w.input->set, req->err) ||
        (w.resource->singleton && !open_singleton(req, &made)) ||
        !index_ensure(req->app->indexes, w.resource, &req->scope, req->err) ||
        !txn_run(&req->scope, update_body, &w, req->err))
        return false;
    return w.missing ? crud_not_found(req) : crud_reply(req, w.result);
}

bool crud_replace(struct req *req)
{
    return change(req, VALIDATE_REPLACE, "replace");
}

bool crud_patch(struct req *req)
{
    return change(req, VALIDATE_PATCH, "patch");
}

bool crud_delete(struct req *req)
{
    struct write w = write_of(req, "delete");
    bson_t *filter = own_bson(req->arena);

    crud_filter(req, filter);
    w.filter = filter;
    w.id = req_param(req, "id");
    if ((w.resource->may_delete != NULL && !w.resource->may_delete(req, w.id)) ||
        !index_ensure(req->app->indexes, w.resource, &req->scope, req->err) ||
        !txn_run(&req->scope, delete_body, &w, req->err))
        return false;
    return w.missing ? crud_not_found(req) : resp_message(req, "Deleted");
}

bool crud_singleton(struct req *req)
{
    const bson_t *doc;

    if (!open_singleton(req, &doc))
        return false;
    return doc != NULL ? crud_reply(req, doc) : crud_not_found(req);
}

/* --- seeding --------------------------------------------------------------------------------- */

/* Takes the state out of a record that says in which it already is; NULL: it does not. */
static const char *take_state(const struct resource *resource, struct arena *arena, json_t *record)
{
    const char *name = resource->states != NULL ? resource->states->field : NULL;
    const char *text = name != NULL && (resource_field(resource, name)->flags & F_READONLY)
                           ? json_string_value(json_object_get(record, name))
                           : NULL;

    if (text == NULL)
        return NULL;
    text = arena_strdup(arena, text);
    json_object_del(record, name);
    return text;
}

bool crud_seed(const struct resource *resource, struct scope *scope, const struct kind_env *env,
               const char *id, const char *actor, json_t *record, bool *created, struct err *err)
{
    struct validated *input = arena_alloc(scope->arena, sizeof(*input));
    char *fresh = arena_alloc(scope->arena, ID_SIZE);
    bson_t *filter = own_bson(scope->arena);
    const char *state;
    int64_t there = 0;
    struct write w = {.resource = resource, .action = "create", .actor = actor,
                      .input = input, .arena = scope->arena, .env = *env, .limit = -1};

    id_new(fresh);
    w.id = id != NULL ? id : fresh;
    *created = false;
    scope_filter(scope, NULL, filter);
    if (!resource->singleton)
        bson_append_utf8(filter, "id", 2, w.id, -1);
    if (!scope_count(scope, resource->collection, filter, 1, &there, err))
        return false;
    if (there > 0)
        return true;
    state = take_state(resource, scope->arena, record);
    if (!validate_body(resource, VALIDATE_CREATE, env, record, true, scope->arena, input, err) ||
        (state != NULL && !state_begin(resource, state, input->set, err)) ||
        !run_create(&w, scope, err))
        return false;
    *created = true;
    return true;
}
