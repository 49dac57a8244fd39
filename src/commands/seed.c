/* Demo data from seeds/ (one file a tenant), through the engine's own validation. Ids are derived
 * from names, so a second run finds everything there and changes nothing.
 */
#include "base.h"
#include "commands/platform.h"
#include "auth/password.h"
#include "core/id.h"
#include "engine/crud.h"
#include "platform/entry.h"

#include <dirent.h>

struct seed {
    struct ctl *ctl;
    const char *slug;      /* of the file in hand; names are unique within it */
    struct tenant *tenant; /* NULL for the platform's own file */
    struct scope scope;    /* on the tenant's database */
    struct kind_env env;
    json_int_t created, there;
};

/* --- names to ids ---------------------------------------------------------------------------- */

/* A UUID version 8 (RFC 9562) from the SHA-256 of a name. */
static const char *id_of_name(struct arena *arena, const char *slug, const char *collection,
                              const char *key)
{
    const char *name = arena_printf(arena, "erpd seed|%s|%s|%s", slug, collection, key);
    char hex[SHA256_HEX_SIZE];

    sha256_hex(hex, name, strlen(name));
    return arena_printf(arena, "%.8s-%.4s-8%.3s-a%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15,
                        hex + 18);
}

/* "@collection/key" becomes the id of that record. */
static void resolve_refs(struct seed *seed, json_t *record)
{
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe(record, next, name, value)
    {
        const char *text = json_string_value(value);
        const char *slash = text != NULL && text[0] == '@' ? strchr(text, '/') : NULL;

        if (slash == NULL)
            continue;
        json_object_set_new(
            record, name,
            json_string(id_of_name(
                seed->ctl->arena, seed->slug,
                arena_strndup(seed->ctl->arena, text + 1, (size_t)(slash - text - 1)), slash + 1)));
    }
}

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int64_t int_at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? json_integer_value(value) : -1;
}

static bool broken(struct seed *seed, const char *what)
{
    return err_set(&seed->ctl->err, ERR_VALIDATION, "The seeds of %s: %s", seed->slug, what);
}

static void count(struct seed *seed, bool created)
{
    if (created)
        seed->created++;
    else
        seed->there++;
}

/* --- the entry and the users ----------------------------------------------------------------- */

static bool seed_entry(struct seed *seed, const json_t *file)
{
    struct ctl *ctl = seed->ctl;
    const json_t *t = json_object_get(file, "tenant");
    const bson_t *doc;
    struct job job = ctl_job(ctl);
    struct new_entry entry = {
        .slug = seed->slug,
        .tenant_id = id_of_name(ctl->arena, seed->slug, ENTRIES, seed->slug),
        .business_name = text_at(t, "business_name"),
        .business_type = text_at(t, "business_type"),
        .db_uri = ctl->conf.mongo_url,
        .db_name = text_at(t, "db_name"),
        .admin_email = text_at(t, "admin_email"),
        .license_type = text_at(t, "license_type"),
        .billing_contact = text_at(t, "billing_contact"),
        .notes = text_at(t, "notes"),
        .features = json_object_get(t, "features_enabled"),
        .max_users = int_at(t, "max_users"),
        .max_branches = int_at(t, "max_branches"),
        .status = TENANT_ACTIVE,
        .seeded = true,
    };

    if (!slug_valid(seed->slug) || entry.db_name == NULL || !db_name_valid(entry.db_name))
        return broken(seed, "slug and db_name are needed");
    if (!platform_find(ctl, seed->slug, &doc))
        return false;
    if (doc != NULL && !doc_bool(doc, "seeded")) {
        ctl_warn(ctl, "%s is a tenant that was not seeded: left alone", seed->slug);
        return true;
    }
    if (doc == NULL && !entry_add(&job, &entry))
        return false;
    if (!platform_tenant(ctl, seed->slug, &seed->tenant) ||
        !platform_tenant_scope(ctl, seed->tenant, &seed->scope))
        return false;
    seed->env.decimals = seed->tenant->decimals;
    count(seed, doc == NULL);
    if (doc == NULL)
        platform_audit(ctl, seed->tenant, "tenant_add", ENTRIES, seed->slug);
    return true;
}

