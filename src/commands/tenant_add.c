/* Registers a business: reads what is asked for; platform/provision.c does it. */
#include "base.h"
#include "auth/password_link.h"
#include "commands/platform.h"
#include "commands/secret.h"
#include "platform/provision.h"
#include "tenant/uri.h"

#define DB_NAME_ATLAS 38 /* hosted clusters allow no more */

static const struct command_option add_options[] = {
    {"name", "TEXT", "name of the business", true},
    {"type", "TYPE", "kind of business, such as pharmacy or computer_shop", true},
    {"admin-email", "EMAIL",
     "who administers it: a user is made for this address, or the one "
     "that works in the shared database is moved here",
     true},
    {"admin-name", "TEXT", "name of that user (default: the business's name and Admin)", false},
    {"uri", "URI",
     "MongoDB of this tenant, with an account that may make users (default: MONGO_URL)", false,
     true},
    {"no-db-user", NULL,
     "give the tenant no MongoDB account of its own: it works with that of the URI", false},
    {"any-uri", NULL, "take a URI with any option and host", false},
    {"db-name", "NAME", "its database (default: TYPE_SLUG_db)", false},
    {"license", "TYPE", "free, pro or enterprise (default: free)", false},
    {"max-users", "N", "how many users it may have (default: no limit)", false},
    {"max-branches", "N", "how many branches it may have (default: no limit)", false},
    {"features", "LIST", "modules, with commas (default: those of its type)", false},
    SECRET_OPTIONS,
    {NULL},
};

/* --- the arguments --------------------------------------------------------------------------- */

static const char *option_or(const struct ctl *ctl, const char *name, const char *otherwise)
{
    const char *given = ctl_option(ctl, name);

    return given ? given : otherwise;
}

/* What is no name at all ends as wrong usage; the rest is judged with what is there already. */
static int read_names(struct ctl *ctl, struct new_entry *entry)
{
    entry->slug = ctl->args[0];
    entry->business_name = ctl_option(ctl, "name");
    entry->business_type = ctl_option(ctl, "type");
    entry->admin_email = platform_email(ctl, ctl_option(ctl, "admin-email"));
    entry->license_type = option_or(ctl, "license", "free");
    if (!slug_valid(entry->slug))
        return ctl_usage(ctl, "a slug has 2 to 40 lower-case letters, digits and hyphens");
    if (!utf8_valid(entry->business_name, strlen(entry->business_name)))
        return ctl_usage(ctl, "--name takes text");
    if (!entry->admin_email)
        return ctl_usage(ctl, "--admin-email takes an email address");
    if (!ctl_option_int(ctl, "max-users", 1, 1000000, &entry->max_users) ||
        !ctl_option_int(ctl, "max-branches", 1, 1000000, &entry->max_branches))
        return EXIT_USAGE;
    return EXIT_OK;
}

static bool read_database(struct ctl *ctl, struct new_entry *entry)
{
    const char *uri = ctl_option(ctl, "uri");

    entry->db_uri = uri ? uri : ctl->conf.mongo_url;
    entry->db_name =
        option_or(ctl, "db-name",
                  arena_printf(ctl->arena, "%s_%s_db", entry->business_type, entry->slug));
    return !uri || ctl_flag(ctl, "any-uri") || uri_allowed(uri, &ctl->err);
}

/* --- the work -------------------------------------------------------------------------------- */

static void report(struct ctl *ctl, const struct provision *p, const struct secret *secret)
{
    const struct new_entry *e = &p->entry;
    const char *password = p->linked || !secret->generated ? NULL : secret->text;
    const char *how = p->linked  ? ", who keeps the password"
                      : p->link  ? arena_printf(ctl->arena,
                                                "\nTo set the password, once, within %d hours: %s",
                                                PASSWORD_LINK_HOURS, p->link)
                      : password ? arena_printf(ctl->arena, ", password %s", password)
                                 : "";

    if (strlen(e->db_name) > DB_NAME_ATLAS)
        ctl_warn(ctl, "database name %s is longer than hosted clusters allow (38)", e->db_name);
    if (!p->audited)
        ctl_warn(ctl, "done, but the audit log of %s has no entry of it", e->slug);
    if (!p->own_account && !p->given_account)
        ctl_progress(ctl, "the account of the database URI may not make users: %s works with "
                          "that account itself", e->slug);
    print_result(ctl,
                 json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:s*, s:s*}", "slug", e->slug,
                           "tenant_id", e->tenant_id, "db_name", e->db_name, "admin_email",
                           e->admin_email, "admin_linked", (int)p->linked, "own_db_user",
                           (int)p->own_account, "resumed", (int)p->resumed, "password", password,
                           "password_link", p->link),
                 "%s %s: database %s, admin %s%s", p->resumed ? "Finished adding" : "Added",
                 e->slug, e->db_name, e->admin_email, how);
}

/* A password on the command's standard input is asked for by --password-file /dev/stdin. */
static bool read_password(struct ctl *ctl, struct provision *p, struct secret *secret, char *hash)
{
    if (p->linked || (!ctl_flag(ctl, "generate") && !ctl_option(ctl, "password-file")))
        return true;
    if (!secret_read(ctl, p->entry.admin_email, secret))
        return false;
    secret_hash(ctl, secret, hash);
    p->hash = hash;
    return true;
}

static bool add(struct ctl *ctl, struct provision *p, struct secret *secret)
{
    char hash[PASSWORD_HASH_SIZE];
    struct job job = ctl_job(ctl);

    if (!registry_ensure_indexes(ctl->registry, &ctl->err) || !read_database(ctl, &p->entry) ||
        !read_password(ctl, p, secret, hash) || !provision_run(&job, p))
        return false;
    platform_log(ctl, p->entry.slug, p->entry.admin_email);
    report(ctl, p, secret);
    return true;
}

static int run_add(struct ctl *ctl)
{
    struct provision p = {.entry = {.max_users = -1, .max_branches = -1}};
    json_auto_t *features = ctl_option_list(ctl, "features");
    struct secret secret = {.len = 0};
    int code = read_names(ctl, &p.entry);

    if (code != EXIT_OK)
        return code;
    p.entry.features = features;
    p.given_account = ctl_flag(ctl, "no-db-user");
    p.admin_name = option_or(ctl, "admin-name",
                             arena_printf(ctl->arena, "%s Admin", p.entry.business_name));
    code = add(ctl, &p, &secret) ? ctl_done(ctl) : ctl_fail(ctl);
    secret_wipe(&secret);
    return code;
}

const struct command cmd_tenant_add = {
    .name = "tenant add",
    .args = "SLUG",
    .min_args = 1,
    .max_args = 1,
    .summary = "register a business and make its admin user",
    .details = "The database gets a MongoDB user of its own, which may touch nothing else. "
               "The admin gets a link to set the password with, once, unless one is given or made "
               "up. A user of this address who works in the shared database keeps password and "
               "tenant_id: this is how a business moves to a database of its own. What was stopped "
               "half-way serves nobody; the same command again finishes it.",
    .options = add_options,
    .needs = NEEDS_PLATFORM,
    .run = run_add,
};
