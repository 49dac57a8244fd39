/* What is not written as a record but done by somebody: sales, returns, purchases, shifts. A file's
 * requests go through the gate as if the user had sent them, with a key each (engine/idem.h), so
 * that a second run gets the stored reply instead of selling once more. The keys of demo data do
 * not expire.
 *
 * Nobody's password is used: tokens are signed by a key that only this process has.
 */
#include "base.h"
#include "auth/token.h"
#include "commands/seed.h"
#include "core/clock.h"
#include "core/id.h"
#include "core/log.h"
#include "db/many.h"
#include "db/txn.h"
#include "engine/idem.h"
#include "http/gate.h"

#define SECRET_BYTES 32
#define REQUEST_US   INT64_C(20000000)
#define ARENA_LIMIT  (64u << 20)

struct caller {
    struct seed *seed;
    struct app app;
    char secret[2 * SECRET_BYTES + 1];
    struct arena *arena; /* of the request in hand */
    json_t *tokens;      /* by email */
    struct str reply;
};

struct sending {
    const char *key, *method, *path, *as;
    const char *body;
};

static bool read_body(struct req *req, struct err *err ERP_UNUSED)
{
    const struct sending *s = req->transport;

    req->body_bytes = s->body;
    req->body_len = strlen(s->body);
    return true;
}

/* Replies that are streamed are not for this. */
static bool flush(struct req *req ERP_UNUSED)
{
    return false;
}

/* ---- who asks ---- */

/* The Authorization of a user, arena-owned; NULL with the error set when there is none such. */
static const char *authorization(struct caller *c, const char *email)
{
    struct ctl *ctl = c->seed->ctl;
    const char *known = json_string_value(json_object_get(c->tokens, email));
    struct user *user = arena_alloc(ctl->arena, sizeof *user);
    json_auto_t *signed_in = NULL;
    bool found;

    if (known)
        return known;
    if (!users_by_email(ctl->users, email, user, &found, &ctl->err))
        return NULL;
    if (!found) {
        seed_broken(c->seed, "a request is of nobody");
        return NULL;
    }
    str_clear(&c->reply);
    if (!login_as(&c->app.login, user->id, NULL, ctl->arena, &c->reply, &ctl->err))
        return NULL;
    signed_in = json_loadb(c->reply.p, c->reply.len, 0, NULL);
    known = arena_printf(ctl->arena, "Bearer %s",
                         json_string_value(json_object_get(signed_in, "access_token")));
    json_object_set_new(c->tokens, email, json_string(known));
    return known;
}

/* ---- one request ---- */

static bool replayed(const struct resp *resp)
{
    for (size_t i = 0; i < resp->n_headers; i++)
        if (strcasecmp(resp->headers[i].name, "Idempotency-Replayed") == 0)
            return true;
    return false;
}

/* Notes the id of what was made, and whether it was made now. */
static bool note(struct caller *c, const struct sending *s, const struct resp *resp)
{
    struct seed *seed = c->seed;
    json_auto_t *reply = json_loadb(c->reply.p, c->reply.len, 0, NULL);
    bool again = resp->status == 409 && strcmp(s->method, "POST") != 0;
    const json_t *id = json_object_get(reply, "id");

    if (resp->status != 200 && resp->status != 201 && !again) {
        ctl_progress(seed->ctl, "%s: the request %s was answered %d: %.*s", seed->slug, s->key,
                     resp->status, (int)c->reply.len, c->reply.p);
        return seed_broken(seed, "a request was refused");
    }
    seed_counted(seed, !again && !replayed(resp));
    if (json_is_string(id))
        json_object_set(seed->made, s->key, (json_t *)(uintptr_t)id);
    return true;
}

static bool request(struct caller *c, const struct sending *s)
{
    struct ctl *ctl = c->seed->ctl;
    const char *as = authorization(c, s->as);
    bool post = strcmp(s->method, "POST") == 0;
    struct err err;
    struct req req = {
        .app = &c->app,
        .arena = c->arena,
        .err = &err,
        .method = s->method,
        .path = s->path,
        .query_string = "",
        .request_id = arena_printf(ctl->arena, "seed-%s-%s", c->seed->slug, s->key),
        .authorization = as,
        .content_type = "application/json",
        .content_length = (int64_t)strlen(s->body),
        .idempotency_key = post ? seed_id(c->seed, "requests", s->key) : NULL,
        .read_body = read_body,
        .flush = flush,
        .transport = (void *)(uintptr_t)s,
        .started_us = clock_mono_us(),
        .resp.body = &c->reply,
    };
    bool ok;

    if (!as)
        return false;
    req.deadline_us = req.started_us + REQUEST_US;
    str_clear(&c->reply);
    err_init(&err);
    gate_serve(&req);
    ok = note(c, s, &req.resp);
    if (req.after_reply)
        req.after_reply(&req);
    arena_reset(c->arena);
    err_release(&err);
    return ok;
}