/* Demo passwords are known to everybody; the rules for new passwords do not hold for them. */
static bool seed_user(struct seed *seed, const json_t *record)
{
    struct ctl *ctl = seed->ctl;
    const char *password = text_at(record, "password"), *branch = text_at(record, "branch");
    const char *role = text_at(record, "role");
    struct user *user = arena_alloc(ctl->arena, sizeof(*user));
    char hash[PASSWORD_HASH_SIZE];
    struct new_account account = {.email = text_at(record, "email"),
                                  .full_name = text_at(record, "full_name"),
                                  .tenant = seed->tenant,
                                  .hash = hash,
                                  .seeded = true};
    bool found;

    if (account.email == NULL || password == NULL || role == NULL ||
        strlen(password) > PASSWORD_MAX || !role_parse(role, &account.role))
        return broken(seed, "a user needs email, password and role");
    if (!users_by_email(ctl->users, account.email, user, &found, &ctl->err))
        return false;
    if (found && seed->tenant != NULL && strcmp(user->tenant_slug, seed->slug) != 0)
        ctl_warn(ctl, "%s is a user of somebody else: left alone", account.email);
    if (found) {
        count(seed, false);
        return true;
    }
    account.id = id_of_name(ctl->arena, seed->slug, ACCOUNTS, account.email);
    if (branch != NULL)
        account.branch_id = id_of_name(ctl->arena, seed->slug, "branches", branch);
    password_hash(hash, password, strlen(password), (int)ctl->conf.bcrypt_cost);
    if (!platform_add_account(ctl, &account))
        return false;
    if (seed->tenant != NULL)
        platform_audit(ctl, seed->tenant, "user_add", ACCOUNTS, account.id);
    count(seed, true);
    return true;
}

static bool seed_users(struct seed *seed, const json_t *file)
{
    const json_t *record;
    size_t i;

    json_array_foreach(json_object_get(file, "users"), i, record)
    {
        if (!seed_user(seed, record))
            return false;
    }
    return true;
}

/* --- records --------------------------------------------------------------------------------- */

static bool seed_record(struct seed *seed, const struct resource *resource, json_t *record)
{
    const char *key = text_at(record, "_key");
    const char *id;
    bool created;

    if (key == NULL)
        return broken(seed, "every record needs a _key");
    key = arena_strdup(seed->ctl->arena, key);
    id = id_of_name(seed->ctl->arena, seed->slug, resource->collection, key);
    json_object_del(record, "_key");
    resolve_refs(seed, record);
    seed->scope.deadline_us = ctl_deadline();
    if (!crud_seed(resource, &seed->scope, &seed->env, id, "erpctl", record, &created,
                   &seed->ctl->err)) {
        ctl_progress(seed->ctl, "%s: %s/%s cannot be stored:", seed->slug, resource->collection,
                     key);
        return false;
    }
    count(seed, created);
    return true;
}

static bool seed_records(struct seed *seed, json_t *file)
{
    json_t *records = json_object_get(file, "records"), *list, *record;
    const char *collection;
    size_t i;

    json_object_foreach(records, collection, list)
    {
        const struct resource *resource = resource_by_collection(collection);

        if (resource == NULL)
            return broken(seed, "names a collection that no resource has");
        seed->scope.deadline_us = ctl_deadline();
        if (!index_ensure(seed->ctl->indexes, resource, &seed->scope, &seed->ctl->err))
            return false;
        json_array_foreach(list, i, record)
        {
            if (!seed_record(seed, resource, record))
                return false;
        }
    }
    return true;
}

/* --- files ----------------------------------------------------------------------------------- */

static int is_seed(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len > 5 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 5, ".json") == 0;
}

/* A file whose name begins with "_" has users of the platform, and no tenant. */
static bool seed_content(struct seed *seed, json_t *file, bool platform)
{
    if (platform)
        return seed_users(seed, file);
    if (!seed_entry(seed, file))
        return false;
    return seed->tenant == NULL || (seed_users(seed, file) && seed_records(seed, file));
}

