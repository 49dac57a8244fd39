/* erpd: a worker behind nginx, and the program that prints its own tables. */
#include "base.h"
#include <getopt.h>
#include "app.h"
#include "core/clock.h"
#include "core/log.h"
#include "engine/openapi.h"
#include "engine/query_print.h"
#include "engine/resource.h"
#include "http/fcgi.h"
#include "routes.h"

#define EXIT_USAGE       64
#define EXIT_UNAVAILABLE 69
#define EXIT_CONFIG      78
#define CHECK_TIME_US    5000000

enum task {
    TASK_SERVE,
    TASK_HELP = 256,
    TASK_VERSION,
    TASK_ROUTES,
    TASK_MATRIX,
    TASK_OPENAPI,
    TASK_ERRORS,
    TASK_QUERIES,
    TASK_MAN_SETTINGS,
    TASK_LINT,
    TASK_CHECK,
    FLAG_JSON
};

static const struct option options[] = {
    {"help", no_argument, NULL, TASK_HELP},
    {"version", no_argument, NULL, TASK_VERSION},
    {"routes", no_argument, NULL, TASK_ROUTES},
    {"matrix", no_argument, NULL, TASK_MATRIX},
    {"json", no_argument, NULL, FLAG_JSON},
    {"openapi", no_argument, NULL, TASK_OPENAPI},
    {"errors", no_argument, NULL, TASK_ERRORS},
    {"queries", no_argument, NULL, TASK_QUERIES},
    {"man-settings", no_argument, NULL, TASK_MAN_SETTINGS},
    {"lint", no_argument, NULL, TASK_LINT},
    {"check", no_argument, NULL, TASK_CHECK},
    {NULL, 0, NULL, 0},
};

static const char usage_text[] =
    "Usage: erpd [OPTION]\n"
    "Serves FastCGI requests on file descriptor 0, which must be a listening socket.\n\n"
    "  --routes [--json]  print the handler table\n"
    "  --matrix [--json]  print who may do what: role by route\n"
    "  --openapi          print the interface as OpenAPI 3.1\n"
    "  --errors           print every error code\n"
    "  --queries          print what lists ask the database, as JSON lines\n"
    "  --man-settings     print the settings as a man page section\n"
    "  --lint             check the tables\n"
    "  --check            check the settings and whether the registry's database answers\n"
    "  --help             print this and the settings\n"
    "  --version          print the version\n\n"
    "Exit status: 0 ended in order, 64 usage, 69 database away (--check), 71 no more requests\n"
    "can be accepted, 75 a request took too long, 78 a setting or the socket is wrong.\n";

static int usage_error(void)
{
    fputs(usage_text, stderr);
    return EXIT_USAGE;
}

static int print_help(void)
{
    fputs(usage_text, stdout);
    putchar('\n');
    conf_print_help(stdout);
    return 0;
}

static int print_errors(void)
{
    for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
        const struct err_info *info = err_info((enum err_code)code);

        printf("%d\t%s\t%s\n", info->status, info->name, info->title);
    }
    return 0;
}

static void print_openapi(const struct app *app)
{
    struct str text;

    str_init(&text);
    openapi_write(app->routes, &text);
    fwrite(text.p, 1, text.len, stdout);
    putchar('\n');
    str_release(&text);
}

static int print_tables(enum task task, bool json)
{
    struct app app;

    if (!app_init(&app, false))
        return EXIT_CONFIG;
    if (task == TASK_OPENAPI)
        print_openapi(&app);
    else if (task == TASK_QUERIES)
        query_print(&app, stdout);
    else if (task == TASK_MATRIX)
        (json ? routes_print_matrix_json : routes_print_matrix)(app.routes, stdout);
    else if (json)
        routes_print_json(app.routes, stdout);
    else
        routes_print(app.routes, stdout);
    app_release(&app);
    return 0;
}

/* Builds everything that ends the program when a table is not sound; serves nothing. */
static int lint(void)
{
    struct app app;
    struct str text;

    if (resource_lint(stdout) != 0)
        return 1;
    if (!app_init(&app, false))
        return EXIT_CONFIG;
    str_init(&text);
    openapi_write(app.routes, &text);
    str_release(&text);
    app_release(&app);
    return 0;
}

static bool ping(struct app *app, struct err *err)
{
    struct arena *arena = arena_new(1 << 20);
    struct scope scope = {0};
    bson_t command = BSON_INITIALIZER, reply;
    bool ok;

    ok = registry_admin_scope(app->registry, arena, clock_mono_us() + CHECK_TIME_US, &scope, err);
    if (ok) {
        BSON_APPEND_INT32(&command, "ping", 1);
        ok = scope_command(&scope, &command, &reply, err);
        bson_destroy(&reply);
    }
    bson_destroy(&command);
    arena_free(arena);
    return ok;
}

static int check(void)
{
    struct app app;
    struct err err;
    bool ok;

    if (!app_init(&app, true))
        return EXIT_CONFIG;
    err_init(&err);
    ok = ping(&app, &err);
    if (ok)
        puts("settings and database: fine");
    else
        fprintf(stderr, "erpd: %s\n", err.detail);
    err_release(&err);
    app_release(&app);
    return ok ? 0 : EXIT_UNAVAILABLE;
}

/* Indexes of the platform's databases, for operators who fill the registry by hand. Every worker
 * asks at its start, some milliseconds when they are there: so nothing has to be remembered of a
 * database that was away, or was restored without them. */
static void ensure_indexes(struct app *app)
{
    struct err err;

    err_init(&err);
    if (!registry_ensure_indexes(app->registry, &err))
        log_event(LOG_LVL_WARN, "platform_indexes", "detail", err.detail, NULL);
    err_release(&err);
}

static int serve(void)
{
    struct app app;
    int rc = EXIT_CONFIG;

    if (!app_init(&app, true))
        return EXIT_CONFIG;
    if (board_claim(app.board)) {
        ensure_indexes(&app);
        rc = fcgi_serve(&app);
    } else {
        fprintf(stderr, "erpd: ERP_BOARD: all %d slots are held by living workers\n", BOARD_SLOTS);
    }
    app_release(&app);
    return rc;
}

static int run(enum task task, bool json)
{
    switch (task) {
    case TASK_HELP:
        return print_help();
    case TASK_VERSION:
        puts(PACKAGE_STRING);
        return 0;
    case TASK_ERRORS:
        return print_errors();
    case TASK_MAN_SETTINGS:
        conf_print_man(stdout);
        return 0;
    case TASK_LINT:
        return lint();
    case TASK_CHECK:
        return check();
    case TASK_ROUTES:
    case TASK_MATRIX:
    case TASK_OPENAPI:
    case TASK_QUERIES:
        return print_tables(task, json);
    default:
        return serve();
    }
}

int main(int argc, char **argv)
{
    enum task task = TASK_SERVE;
    bool json = false;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == '?')
            return usage_error();
        if (option == FLAG_JSON)
            json = true;
        else if (task != TASK_SERVE)
            return usage_error();
        else
            task = (enum task)option;
    }
    if (optind < argc || (json && task != TASK_ROUTES && task != TASK_MATRIX))
        return usage_error();
    return run(task, json);
}
