/* The end of a tenant as the operator brings it about, and the way back while there is one. */
#include "base.h"
#include "commands/archive.h"
#include "core/clock.h"
#include "platform/remove.h"

#define DAY_S INT64_C(86400)

/* The slug typed again, or --yes. */
static bool confirmed(const struct ctl *ctl, const char *slug, const char *what)
{
    char line[SLUG_MAX + 3];

    if (ctl_flag(ctl, "yes"))
        return true;
    fprintf(stderr, "%s Type %s to go on: ", what, slug);
    if (!fgets(line, sizeof line, stdin))
        line[0] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    return strcmp(line, slug) == 0;
}

static int not_confirmed(const struct ctl *ctl)
{
    return ctl_usage(ctl, "not confirmed, so nothing was done");
}

static const char *archive_name(struct ctl *ctl, const char *slug)
{
    const char *given = ctl_option(ctl, "archive");
    char now[CLOCK_TEXT_SIZE];

    clock_format(now, clock_ms());
    return given ? given : arena_printf(ctl->arena, "%s-%.19s.tar.gz", slug, now);
}

/* After the tenant is refused, so that nothing is written behind the archive's back. */
static bool export_deleted(struct ctl *ctl, const char *slug, int64_t grace_s,
                           struct archive_facts *facts, const char **path)
{
    struct job job = ctl_job(ctl);

    *path = archive_name(ctl, slug);
    return archive_export(&job, slug, *path,
                          ctl_flag(ctl, "no-files") ? ARCHIVE_NO_FILES : 0, facts) &&
           tenant_delete_archived(&job, slug, facts->sha256, *path, grace_s);
}

static int take_back(struct ctl *ctl, const char *slug)
{
    struct job job = ctl_job(ctl);
    int code = ctl_fail(ctl);

    err_clear(&ctl->err);
    if (tenant_undelete(&job, slug))
        fprintf(stderr, "erpctl %s: there is no archive, so %s is not deleted\n",
                ctl->command->name, slug);
    else
        ctl_warn(ctl, "%s stays deleted: %s", slug, ctl->err.detail);
    return code;
}

static int run_delete(struct ctl *ctl)
{
    const char *slug = ctl->args[0], *path = NULL;
    struct job job = ctl_job(ctl);
    struct archive_facts facts = {0};
    int64_t days = ctl->conf.delete_grace_s / DAY_S;
    int64_t grace_s = ctl->conf.delete_grace_s;
    bool bare = ctl_flag(ctl, "no-export");
    struct tenant *tenant;
    json_t *result;

    if (!ctl_option_int(ctl, "grace", 0, 3650, &days))
        return EXIT_USAGE;
    if (ctl_option(ctl, "grace"))
        grace_s = days * DAY_S;
    if (!platform_tenant(ctl, slug, &tenant) || !platform_complete(ctl, tenant))
        return ctl_fail(ctl);
    if (!confirmed(ctl, slug, "Its users will be refused at once."))
        return not_confirmed(ctl);
    if (!tenant_delete(&job, slug, bare ? grace_s : GRACE_LATER))
        return ctl_fail(ctl);
    platform_audit(ctl, tenant, "tenant_delete", ENTRIES, slug);
    if (!bare && !export_deleted(ctl, slug, grace_s, &facts, &path))
        return tenant->status == TENANT_DELETED ? ctl_fail(ctl) : take_back(ctl, slug);
    archive_say_left_out(ctl, &facts);
    platform_audit(ctl, NULL, "tenant_delete", ENTRIES, slug);
    platform_log(ctl, slug, path);
    result = json_pack("{s:s, s:s, s:I}", "slug", slug, "status", "deleted", "grace_seconds",
                       (json_int_t)grace_s);
    if (path)
        json_object_update_new(result, json_pack("{s:s, s:s, s:I, s:I}", "archive", path, "sha256",
                                                 facts.sha256, "files", (json_int_t)facts.files,
                                                 "file_bytes", (json_int_t)facts.file_bytes));
    print_result(ctl, result,
                 "%s: deleted%s%s; erpctl tenant undelete works for %" PRId64 " days", slug,
                 path ? ", archive " : "", path ? path : "", grace_s / DAY_S);
    return ctl_done(ctl);
}

static const struct command_option delete_options[] = {
    {"archive", "FILE", "where the export goes (default: SLUG-TIME.tar.gz here)", false},
    {"no-export", NULL, "make no archive", false},
    NO_FILES_OPTION,
    {"grace", "DAYS", "how long undelete works (default: ERP_DELETE_GRACE)", false},
    {"yes", NULL, "do not ask", false},
    {NULL},
};

const struct command cmd_tenant_delete = {
    .name = "tenant delete",
    .args = "SLUG",
    .min_args = 1,
    .max_args = 1,
    .summary = "end a tenant: refused at once, exported, removed after a time of grace",
    .details = "Nothing is removed yet: tenant undelete brings it back until the time of grace is "
               "over, its files stay where they are, and its slug is taken until tenant purge. "
               "The time of grace begins when the archive is written; when that fails the tenant "
               "is as it was. Stopped in between, the same command goes on.",
    .options = delete_options,
    .needs = NEEDS_PLATFORM,
    .run = run_delete,
};

