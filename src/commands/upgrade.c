/* Upgrading tenants: one here, or all by as many copies of this command as there are jobs. The
 * copies are programs of their own, not forks: a database client never crosses a fork. */
#include "base.h"
#include "commands/platform.h"
#include "platform/upgrade.h"
#include "tenant/schema.h"

#include <spawn.h>
#include <sys/wait.h>

#define JOBS_MAX 64

extern char **environ;

/* ---- the list ---- */

static json_t *row_json(struct ctl *ctl ERP_UNUSED, const bson_t *doc)
{
    bson_iter_t iter, error;
    bool under_way = bson_iter_init_find(&iter, doc, "schema_upgrade");
    const char *failed = NULL, *state = "current";
    int64_t version = 0;

    if (under_way && bson_iter_init(&iter, doc) &&
        bson_iter_find_descendant(&iter, "schema_upgrade.error", &error) &&
        BSON_ITER_HOLDS_UTF8(&error))
        failed = bson_iter_utf8(&error, NULL);
    if (bson_iter_init_find(&iter, doc, "schema_version"))
        version = bson_iter_as_int64(&iter);
    if (version > schema_current())
        state = "newer";
    else if (version < schema_current())
        state = failed ? "failed" : under_way ? "interrupted" : "behind";
    return json_pack("{s:o, s:o, s:I, s:s, s:s?}", "slug", doc_json(doc, "slug"), "status",
                     doc_json(doc, "status"), "version", (json_int_t)version, "state", state,
                     "error", failed);
}

static bool read_all(struct ctl *ctl, json_t *rows)
{
    bson_t live = BSON_INITIALIZER, child;
    struct scope scope;
    bool ok;

    BSON_APPEND_DOCUMENT_BEGIN(&live, "status", &child);
    BSON_APPEND_UTF8(&child, "$ne", tenant_status_name(TENANT_DELETED));
    bson_append_document_end(&live, &child);
    ok = platform_registry(ctl, &scope) &&
         platform_rows(ctl, &scope, ENTRIES, &live, "slug", "db_uri", row_json, rows);
    bson_destroy(&live);
    return ok;
}

static int run_list(struct ctl *ctl)
{
    static const struct print_column columns[] = {{"slug", "SLUG"},       {"status", "STATUS"},
                                                  {"version", "VERSION"}, {"state", "STATE"},
                                                  {"error", "ERROR"},     {NULL, NULL}};
    json_auto_t *rows = json_array();

    if (!read_all(ctl, rows))
        return ctl_fail(ctl);
    print_rows(ctl, rows, columns);
    return EXIT_OK;
}

/* ---- many ---- */

struct run {
    struct ctl *ctl;
    pid_t pids[JOBS_MAX];
    const char *slugs[JOBS_MAX];
    size_t busy, jobs, done, total;
    json_t *upgraded, *failed;
};

static bool start(struct run *run, const char *slug)
{
    char *args[] = {(char[]){"erpctl"},      (char[]){"tenant"}, (char[]){"upgrade"},
                    (char *)(uintptr_t)slug, (char[]){"--json"}, NULL};
    posix_spawn_file_actions_t quiet;
    int error;

    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    error = posix_spawn(&run->pids[run->busy], "/proc/self/exe", &quiet, NULL, args, environ);
    posix_spawn_file_actions_destroy(&quiet);
    if (error)
        return err_set(&run->ctl->err, ERR_INTERNAL, "cannot start another erpctl: %s",
                       strerror(error));
    run->slugs[run->busy++] = slug;
    return true;
}

/* Waits until one of them ends. */
static void reap(struct run *run)
{
    int status = 0;
    pid_t pid = waitpid(-1, &status, 0);

    for (size_t i = 0; pid > 0 && i < run->busy; i++) {
        const char *slug = run->slugs[i];
        bool ok = WIFEXITED(status) &&
                  (WEXITSTATUS(status) == EXIT_OK || WEXITSTATUS(status) == EXIT_PARTLY);

        if (run->pids[i] != pid)
            continue;
        json_array_append_new(ok ? run->upgraded : run->failed, json_string(slug));
        ctl_progress(run->ctl, "%s: %s (%zu of %zu)", slug, ok ? "upgraded" : "failed", ++run->done,
                     run->total);
        run->slugs[i] = run->slugs[--run->busy];
        run->pids[i] = run->pids[run->busy];
        return;
    }
}

/* Upgrades what the rows say is not current, but the one slug that was first. */
static bool run_rows(struct run *run, const json_t *rows, const char *but)
{
    const json_t *row;
    bool ok = true;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        const char *slug = json_string_value(json_object_get(row, "slug"));
        const char *state = json_string_value(json_object_get(row, "state"));

        if (!slug || strcmp(state, "current") == 0 || strcmp(state, "newer") == 0 ||
            (but && strcmp(but, slug) == 0))
            continue;
        while (run->busy == run->jobs)
            reap(run);
        ok = start(run, slug);
        if (!ok)
            break;
    }
    while (run->busy > 0)
        reap(run);
    return ok;
}

