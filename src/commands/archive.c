/* A business into one file, and the check of such a file. Bringing one back is in import.c. */
#include "base.h"
#include "commands/platform.h"
#include "platform/archive.h"

static json_t *facts_json(const struct archive_facts *facts, const char *path)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:s}", "slug", facts->slug,
                     "tenant_id", facts->tenant_id, "db_name", facts->db_name, "file", path,
                     "collections", (json_int_t)facts->collections, "documents",
                     (json_int_t)facts->documents, "audit_entries",
                     (json_int_t)facts->audit_entries, "users", (json_int_t)facts->users,
                     "left_out", (json_int_t)facts->left_out, "sha256", facts->sha256);
}

static void show(const struct ctl *ctl, const struct archive_facts *facts, const char *path,
                 const char *done)
{
    print_result(ctl, facts_json(facts, path),
                 "%s: %s: %" PRId64 " documents in %" PRId64 " collections, %" PRId64
                 " users, %" PRId64 " audit entries\nSHA-256 %s",
                 done, facts->slug, facts->documents, facts->collections, facts->users,
                 facts->audit_entries, facts->sha256);
}

static int run_export(struct ctl *ctl)
{
    const char *slug = ctl->args[0], *path = ctl->args[1];
    struct job job = ctl_job(ctl);
    struct archive_facts facts;
    struct tenant *tenant;

    if (!platform_tenant(ctl, slug, &tenant) || !platform_complete(ctl, tenant) ||
        !archive_export(&job, slug, path, ctl_flag(ctl, "force"), &facts))
        return ctl_fail(ctl);
    if (facts.left_out > 0)
        ctl_warn(ctl, "%" PRId64 " views or time series are not in the archive", facts.left_out);
    platform_audit(ctl, tenant, "tenant_export", ENTRIES, slug);
    platform_log(ctl, slug, facts.sha256);
    show(ctl, &facts, path, path);
    return ctl_done(ctl);
}

static const struct command_option export_options[] = {
    {"force", NULL, "replace the file if it is there", false},
    {NULL},
};

const struct command cmd_tenant_export = {
    .name = "tenant export",
    .args = "SLUG FILE",
    .min_args = 2,
    .max_args = 2,
    .summary = "write a business into one archive",
    .details = "FILE is a tar, compressed when its name ends in .gz, .tgz or .zst: the collections "
               "as mongodump writes them, indexes, the registry entry without its secrets, the "
               "users with their password hashes, the audit log, and a manifest with the SHA-256 "
               "of each. Each database is read as it was at one moment. Keep the file secret.",
    .options = export_options,
    .needs = NEEDS_PLATFORM,
    .run = run_export,
};

static int run_verify(struct ctl *ctl)
{
    struct job job = ctl_job(ctl);
    struct archive_facts facts;

    if (!archive_verify(&job, ctl->args[0], &facts))
        return ctl_fail(ctl);
    show(ctl, &facts, ctl->args[0], "Whole and sound");
    return EXIT_OK;
}

const struct command cmd_tenant_verify = {
    .name = "tenant verify",
    .args = "FILE",
    .min_args = 1,
    .max_args = 1,
    .summary = "check an archive against its manifest, without any database",
    .needs = NEEDS_SETTINGS,
    .run = run_verify,
};