static int run_undelete(struct ctl *ctl)
{
    const char *slug = ctl->args[0];
    struct job job = ctl_job(ctl);
    struct tenant *tenant;

    if (!tenant_undelete(&job, slug) || !platform_tenant(ctl, slug, &tenant))
        return ctl_fail(ctl);
    platform_audit(ctl, tenant, "tenant_undelete", ENTRIES, slug);
    platform_audit(ctl, NULL, "tenant_undelete", ENTRIES, slug);
    platform_log(ctl, slug, NULL);
    print_result(
        ctl, json_pack("{s:s, s:s}", "slug", slug, "status", tenant_status_name(tenant->status)),
        "%s: %s again", slug, tenant_status_name(tenant->status));
    return ctl_done(ctl);
}

const struct command cmd_tenant_undelete = {
    .name = "tenant undelete",
    .args = "SLUG",
    .min_args = 1,
    .max_args = 1,
    .summary = "bring a deleted tenant back, as it was, within its time of grace",
    .needs = NEEDS_PLATFORM,
    .run = run_undelete,
};

/* --- purge ----------------------------------------------------------------------------------- */

struct purge {
    struct ctl *ctl;
    json_t *rows;
    const char *uri;
    bool now;
    bool failed;
};

static void purge_one(struct purge *purge, const char *slug)
{
    struct ctl *ctl = purge->ctl;
    struct job job = ctl_job(ctl);
    struct removed gone;

    if (!tenant_purge(&job, slug, purge->now, purge->uri, &gone)) {
        ctl_warn(ctl, "%s: %s", slug, ctl->err.detail);
        purge->failed = true;
        err_clear(&ctl->err);
        return;
    }
    platform_log(ctl, slug, gone.tenant_id);
    json_array_append_new(purge->rows,
                          json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:s*}", "slug",
                                    gone.slug, "tenant_id", gone.tenant_id, "db_name", gone.db_name,
                                    "documents", (json_int_t)gone.documents, "audit_entries",
                                    (json_int_t)gone.audit_entries, "users", (json_int_t)gone.users,
                                    "files", (json_int_t)gone.files, "file_bytes",
                                    (json_int_t)gone.file_bytes, "sha256",
                                    *gone.archive_sha256 ? gone.archive_sha256 : NULL));
}

static bool purge_due(struct purge *purge)
{
    struct job job = ctl_job(purge->ctl);
    const char **slugs;
    size_t n;

    if (!tenant_purge_due(&job, clock_ms(), &slugs, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        purge_one(purge, slugs[i]);
    return true;
}

static int run_purge(struct ctl *ctl)
{
    static const struct print_column columns[] = {{"slug", "SLUG"},
                                                  {"db_name", "DATABASE"},
                                                  {"documents", "DOCUMENTS"},
                                                  {"audit_entries", "AUDIT"},
                                                  {"users", "USERS"},
                                                  {"files", "FILES"},
                                                  {"file_bytes", "BYTES"},
                                                  {"sha256", "ARCHIVE"},
                                                  {NULL, NULL}};
    json_auto_t *rows = json_array();
    struct purge purge = {
        .ctl = ctl, .rows = rows, .uri = ctl_option(ctl, "uri"), .now = ctl_flag(ctl, "now")};
    const char *slug = ctl->n_args > 0 ? ctl->args[0] : NULL;

    if ((purge.now || purge.uri) && !slug)
        return ctl_usage(ctl, "--now and --uri need a SLUG");
    if (slug && !confirmed(ctl, slug, "Its data and its users will be gone for good."))
        return not_confirmed(ctl);
    if (slug)
        purge_one(&purge, slug);
    else if (!purge_due(&purge))
        return ctl_fail(ctl);
    if (slug && purge.failed)
        return EXIT_FAILED;
    print_rows(ctl, rows, columns);
    return ctl_done(ctl);
}

static const struct command_option purge_options[] = {
    {"now", NULL, "although its time of grace is not over", false},
    {"uri", "URI", "an account that may drop there (default: ours on the same servers)", false,
     true},
    {"yes", NULL, "do not ask", false},
    {NULL},
};

const struct command cmd_tenant_purge = {
    .name = "tenant purge",
    .args = "[SLUG]",
    .min_args = 0,
    .max_args = 1,
    .summary = "remove deleted tenants whose time of grace is over, for good",
    .details = "Drops both databases, the MongoDB account, the uploaded files and the users, and "
               "leaves a receipt in the platform's audit log: counts, and the SHA-256 of the "
               "archive that was made when the tenant was deleted. `erpctl jobs` does the same "
               "by its timer.",
    .options = purge_options,
    .needs = NEEDS_PLATFORM,
    .run = run_purge,
};
