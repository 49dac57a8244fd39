/* The handler runs inside our transaction: its own joins it, and the reply that it wrote is stored
 * before the commit. It may run several times, so each attempt begins with an empty reply. */
#include "base.h"
#include "engine/idem.h"
#include "core/clock.h"
#include "core/id.h"
#include "db/own.h"
#include "db/txn.h"
#include "engine/index.h"

/* Found by its unique index; `expires_at` carries the TTL index. */
static const struct field no_fields[] = {{.name = NULL}};
static const struct index_def indexes[] = {
    {.keys = {"tenant_id", "user_id", "key", "path"}, .unique = true},
    {.keys = {"expires_at"}, .expires = true},
};
static const struct resource records = {
    .noun = "idempotency_key",
    .collection = IDEM_COLLECTION,
    .fields = no_fields,
    .indexes = indexes,
    .n_indexes = ARRAY_LEN(indexes),
};

struct attempt {
    struct req *req;
    size_t n_headers;           /* that were there before the handler */
    char hash[SHA256_HEX_SIZE]; /* of what was asked */
    bool storing;               /* the handler was done: what failed is the record */
};

bool idem_offered(const struct route *row)
{
    return strcmp(row->method, "POST") == 0 && !row->repeatable &&
           (row->tenancy == TENANCY_REQUIRED || row->platform_keyed);
}

/* Query and body; the path is part of the key. */
static void hash_request(const struct req *req, char out[static SHA256_HEX_SIZE])
{
    char both[2 * SHA256_HEX_SIZE];

    sha256_hex(both, req->query_string, strlen(req->query_string));
    sha256_hex(both + SHA256_HEX_SIZE, req->body_bytes ? req->body_bytes : "", req->body_len);
    sha256_hex(out, both, sizeof both);
}

static void append_key(const struct req *req, bson_t *doc)
{
    BSON_APPEND_UTF8(doc, "user_id", req->principal.user_id);
    BSON_APPEND_UTF8(doc, "key", req->idempotency_key);
    BSON_APPEND_UTF8(doc, "path", req->path);
}

/* The registry's indexes have one key each (tenant/platform.c). */
static void append_once(const struct req *req, bson_t *doc)
{
    const char *text = arena_printf(req->arena, "%s\n%s\n%s", req->principal.user_id, req->path,
                                    req->idempotency_key);
    char hex[SHA256_HEX_SIZE];

    sha256_hex(hex, text, strlen(text));
    BSON_APPEND_UTF8(doc, "once", hex);
}

/* ---- the reply, there and back ---- */

static void append_headers(const struct req *req, size_t from, bson_t *doc)
{
    bson_t list;

    BSON_APPEND_DOCUMENT_BEGIN(doc, "headers", &list);
    for (size_t i = from; i < req->resp.n_headers; i++)
        BSON_APPEND_UTF8(&list, req->resp.headers[i].name, req->resp.headers[i].value);
    bson_append_document_end(doc, &list);
}

static bool store(struct scope *scope, const struct attempt *a, struct err *err)
{
    const struct req *req = a->req;
    const struct resp *resp = &req->resp;
    bson_t *doc = own_bson(req->arena);
    char id[ID_SIZE];

    if (resp->body->len > IDEM_REPLY_MAX)
        return err_set(err, ERR_TOO_LARGE,
                       "The reply is too large to be kept for an Idempotency-Key.");
    id_new(id);
    BSON_APPEND_UTF8(doc, "id", id);
    if (scope->tenant_id)
        BSON_APPEND_UTF8(doc, "tenant_id", scope->tenant_id);
    else
        append_once(req, doc);
    append_key(req, doc);
    BSON_APPEND_UTF8(doc, "hash", a->hash);
    BSON_APPEND_DATE_TIME(doc, "expires_at", clock_ms() + IDEM_HOURS * INT64_C(3600000));
    BSON_APPEND_INT32(doc, "status", resp->status ? resp->status : 200);
    append_headers(req, a->n_headers, doc);
    BSON_APPEND_BINARY(doc, "body", BSON_SUBTYPE_BINARY, (const uint8_t *)resp->body->p,
                       (uint32_t)resp->body->len);
    return scope_insert(scope, IDEM_COLLECTION, doc, err);
}

