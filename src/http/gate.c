/* Applies the row's policy, in the order that gate.h gives. Each step is one function that
 * returns false with req->err set; gate_pass is the list of them.
 */
#include "base.h"
#include "http/gate.h"
#include "core/clock.h"
#include "core/log.h"
#include "http/cors.h"

#define QUEUE_MAX_MS     10000
#define IGNORED_BODY_MAX 4096 /* what browsers' libraries send where nothing is asked for */
#define KEY_MAX          255

typedef bool gate_step(struct req *req);

/* ---- before anyone is known ---- */

static bool step_age(struct req *req)
{
    int64_t waited = req->received_ms ? clock_ms() - req->received_ms : 0;

    if (waited <= QUEUE_MAX_MS)
        return true;
    return err_set_retry(req->err, ERR_QUEUED_TOO_LONG, 2,
                         "The server is busy: this request waited %" PRId64 " s and was not begun.",
                         waited / 1000);
}

static bool step_size(struct req *req)
{
    const struct route *row = req->route;
    int64_t limit = req->app->conf.body_limit;

    if (row->body == BODY_NONE)
        limit = IGNORED_BODY_MAX;
    else if (row->body_limit)
        limit = (int64_t)row->body_limit;
    if (req->content_length < 0)
        return err_set(req->err, ERR_BAD_REQUEST, "Content-Length is not a number.");
    if (req->content_length <= limit)
        return true;
    return err_set(req->err, ERR_TOO_LARGE,
                   "The body has %" PRId64 " bytes; at most %" PRId64 " are accepted here.",
                   req->content_length, limit);
}

/* ---- who is asking ---- */

static bool step_token(struct req *req)
{
    const char *text = req->authorization;
    struct app *app = req->app;

    if (req->route->auth == AUTH_PUBLIC)
        return true;
    if (!text || strncasecmp(text, "Bearer", 6) != 0 || text[6] != ' ')
        return err_set(req->err, ERR_TOKEN_MISSING,
                       "Sign in first: this needs an Authorization header with a bearer token.");
    text += 6 + strspn(text + 6, " ");
    if (!principal_load(app->keys, app->users, text, strlen(text), req->arena, &req->principal,
                        req->err))
        return false;
    req->authenticated = true;
    return true;
}

static bool step_role(struct req *req)
{
    if (!req->authenticated || (route_roles(req->route) & R(req->principal.role)))
        return true;
    return err_set(req->err, ERR_ROLE_FORBIDDEN, "The role %s may not do this.",
                   role_name(req->principal.role));
}

/* ---- what is asked ---- */

/* "application/json", with charset utf-8 or none. */
static bool media_type_is(const char *text, const char *type)
{
    size_t len = strlen(type);

    if (strncasecmp(text, type, len) != 0)
        return false;
    text += len;
    text += strspn(text, " \t");
    if (!*text)
        return true;
    if (*text++ != ';')
        return false;
    text += strspn(text, " \t");
    return !*text || strcasecmp(text, "charset=utf-8") == 0 ||
           strcasecmp(text, "charset=\"utf-8\"") == 0;
}

static bool step_media_type(struct req *req)
{
    const char *type = req->content_type ? req->content_type : "";
    bool patch = strcmp(req->route->method, "PATCH") == 0;

    if (req->route->body == BODY_NONE || req->content_length == 0)
        return true;
    if (media_type_is(type, "application/json") ||
        (patch && media_type_is(type, "application/merge-patch+json")))
        return true;
    return err_set(req->err, ERR_MEDIA_TYPE, "The body must be application/json%s, in UTF-8.",
                   patch ? " or application/merge-patch+json" : "");
}

static const struct route_param *known_param(const struct route *row, const char *name)
{
    for (const struct route_param *param = row->query; param && param->name; param++)
        if (strcmp(param->name, name) == 0)
            return param;
    return NULL;
}

static bool step_query(struct req *req)
{
    const struct route *row = req->route;

    if (!req_parse_query(req, req->query_string, req->err))
        return false;
    for (size_t i = 0; i < req->n_query && !row->open_query; i++)
        if (!known_param(row, req->query[i].name))
            return err_set(req->err, ERR_BAD_QUERY, "There is no query parameter \"%.60s\" here.",
                           req->query[i].name);
    for (const struct route_param *param = row->query; param && param->name; param++)
        if (param->required && !req_query(req, param->name))
            return err_set(req->err, ERR_BAD_QUERY, "The query parameter \"%s\" is missing.",
                           param->name);
    return true;
}

