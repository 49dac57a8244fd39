/* Health: of a worker, of a host, and of the caller's own database. */
#include "base.h"
#include "actions/actions.h"
#include "core/clock.h"
#include "db/scope.h"
#include "tenant/audit.h"

#define READY_US   1000000 /* how long an answer of the registry's database holds, and may take */
#define READY_MS   1000
#define RETRY_TEXT "5"

bool action_health_live(struct req *req)
{
    str_addz(req->resp.body, "{\"status\":\"ok\"}");
    return true;
}

static bool ping_registry(struct req *req)
{
    struct scope scope = {0};
    bson_t command = BSON_INITIALIZER, reply;
    bool ok;

    if (!registry_admin_scope(req->app->registry, req->arena, req->started_us + READY_US, &scope,
                              req->err)) {
        bson_destroy(&command);
        return false;
    }
    scope.max_time_ms = READY_MS;
    BSON_APPEND_INT32(&command, "ping", 1);
    ok = scope_command(&scope, &command, &reply, req->err);
    bson_destroy(&reply);
    bson_destroy(&command);
    return ok;
}

bool action_health_ready(struct req *req)
{
    struct app *app = req->app;

    if (!app->ready_us || req->started_us - app->ready_us > READY_US) {
        app->ready = ping_registry(req);
        app->ready_us = clock_mono_us();
        err_clear(req->err);
    }
    if (!app->ready)
        return err_set_retry(req->err, ERR_REGISTRY_UNAVAILABLE, 5,
                             "The tenant registry's database does not answer.");
    str_addz(req->resp.body, "{\"status\":\"ok\"}");
    return true;
}

/* ---- the caller's database ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Copies the names of a listCollections reply, sorted; the server's own are left out. */
static const char **collect(struct arena *arena, const bson_t *reply, size_t *n)
{
    bson_iter_t top, batch, item;
    const char **names;
    size_t room = 0;

    *n = 0;
    if (!bson_iter_init(&top, reply) ||
        !bson_iter_find_descendant(&top, "cursor.firstBatch", &batch) ||
        !BSON_ITER_HOLDS_ARRAY(&batch))
        return NULL;
    for (bool ok = bson_iter_recurse(&batch, &item); ok && bson_iter_next(&item);)
        room++;
    names = arena_alloc(arena, (room + 1) * sizeof *names);
    for (bool ok = bson_iter_recurse(&batch, &item); ok && bson_iter_next(&item);) {
        bson_iter_t name;

        if (BSON_ITER_HOLDS_DOCUMENT(&item) && bson_iter_recurse(&item, &name) &&
            bson_iter_find(&name, "name") && BSON_ITER_HOLDS_UTF8(&name) &&
            strncmp(bson_iter_utf8(&name, NULL), "system.", 7) != 0)
            names[(*n)++] = arena_strdup(arena, bson_iter_utf8(&name, NULL));
    }
    qsort(names, *n, sizeof *names, by_text);
    return names;
}

static bool list_collections(struct req *req, const char ***names, size_t *n)
{
    bson_t *command = BCON_NEW("listCollections", BCON_INT32(1), "nameOnly", BCON_BOOL(true),
                               "authorizedCollections", BCON_BOOL(true));
    bson_t reply;
    bool ok;

    ok = scope_command(&req->scope, command, &reply, req->err);
    if (ok)
        *names = collect(req->arena, &reply, n);
    bson_destroy(&reply);
    bson_destroy(command);
    return ok;
}

static void begin_health(struct req *req)
{
    struct str *out = req->resp.body;

    str_addz(out, "{\"tenant_slug\":");
    str_add_json(out, req->tenant->slug, strlen(req->tenant->slug));
    str_addz(out, ",\"database_name\":");
    str_add_json(out, req->tenant->db_name, strlen(req->tenant->db_name));
}

/* This one refusal keeps the shape that callers of the health reply know. */
static bool report_away(struct req *req)
{
    str_clear(req->resp.body);
    begin_health(req);
    str_addz(req->resp.body, ",\"database_connected\":false,\"collections_count\":null,"
                             "\"last_activity\":null}");
    resp_header(req, "Retry-After", RETRY_TEXT);
    req->resp.status = 503;
    err_clear(req->err);
    return true;
}

bool action_health_tenant(struct req *req)
{
    struct str *out = req->resp.body;
    const char **names = NULL;
    size_t n = 0;
    int64_t last = 0;
    char text[CLOCK_TEXT_SIZE];

    if (!req->scope.client || !list_collections(req, &names, &n) ||
        !audit_last(&req->scope, &last, req->err))
        return report_away(req);
    begin_health(req);
    str_addf(out, ",\"database_connected\":true,\"collections_count\":%zu,\"last_activity\":", n);
    if (last) {
        clock_format(text, last);
        str_addf(out, "\"%s\"}", text);
    } else {
        str_addz(out, "null}");
    }
    return true;
}

bool action_health_collections(struct req *req)
{
    struct str *out = req->resp.body;
    const char **names = NULL;
    size_t n = 0;

    if (!list_collections(req, &names, &n))
        return false;
    begin_health(req);
    str_addz(out, ",\"collections\":[");
    for (size_t i = 0; i < n; i++) {
        if (i)
            str_addc(out, ',');
        str_add_json(out, names[i], strlen(names[i]));
    }
    str_addf(out, "],\"total_collections\":%zu}", n);
    return true;
}
