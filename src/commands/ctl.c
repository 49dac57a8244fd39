/* What a command stands on: settings, board, registry, users; and how failures are told. The keys
 * that sign tokens are not needed here: whoever administers tenants need not hold them. */
#include "base.h"
#include "commands/commands.h"
#include "core/clock.h"
#include "core/log.h"

#define ARENA_LIMIT  ((size_t)256 * 1024 * 1024) /* lists of thousands of tenants fit */
#define OPERATION_US INT64_C(15000000)
#define PATIENCE_MS  5000

/* A board that root makes before the first worker runs must be the workers', whose folder it is in:
 * otherwise none of them could start. */
static void give_board_away(const struct ctl *ctl, const char *path)
{
    const char *slash = strrchr(path, '/');
    int folder = open(slash ? arena_strndup(ctl->arena, path, (size_t)(slash - path) + 1) : ".",
                      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *name = slash ? slash + 1 : path;
    struct stat in, file;

    if (folder >= 0 && fstat(folder, &in) == 0 && in.st_uid != 0 &&
        fstatat(folder, name, &file, AT_SYMLINK_NOFOLLOW) == 0 && file.st_uid == 0 &&
        fchownat(folder, name, in.st_uid, in.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
        fprintf(stderr, "erpctl: warning: cannot give the board %s to its folder's owner: %s\n",
                path, strerror(errno));
    if (folder >= 0)
        close(folder);
}

ERP_PRINTF(3, 4) static int refuse(const struct ctl *ctl, int code, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    ctl_note(ctl, code == EXIT_BOARD ? "board" : "settings", fmt, args);
    va_end(args);
    fprintf(stderr, "erpctl %s: %s\n", ctl->command->name, ctl->outcome->detail);
    return code;
}

static int open_board(struct ctl *ctl)
{
    ctl->board = board_open(ctl->conf.board_path);
    if (ctl->board && geteuid() == 0)
        give_board_away(ctl, ctl->conf.board_path);
    if (ctl->board)
        return EXIT_OK;
    return refuse(ctl, EXIT_BOARD, "cannot open the board %s (ERP_BOARD): %s",
                  ctl->conf.board_path, strerror(errno));
}

static bool is_set(const char *setting)
{
    return setting && *setting;
}

static int open_platform(struct ctl *ctl)
{
    if (!is_set(ctl->conf.mongo_url) || !is_set(ctl->conf.admin_mongo_url))
        return refuse(ctl, EXIT_CONFIG, "MONGO_URL is not set");
    ctl->clients = clients_new((size_t)ctl->conf.client_cache, ctl->board);
    clients_set_patience(ctl->clients, PATIENCE_MS);
    ctl->registry = registry_new(&ctl->conf, ctl->board, ctl->clients);
    ctl->users = users_new(&ctl->conf, ctl->board, ctl->registry);
    ctl->indexes = index_cache_new();
    ctl->resolver = (struct resolver){&ctl->conf, ctl->board, ctl->registry, ctl->clients};
    return EXIT_OK;
}

int ctl_open(struct ctl *ctl, enum command_needs needs)
{
    enum log_level level;
    int code = EXIT_OK;

    err_init(&ctl->err);
    ctl->arena = arena_new(ARENA_LIMIT);
    if (needs >= NEEDS_SETTINGS) {
        if (!conf_load(&ctl->conf, false))
            return EXIT_CONFIG;
        if (ctl->conf.log_level && log_level_parse(ctl->conf.log_level, &level))
            log_set_level(level);
    }
    if (needs >= NEEDS_BOARD)
        code = open_board(ctl);
    if (code == EXIT_OK && needs >= NEEDS_PLATFORM)
        code = open_platform(ctl);
    return code;
}

void ctl_release(struct ctl *ctl)
{
    arena_free(ctl->arena); /* cursors in it need their client */
    if (ctl->indexes)
        index_cache_free(ctl->indexes);
    if (ctl->users)
        users_free(ctl->users);
    if (ctl->registry)
        registry_free(ctl->registry);
    if (ctl->clients)
        clients_free(ctl->clients);
    if (ctl->board)
        board_close(ctl->board);
    if (ctl->command->needs >= NEEDS_SETTINGS)
        conf_release(&ctl->conf);
    err_release(&ctl->err);
}

static int exit_for(enum err_code code)
{
    switch (code) {
    case ERR_DB_UNAVAILABLE:
    case ERR_REGISTRY_UNAVAILABLE:
    case ERR_TRY_AGAIN:
    case ERR_TIMEOUT:
        return EXIT_UNAVAILABLE;
    case ERR_DB_NOT_CONFIGURED:
        return EXIT_CONFIG;
    default:
        return EXIT_FAILED;
    }
}

/* The same for programs. */
static void note_err(const struct ctl *ctl, const struct err *err, const char *detail)
{
    struct ctl_outcome *outcome = ctl->outcome;

    json_decref(outcome->fields);
    outcome->fields = NULL;
    snprintf(outcome->code, sizeof outcome->code, "%s", err_info(err->code)->name);
    snprintf(outcome->detail, sizeof outcome->detail, "%s", detail);
    for (size_t i = 0; i < err->n_fields; i++) {
        if (!outcome->fields)
            outcome->fields = json_array();
        json_array_append_new(outcome->fields,
                              json_pack("{s:s, s:s, s:s}", "field", err->fields[i].path, "code",
                                        err->fields[i].code, "detail", err->fields[i].detail));
    }
}

int ctl_fail(const struct ctl *ctl)
{
    const struct err *err = &ctl->err;
    const char *detail = err->detail[0] ? err->detail : err_info(err->code)->title;

    note_err(ctl, err, detail);
    fprintf(stderr, "erpctl %s: %s\n", ctl->command->name, print_clean(ctl, detail));
    for (size_t i = 0; i < err->n_fields; i++)
        fprintf(stderr, "  %s: %s\n", print_clean(ctl, err->fields[i].path),
                print_clean(ctl, err->fields[i].detail));
    return exit_for(err->code);
}

void ctl_warn(struct ctl *ctl, const char *fmt, ...)
{
    va_list args;

    ctl->partly = true;
    if (!*ctl->outcome->detail) {
        va_start(args, fmt);
        ctl_note(ctl, "", fmt, args);
        va_end(args);
    }
    fprintf(stderr, "erpctl %s: warning: ", ctl->command->name);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

void ctl_progress(const struct ctl *ctl, const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, "erpctl %s: ", ctl->command->name);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

static void say_progress(void *data, const char *text)
{
    ctl_progress(data, "%s", text);
}

struct job ctl_job(struct ctl *ctl)
{
    return (struct job){
        .conf = &ctl->conf,
        .board = ctl->board,
        .clients = ctl->clients,
        .registry = ctl->registry,
        .users = ctl->users,
        .indexes = ctl->indexes,
        .arena = ctl->arena,
        .err = &ctl->err,
        .actor = "erpctl",
        .progress = say_progress,
        .progress_data = ctl,
    };
}

/* A signal handler has no other way to tell. */
volatile sig_atomic_t ctl_stopping;

static void on_stop(int signo ERP_UNUSED)
{
    ctl_stopping = 1;
}

void ctl_catch_stop(void)
{
    struct sigaction stop = {.sa_handler = on_stop};

    sigemptyset(&stop.sa_mask);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
}

int ctl_done(const struct ctl *ctl)
{
    return ctl->partly ? EXIT_PARTLY : EXIT_OK;
}

int64_t ctl_deadline(void)
{
    return clock_mono_us() + OPERATION_US;
}
