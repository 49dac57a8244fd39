/* crash-worker: erpd that ends in the middle of one request, as by kill -9: before it sends a
 * command to the database, or after the database has answered it. For tests alone: it is erpd's own
 * objects, linked once more with two functions wrapped around (Makefile.am), so that nothing of
 * this is in erpd itself.
 *
 * The environment's CRASH_PLAN names a file, which is read at each request. Its one line says
 *
 *     METHOD PATH STEP before|after
 *
 * and the first request of that method and path ends the worker at its command STEP, counted from
 * 1: every command that the driver sends in any database, also commits and the second try of a
 * read. FILE.died then holds "PID committed command collection" (committed: 1 when a commit of the
 * request was answered before), and the plan is gone, so that the request may be sent again. With
 * the step 0 nothing ends, and FILE.sent holds a line a command.
 */
#include "base.h"
#include "http/gate.h"

#include <mongoc/mongoc.h>

#define TEXT_SIZE 512

static struct {
    char path[TEXT_SIZE];   /* of the plan; empty: none */
    bool armed, after;      /* a request of the plan is being served; where it ends */
    bool committed;         /* a transaction of it */
    unsigned step, sent;    /* the command that ends it; those begun so far */
    char command[TEXT_SIZE]; /* the last one and its collection */
} crash;

void __real_gate_serve(struct req *req);
void __wrap_gate_serve(struct req *req);
mongoc_client_t *__real_mongoc_client_new_from_uri_with_error(const mongoc_uri_t *uri,
                                                              bson_error_t *error);
mongoc_client_t *__wrap_mongoc_client_new_from_uri_with_error(const mongoc_uri_t *uri,
                                                              bson_error_t *error);

/* Before main(), which forgets the environment. */
static void __attribute__((constructor)) remember_plan(void)
{
    const char *path = getenv("CRASH_PLAN");

    snprintf(crash.path, sizeof crash.path, "%s", path ? path : "");
}

/* Adds a line to a file beside the plan. */
static void note(const char *suffix, const char *line)
{
    char path[TEXT_SIZE + 8];
    FILE *out;

    snprintf(path, sizeof path, "%s.%s", crash.path, suffix);
    out = fopen(path, "ae");
    if (!out || fprintf(out, "%s\n", line) < 0 || fclose(out) != 0)
        die("%s: %s", path, strerror(errno));
}

/* Nothing is tidied up: sockets are closed by the kernel, as after kill -9. */
static void end_here(void)
{
    char line[TEXT_SIZE + 24];

    snprintf(line, sizeof line, "%ld %d %s", (long)getpid(), crash.committed, crash.command);
    if (unlink(crash.path) != 0)
        die("%s: %s", crash.path, strerror(errno));
    note("died", line);
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static void started(const mongoc_apm_command_started_t *event)
{
    const char *name = mongoc_apm_command_started_get_command_name(event);
    const bson_t *command = mongoc_apm_command_started_get_command(event);
    const char *about = "";
    bson_iter_t it;

    if (!crash.armed)
        return;
    if (bson_iter_init_find(&it, command, name) && BSON_ITER_HOLDS_UTF8(&it))
        about = bson_iter_utf8(&it, NULL);
    snprintf(crash.command, sizeof crash.command, "%s %s", name, about);
    crash.sent++;
    if (crash.step == 0)
        note("sent", crash.command);
    if (crash.sent == crash.step && !crash.after)
        end_here();
}

static void over(void)
{
    if (crash.armed && crash.sent == crash.step && crash.after)
        end_here();
}

static void succeeded(const mongoc_apm_command_succeeded_t *event)
{
    if (strcmp(mongoc_apm_command_succeeded_get_command_name(event), "commitTransaction") == 0)
        crash.committed = true;
    over();
}

static void failed(const mongoc_apm_command_failed_t *event ERP_UNUSED)
{
    over();
}

mongoc_client_t *__wrap_mongoc_client_new_from_uri_with_error(const mongoc_uri_t *uri,
                                                              bson_error_t *error)
{
    mongoc_client_t *client = __real_mongoc_client_new_from_uri_with_error(uri, error);
    mongoc_apm_callbacks_t *callbacks;

    if (!client)
        return NULL;
    callbacks = mongoc_apm_callbacks_new();
    mongoc_apm_set_command_started_cb(callbacks, started);
    mongoc_apm_set_command_succeeded_cb(callbacks, succeeded);
    mongoc_apm_set_command_failed_cb(callbacks, failed);
    if (!mongoc_client_set_apm_callbacks(client, callbacks, NULL))
        die("a client does not tell of its commands");
    mongoc_apm_callbacks_destroy(callbacks);
    return client;
}

/* Is this the request of the plan? */
static bool planned(const struct req *req)
{
    char method[16], path[256], when[8];
    FILE *in = crash.path[0] ? fopen(crash.path, "re") : NULL;
    int n;

    if (!in)
        return false;
    n = fscanf(in, "%15s %255s %u %7s", method, path, &crash.step, when);
    fclose(in);
    if (n != 4)
        die("%s is no plan", crash.path);
    crash.after = strcmp(when, "after") == 0;
    return strcmp(method, req->method) == 0 && strcmp(path, req->path) == 0;
}

void __wrap_gate_serve(struct req *req)
{
    crash.sent = 0;
    crash.committed = false;
    crash.armed = planned(req);
    __real_gate_serve(req);
    crash.armed = false;
}