/* "{key}" in a path is the id of what that request made. */
static const char *fill_path(struct seed *seed, const char *path)
{
    const char *open = strchr(path, '{'), *close = open ? strchr(open, '}') : NULL;
    const char *key, *id;

    if (!close)
        return arena_strdup(seed->ctl->arena, path);
    key = arena_strndup(seed->ctl->arena, open + 1, (size_t)(close - open - 1));
    id = json_string_value(json_object_get(seed->made, key));
    if (!id) {
        seed_broken(seed, "a path names a request that made nothing before it");
        return NULL;
    }
    return arena_printf(seed->ctl->arena, "%.*s%s%s", (int)(open - path), path, id, close + 1);
}

static bool send_record(struct caller *c, const json_t *record)
{
    struct seed *seed = c->seed;
    const char *post = json_string_value(json_object_get(record, "post"));
    const char *patch = json_string_value(json_object_get(record, "patch"));
    json_t *body = json_object_get(record, "body");
    struct sending s = {.key = json_string_value(json_object_get(record, "_key")),
                        .method = post ? "POST" : "PATCH",
                        .as = json_string_value(json_object_get(record, "as"))};
    char *text;
    bool ok;

    if (!s.key || !s.as || (!post && !patch) || !json_is_object(body))
        return seed_broken(seed, "every request needs _key, as, post or patch, and a body");
    s.path = fill_path(seed, post ? post : patch);
    if (!s.path)
        return false;
    seed_resolve(seed, body);
    text = json_dumps(body, JSON_COMPACT);
    s.body = text;
    ok = request(c, &s);
    free(text);
    return ok;
}

/* ---- all of them ---- */

static void begin(struct caller *c)
{
    struct ctl *ctl = c->seed->ctl;

    random_hex(c->secret, SECRET_BYTES);
    c->app = (struct app){.conf = ctl->conf,
                          .board = ctl->board,
                          .clients = ctl->clients,
                          .registry = ctl->registry,
                          .resolver = ctl->resolver,
                          .users = ctl->users,
                          .routes = ctl->routes(),
                          .indexes = ctl->indexes};
    c->app.conf.jwt_keys[0] = c->secret;
    c->app.conf.n_jwt_keys = 1;
    c->app.keys = token_keys_new(&c->app.conf);
    c->app.login = (struct login){&c->app.conf, ctl->users, c->app.keys, &ctl->resolver};
    c->arena = arena_new(ARENA_LIMIT);
    c->tokens = json_object();
    str_init(&c->reply);
}

static void end(struct caller *c)
{
    arena_free(c->arena);
    token_keys_free(c->app.keys);
    route_table_free((struct route_table *)(uintptr_t)c->app.routes);
    json_decref(c->tokens);
    str_release(&c->reply);
}

static bool keep_body(struct scope *scope, void *data, struct err *err)
{
    bson_t *update = BCON_NEW("$unset", "{", "expires_at", BCON_INT32(1), "}");
    int64_t changed;
    bool ok = scope_update_all(scope, IDEM_COLLECTION, data, update, &changed, err);

    bson_destroy(update);
    return ok;
}

/* Demo data is seeded again whenever its owner likes, also after IDEM_HOURS. */
static bool keep_keys(struct seed *seed, const json_t *requests)
{
    bson_t filter = BSON_INITIALIZER, list, in;
    const json_t *record;
    char digits[24];
    size_t i;
    bool ok;

    scope_filter(&seed->scope, NULL, &filter);
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "key", &in);
    BSON_APPEND_ARRAY_BEGIN(&in, "$in", &list);
    json_array_foreach(requests, i, record)
    {
        const char *key = json_string_value(json_object_get(record, "_key"));

        snprintf(digits, sizeof digits, "%zu", i);
        BSON_APPEND_UTF8(&list, digits, seed_id(seed, "requests", key));
    }
    bson_append_array_end(&in, &list);
    bson_append_document_end(&filter, &in);
    seed->scope.deadline_us = ctl_deadline();
    ok = txn_run(&seed->scope, keep_body, &filter, &seed->ctl->err);
    bson_destroy(&filter);
    return ok;
}

bool seed_requests(struct seed *seed, const json_t *requests)
{
    struct caller c = {.seed = seed};
    enum log_level level = LOG_LVL_INFO;
    const json_t *record;
    size_t i;
    bool ok = true;

    if (json_array_size(requests) == 0)
        return true;
    if (!seed->ctl->conf.secret_key)
        return err_set(&seed->ctl->err, ERR_DB_NOT_CONFIGURED, "SECRET_KEY is needed for sales");
    begin(&c);
    log_set_level(LOG_LVL_WARN); /* a line a request is the workers' way */
    json_array_foreach(requests, i, record)
    {
        ok = ok && send_record(&c, record);
    }
    log_level_parse(seed->ctl->conf.log_level, &level);
    log_set_level(level);
    end(&c);
    return ok && keep_keys(seed, requests);
}
