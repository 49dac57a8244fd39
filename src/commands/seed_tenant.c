/* One file of demo data: a tenant with its users and records, or users of the platform.
 *
 * A tenant is set up as any other is (platform/provision.h); records go through the engine's own
 * validation. Ids are derived from names, so what is there already is left as it is.
 */
#include "base.h"
#include "commands/seed.h"
#include "auth/password.h"
#include "core/id.h"
#include "engine/crud.h"
#include "platform/provision.h"

/* --- names to ids ---------------------------------------------------------------------------- */

/* A UUID version 8 (RFC 9562) from the SHA-256 of a name. */
const char *seed_id(struct seed *seed, const char *collection, const char *key)
{
    struct arena *arena = seed->ctl->arena;
    const char *name = arena_printf(arena, "erpd seed|%s|%s|%s", seed->slug, collection, key);
    char hex[SHA256_HEX_SIZE];

    sha256_hex(hex, name, strlen(name));
    return arena_printf(arena, "%.8s-%.4s-8%.3s-a%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15,
                        hex + 18);
}

static const char *id_of_reference(struct seed *seed, const char *text)
{
    const char *slash = text != NULL && text[0] == '@' ? strchr(text, '/') : NULL;
    const char *collection;

    if (slash == NULL)
        return text;
    collection = arena_strndup(seed->ctl->arena, text + 1, (size_t)(slash - text - 1));
    if (strcmp(collection, "requests") == 0)
        return json_string_value(json_object_get(seed->made, slash + 1));
    return seed_id(seed, collection, slash + 1);
}

