/* Tenants as the operator sees them: list, show, suspend, activate. Adding one is tenant_add.c. */
#include "base.h"
#include "commands/platform.h"
#include "core/log.h"
#include "tenant/seal.h"

/* --- list and show --------------------------------------------------------------------------- */

/* Null also when the URI is sealed and does not open: the log says why. */
static json_t *host_of(struct ctl *ctl, const bson_t *doc)
{
    const char *uri;
    char host[256];

    if (!platform_uri(ctl, doc, &uri))
        err_clear(&ctl->err);
    if (uri == NULL || seal_is_sealed(uri))
        return json_null();
    log_uri_host(host, sizeof(host), uri);
    return json_string(host);
}

/* The key that seals its URI; null when it is plain. */
static json_t *key_of(const bson_t *doc)
{
    const char *uri = doc_text(doc, "db_uri");
    char id[SEAL_ID_SIZE];

    return uri != NULL && seal_id_of(uri, id) ? json_string(id) : json_null();
}

static json_t *entry_json(struct ctl *ctl, const bson_t *doc)
{
    static const char *const keys[] = {
        "slug",         "business_name",    "business_type",   "status",       "status_reason",
        "tenant_id",    "db_name",          "admin_email",     "license_type", "max_users",
        "max_branches", "features_enabled", "billing_contact", "notes",        "created_at",
        "updated_at"};
    json_t *row = json_object();

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        json_object_set_new(row, keys[i], doc_json(doc, keys[i]));
    json_object_set_new(row, "db_host", host_of(ctl, doc));
    json_object_set_new(row, "db_key", key_of(doc));
    return row;
}

static bool read_entries(struct ctl *ctl, json_t *rows)
{
    bson_t all = BSON_INITIALIZER;
    struct scope scope;

    return platform_registry(ctl, &scope) &&
           platform_rows(ctl, &scope, ENTRIES, &all, "slug", NULL, entry_json, rows);
}

static int run_list(struct ctl *ctl)
{
    static const struct print_column columns[] = {{"slug", "SLUG"},
                                                  {"business_name", "NAME"},
                                                  {"business_type", "TYPE"},
                                                  {"status", "STATUS"},
                                                  {"db_name", "DATABASE"},
                                                  {"db_host", "HOST"},
                                                  {"license_type", "LICENSE"},
                                                  {NULL, NULL}};
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
    record = entry_json(ctl, doc);
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
    platform_audit(ctl, NULL, tenant_status_name(status), ENTRIES, slug);
    if (platform_tenant(ctl, slug, &tenant) && platform_complete(ctl, tenant))
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
