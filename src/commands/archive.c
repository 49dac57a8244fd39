/* A business into one file, and the check of such a file. Bringing one back is in import.c. */
#include "base.h"
#include "commands/archive.h"

static json_t *facts_json(const struct archive_facts *facts, const char *path)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:I, s:I, s:s}",
                     "slug", facts->slug, "tenant_id", facts->tenant_id, "db_name", facts->db_name,
                     "file", path, "collections", (json_int_t)facts->collections, "documents",
                     (json_int_t)facts->documents, "audit_entries",
                     (json_int_t)facts->audit_entries, "users", (json_int_t)facts->users,
                     "left_out", (json_int_t)facts->left_out, "with_files",
                     (int)facts->with_files, "files", (json_int_t)facts->files, "file_bytes",
                     (json_int_t)facts->file_bytes, "files_left_out",
                     (json_int_t)facts->files_left_out, "sha256", facts->sha256);
}

void archive_say_left_out(struct ctl *ctl, const struct archive_facts *facts)
{
    if (facts->left_out > 0)
        ctl_warn(ctl, "%" PRId64 " views or time series are not in the archive", facts->left_out);
    if (facts->files_left_out > 0)
        ctl_warn(ctl, "%" PRId64 " entries of the folder of files are not in the archive",
                 facts->files_left_out);
    if (facts->files_away)
        ctl_warn(ctl,
                 "records name uploaded files, but %s has no folder of this tenant: is that the "
                 "folder (ERP_FILES_DIR) to which the workers write?",
                 ctl->conf.files_dir);
}

const char *archive_files_text(const struct ctl *ctl, const struct archive_facts *facts)
{
    if (!facts->with_files)
        return "no uploaded files taken along";
    return arena_printf(ctl->arena, "%" PRId64 " files of %" PRId64 " bytes", facts->files,
                        facts->file_bytes);
}

static void show(const struct ctl *ctl, const struct archive_facts *facts, const char *path,
                 const char *done)
{
    print_result(ctl, facts_json(facts, path),
                 "%s: %s: %" PRId64 " documents in %" PRId64 " collections, %" PRId64
                 " users, %" PRId64 " audit entries, %s\nSHA-256 %s",
                 done, facts->slug, facts->documents, facts->collections, facts->users,
                 facts->audit_entries, archive_files_text(ctl, facts), facts->sha256);
}

static int run_export(struct ctl *ctl)
{
    const char *slug = ctl->args[0], *path = ctl->args[1];
    struct job job = ctl_job(ctl);
    struct archive_facts facts;
    struct tenant *tenant;
    unsigned flags = 0;

    flags |= ctl_flag(ctl, "force") ? ARCHIVE_REPLACE : 0;
    flags |= ctl_flag(ctl, "no-files") ? ARCHIVE_NO_FILES : 0;
    if (!platform_tenant(ctl, slug, &tenant) || !platform_complete(ctl, tenant) ||
        !archive_export(&job, slug, path, flags, &facts))
        return ctl_fail(ctl);
    archive_say_left_out(ctl, &facts);
    platform_audit(ctl, tenant, "tenant_export", ENTRIES, slug);
    platform_log(ctl, slug, facts.sha256);
    show(ctl, &facts, path, path);
    return ctl_done(ctl);
}

static const struct command_option export_options[] = {
    {"force", NULL, "replace the file if it is there", false},
    NO_FILES_OPTION,
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
               "users with their password hashes, the audit log, the uploaded files, and a "
               "manifest with size and SHA-256 of each. Each database is read as it was at one "
               "moment, the files after them; so run it on a host that has their folder "
               "(ERP_FILES_DIR), or it fails. What is in that folder and is no file of the "
               "server's, goes or changes meanwhile is named and left out, with exit code 2. "
               "--json tells how many \"files\" there are, and \"file_bytes\". Keep the archive "
               "secret.",
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