void seed_resolve(struct seed *seed, json_t *value)
{
    const char *id = id_of_reference(seed, json_string_value(value)), *name;
    json_t *item;
    size_t i;

    if (id != NULL)
        json_string_set(value, arena_strdup(seed->ctl->arena, id));
    json_object_foreach(value, name, item) seed_resolve(seed, item);
    json_array_foreach(value, i, item) seed_resolve(seed, item);
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

bool seed_broken(struct seed *seed, const char *what)
{
    return err_set(&seed->ctl->err, ERR_VALIDATION, "The seeds of %s: %s", seed->slug, what);
}

void seed_counted(struct seed *seed, bool created)
{
    if (created)
        seed->count.created++;
    else
        seed->count.there++;
}

/* --- the entry and the users ----------------------------------------------------------------- */

static const json_t *admin_of(const json_t *file, const char *email)
{
    const json_t *record;
    size_t i;

    json_array_foreach(json_object_get(file, "users"), i, record)
    {
        const char *other = text_at(record, "email");

        if (email != NULL && other != NULL && strcmp(email, other) == 0)
            return record;
    }
    return NULL;
}

/* Also goes on with what was stopped half-way. */
static bool set_up(struct seed *seed, const json_t *file, const struct new_entry *entry)
{
    const json_t *admin = admin_of(file, entry->admin_email);
    const char *password = text_at(admin, "password");
    struct provision p = {.entry = *entry, .admin_name = text_at(admin, "full_name")};
    struct job job = ctl_job(seed->ctl);
    char hash[PASSWORD_HASH_SIZE];

    if (entry->business_name == NULL || entry->business_type == NULL ||
        entry->license_type == NULL || p.admin_name == NULL || password == NULL ||
        strlen(password) > PASSWORD_MAX)
        return seed_broken(seed, "the tenant needs name, type and licence, its administrator a "
                                 "name and a password");
    password_hash(hash, password, strlen(password), (int)seed->ctl->conf.bcrypt_cost);
    p.hash = hash;
    return provision_run(&job, &p);
}

static bool half_made(const bson_t *entry)
{
    const char *status = doc_text(entry, "status");

    return status != NULL && strcmp(status, tenant_status_name(TENANT_PROVISIONING)) == 0;
}

static bool seed_entry(struct seed *seed, const json_t *file)
{
    struct ctl *ctl = seed->ctl;
    const json_t *t = json_object_get(file, "tenant");
    const bson_t *doc;
    bool fresh;
    struct new_entry entry = {
        .slug = seed->slug,
        .tenant_id = seed_id(seed, ENTRIES, seed->slug),
        .business_name = text_at(t, "business_name"),
        .business_type = text_at(t, "business_type"),
        .db_uri = ctl->conf.mongo_url,
        .db_name = text_at(t, "db_name"),
        .admin_email = text_at(t, "admin_email"),
        .license_type = text_at(t, "license_type"),
        .billing_contact = text_at(t, "billing_contact"),
        .notes = text_at(t, "notes"),
        .max_users = int_at(t, "max_users"),
        .max_branches = int_at(t, "max_branches"),
        .seeded = true,
    };

    if (!slug_valid(seed->slug) || entry.db_name == NULL || !db_name_valid(entry.db_name))
        return seed_broken(seed, "slug and db_name are needed");
    if (!platform_find(ctl, seed->slug, &doc))
        return false;
    if (doc != NULL && !doc_bool(doc, "seeded")) {
        ctl_warn(ctl, "%s is a tenant that was not seeded: left alone", seed->slug);
        return true;
    }
    fresh = doc == NULL || half_made(doc);
    if (fresh && !set_up(seed, file, &entry))
        return false;
    if (!platform_tenant(ctl, seed->slug, &seed->tenant) ||
        !platform_tenant_scope(ctl, seed->tenant, &seed->scope))
        return false;
    seed->env.decimals = seed->tenant->decimals;
    seed_counted(seed, fresh);
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
        return seed_broken(seed, "a user needs email, password and role");
    if (!users_by_email(ctl->users, account.email, user, &found, &ctl->err))
        return false;
    if (found && seed->tenant != NULL && strcmp(user->tenant_slug, seed->slug) != 0)
        ctl_warn(ctl, "%s is a user of somebody else: left alone", account.email);
    if (found) {
        seed_counted(seed, false);
        return true;
    }
    account.id = seed_id(seed, ACCOUNTS, account.email);
    if (branch != NULL)
        account.branch_id = seed_id(seed, "branches", branch);
    password_hash(hash, password, strlen(password), (int)ctl->conf.bcrypt_cost);
    if (!platform_add_account(ctl, &account))
        return false;
    if (seed->tenant != NULL)
        platform_audit(ctl, seed->tenant, "user_add", ACCOUNTS, account.id);
    seed_counted(seed, true);
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
        return seed_broken(seed, "every record needs a _key");
    key = arena_strdup(seed->ctl->arena, key);
    id = seed_id(seed, resource->collection, key);
    json_object_del(record, "_key");
    seed_resolve(seed, record);
    seed->scope.deadline_us = ctl_deadline();
    if (!crud_seed(resource, &seed->scope, &seed->env, id, "erpctl", record, &created,
                   &seed->ctl->err)) {
        ctl_progress(seed->ctl, "%s: %s/%s cannot be stored:", seed->slug, resource->collection,
                     key);
        return false;
    }
    seed_counted(seed, created);
    return true;
}

/* The records of one resource, after those that they refer to. Takes them out of the file. */
static bool seed_collection(struct seed *seed, json_t *records, const struct resource *resource)
{
    json_auto_t *list = json_incref(json_object_get(records, resource->collection));
    json_t *record;
    size_t i;

    if (list == NULL)
        return true;
    json_object_del(records, resource->collection);
    for (const struct field *field = resource->fields; field->name != NULL; field++)
        if (field->kind == K_REF && !seed_collection(seed, records, resource_by_noun(field->ref)))
            return false;
    seed->scope.deadline_us = ctl_deadline();
    if (!index_ensure(seed->ctl->indexes, resource, &seed->scope, &seed->ctl->err))
        return false;
    json_array_foreach(list, i, record)
    {
        if (!seed_record(seed, resource, record))
            return false;
    }
    return true;
}

static bool seed_records(struct seed *seed, json_t *file)
{
    json_t *records = json_object_get(file, "records");
    void *first;

    while ((first = json_object_iter(records)) != NULL) {
        const struct resource *resource = resource_by_collection(json_object_iter_key(first));

        if (resource == NULL)
            return seed_broken(seed, "names a collection that no resource has");
        if (!seed_collection(seed, records, resource))
            return false;
    }
    return true;
}

/* --- the whole ------------------------------------------------------------------------------- */

bool seed_content(struct ctl *ctl, const char *slug, json_t *file, struct seed_count *made)
{
    struct seed seed = {
        .ctl = ctl, .slug = slug != NULL ? slug : "platform", .made = json_object()};
    bool ok;

    if (slug == NULL)
        ok = seed_users(&seed, file);
    else
        ok = seed_entry(&seed, file) &&
             (seed.tenant == NULL || (seed_users(&seed, file) && seed_records(&seed, file) &&
                                      seed_requests(&seed, json_object_get(file, "requests"))));
    *made = seed.count;
    json_decref(seed.made);
    return ok;
}