static bool step_headers(struct req *req)
{
    const char *key = req->idempotency_key;
    size_t len = key ? strlen(key) : 1;

    for (const char *p = key; p && *p; p++)
        if (*p < 0x21 || *p > 0x7e)
            len = 0;
    if (len == 0 || len > KEY_MAX)
        return err_set(req->err, ERR_BAD_REQUEST,
                       "Idempotency-Key must be 1 to %d visible ASCII characters.", KEY_MAX);
    req->strict = req_prefers(req, "handling", "strict");
    req->count_exact = req_prefers(req, "count", "exact");
    return true;
}

/* ---- whose data ---- */

static bool resolve(struct req *req)
{
    const struct principal *who = &req->principal;
    struct app *app = req->app;

    if (who->tenant_slug)
        return resolve_tenant(&app->resolver, who->tenant_slug, who->tenant_id, req->arena,
                              req->deadline_us, &req->tenant, &req->scope, req->err);
    if (!who->legacy)
        return err_set(req->err, ERR_TENANT_REQUIRED,
                       "This account belongs to no business, and this is a business's data.");
    if (!resolve_legacy(&app->resolver, who->tenant_id, req->arena, req->deadline_us, &req->legacy,
                        &req->scope, req->err))
        return false;
    req->tenant = &req->legacy;
    return true;
}

/* Rows that report a database which is away, or can do without, go on without a client; everything
 * else about a tenant still refuses. */
static bool away_is_fine(struct req *req)
{
    if (req->route->tenancy == TENANCY_REQUIRED || req->err->code != ERR_DB_UNAVAILABLE)
        return false;
    if (!req->tenant && req->principal.tenant_slug) {
        struct err ignored;
        bool known;

        err_init(&ignored);
        known = registry_by_slug(req->app->registry, req->principal.tenant_slug, &req->tenant,
                                 &ignored);
        err_release(&ignored);
        if (!known)
            return false;
    }
    if (!req->tenant) {
        snprintf(req->legacy.slug, sizeof req->legacy.slug, "default");
        snprintf(req->legacy.db_name, sizeof req->legacy.db_name, "%s", req->app->conf.db_name);
        req->tenant = &req->legacy;
    }
    req->scope.client = NULL;
    err_clear(req->err);
    return true;
}

static bool step_tenant(struct req *req)
{
    enum route_tenancy tenancy = req->route->tenancy;
    int64_t begun = clock_mono_us();
    bool ok;

    if (tenancy == TENANCY_NONE || !req->authenticated)
        return true;
    if (tenancy == TENANCY_OPTIONAL && !req->principal.tenant_slug && !req->principal.legacy)
        return true;
    ok = resolve(req) || away_is_fine(req);
    req->tenant_us = clock_mono_us() - begun;
    if (ok)
        board_tenant(req->app->board, req->tenant->slug);
    return ok;
}

static bool step_subscription(struct req *req)
{
    const char *status = req->tenant ? req->tenant->subscription_status : "";

    if (req->route->tenancy != TENANCY_REQUIRED)
        return true; /* who lapsed may still see who he is and how his database is */
    if (strcmp(status, "suspended") != 0 && strcmp(status, "cancelled") != 0)
        return true;
    return err_set(req->err, ERR_SUBSCRIPTION_LAPSED,
                   "The subscription of %s is %s: an administrator has to renew it.",
                   req->tenant->business_name, status);
}

/* Modules that every business has. */
static const char *const core_modules[] = {"core",     "catalogue", "customers",
                                           "branches", "settings",  "sales"};

static bool module_enabled(const struct tenant *tenant, const char *module)
{
    for (size_t i = 0; i < ARRAY_LEN(core_modules); i++)
        if (strcmp(core_modules[i], module) == 0)
            return true;
    for (size_t i = 0; i < tenant->n_features; i++)
        if (strcmp(tenant->features[i], module) == 0)
            return true;
    return false;
}

static bool step_module(struct req *req)
{
    const struct principal *who = &req->principal;
    const char *module = req->route->module;
    bool allowed = who->n_allowed == 0;

    if (!module || !req->tenant)
        return true;
    if (!module_enabled(req->tenant, module))
        return err_set(req->err, ERR_MODULE_FORBIDDEN, "The module \"%s\" is not part of the plan.",
                       module);
    for (size_t i = 0; i < who->n_allowed && !allowed; i++)
        allowed = strcmp(who->allowed[i], module) == 0;
    if (!allowed)
        return err_set(req->err, ERR_MODULE_FORBIDDEN, "This account may not use \"%s\".", module);
    return true;
}

