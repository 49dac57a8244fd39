/* FastCGI on file descriptor 0, one request at a time.
 *
 * Signals: SIGTERM, SIGINT and SIGUSR1 end the worker after the request in hand. They are blocked
 * while a request runs, because libfcgi takes an interrupted read or write for a lost peer. Its
 * own accept loop can miss a signal that comes just before accept(2), so an idle worker that was
 * told to stop is woken by an alarm. The same alarm is the watchdog of a request.
 */
#include "base.h"
#include <fcgiapp.h>
#include <poll.h>
#include <sys/un.h>
#include "http/fcgi.h"
#include "http/gate.h"
#include "core/clock.h"
#include "core/id.h"
#include "core/log.h"

#define EXIT_WATCHDOG      75
#define EXIT_NO_SOCKET     78
#define EXIT_ACCEPT        71
#define ARENA_LIMIT        (64u << 20)
#define REQUEST_TIME_US    10000000
#define MEMORY_EVERY       64 /* requests between two looks at our size */
#define BODY_ANNOUNCED_MAX 18 /* digits: fits an int64_t */

struct worker {
    struct app *app;
    struct arena *arena;
    struct err err;
    struct str body, head;
    int64_t served, serve_max;
    FCGX_Request fcgi;
    sigset_t stop_signals;
};

/* Signal handlers have no other way to know. */
static volatile sig_atomic_t stopping;
static volatile sig_atomic_t in_request;

static void on_stop(int signo ERP_UNUSED)
{
    stopping = 1;
    FCGX_ShutdownPending();
    alarm(1);
}

static void on_alarm(int signo ERP_UNUSED)
{
    static const char line[] = "level=error event=watchdog detail=\"request took too long\"\n";

    if (in_request) {
        if (write(STDERR_FILENO, line, sizeof line - 1) < 0)
            _exit(EXIT_WATCHDOG);
        _exit(EXIT_WATCHDOG);
    }
    alarm(1);
}

