/* An archive becomes a tenant: the one that it was, or a copy beside it. */
#include "base.h"
#include "commands/archive.h"
#include "commands/secret.h"
#include "tenant/uri.h"

static int read_target(struct ctl *ctl, struct archive_target *target)
{
    target->slug = ctl_option(ctl, "as");
    target->db_name = ctl_option(ctl, "db-name");
    target->uri = ctl_option(ctl, "uri");
    target->no_files = ctl_flag(ctl, "no-files");
    if (target->slug && !slug_valid(target->slug))
        return ctl_usage(ctl, "%s is no slug", target->slug);
    if (target->db_name && !db_name_valid(target->db_name))
        return ctl_usage(ctl, "%s is no name of a database", target->db_name);
    if (target->uri && !ctl_flag(ctl, "any-uri") && !uri_allowed(target->uri, &ctl->err))
        return ctl_fail(ctl);
    return EXIT_OK;
}

static void show(const struct ctl *ctl, const struct archive_facts *facts, bool copy,
                 const struct secret *secret)
{
    const char *password = secret && secret->generated ? secret->text : NULL;

    print_result(ctl,
                 json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:s, s:s*}", "slug",
                           facts->slug, "tenant_id", facts->tenant_id, "db_name", facts->db_name,
                           "documents", (json_int_t)facts->documents, "audit_entries",
                           (json_int_t)(copy ? 0 : facts->audit_entries), "users",
                           (json_int_t)(copy ? 1 : facts->users), "files",
                           (json_int_t)facts->files, "file_bytes", (json_int_t)facts->file_bytes,
                           "own_db_user", (int)facts->own_account, "sha256", facts->sha256,
                           "password", password),
                 "%s %s: %" PRId64 " documents, %s, database %s%s%s",
                 copy ? "Restored" : "Imported", facts->slug, facts->documents,
                 archive_files_text(ctl, facts), facts->db_name, password ? ", password " : "",
                 password ? password : "");
}

static int run_import(struct ctl *ctl)
{
    struct archive_target target = {0};
    struct job job = ctl_job(ctl);
    struct archive_facts facts;
    int code = read_target(ctl, &target);

    if (code != EXIT_OK)
        return code;
    if (!archive_import(&job, ctl->args[0], &target, &facts))
        return ctl_fail(ctl);
    platform_audit(ctl, NULL, "tenant_import", ENTRIES, facts.slug);
    platform_log(ctl, facts.slug, facts.sha256);
    show(ctl, &facts, false, NULL);
    return ctl_done(ctl);
}

#define TARGET_OPTIONS                                                                             \
    NO_FILES_OPTION,                                                                               \
        {"uri", "URI",                                                                             \
     "MongoDB of this tenant, with an account that may make users (default: MONGO_URL)", false,    \
     true},                                                                                        \
    {                                                                                              \
        "any-uri", NULL, "take a URI with any option and host", false                              \
    }

static const struct command_option import_options[] = {
    {"as", "SLUG", "another slug than it had", false},
    {"db-name", "NAME", "another database than it had", false},
    TARGET_OPTIONS,
    {NULL},
};

const struct command cmd_tenant_import = {
    .name = "tenant import",
    .args = "FILE",
    .min_args = 1,
    .max_args = 1,
    .summary = "make the tenant of an archive anew, with its users and its audit log",
    .details = "The file is checked as a whole first. Slug, tenant_id, database and users must not "
               "be there; uploaded files go to their folder (ERP_FILES_DIR), where what is there "
               "already stays. The database gets a MongoDB user of its own, which may touch "
               "nothing else. Until all is done the entry is provisioning and serves nobody; after "
               "a failure the same command begins anew.",
    .options = import_options,
    .needs = NEEDS_PLATFORM,
    .run = run_import,
};

static int restore(struct ctl *ctl, struct archive_target *target, struct secret *secret)
{
    char hash[PASSWORD_HASH_SIZE];
    struct job job = ctl_job(ctl);
    struct archive_facts facts;

    if (!secret_read(ctl, target->admin_email, secret))
        return ctl_fail(ctl);
    secret_hash(ctl, secret, hash);
    target->admin_hash = hash;
    target->copy = true;
    if (!archive_import(&job, ctl->args[0], target, &facts))
        return ctl_fail(ctl);
    platform_audit(ctl, NULL, "tenant_restore", ENTRIES, facts.slug);
    platform_log(ctl, facts.slug, facts.sha256);
    show(ctl, &facts, true, secret);
    return ctl_done(ctl);
}

static int run_restore(struct ctl *ctl)
{
    struct archive_target target = {0};
    struct secret secret = {.len = 0};
    int code = read_target(ctl, &target);

    if (code != EXIT_OK)
        return code;
    target.admin_email = platform_email(ctl, ctl_option(ctl, "admin-email"));
    if (!target.admin_email)
        return ctl_usage(ctl, "%s is no email address", ctl_option(ctl, "admin-email"));
    code = restore(ctl, &target, &secret);
    secret_wipe(&secret);
    return code;
}

static const struct command_option restore_options[] = {
    {"as", "SLUG", "its slug, which must be new", true},
    {"admin-email", "EMAIL", "its only user: those of the original keep their addresses", true},
    {"db-name", "NAME", "its database (default: TYPE_SLUG_db)", false},
    TARGET_OPTIONS,
    SECRET_OPTIONS,
    {NULL},
};

const struct command cmd_tenant_restore = {
    .name = "tenant restore",
    .args = "FILE",
    .min_args = 1,
    .max_args = 1,
    .summary = "make a copy of an archived tenant beside the live one",
    .details = "The copy has a tenant_id of its own, which is written into every record, a MongoDB "
               "user of its own, its own copy of the uploaded files, one new administrator, and an "
               "audit log that begins with the restore.",
    .options = restore_options,
    .needs = NEEDS_PLATFORM,
    .run = run_restore,
};