static bool step_branch(struct req *req)
{
    if (!req->tenant || role_all_branches(req->principal.role))
        return true;
    if (!req->principal.branch_id && req->route->by_branch)
        return err_set(
            req->err, ERR_BRANCH_REQUIRED,
            "This account is assigned to no branch: an administrator has to assign one.");
    req->scope.branch_id = req->principal.branch_id;
    return true;
}

static bool step_bulkhead(struct req *req)
{
    struct app *app = req->app;
    int workers, share;

    if (!req->tenant || (workers = board_workers(app->board)) < 3)
        return true;
    share = (int)((workers * app->conf.tenant_share_pct + 99) / 100);
    if (board_tenant_busy(app->board, req->tenant->slug) <= (share > 1 ? share : 1))
        return true;
    return err_set_retry(req->err, ERR_TENANT_BUSY, 1,
                         "Too many requests of this business are running at once.");
}

/* ---- the body ---- */

static bool step_body(struct req *req)
{
    enum route_body wanted = req->route->body;

    if (wanted == BODY_NONE || (wanted == BODY_OPTIONAL && req->content_length == 0))
        return true;
    if (req->content_length == 0)
        return err_set(req->err, ERR_BAD_JSON, "The body is empty; JSON is expected.");
    return req->read_body(req, req->err) && req_parse_json(req, req->err);
}

static gate_step *const steps[] = {
    step_size,   step_token,        step_role,   step_media_type, step_query,    step_headers,
    step_tenant, step_subscription, step_module, step_branch,     step_bulkhead, step_body,
};

static bool gate_pass(struct req *req)
{
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (!steps[i](req))
            return false;
    req->gate_us = clock_mono_us() - req->started_us - req->tenant_us - req->scope.spent_us;
    return true;
}

/* ---- after the handler ---- */

static void count(struct req *req)
{
    struct board *board = req->app->board;

    board_count(board, BC_REQUESTS, 1);
    if (req->resp.status >= 500)
        board_count(board, BC_ERRORS_5XX, 1);
    else if (req->resp.status >= 400)
        board_count(board, BC_ERRORS_4XX, 1);
    board_count(board, BC_DB_ROUND_TRIPS, req->scope.round_trips);
}

static void log_request(const struct req *req)
{
    const char *slug = req->tenant ? req->tenant->slug : req->principal.tenant_slug;
    int status = req->resp.status;
    enum log_level level = status >= 500 ? LOG_LVL_WARN : LOG_LVL_INFO;
    struct arena *arena = req->arena;
    int64_t took = clock_mono_us() - req->started_us;

    if (req->err->code == ERR_INTERNAL)
        level = LOG_LVL_ERROR;
    log_event(level, "request", "request_id", req->request_id, "method", req->method, "route",
              req->route ? req->route->path : NULL, "status", arena_printf(arena, "%d", status),
              "code", err_is_set(req->err) ? err_info(req->err->code)->name : NULL, "ms",
              arena_printf(arena, "%" PRId64 ".%03d", took / 1000, (int)(took % 1000)), "tenant",
              slug, "user", req->authenticated ? req->principal.user_id : NULL, "remote",
              req->remote_addr, "db", arena_printf(arena, "%u", req->scope.round_trips), "db_ms",
              arena_printf(arena, "%" PRId64 ".%03d", req->scope.spent_us / 1000,
                           (int)(req->scope.spent_us % 1000)),
              "bytes", arena_printf(arena, "%zu", req->resp.body->len), NULL);
}

static bool serve(struct req *req)
{
    struct app *app = req->app;

    if (!step_age(req) || !route_match(app->routes, req, req->err))
        return false;
    board_busy(app->board, arena_printf(req->arena, "%s %s", req->route->method, req->route->path));
    return gate_pass(req) && req->route->handler(req);
}

void gate_serve(struct req *req)
{
    bool ok = cors_serve(req) || serve(req);

    if (!ok && !err_is_set(req->err))
        err_set(req->err, ERR_INTERNAL, "The server failed to do this; the log says more.");
    if (!ok)
        resp_problem(req);
    if (req->resp.status == 0)
        req->resp.status = 200;
    count(req);
    log_request(req);
    board_idle(req->app->board);
}
