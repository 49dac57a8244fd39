/* Commands on many documents. They refuse to run outside a transaction, where a failure in the
 * middle would leave a part of them done. */
#include "base.h"
#include "db/many.h"
#include "db/doc.h"
#include "db/guard.h"
#include "db/scope_priv.h"

/* The session and the deadline, in the caller's `opts`. */
static bool begin(struct scope *scope, const char *op, const char *collection, bson_t *opts,
                  struct err *err)
{
    int32_t time_ms;

    if (!scope->session)
        die("%s of many in %s outside a transaction", op, collection);
    if (!scope_begin(scope, &time_ms, err))
        return false;
    scope_opts(scope, time_ms, NULL, opts);
    scope->round_trips++;
    scope->op = op;
    scope->about = collection;
    return true;
}

/* Where in a batch the server refused a write; `n` when its reply names no place. */
static size_t refused_at(const bson_t *reply, size_t n)
{
    int64_t at = doc_int(reply, "writeErrors.0.index", -1);

    return at >= 0 && (size_t)at < n ? (size_t)at : n;
}

bool scope_insert_all_at(struct scope *scope, const char *collection, const bson_t **docs, size_t n,
                         size_t *at, struct err *err)
{
    mongoc_collection_t *handle;
    bson_t opts, reply;
    bson_error_t error;
    int64_t started_us;
    bool ok;

    *at = n;
    for (size_t i = 0; i < n; i++)
        guard_document(scope, docs[i]);
    if (n == 0)
        return true;
    if (!begin(scope, "insert", collection, &opts, err))
        return false;
    handle = mongoc_client_get_collection(scope->client, scope->db_name, collection);
    started_us = scope_waits(scope);
    ok = mongoc_collection_insert_many(handle, docs, n, &opts, &reply, &error);
    ok = scope_finish(scope, started_us, ok, &error, &reply, err);
    *at = ok ? n : refused_at(&reply, n);
    mongoc_collection_destroy(handle);
    bson_destroy(&opts);
    bson_destroy(&reply);
    return ok;
}

bool scope_insert_all(struct scope *scope, const char *collection, const bson_t **docs, size_t n,
                      struct err *err)
{
    size_t at;

    return scope_insert_all_at(scope, collection, docs, n, &at, err);
}

/* A statement that fails is told inside a reply that is otherwise fine. */
static bool took_effect(const bson_t *reply, bson_error_t *error)
{
    const char *text = doc_text(reply, "writeErrors.0.errmsg");
    bson_iter_t one;

    if (!doc_at(reply, "writeErrors.0", &one))
        return true;
    bson_set_error(error, MONGOC_ERROR_SERVER,
                   (int)doc_int(reply, "writeErrors.0.code", 0), "%s",
                   text != NULL ? text : "a write failed");
    return false;
}

/* The driver would put maxTimeMS into the statement; so the command is spelled out. `statements` is
 * an array of `size`; `count` names the member of the reply that says how many. `at`: the place of
 * the statement that was refused, `size` when the failure was of none. */
static bool run(struct scope *scope, const char *op, const char *collection, const char *list,
                const bson_t *statements, const char *count, int64_t *n, size_t size, size_t *at,
                struct err *err)
{
    bson_t command = BSON_INITIALIZER, opts, reply;
    bson_error_t error = {0};
    int64_t started_us;
    bool ok;

    *n = 0;
    *at = size;
    if (!begin(scope, op, collection, &opts, err))
        return false;
    BSON_APPEND_UTF8(&command, op, collection);
    BSON_APPEND_ARRAY(&command, list, statements);
    started_us = scope_waits(scope);
    ok = mongoc_client_write_command_with_opts(scope->client, scope->db_name, &command, &opts,
                                               &reply, &error) &&
         took_effect(&reply, &error);
    ok = scope_finish(scope, started_us, ok, &error, &reply, err);
    if (ok)
        *n = doc_int(&reply, count, 0);
    else
        *at = refused_at(&reply, size);
    bson_destroy(&command);
    bson_destroy(&opts);
    bson_destroy(&reply);
    return ok;
}

static bool update_some(struct scope *scope, const char *collection, const bson_t **filters,
                        const bson_t **updates, size_t n, int64_t *matched, size_t *at,
                        struct err *err)
{
    bson_t statements = BSON_INITIALIZER, one;
    char key[24];
    bool ok;

    for (size_t i = 0; i < n; i++) {
        guard_filter(scope, filters[i]);
        guard_update(scope, updates[i]);
        snprintf(key, sizeof key, "%zu", i);
        BSON_APPEND_DOCUMENT_BEGIN(&statements, key, &one);
        BSON_APPEND_DOCUMENT(&one, "q", filters[i]);
        BSON_APPEND_DOCUMENT(&one, "u", updates[i]);
        bson_append_document_end(&statements, &one);
    }
    ok = run(scope, "update", collection, "updates", &statements, "n", matched, n, at, err);
    bson_destroy(&statements);
    return ok;
}

bool scope_update_each_at(struct scope *scope, const char *collection, const bson_t **filters,
                          const bson_t **updates, size_t n, int64_t *matched, size_t *at,
                          struct err *err)
{
    *matched = 0;
    *at = n;
    for (size_t i = 0; i < n; i += SCOPE_UPDATES) {
        size_t some = n - i < SCOPE_UPDATES ? n - i : SCOPE_UPDATES, place;
        int64_t found;
        bool ok = update_some(scope, collection, filters + i, updates + i, some, &found, &place,
                              err);

        *matched += found;
        *at = place < some ? i + place : n;
        if (!ok)
            return false;
    }
    return true;
}

bool scope_update_each(struct scope *scope, const char *collection, const bson_t **filters,
                       const bson_t **updates, size_t n, int64_t *matched, struct err *err)
{
    size_t at;

    return scope_update_each_at(scope, collection, filters, updates, n, matched, &at, err);
}

bool scope_update_all(struct scope *scope, const char *collection, const bson_t *filter,
                      const bson_t *update, int64_t *changed, struct err *err)
{
    bson_t *statement;
    size_t at;
    bool ok;

    guard_filter(scope, filter);
    guard_update(scope, update);
    statement = BCON_NEW("0", "{", "q", BCON_DOCUMENT(filter), "u", BCON_DOCUMENT(update), "multi",
                         BCON_BOOL(true), "}");
    ok = run(scope, "update", collection, "updates", statement, "nModified", changed, 1, &at, err);
    bson_destroy(statement);
    return ok;
}

bool scope_delete_all(struct scope *scope, const char *collection, const bson_t *filter,
                      int64_t *deleted, struct err *err)
{
    bson_t *statement;
    size_t at;
    bool ok;

    guard_filter(scope, filter);
    statement = BCON_NEW("0", "{", "q", BCON_DOCUMENT(filter), "limit", BCON_INT32(0), "}");
    ok = run(scope, "delete", collection, "deletes", statement, "n", deleted, 1, &at, err);
    bson_destroy(statement);
    return ok;
}