static int finish(struct run *run, const json_t *newer, const char *stopped)
{
    size_t failed = json_array_size(run->failed);

    print_result(run->ctl,
                 json_pack("{s:i, s:O, s:O, s:O, s:s?}", "version", (int)schema_current(),
                           "upgraded", run->upgraded, "failed", run->failed, "newer", newer,
                           "stopped_at", stopped),
                 "version %d: %zu upgraded, %zu failed, %zu newer than this program%s",
                 (int)schema_current(), json_array_size(run->upgraded), failed,
                 json_array_size(newer), stopped ? "; stopped at the canary" : "");
    if (stopped)
        return EXIT_FAILED;
    if (failed > 0)
        ctl_warn(run->ctl, "some failed: `erpctl tenant upgrade --list` says why; run it again to "
                           "resume");
    return ctl_done(run->ctl);
}

static bool count(struct run *run, const json_t *rows, json_t *newer, const char *canary)
{
    bool found = canary == NULL;
    const json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        const char *state = json_string_value(json_object_get(row, "state"));
        json_t *slug = json_object_get(row, "slug");
        const char *name = json_string_value(slug);

        if (!name) {
            ctl_warn(run->ctl, "an entry without a sound slug is left as it is");
            continue;
        }
        found = found || strcmp(canary, name) == 0;
        if (strcmp(state, "newer") == 0)
            json_array_append(newer, slug);
        else if (strcmp(state, "current") != 0)
            run->total++;
    }
    return found || err_set(&run->ctl->err, ERR_TENANT_NOT_FOUND, "There is no tenant %s", canary);
}

static int run_all(struct ctl *ctl, int64_t jobs, const char *canary)
{
    json_auto_t *rows = json_array(), *newer = json_array();
    json_auto_t *upgraded = json_array(), *failed = json_array();
    struct run run = {.ctl = ctl, .jobs = (size_t)jobs, .upgraded = upgraded, .failed = failed};

    if (!read_all(ctl, rows) || !count(&run, rows, newer, canary))
        return ctl_fail(ctl);
    if (canary) {
        if (!start(&run, canary))
            return ctl_fail(ctl);
        reap(&run);
        if (json_array_size(failed) > 0)
            return finish(&run, newer, canary);
    }
    if (!run_rows(&run, rows, canary))
        return ctl_fail(ctl);
    return finish(&run, newer, NULL);
}

/* ---- the command ---- */

static int run_one(struct ctl *ctl, const char *slug)
{
    struct job job = ctl_job(ctl);
    struct upgrade_result result;
    struct tenant *tenant;

    /* Before the first client: building an index takes what it takes. */
    clients_set_patience(ctl->clients, UPGRADE_COMMAND_MS + 5000);
    /* An entry made by hand has no tenant_id before its administrator signs in. */
    if (!platform_tenant(ctl, slug, &tenant) || !platform_complete(ctl, tenant))
        return ctl_fail(ctl);
    if (!upgrade_tenant(&job, slug, &result))
        return ctl_fail(ctl);
    print_result(
        ctl,
        json_pack("{s:s, s:i, s:i}", "slug", slug, "from", (int)result.from, "to", (int)result.to),
        "%s: version %d%s", slug, (int)result.to, result.from == result.to ? ", as before" : "");
    return ctl_done(ctl);
}

static int run_upgrade(struct ctl *ctl)
{
    const char *slug = ctl->n_args > 0 ? ctl->args[0] : NULL;
    bool all = ctl_flag(ctl, "all"), list = ctl_flag(ctl, "list");
    const char *canary = ctl_option(ctl, "canary");
    int64_t jobs = 4;

    if (!ctl_option_int(ctl, "jobs", 1, JOBS_MAX, &jobs))
        return EXIT_USAGE;
    if ((slug != NULL) + all + list != 1)
        return ctl_usage(ctl, "give a tenant, --all or --list");
    if (!all && (canary || ctl_option(ctl, "jobs")))
        return ctl_usage(ctl, "--canary and --jobs go with --all");
    if (list)
        return run_list(ctl);
    return slug ? run_one(ctl, slug) : run_all(ctl, jobs, canary);
}

static const struct command_option upgrade_options[] = {
    {"all", NULL, "every tenant that is behind", false},
    {"jobs", "N", "with --all: how many at a time, 1 to 64; 4 when not given", false},
    {"canary", "SLUG", "with --all: this one first; when it fails, no other is touched", false},
    {"list", NULL, "only list the versions, with what failed or was interrupted", false},
    {NULL},
};

const struct command cmd_tenant_upgrade = {
    .name = "tenant upgrade",
    .args = "[SLUG]",
    .max_args = 1,
    .summary = "bring the data of tenants to the current version: indexes, then changes of data",
    .details =
        "Steps have numbers, and the registry entry keeps the last one that was done. A run "
        "that failed or was interrupted is resumed by running it again; every step may be "
        "repeated. Tenants are served meanwhile. Workers that are older than a tenant's data "
        "read it and refuse to write (schema_newer): replace the workers first.",
    .options = upgrade_options,
    .needs = NEEDS_PLATFORM,
    .run = run_upgrade,
};