static bool seed_file(struct ctl *ctl, const char *dir, const char *name, json_t *report)
{
    struct seed seed = {.ctl = ctl};
    const char *path = arena_printf(ctl->arena, "%s/%s", dir, name);
    json_error_t error;
    json_auto_t *file = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    bool platform = name[0] == '_';

    seed.slug = platform ? "platform" : arena_strndup(ctl->arena, name, strlen(name) - 5);
    if (file == NULL)
        return err_set(&ctl->err, ERR_VALIDATION, "%s: %s (line %d)", path, error.text, error.line);
    ctl_progress(ctl, "%s …", seed.slug);
    if (!seed_content(&seed, file, platform))
        return false;
    if (seed.created > 0)
        platform_log(ctl, platform ? NULL : seed.slug, path);
    json_array_append_new(report, json_pack("{s:s, s:I, s:I}", "seeds", seed.slug, "created",
                                            seed.created, "there", seed.there));
    return true;
}

/* Demo data does not belong beside real businesses. */
static bool check_strangers(struct ctl *ctl)
{
    bson_t *filter = BCON_NEW("seeded", "{", "$ne", BCON_BOOL(true), "}");
    struct scope scope;
    mongoc_cursor_t *cursor;
    const bson_t *doc = NULL;
    const char *names = "";
    bool ok = platform_registry(ctl, &scope);

    cursor = ok ? scope_find(&scope, ENTRIES, filter, NULL) : NULL;
    while (ok && (ok = scope_next(&scope, cursor, &doc, &ctl->err)) && doc != NULL) {
        const char *slug = doc_text(doc, "slug");

        if (strlen(names) < 200)
            names = arena_printf(ctl->arena, "%s%s%s", names, *names ? ", " : "",
                                 slug != NULL ? slug : "?");
    }
    bson_destroy(filter);
    if (ok && *names != '\0')
        return err_set(&ctl->err, ERR_CONFLICT,
                       "The registry holds tenants that are no demo data: %s. Nothing was "
                       "changed; --force seeds beside them",
                       names);
    return ok;
}

static const char *seed_dir(const struct ctl *ctl)
{
    const char *given = ctl_option(ctl, "dir");

    if (given == NULL)
        given = getenv("ERP_SEED_DIR");
    return given != NULL && *given != '\0' ? given : ERP_SEED_DIR;
}

static bool wanted(const char *name, const char *only)
{
    size_t len = strlen(name) - strlen(".json");

    return only == NULL || name[0] == '_' || (strlen(only) == len && memcmp(name, only, len) == 0);
}

static bool seed_files(struct ctl *ctl, const char *dir, struct dirent **names, int n,
                       json_t *report)
{
    const char *only = ctl_option(ctl, "only");
    bool found = only == NULL;

    if (n <= 0)
        return err_set(&ctl->err, ERR_NOT_FOUND, "There are no seeds in %s", dir);
    for (int i = 0; i < n; i++)
        found = found || (names[i]->d_name[0] != '_' && wanted(names[i]->d_name, only));
    if (!found)
        return err_set(&ctl->err, ERR_NOT_FOUND, "There are no seeds of %s in %s", only, dir);
    if (!registry_ensure_indexes(ctl->registry, &ctl->err) ||
        (!ctl_flag(ctl, "force") && !check_strangers(ctl)))
        return false;
    for (int i = 0; i < n; i++)
        if (wanted(names[i]->d_name, only) && !seed_file(ctl, dir, names[i]->d_name, report))
            return false;
    return true;
}

static int run_seed(struct ctl *ctl)
{
    static const struct print_column columns[] = {
        {"seeds", "SEEDS"}, {"created", "CREATED"}, {"there", "ALREADY THERE"}, {NULL, NULL}};
    json_auto_t *report = json_array();
    const char *dir = seed_dir(ctl);
    struct dirent **names = NULL;
    int n = scandir(dir, &names, is_seed, alphasort);
    bool ok = seed_files(ctl, dir, names, n, report);

    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
    if (!ok)
        return ctl_fail(ctl);
    print_rows(ctl, report, columns);
    return ctl_done(ctl);
}

static const struct command_option options[] = {
    {"dir", "DIR", "where the seeds are (default: ERP_SEED_DIR, else as installed)", false},
    {"only", "SLUG", "only this tenant (and the platform's users)", false},
    {"force", NULL, "also into a registry that holds other tenants", false},
    {NULL},
};

const struct command cmd_seed = {
    .name = "seed",
    .summary = "make the demo tenants with their users and data",
    .details = "Running it again changes nothing. It refuses a registry that holds tenants it "
               "did not make.",
    .options = options,
    .needs = NEEDS_PLATFORM,
    .run = run_seed,
};
