/* An archive of every tenant, several at a time. Each is made by a process of its own, which is
 * this program again: what goes wrong with one tenant stays with it. */
#include "base.h"
#include "commands/archive.h"
#include "core/clock.h"

#include <dirent.h>
#include <sys/wait.h>

#define JOBS_MAX   64
#define RESULT_MAX 4096

struct child {
    pid_t pid; /* 0: free */
    int out;
    const char *slug, *path;
};

struct backup {
    struct ctl *ctl;
    const char *dir;
    json_t *slugs, *rows;
    int64_t keep; /* 0: all */
    bool no_files;
    struct child children[JOBS_MAX];
    size_t failed;
};

/* --- which tenants --------------------------------------------------------------------------- */

static json_t *slug_of(struct ctl *ctl, const bson_t *doc)
{
    const char *slug = doc_text(doc, "slug"), *status = doc_text(doc, "status");

    /* What is deleted has its archive; what is being set up has nothing yet. */
    if (status && (strcmp(status, tenant_status_name(TENANT_DELETED)) == 0 ||
                   strcmp(status, tenant_status_name(TENANT_PROVISIONING)) == 0))
        return json_null();
    if (!slug || !slug_valid(slug)) {
        ctl_warn(ctl, "an entry without a sound slug gets no archive");
        return json_null();
    }
    return json_string(slug);
}

static bool find_tenants(struct backup *backup)
{
    struct ctl *ctl = backup->ctl;
    bson_t all = BSON_INITIALIZER;
    struct scope scope;

    for (size_t i = 0; i < ctl->n_args; i++)
        json_array_append_new(backup->slugs, json_string(ctl->args[i]));
    return ctl->n_args > 0 ||
           (platform_registry(ctl, &scope) &&
            platform_rows(ctl, &scope, ENTRIES, &all, "slug", NULL, slug_of, backup->slugs));
}

/* --- one tenant ------------------------------------------------------------------------------ */

