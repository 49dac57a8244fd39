/* Applies the row's policy, in the order that gate.h gives. Each step is one function that
 * returns false with req->err set; gate_pass is the list of them.
 */
#include "base.h"
#include "http/gate.h"
#include "core/clock.h"
#include "core/log.h"
#include "http/cors.h"
#include "http/gate_steps.h"
#include "http/metrics.h"
#include "http/trail.h"

#define QUEUE_MAX_MS 10000

static bool gate_age(struct req *req)
{
    int64_t waited = req->received_ms ? clock_ms() - req->received_ms : 0;

    if (waited <= QUEUE_MAX_MS)
        return true;
    return err_set_retry(req->err, ERR_QUEUED_TOO_LONG, 2,
                         "The server is busy: this request waited %" PRId64 " s and was not begun.",
                         waited / 1000);
}

/* The order is part of the interface: gate.h gives it. */
static gate_step *const steps[] = {
    gate_size,  gate_token,        gate_role,     gate_acting, gate_media_type,
    gate_query, gate_headers,      gate_bulkhead, gate_tenant, gate_schema,
    gate_hold,  gate_subscription, gate_module,   gate_branch, gate_body,
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

static void count_time(struct board *board, int64_t took_us)
{
    static const struct {
        int64_t up_to_us;
        enum board_counter counter;
    } buckets[] = {
        {5000, BC_MS_5},     {25000, BC_MS_25},     {100000, BC_MS_100},
        {500000, BC_MS_500}, {2500000, BC_MS_2500},
    };

    board_count(board, BC_TIME_US, (uint64_t)took_us);
    for (size_t i = 0; i < ARRAY_LEN(buckets); i++)
        if (took_us <= buckets[i].up_to_us) {
            board_count(board, buckets[i].counter, 1);
            return;
        }
}

static void count(struct req *req)
{
    int64_t took_us = clock_mono_us() - req->started_us;
    const char *slug = gate_slug(req);
    struct board *board = req->app->board;
    int status = req->resp.status;

    board_count(board, BC_REQUESTS, 1);
    if (status >= 500)
        board_count(board, BC_ERRORS_5XX, 1);
    else if (status >= 400)
        board_count(board, BC_ERRORS_4XX, 1);
    board_count(board, BC_DB_ROUND_TRIPS, req->scope.round_trips);
    count_time(board, took_us);
    if (!slug)
        return;
    board_tenant_count(board, slug, req->scope.cluster,
                       (uint64_t[BT_COUNT]){
                           [BT_REQUESTS] = 1,
                           [BT_ERRORS_4XX] = status >= 400 && status < 500,
                           [BT_ERRORS_5XX] = status >= 500,
                           [BT_ROUND_TRIPS] = req->scope.round_trips,
                           [BT_TIME_US] = (uint64_t)took_us,
                           [BT_DB_US] = (uint64_t)req->scope.spent_us,
                       });
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
              "bytes", arena_printf(arena, "%zu", req->resp.sent + req->resp.body->len), NULL);
}

static bool handle(struct req *req)
{
    req->scope.turns = req->route->in_turn ? req->app->board : NULL;
    return req->route->handler(req);
}

static bool serve(struct req *req)
{
    struct app *app = req->app;

    if (!gate_age(req) || !route_match(app->routes, req, req->err))
        return false;
    board_busy(app->board, arena_printf(req->arena, "%s %s", req->route->method, req->route->path));
    return gate_pass(req) && handle(req);
}

void gate_serve(struct req *req)
{
    bool ok = cors_serve(req) || metrics_serve(req) || serve(req);

    if (!ok && !err_is_set(req->err))
        err_set(req->err, ERR_INTERNAL, "The server failed to do this; the log says more.");
    if (!ok) {
        trail_refused(req);
        if (req->resp.begun)
            req->resp.status = err_info(req->err->code)->status; /* for the log: it is too late */
        else
            resp_problem(req);
    }
    if (req->resp.status == 0)
        req->resp.status = 200;
    count(req);
    log_request(req);
    log_verbose(NULL);
    board_idle(req->app->board);
}