/* Without SA_RESTART: accept(2) has to return. */
static void catch_signals(struct worker *worker)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGUSR1};
    struct sigaction stop = {.sa_handler = on_stop}, watchdog = {.sa_handler = on_alarm};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigemptyset(&worker->stop_signals);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        sigaddset(&worker->stop_signals, signals[i]);
    stop.sa_mask = worker->stop_signals;
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        sigaction(signals[i], &stop, NULL);
    sigaction(SIGALRM, &watchdog, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

/* ---- one request ---- */

/* Copies, because what runs after the reply runs after libfcgi has freed its own. */
static const char *param_raw(const struct worker *worker, const char *name)
{
    return arena_strdup(worker->arena, FCGX_GetParam(name, worker->fcgi.envp));
}

static const char *param(const struct worker *worker, const char *name)
{
    const char *value = FCGX_GetParam(name, worker->fcgi.envp);

    return value && *value ? arena_strdup(worker->arena, value) : NULL;
}

/* A plain decimal number, or -1. */
static int64_t digits(const char *text)
{
    size_t len = strlen(text);

    if (len == 0 || len > BODY_ANNOUNCED_MAX || strspn(text, "0123456789") != len)
        return -1;
    return strtoll(text, NULL, 10);
}

/* "1700000000.123", as nginx writes $msec; 0 for anything else. */
static int64_t msec(const char *text)
{
    const char *dot = text ? strchr(text, '.') : NULL;
    char joined[BODY_ANNOUNCED_MAX + 1];
    int64_t ms;

    if (!dot || strlen(dot) != 4 || (size_t)(dot - text) + 3 > BODY_ANNOUNCED_MAX)
        return 0;
    snprintf(joined, sizeof joined, "%.*s%s", (int)(dot - text), text, dot + 1);
    ms = digits(joined);
    return ms > 0 ? ms : 0;
}

static const char *request_id(struct worker *worker)
{
    const char *given = param(worker, "ERP_REQUEST_ID");
    char made[33];
    size_t ok = given ? strspn(given, "0123456789abcdefghijklmnopqrstuvwxyz"
                                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_")
                      : 0;

    if (ok > 0 && ok <= 64 && !given[ok])
        return given;
    random_hex(made, 16);
    return arena_strdup(worker->arena, made);
}

static bool read_body(struct req *req, struct err *err)
{
    struct worker *worker = req->transport;
    size_t want = (size_t)req->content_length;
    char *bytes = arena_alloc(req->arena, want + 1);
    int got = FCGX_GetStr(bytes, (int)want, worker->fcgi.in);

    if (got != (int)want || FCGX_GetError(worker->fcgi.in) != 0)
        return err_set(err, ERR_TRUNCATED_BODY, "The body ended after %d of %zu bytes.", got, want);
    if (FCGX_GetChar(worker->fcgi.in) != -1)
        return err_set(err, ERR_BAD_REQUEST, "The body is longer than its Content-Length.");
    req->body_bytes = bytes;
    req->body_len = want;
    return true;
}

static void send_head(struct worker *worker, const struct req *req)
{
    resp_head(req, &worker->head);
    FCGX_PutStr(worker->head.p, (int)worker->head.len, worker->fcgi.out);
}

static void send_body(struct worker *worker, const struct req *req)
{
    if (strcmp(req->method, "HEAD") != 0)
        FCGX_PutStr(worker->body.p, (int)worker->body.len, worker->fcgi.out);
}

static bool flush(struct req *req)
{
    struct worker *worker = req->transport;

    if (!req->resp.begun) {
        req->resp.begun = true;
        send_head(worker, req);
    }
    send_body(worker, req);
    str_clear(&worker->body);
    return FCGX_FFlush(worker->fcgi.out) == 0 && FCGX_GetError(worker->fcgi.out) == 0;
}

static void fill(struct worker *worker, struct req *req)
{
    const char *length = param(worker, "CONTENT_LENGTH");
    const char *method = param(worker, "REQUEST_METHOD"), *path = param(worker, "DOCUMENT_URI");
    const char *query = param(worker, "QUERY_STRING");

    *req = (struct req){
        .app = worker->app,
        .arena = worker->arena,
        .err = &worker->err,
        .method = method ? method : "",
        .path = path ? path : "",
        .query_string = query ? query : "",
        .request_id = request_id(worker),
        .remote_addr = param(worker, "REMOTE_ADDR"),
        .authorization = param(worker, "HTTP_AUTHORIZATION"),
        .content_type = param(worker, "CONTENT_TYPE"),
        .if_match = param(worker, "HTTP_IF_MATCH"),
        .if_none_match = param(worker, "HTTP_IF_NONE_MATCH"),
        .prefer = param(worker, "HTTP_PREFER"),
        .content_encoding = param(worker, "HTTP_CONTENT_ENCODING"),
        .idempotency_key = param_raw(worker, "HTTP_IDEMPOTENCY_KEY"),
        .origin = param(worker, "HTTP_ORIGIN"),
        .accept = param(worker, "HTTP_ACCEPT"),
        .preflight_method = param(worker, "HTTP_ACCESS_CONTROL_REQUEST_METHOD"),
        .content_length = length ? digits(length) : 0,
        .received_ms = msec(param(worker, "ERP_RECEIVED")),
        .read_body = read_body,
        .flush = flush,
        .transport = worker,
        .started_us = clock_mono_us(),
        .resp.body = &worker->body,
    };
    req->deadline_us = req->started_us + REQUEST_TIME_US;
}

/* nginx closed the connection: its client left, or it gave up on us. */
static bool peer_gone(const FCGX_Request *fcgi)
{
    struct pollfd fd = {.fd = fcgi->ipcFd, .events = POLLRDHUP};

    return poll(&fd, 1, 0) == 1 && (fd.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

/* A reply that was begun and cannot be ended is left without the record that ends it. nginx then
 * breaks the connection to the client off (fastcgi_keep_conn, nginx/erpd-worker.conf.in). */
static void end_reply(struct worker *worker, const struct req *req)
{
    if (req->resp.begun && err_is_set(req->err)) {
        FCGX_Free(&worker->fcgi, 1);
        return;
    }
    if (!req->resp.begun)
        send_head(worker, req);
    send_body(worker, req);
    FCGX_Finish_r(&worker->fcgi);
}

static void serve_one(struct worker *worker)
{
    struct req req;

    if (peer_gone(&worker->fcgi)) {
        log_event(LOG_LVL_INFO, "peer_gone", "request_id", param(worker, "ERP_REQUEST_ID"), NULL);
        FCGX_Finish_r(&worker->fcgi);
        return;
    }
    fill(worker, &req);
    gate_serve(&req);
    end_reply(worker, &req);
    if (req.after_reply)
        req.after_reply(&req);
}

static void clean(struct worker *worker)
{
    arena_reset(worker->arena);
    err_clear(&worker->err);
    str_clear(&worker->body);
    str_clear(&worker->head);
}

/* ---- the loop ---- */

/* Resident bytes of this process; 0 when unknown. */
static int64_t resident(void)
{
    long long pages = 0;
    FILE *in = fopen("/proc/self/statm", "re");

    if (in && fscanf(in, "%*d %lld", &pages) != 1)
        pages = 0;
    if (in)
        fclose(in);
    return pages * sysconf(_SC_PAGESIZE);
}

static bool used_up(const struct worker *worker)
{
    const struct conf *conf = &worker->app->conf;

    if (worker->served >= worker->serve_max)
        return true;
    return worker->served % MEMORY_EVERY == 0 && resident() > conf->recycle_bytes;
}

static int serve_all(struct worker *worker)
{
    unsigned watchdog = (unsigned)worker->app->conf.watchdog_s;

    while (!stopping) {
        int rc = FCGX_Accept_r(&worker->fcgi);

        if (rc < 0 && stopping)
            break;
        if (rc < 0) {
            log_event(LOG_LVL_ERROR, "accept", "detail", strerror(-rc), NULL);
            return EXIT_ACCEPT;
        }
        sigprocmask(SIG_BLOCK, &worker->stop_signals, NULL);
        worker->fcgi.keepConnection = 0; /* whatever nginx says: the next client is another's */
        in_request = 1;
        alarm(watchdog);
        serve_one(worker);
        clean(worker);
        in_request = 0;
        alarm(0);
        sigprocmask(SIG_UNBLOCK, &worker->stop_signals, NULL);
        worker->served++;
        if (used_up(worker))
            break;
    }
    return 0;
}

/* ±20 %, so that workers which started together do not end together. */
static int64_t spread(int64_t n)
{
    uint32_t r;

    random_bytes(&r, sizeof r);
    return n - n / 5 + (int64_t)(r % (uint64_t)(n / 5 * 2 + 1));
}

static bool socket_ready(void)
{
    int listening = 0, flags = fcntl(0, F_GETFL);
    socklen_t size = sizeof listening;

    if (getsockopt(0, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || !listening)
        return false;
    return flags >= 0 && fcntl(0, F_SETFL, flags & ~O_NONBLOCK) == 0;
}

/* The pool's name is that of its socket. */
static void name_pool(struct board *board)
{
    struct sockaddr_un address = {0};
    socklen_t size = sizeof address - 1;
    const char *name;
    char *end;

    if (getsockname(0, (struct sockaddr *)&address, &size) != 0 || address.sun_family != AF_UNIX)
        return;
    name = strrchr(address.sun_path, '/');
    name = name ? name + 1 : address.sun_path;
    end = strrchr(name, '.');
    if (end)
        *end = '\0';
    board_pool(board, name);
}

int fcgi_serve(struct app *app)
{
    struct worker worker = {.app = app, .serve_max = spread(app->conf.recycle_requests)};
    int rc;

    if (!socket_ready()) {
        fprintf(stderr, "erpd: file descriptor 0 is not a listening socket; "
                        "nginx reaches workers through one (see erpd(8))\n");
        return EXIT_NO_SOCKET;
    }
    if (FCGX_Init() != 0 || FCGX_InitRequest(&worker.fcgi, 0, 0) != 0)
        die("libfcgi does not start");
    name_pool(app->board);
    worker.arena = arena_new(ARENA_LIMIT);
    err_init(&worker.err);
    str_init(&worker.body);
    str_init(&worker.head);
    catch_signals(&worker);
    rc = serve_all(&worker);
    FCGX_Finish_r(&worker.fcgi);
    log_event(LOG_LVL_INFO, "worker_ends", "reason",
              stopping ? "signal"
              : rc     ? "error"
                       : "recycle",
              NULL);
    str_release(&worker.head);
    str_release(&worker.body);
    err_release(&worker.err);
    arena_free(worker.arena);
    return rc;
}
