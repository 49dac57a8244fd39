/* Tenants as the operator sees them: add, list, show, suspend, activate. */
#include "base.h"
#include "commands/platform.h"
#include "commands/secret.h"
#include "core/id.h"
#include "core/log.h"

#define DB_NAME_ATLAS 38 /* hosted clusters allow no more */

/* --- add ------------------------------------------------------------------------------------- */

static const struct command_option add_options[] = {
    {"name", "TEXT", "name of the business", true},
    {"type", "TYPE", "kind of business, such as pharmacy or computer_shop", true},
    {"admin-email", "EMAIL", "who administers it: a user is made for this address", true},
    {"admin-name", "TEXT", "name of that user (default: the business's name and Admin)", false},
    {"uri", "URI", "MongoDB of this tenant (default: MONGO_URL)", false},
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

    while (list != NULL && *list != '\0') {
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

/* The arguments as an entry; the exit code when one of them is wrong. */
static int read_entry(struct ctl *ctl, struct new_entry *entry)
{
    const char *uri = ctl_option(ctl, "uri");
    const char *license = ctl_option(ctl, "license");

    entry->slug = ctl->args[0];
    entry->business_name = ctl_option(ctl, "name");
    entry->business_type = ctl_option(ctl, "type");
    entry->db_uri = uri != NULL ? uri : ctl->conf.mongo_url;
    entry->db_name = ctl_option(ctl, "db-name");
    entry->license_type = license != NULL ? license : "free";
    entry->admin_email = platform_email(ctl, ctl_option(ctl, "admin-email"));
    if (!slug_valid(entry->slug))
        return ctl_usage(ctl, "a slug has 2 to 40 lower-case letters, digits and hyphens");
    if (!type_ok(entry->business_type))
        return ctl_usage(ctl, "--type takes lower-case letters, digits and underscores");
    if (entry->admin_email == NULL)
        return ctl_usage(ctl, "--admin-email takes an email address");
    if (uri != NULL && strncmp(uri, "mongodb", 7) != 0)
        return ctl_usage(ctl, "--uri takes a mongodb:// or mongodb+srv:// URI");
    if (strcmp(entry->license_type, "free") != 0 && strcmp(entry->license_type, "pro") != 0 &&
        strcmp(entry->license_type, "enterprise") != 0)
        return ctl_usage(ctl, "--license takes free, pro or enterprise");
    if (!ctl_option_int(ctl, "max-users", 1, 1000000, &entry->max_users) ||
        !ctl_option_int(ctl, "max-branches", 1, 1000000, &entry->max_branches))
        return EXIT_USAGE;
    if (entry->db_name == NULL)
        entry->db_name =
            arena_printf(ctl->arena, "%s_%s_db", entry->business_type, entry->slug);
    if (!db_name_valid(entry->db_name))
        return ctl_usage(ctl, "%s is no usable database name: give another with --db-name",
                         entry->db_name);
    return EXIT_OK;
}

static bool email_is_free(struct ctl *ctl, const char *email)
{
    struct user *user = arena_alloc(ctl->arena, sizeof(*user));
    bool found;

    if (!users_by_email(ctl->users, email, user, &found, &ctl->err))
        return false;
    return !found || err_set(&ctl->err, ERR_DUPLICATE, "There is a user %s already", email);
}

static bool add_admin(struct ctl *ctl, const struct new_entry *entry, const struct tenant *tenant,
                      const struct secret *secret)
{
    char hash[PASSWORD_HASH_SIZE];
    const char *name = ctl_option(ctl, "admin-name");
    struct new_account admin = {.email = entry->admin_email, .role = ROLE_TENANT_ADMIN,
                                .tenant = tenant, .hash = hash};

    admin.full_name =
        name != NULL ? name : arena_printf(ctl->arena, "%s Admin", entry->business_name);
    secret_hash(ctl, secret, hash);
    return platform_add_account(ctl, &admin);
}

static int add_tenant(struct ctl *ctl, struct new_entry *entry, const struct secret *secret)
{
    char tenant_id[ID_SIZE];
    struct tenant *tenant;

    id_new(tenant_id);
    entry->tenant_id = tenant_id;
    entry->status = TENANT_ACTIVE;
    if (!registry_ensure_indexes(ctl->registry, &ctl->err) ||
        !email_is_free(ctl, entry->admin_email) || !platform_add_entry(ctl, entry) ||
        !platform_tenant(ctl, entry->slug, &tenant) || !add_admin(ctl, entry, tenant, secret))
        return ctl_fail(ctl);
    if (strlen(entry->db_name) > DB_NAME_ATLAS)
        ctl_warn(ctl, "database name %s is longer than hosted clusters allow (38)",
                 entry->db_name);
    platform_audit(ctl, tenant, "tenant_add", ENTRIES, tenant->slug);
    platform_log(ctl, tenant->slug, entry->admin_email);
    print_result(ctl,
                 json_pack("{s:s, s:s, s:s, s:s, s:s*}", "slug", entry->slug, "tenant_id",
                           tenant->tenant_id, "db_name", entry->db_name, "admin_email",
                           entry->admin_email, "password",
                           secret->generated ? secret->text : NULL),
                 "Added %s: database %s, admin %s%s%s", entry->slug, entry->db_name,
                 entry->admin_email, secret->generated ? ", password " : "",
                 secret->generated ? secret->text : "");
    return ctl_done(ctl);
}

static int run_add(struct ctl *ctl)
{
    struct new_entry entry = {.max_users = -1, .max_branches = -1};
    json_auto_t *features = split_features(ctl_option(ctl, "features"));
    struct secret secret;
    int code = read_entry(ctl, &entry);

    if (code != EXIT_OK)
        return code;
    entry.features = features;
    if (secret_read(ctl, entry.admin_email, &secret))
        code = add_tenant(ctl, &entry, &secret);
    else
        code = ctl_fail(ctl);
    secret_wipe(&secret);
    return code;
}

const struct command cmd_tenant_add = {
    .name = "tenant add",
    .args = "SLUG",
    .min_args = 1,
    .max_args = 1,
    .summary = "register a business and make its admin user",
    .details = "The password is read from standard input, a file, or made up. Collections and "
               "indexes come into being when they are first used.",
    .options = add_options,
    .needs = NEEDS_PLATFORM,
    .run = run_add,
};

/* --- list and show --------------------------------------------------------------------------- */

static json_t *host_of(const bson_t *doc)
{
    const char *uri = doc_text(doc, "db_uri");
    char host[256];

    if (uri == NULL || *uri == '\0')
        return json_null();
    log_uri_host(host, sizeof(host), uri);
    return json_string(host);
}

static json_t *entry_json(const bson_t *doc)
{
    static const char *const keys[] = {
        "slug", "business_name", "business_type", "status", "status_reason", "tenant_id",
        "db_name", "admin_email", "license_type", "max_users", "max_branches",
        "features_enabled", "billing_contact", "notes", "created_at", "updated_at"};
    json_t *row = json_object();

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        json_object_set_new(row, keys[i], doc_json(doc, keys[i]));
    json_object_set_new(row, "db_host", host_of(doc));
    return row;
}

static bool read_entries(struct ctl *ctl, json_t *rows)
{
    bson_t filter = BSON_INITIALIZER;
    bson_t *opts = BCON_NEW("sort", "{", "slug", BCON_INT32(1), "}");
    struct scope scope;
    mongoc_cursor_t *cursor;
    const bson_t *doc = NULL;
    bool ok = platform_registry(ctl, &scope);

    if (ok) {
        cursor = scope_find(&scope, ENTRIES, &filter, opts);
        while ((ok = scope_next(&scope, cursor, &doc, &ctl->err)) && doc != NULL)
            json_array_append_new(rows, entry_json(doc));
    }
    bson_destroy(opts);
    bson_destroy(&filter);
    return ok;
}

static int run_list(struct ctl *ctl)
{
    static const struct print_column columns[] = {
        {"slug", "SLUG"},        {"business_name", "NAME"}, {"business_type", "TYPE"},
        {"status", "STATUS"},    {"db_name", "DATABASE"},   {"db_host", "HOST"},
        {"license_type", "LICENSE"}, {NULL, NULL}};
    json_auto_t *rows = json_array();

    if (!read_entries(ctl, rows))
        return ctl_fail(ctl);
    print_rows(ctl, rows, columns);
    return EXIT_OK;
}

const struct command cmd_tenant_list = {
    .name = "tenant list",
    .summary = "list the registry",
    .needs = NEEDS_PLATFORM,
    .run = run_list,
};

static int run_show(struct ctl *ctl)
{
    json_auto_t *record = NULL;
    const bson_t *doc;

    if (!platform_find(ctl, ctl->args[0], &doc))
        return ctl_fail(ctl);
    if (doc == NULL) {
        err_set(&ctl->err, ERR_TENANT_NOT_FOUND, "There is no tenant %s", ctl->args[0]);
        return ctl_fail(ctl);
    }
    record = entry_json(doc);
    print_record(ctl, record);
    return EXIT_OK;
}

const struct command cmd_tenant_show = {
    .name = "tenant show",
    .args = "SLUG",
    .min_args = 1,
    .max_args = 1,
    .summary = "show one entry of the registry, without its secrets",
    .needs = NEEDS_PLATFORM,
    .run = run_show,
};

/* --- suspend and activate -------------------------------------------------------------------- */

static int set_status(struct ctl *ctl, enum tenant_status status, const char *reason,
                      const char *done)
{
    const char *slug = ctl->args[0];
    struct tenant *tenant;

    if (!platform_set_status(ctl, slug, status, reason))
        return ctl_fail(ctl);
    if (platform_tenant(ctl, slug, &tenant))
        platform_audit(ctl, tenant, tenant_status_name(status), ENTRIES, slug);
    else
        ctl_warn(ctl, "done, but the entry is not sound: %s", ctl->err.detail);
    platform_log(ctl, slug, reason);
    print_result(ctl, json_pack("{s:s, s:s}", "slug", slug, "status", tenant_status_name(status)),
                 "%s: %s", slug, done);
    return ctl_done(ctl);
}

static int run_suspend(struct ctl *ctl)
{
    return set_status(ctl, TENANT_SUSPENDED, ctl_option(ctl, "reason"), "suspended");
}

static const struct command_option suspend_options[] = {
    {"reason", "TEXT", "why, kept in the entry", false},
    {NULL},
};

const struct command cmd_tenant_suspend = {
    .name = "tenant suspend",
    .args = "SLUG",
    .min_args = 1,
    .max_args = 1,
    .summary = "refuse every request of a tenant from now on; its data stays",
    .options = suspend_options,
    .needs = NEEDS_PLATFORM,
    .run = run_suspend,
};

static int run_activate(struct ctl *ctl)
{
    return set_status(ctl, TENANT_ACTIVE, NULL, "active");
}

const struct command cmd_tenant_activate = {
    .name = "tenant activate",
    .args = "SLUG",
    .min_args = 1,
    .max_args = 1,
    .summary = "let a suspended or inactive tenant work again",
    .needs = NEEDS_PLATFORM,
    .run = run_activate,
};
