/* Registers a business. The entry serves nobody (provisioning) until its admin is there; what fails
 * before that is taken back. */
#include "base.h"
#include "commands/platform.h"
#include "commands/secret.h"
#include "core/id.h"
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
    {"uri", "URI", "MongoDB of this tenant (default: MONGO_URL)", false},
    {"any-uri", NULL, "take a URI with any option and host", false},
    {"db-name", "NAME", "its database (default: TYPE_SLUG_db)", false},
    {"license", "TYPE", "free, pro or enterprise (default: free)", false},
    {"max-users", "N", "how many users it may have (default: no limit)", false},
    {"max-branches", "N", "how many branches it may have (default: no limit)", false},
    {"features", "LIST", "modules, separated by commas", false},
    SECRET_OPTIONS,
    {NULL},
};

static json_t *split_features(const char *list)
{
    json_t *out = json_array();

    while (list && *list) {
        size_t len = strcspn(list, ",");

        if (len > 0)
            json_array_append_new(out, json_stringn(list, len));
        list += len;
        list += *list == ',';
    }
    return out;
}

static bool type_ok(const char *type)
{
    size_t len = strlen(type);

    return len > 0 && len < 32 && strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

/* --- the arguments --------------------------------------------------------------------------- */

static int read_names(struct ctl *ctl, struct new_entry *entry)
{
    static const char *const licenses[] = {"free", "pro", "enterprise"};
    const char *license = ctl_option(ctl, "license");

    entry->slug = ctl->args[0];
    entry->business_name = ctl_option(ctl, "name");
    entry->business_type = ctl_option(ctl, "type");
    entry->admin_email = platform_email(ctl, ctl_option(ctl, "admin-email"));
    if (!slug_valid(entry->slug))
        return ctl_usage(ctl, "a slug has 2 to 40 lower-case letters, digits and hyphens");
    if (!*entry->business_name || strlen(entry->business_name) > 255 ||
        !utf8_valid(entry->business_name, strlen(entry->business_name)))
        return ctl_usage(ctl, "--name takes at most 255 bytes of text");
    if (!type_ok(entry->business_type))
        return ctl_usage(ctl, "--type takes lower-case letters, digits and underscores");
    if (!entry->admin_email)
        return ctl_usage(ctl, "--admin-email takes an email address");
    for (size_t i = 0; i < ARRAY_LEN(licenses); i++)
        if (strcmp(license ? license : licenses[0], licenses[i]) == 0)
            entry->license_type = licenses[i];
    if (!entry->license_type)
        return ctl_usage(ctl, "--license takes free, pro or enterprise");
    if (!ctl_option_int(ctl, "max-users", 1, 1000000, &entry->max_users) ||
        !ctl_option_int(ctl, "max-branches", 1, 1000000, &entry->max_branches))
        return EXIT_USAGE;
    return EXIT_OK;
}

static int read_database(struct ctl *ctl, struct new_entry *entry)
{
    const char *uri = ctl_option(ctl, "uri");

    entry->db_uri = uri ? uri : ctl->conf.mongo_url;
    entry->db_name = ctl_option(ctl, "db-name");
    if (!entry->db_name)
        entry->db_name = arena_printf(ctl->arena, "%s_%s_db", entry->business_type, entry->slug);
    if (!db_name_valid(entry->db_name))
        return ctl_usage(ctl, "%s is no usable database name: give another with --db-name",
                         entry->db_name);
    if (uri && !ctl_flag(ctl, "any-uri") && !uri_allowed(uri, &ctl->err))
        return ctl_fail(ctl);
    return EXIT_OK;
}

/* --- is there room for it? ------------------------------------------------------------------- */

static bool same_place(const struct new_entry *entry, const char *uri, const char *db_name)
{
    return strcasecmp(entry->db_name, db_name) == 0 &&
           clients_cluster(entry->db_uri) == clients_cluster(uri);
}

static bool check_neighbours(struct ctl *ctl, const struct new_entry *entry)
{
    bson_t filter = BSON_INITIALIZER;
    const bson_t *doc = NULL;
    mongoc_cursor_t *cursor;
    struct scope scope;
    bool ok = platform_registry(ctl, &scope);

    cursor = ok ? scope_find(&scope, ENTRIES, &filter, NULL) : NULL;
    while (ok && (ok = scope_next(&scope, cursor, &doc, &ctl->err)) && doc) {
        const char *uri, *name = doc_text(doc, "db_name");

        if (!name || strcasecmp(entry->db_name, name) != 0)
            continue;
        ok = platform_uri(ctl, doc, &uri);
        if (ok && uri && same_place(entry, uri, name))
            ok = err_set(&ctl->err, ERR_IN_USE, "Database %s of this server is that of tenant %s",
                         name, doc_text(doc, "slug") ? doc_text(doc, "slug") : "?");
    }
    bson_destroy(&filter);
    return ok;
}

/* A database belongs to one tenant, and none to the platform itself. */
static bool check_database(struct ctl *ctl, const struct new_entry *entry)
{
    const struct conf *conf = &ctl->conf;

    if (same_place(entry, conf->admin_mongo_url, conf->admin_db_name) ||
        same_place(entry, conf->mongo_url, conf->db_name) ||
        same_place(entry, conf->default_mongo_url, conf->db_name))
        return err_set(&ctl->err, ERR_IN_USE, "Database %s is the platform's own", entry->db_name);
    return check_neighbours(ctl, entry);
}

/* The user of the address: NULL when there is none, refused when it is somebody else's. */
static bool find_admin(struct ctl *ctl, const char *email, struct user **admin)
{
    struct user *user = arena_alloc(ctl->arena, sizeof *user);
    bool found;

    *admin = NULL;
    if (!users_by_email(ctl->users, email, user, &found, &ctl->err))
        return false;
    if (!found)
        return true;
    if (user->had_tenant || user->role == ROLE_SUPER_ADMIN)
        return err_set(&ctl->err, ERR_DUPLICATE, "%s is a user already, %s %s", email,
                       *user->tenant_slug ? "of tenant" : "without a tenant:",
                       *user->tenant_slug ? user->tenant_slug : role_name(user->role));
    *admin = user;
    return true;
}

/* --- the work -------------------------------------------------------------------------------- */

static bool add_admin(struct ctl *ctl, const struct new_entry *entry, const struct tenant *tenant,
                      const struct secret *secret)
{
    char hash[PASSWORD_HASH_SIZE];
    const char *name = ctl_option(ctl, "admin-name");
    struct new_account admin = {
        .email = entry->admin_email, .role = ROLE_TENANT_ADMIN, .tenant = tenant, .hash = hash};

    admin.full_name = name ? name : arena_printf(ctl->arena, "%s Admin", entry->business_name);
    secret_hash(ctl, secret, hash);
    return platform_add_account(ctl, &admin);
}

/* `admin` NULL: to be made with `secret`. */
static bool store(struct ctl *ctl, struct new_entry *entry, const struct user *admin,
                  const struct secret *secret)
{
    struct tenant *tenant;
    bool ok;

    if (!platform_add_entry(ctl, entry))
        return false;
    ok = platform_tenant(ctl, entry->slug, &tenant) &&
         (admin ? users_link_tenant(ctl->users, admin->id, tenant, &ctl->err)
                : add_admin(ctl, entry, tenant, secret));
    if (!ok) {
        platform_remove_entry(ctl, entry);
        return false;
    }
    if (!platform_set_status(ctl, entry->slug, TENANT_ACTIVE, NULL))
        return false;
    platform_audit(ctl, tenant, "tenant_add", ENTRIES, tenant->slug);
    platform_log(ctl, tenant->slug, entry->admin_email);
    return true;
}

static void report(struct ctl *ctl, const struct new_entry *entry, bool linked,
                   const struct secret *secret)
{
    if (strlen(entry->db_name) > DB_NAME_ATLAS)
        ctl_warn(ctl, "database name %s is longer than hosted clusters allow (38)", entry->db_name);
    print_result(ctl,
                 json_pack("{s:s, s:s, s:s, s:s, s:b, s:s*}", "slug", entry->slug, "tenant_id",
                           entry->tenant_id, "db_name", entry->db_name, "admin_email",
                           entry->admin_email, "admin_linked", (int)linked, "password",
                           secret->generated ? secret->text : NULL),
                 "Added %s: database %s, admin %s%s%s%s", entry->slug, entry->db_name,
                 entry->admin_email, linked ? ", who keeps the password" : "",
                 secret->generated ? ", password " : "", secret->generated ? secret->text : "");
}

static bool add(struct ctl *ctl, struct new_entry *entry, struct secret *secret)
{
    char fresh[ID_SIZE];
    struct user *admin;

    if (!registry_ensure_indexes(ctl->registry, &ctl->err) ||
        !find_admin(ctl, entry->admin_email, &admin) || !check_database(ctl, entry) ||
        (!admin && !secret_read(ctl, entry->admin_email, secret)))
        return false;
    /* Records that the admin brings along carry this id. */
    id_new(fresh);
    entry->tenant_id =
        arena_strdup(ctl->arena, admin && *admin->tenant_id ? admin->tenant_id : fresh);
    entry->status = TENANT_PROVISIONING;
    if (!store(ctl, entry, admin, secret))
        return false;
    report(ctl, entry, admin != NULL, secret);
    return true;
}

static int run_add(struct ctl *ctl)
{
    struct new_entry entry = {.max_users = -1, .max_branches = -1};
    json_auto_t *features = split_features(ctl_option(ctl, "features"));
    struct secret secret = {.len = 0};
    int code = read_names(ctl, &entry);

    if (code == EXIT_OK)
        code = read_database(ctl, &entry);
    if (code != EXIT_OK)
        return code;
    entry.features = features;
    code = add(ctl, &entry, &secret) ? ctl_done(ctl) : ctl_fail(ctl);
    secret_wipe(&secret);
    return code;
}

const struct command cmd_tenant_add = {
    .name = "tenant add",
    .args = "SLUG",
    .min_args = 1,
    .max_args = 1,
    .summary = "register a business and make its admin user",
    .details = "The password is read from standard input, a file, or made up. A user of this "
               "address who works in the shared database keeps password and tenant_id: this is "
               "how a business moves to a database of its own. Collections and indexes come into "
               "being when they are first used.",
    .options = add_options,
    .needs = NEEDS_PLATFORM,
    .run = run_add,
};