static void add_row(struct backup *backup, const char *slug, const char *path, const char *status,
                    const json_t *facts)
{
    json_t *row = json_pack("{s:s, s:s, s:s}", "slug", slug, "status", status, "file", path);
    static const char *const keys[] = {"documents", "users", "files", "file_bytes", "sha256"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        json_object_set(row, keys[i], facts ? json_object_get(facts, keys[i]) : NULL);
    json_array_append_new(backup->rows, row);
}

static bool fail(struct backup *backup, const char *slug, const char *path, const char *why)
{
    fprintf(stderr, "erpctl backup: %s: %s\n", slug, why);
    add_row(backup, slug, path, "failed", NULL);
    backup->failed++;
    return false;
}

static const char *new_path(struct backup *backup, const char *slug)
{
    const char *folder = arena_printf(backup->ctl->arena, "%s/%s", backup->dir, slug);
    char now[CLOCK_TEXT_SIZE];

    clock_format(now, clock_ms());
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return NULL;
    return arena_printf(backup->ctl->arena, "%s/%s.tar.zst", folder, now);
}

/* Never returns. Only calls that are safe after a fork of a process with clients. */
ERP_NORETURN static void run_child(const struct backup *backup, const char *slug, const char *path,
                                   int out)
{
    char *const args[] = {"erpctl",     "tenant", "export",
                          (char *)slug, (char *)path, "--json",
                          backup->no_files ? "--no-files" : NULL, NULL};

    dup2(out, STDOUT_FILENO);
    execv("/proc/self/exe", args);
    _exit(EXIT_FAILED);
}

static bool start(struct backup *backup, struct child *child, const char *slug)
{
    const char *path = slug_valid(slug) ? new_path(backup, slug) : NULL;
    int ends[2];

    if (!path)
        return fail(backup, slug, "-", slug_valid(slug) ? strerror(errno) : "this is no slug");
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail(backup, slug, path, strerror(errno));
    fflush(stdout);
    child->pid = fork();
    if (child->pid == 0)
        run_child(backup, slug, path, ends[1]);
    close(ends[1]);
    if (child->pid < 0) {
        child->pid = 0;
        close(ends[0]);
        return fail(backup, slug, path, strerror(errno));
    }
    child->out = ends[0];
    child->slug = slug;
    child->path = path;
    return true;
}

/* --- older ones ------------------------------------------------------------------------------ */

static int is_archive(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len == CLOCK_TEXT_SIZE - 1 + sizeof ".tar.zst" - 1 &&
           strcmp(entry->d_name + CLOCK_TEXT_SIZE - 1, ".tar.zst") == 0;
}

/* Only after a good one: a tenant that fails keeps what it has. */
static void remove_older(struct backup *backup, const char *slug)
{
    const char *folder = arena_printf(backup->ctl->arena, "%s/%s", backup->dir, slug);
    struct dirent **entries;
    int n = backup->keep > 0 ? scandir(folder, &entries, is_archive, alphasort) : -1;

    for (int i = 0; i < n; i++) {
        const char *path = arena_printf(backup->ctl->arena, "%s/%s", folder, entries[i]->d_name);

        if (i < n - backup->keep && unlink(path) != 0)
            ctl_warn(backup->ctl, "cannot remove %s: %s", path, strerror(errno));
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
}

static void finish(struct backup *backup, struct child *child, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    char text[RESULT_MAX];
    ssize_t n = read(child->out, text, sizeof text);
    json_t *facts = n > 0 ? json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, NULL) : NULL;

    close(child->out);
    child->pid = 0;
    if (code == EXIT_OK || code == EXIT_PARTLY) {
        add_row(backup, child->slug, child->path, code == EXIT_OK ? "ok" : "partly", facts);
        backup->ctl->partly = backup->ctl->partly || code == EXIT_PARTLY;
        remove_older(backup, child->slug);
        ctl_progress(backup->ctl, "%s", child->path);
    } else {
        fail(backup, child->slug, child->path, "it has no archive of this run");
    }
    json_decref(facts);
}

static void wait_one(struct backup *backup)
{
    int status;
    pid_t pid;

    do
        pid = waitpid(-1, &status, 0);
    while (pid < 0 && errno == EINTR);
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (backup->children[i].pid == pid && pid > 0)
            finish(backup, &backup->children[i], status);
}

static void run_all(struct backup *backup, size_t jobs)
{
    size_t running = 0, i;
    const json_t *item;

    json_array_foreach(backup->slugs, i, item)
    {
        const char *slug = json_string_value(item);
        size_t at = 0;

        if (!slug)
            continue;
        if (running == jobs) {
            wait_one(backup);
            running--;
        }
        while (backup->children[at].pid != 0)
            at++;
        running += start(backup, &backup->children[at], slug);
    }
    while (running-- > 0)
        wait_one(backup);
}

static int run_backup(struct ctl *ctl)
{
    static const struct print_column columns[] = {{"slug", "SLUG"},
                                                  {"status", "STATUS"},
                                                  {"documents", "DOCUMENTS"},
                                                  {"users", "USERS"},
                                                  {"files", "FILES"},
                                                  {"file_bytes", "BYTES"},
                                                  {"file", "ARCHIVE"},
                                                  {NULL, NULL}};
    json_auto_t *rows = json_array(), *slugs = json_array();
    struct backup *backup = arena_alloc(ctl->arena, sizeof *backup);
    int64_t jobs = 2;

    *backup =
        (struct backup){.ctl = ctl, .dir = ctl_option(ctl, "dir"), .rows = rows, .slugs = slugs,
                        .no_files = ctl_flag(ctl, "no-files")};
    if (!ctl_option_int(ctl, "jobs", 1, JOBS_MAX, &jobs) ||
        !ctl_option_int(ctl, "keep", 1, 100000, &backup->keep))
        return EXIT_USAGE;
    if (ctl_flag(ctl, "all") == (ctl->n_args > 0))
        return ctl_usage(ctl, "name tenants, or --all of them");
    if (mkdir(backup->dir, 0700) != 0 && errno != EEXIST) {
        fprintf(stderr, "erpctl backup: cannot make %s: %s\n", backup->dir, strerror(errno));
        return EXIT_FAILED;
    }
    if (!find_tenants(backup))
        return ctl_fail(ctl);
    run_all(backup, (size_t)jobs);
    print_rows(ctl, rows, columns);
    if (backup->failed == 0)
        return ctl_done(ctl);
    return backup->failed < json_array_size(rows) ? EXIT_PARTLY : EXIT_FAILED;
}

static const struct command_option backup_options[] = {
    {"all", NULL, "every tenant that is not deleted", false},
    {"dir", "DIR", "where the archives go: DIR/SLUG/TIME.tar.zst", true},
    {"jobs", "N", "how many at a time (default: 2)", false},
    {"keep", "N", "how many archives of each tenant stay (default: all)", false},
    NO_FILES_OPTION,
    {NULL},
};

const struct command cmd_backup = {
    .name = "backup",
    .args = "[SLUG...]",
    .min_args = 0,
    .max_args = 1000,
    .summary = "write an archive of every tenant",
    .details = "Each archive is that of tenant export, with the uploaded files. A tenant that "
               "fails is reported and keeps its older archives; the others go on. Exit code 2 when "
               "some failed. The registry, the users without a tenant and the "
               "billing are the platform's: back up their databases with mongodump.",
    .options = backup_options,
    .needs = NEEDS_PLATFORM,
    .run = run_backup,
};