static void replay(struct req *req, const bson_t *doc)
{
    const uint8_t *bytes = NULL;
    uint32_t len = 0;
    bson_iter_t it, header;

    if (bson_iter_init_find(&it, doc, "status") && BSON_ITER_HOLDS_INT32(&it))
        req->resp.status = bson_iter_int32(&it);
    if (bson_iter_init_find(&it, doc, "headers") && BSON_ITER_HOLDS_DOCUMENT(&it) &&
        bson_iter_recurse(&it, &header))
        while (bson_iter_next(&header))
            resp_header(req, arena_strdup(req->arena, bson_iter_key(&header)),
                        arena_strdup(req->arena, bson_iter_utf8(&header, NULL)));
    if (bson_iter_init_find(&it, doc, "body") && BSON_ITER_HOLDS_BINARY(&it))
        bson_iter_binary(&it, NULL, &len, &bytes);
    str_add(req->resp.body, (const char *)bytes, len);
    resp_header(req, "Idempotency-Replayed", "true");
}

/* ---- one request ---- */

static void begin_reply(const struct attempt *a)
{
    struct resp *resp = &a->req->resp;

    resp->status = 0;
    resp->n_headers = a->n_headers;
    str_clear(resp->body);
}

/* *found: the key was used before, and the reply is either given again or the key refused. */
static bool look_up(const struct attempt *a, bool *found)
{
    struct req *req = a->req;
    bson_t *filter = own_bson(req->arena);
    const bson_t *doc;
    bson_iter_t it;

    scope_filter(&req->scope, NULL, filter);
    if (!req->scope.tenant_id)
        append_once(req, filter);
    append_key(req, filter);
    if (!scope_find_one(&req->scope, IDEM_COLLECTION, filter, NULL, &doc, req->err))
        return false;
    *found = doc != NULL;
    if (!doc)
        return true;
    if (!bson_iter_init_find(&it, doc, "hash") || !BSON_ITER_HOLDS_UTF8(&it) ||
        strcmp(bson_iter_utf8(&it, NULL), a->hash) != 0)
        return err_set(req->err, ERR_KEY_REUSED,
                       "This Idempotency-Key was used for another request.");
    begin_reply(a);
    replay(req, doc);
    return true;
}

static bool body(struct scope *scope, void *data, struct err *err)
{
    struct attempt *a = data;

    begin_reply(a);
    a->storing = false;
    if (!a->req->route->inner(a->req))
        return false;
    a->storing = true;
    return store(scope, a, err);
}

/* Somebody with the same key may have come first: then the failure only says that we were second.
 * Always false unless his reply could be given. */
static bool give_first(const struct attempt *a)
{
    struct req *req = a->req;
    struct err mine = *req->err;
    bool found = false, ok;

    if (mine.code != ERR_DUPLICATE && mine.code != ERR_CONFLICT && mine.code != ERR_TRY_AGAIN)
        return false;
    err_init(req->err);
    ok = look_up(a, &found);
    if (found) {
        err_release(&mine);
        return ok;
    }
    err_release(req->err);
    *req->err = mine;
    if (!a->storing || mine.code != ERR_TRY_AGAIN)
        return false;
    err_clear(req->err);
    return err_set_retry(req->err, ERR_KEY_IN_FLIGHT, 1,
                         "The first request with this Idempotency-Key is still running.");
}

/* The platform's rows have no tenant's database, but the registry's. */
static bool open_scope(struct req *req)
{
    if (req->route->platform_keyed)
        return registry_admin_scope(req->app->registry, req->arena, req->deadline_us, &req->scope,
                                    req->err);
    return index_ensure(req->app->indexes, &records, &req->scope, req->err);
}

bool idem_serve(struct req *req)
{
    struct attempt a = {.req = req, .n_headers = req->resp.n_headers};
    bool found = false;

    if (!req->idempotency_key)
        return req->route->inner(req);
    hash_request(req, a.hash);
    if (!open_scope(req) || !look_up(&a, &found))
        return false;
    if (found)
        return true;
    if (!txn_run(&req->scope, body, &a, req->err))
        return give_first(&a);
    if (req->on_commit)
        req->on_commit(req);
    return true;
}
