/* Registry entries and users as commands read and write them. */
#include "base.h"
#include "commands/platform.h"
#include "core/clock.h"
#include "core/id.h"
#include "core/log.h"
#include "db/bson_json.h"
#include "engine/audit.h"
#include "tenant/seal.h"

bool platform_registry(struct ctl *ctl, struct scope *scope)
{
    return registry_admin_scope(ctl->registry, ctl->arena, ctl_deadline(), scope, &ctl->err);
}

bool platform_users(struct ctl *ctl, struct scope *scope)
{
    return registry_users_scope(ctl->registry, ctl->arena, ctl_deadline(), scope, &ctl->err);
}

bool platform_tenant_scope(struct ctl *ctl, const struct tenant *tenant, struct scope *scope)
{
    if (!tenant->db_uri || !*tenant->db_uri)
        return err_set(&ctl->err, ERR_DB_NOT_CONFIGURED, "The entry of %s has no db_uri",
                       tenant->slug);
    if (!db_name_valid(tenant->db_name))
        return err_set(&ctl->err, ERR_DB_NOT_CONFIGURED, "The entry of %s has no usable db_name",
                       tenant->slug);
    return clients_scope(ctl->clients, tenant->db_uri, tenant->db_name, tenant->tenant_id,
                         ctl->arena, ctl_deadline(), scope, &ctl->err);
}

bool platform_rows(struct ctl *ctl, struct scope *scope, const char *collection,
                   const bson_t *filter, const char *key, const char *secret,
                   json_t *(*row)(struct ctl *ctl, const bson_t *doc), json_t *rows)
{
    bson_t *opts = BCON_NEW("sort", "{", key, BCON_INT32(1), "}");
    const bson_t *doc = NULL;
    mongoc_cursor_t *cursor;
    bool ok;

    if (secret)
        BCON_APPEND(opts, "projection", "{", secret, BCON_INT32(0), "}");
    cursor = scope_find(scope, collection, filter, opts);
    while ((ok = scope_next(scope, cursor, &doc, &ctl->err)) && doc)
        json_array_append_new(rows, row(ctl, doc));
    bson_destroy(opts);
    return ok;
}

static void by_slug(bson_t *filter, const char *slug)
{
    bson_init(filter);
    BSON_APPEND_UTF8(filter, "slug", slug);
}

bool platform_find(struct ctl *ctl, const char *slug, const bson_t **doc)
{
    struct scope scope;
    bson_t filter;
    bool ok;

    *doc = NULL;
    if (!platform_registry(ctl, &scope))
        return false;
    by_slug(&filter, slug);
    ok = scope_find_one(&scope, ENTRIES, &filter, NULL, doc, &ctl->err);
    bson_destroy(&filter);
    return ok;
}

bool platform_tenant(struct ctl *ctl, const char *slug, struct tenant **tenant)
{
    struct tenant *out = arena_alloc(ctl->arena, sizeof *out);
    const bson_t *doc;
    char *uri;

    if (!platform_find(ctl, slug, &doc))
        return false;
    if (!doc)
        return err_set(&ctl->err, ERR_TENANT_NOT_FOUND, "There is no tenant %s", slug);
    if (!tenant_from_bson(doc, &ctl->conf, out, &ctl->err))
        return false;
    uri = arena_strdup(ctl->arena, out->db_uri);
    tenant_release(out);
    out->db_uri = uri;
    *tenant = out;
    return true;
}

/* An entry made by hand may lack its tenant_id: it is the one that its admin's records carry. */
bool platform_complete(struct ctl *ctl, struct tenant *tenant)
{
    struct user *admin = arena_alloc(ctl->arena, sizeof *admin);
    char fresh[ID_SIZE];
    const char *id = fresh;
    bool found = false;

    if (*tenant->tenant_id)
        return true;
    if (*tenant->admin_email &&
        !users_by_email(ctl->users, tenant->admin_email, admin, &found, &ctl->err))
        return false;
    if (found && *admin->tenant_id)
        id = admin->tenant_id;
    else
        id_new(fresh);
    if (!registry_claim_tenant_id(ctl->registry, tenant->slug, id, &ctl->err))
        return false;
    snprintf(tenant->tenant_id, sizeof tenant->tenant_id, "%s", id);
    return true;
}

bool platform_open_uri(struct ctl *ctl, const char *slug, const char *stored, const char **uri)
{
    char *plain;

    *uri = stored;
    if (!seal_is_sealed(stored))
        return true;
    plain = seal_open(&ctl->conf, slug, "db_uri", stored, &ctl->err);
    if (!plain)
        return false;
    *uri = arena_strdup(ctl->arena, plain);
    explicit_bzero(plain, strlen(plain));
    free(plain);
    return true;
}

bool platform_uri(struct ctl *ctl, const bson_t *doc, const char **uri)
{
    const char *slug = doc_text(doc, "slug"), *stored = doc_text(doc, "db_uri");

    *uri = NULL;
    if (!stored || !*stored)
        return true;
    return platform_open_uri(ctl, slug && slug_valid(slug) ? slug : "-", stored, uri);
}

bool platform_seal_key(struct ctl *ctl, char *id)
{
    return seal_newest_id(&ctl->conf, id) ||
           err_set(&ctl->err, ERR_DB_NOT_CONFIGURED,
                   "There is no key to seal the database URI with: set ERP_SEAL_KEY, or "
                   "SECRET_KEY, as the workers have it");
}

bool platform_seal_uri(struct ctl *ctl, const char *slug, const char *uri, const char **sealed)
{
    char id[SEAL_ID_SIZE], *text;

    if (!platform_seal_key(ctl, id))
        return false;
    text = seal_close(&ctl->conf, slug, "db_uri", uri);
    *sealed = arena_strdup(ctl->arena, text);
    free(text);
    return true;
}

static void append_text(bson_t *doc, const char *key, const char *text)
{
    if (text)
        bson_append_utf8(doc, key, -1, text, -1);
}

static void append_count(bson_t *doc, const char *key, int64_t n)
{
    if (n >= 0)
        bson_append_int32(doc, key, -1, (int32_t)n);
}

static void append_dates(bson_t *doc)
{
    int64_t now = clock_ms();

    BSON_APPEND_DATE_TIME(doc, "created_at", now);
    BSON_APPEND_DATE_TIME(doc, "updated_at", now);
}

static void append_features(bson_t *doc, const json_t *features)
{
    const json_t *item;
    bson_t list;
    char key[24];
    size_t i;

    BSON_APPEND_ARRAY_BEGIN(doc, "features_enabled", &list);
    json_array_foreach(features, i, item)
    {
        snprintf(key, sizeof key, "%zu", i);
        append_text(&list, key, json_string_value(item));
    }
    bson_append_array_end(doc, &list);
}

/* Workers may remember that there was no such tenant. */
static void forget_entry(struct ctl *ctl, const char *slug, const char *tenant_id)
{
    board_bump(ctl->board, slug);
    board_bump(ctl->board, arena_printf(ctl->arena, "id:%s", tenant_id));
}

bool platform_add_entry(struct ctl *ctl, const struct new_entry *entry)
{
    const char *uri;
    struct scope scope;
    bson_t doc;
    bool ok;

    if (!platform_seal_uri(ctl, entry->slug, entry->db_uri, &uri) ||
        !platform_registry(ctl, &scope))
        return false;
    bson_init(&doc);
    append_text(&doc, "slug", entry->slug);
    append_text(&doc, "tenant_id", entry->tenant_id);
    append_text(&doc, "business_name", entry->business_name);
    append_text(&doc, "business_type", entry->business_type);
    append_text(&doc, "db_uri", uri);
    append_text(&doc, "db_name", entry->db_name);
    append_text(&doc, "admin_email", entry->admin_email);
    append_text(&doc, "status", tenant_status_name(entry->status));
    append_text(&doc, "license_type", entry->license_type);
    append_count(&doc, "max_users", entry->max_users);
    append_count(&doc, "max_branches", entry->max_branches);
    append_features(&doc, entry->features);
    append_text(&doc, "billing_contact", entry->billing_contact);
    append_text(&doc, "notes", entry->notes);
    if (entry->seeded)
        BSON_APPEND_BOOL(&doc, "seeded", true);
    append_dates(&doc);
    ok = scope_insert(&scope, ENTRIES, &doc, &ctl->err);
    bson_destroy(&doc);
    if (!ok && ctl->err.code == ERR_DUPLICATE) {
        err_clear(&ctl->err);
        err_set(&ctl->err, ERR_DUPLICATE, "There is a tenant %s already, or one with its id",
                entry->slug);
    }
    if (ok)
        forget_entry(ctl, entry->slug, entry->tenant_id);
    return ok;
}

bool platform_remove_entry(struct ctl *ctl, const struct new_entry *entry)
{
    struct scope scope;
    int64_t deleted;
    bson_t filter;
    bool ok;

    if (!platform_registry(ctl, &scope))
        return false;
    by_slug(&filter, entry->slug);
    BSON_APPEND_UTF8(&filter, "tenant_id", entry->tenant_id);
    BSON_APPEND_UTF8(&filter, "status", tenant_status_name(TENANT_PROVISIONING));
    ok = scope_delete_one(&scope, ENTRIES, &filter, &deleted, &ctl->err);
    bson_destroy(&filter);
    forget_entry(ctl, entry->slug, entry->tenant_id);
    return ok;
}

static void status_update(bson_t *update, enum tenant_status status, const char *reason)
{
    bson_t set, unset;

    bson_init(update);
    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    BSON_APPEND_UTF8(&set, "status", tenant_status_name(status));
    BSON_APPEND_DATE_TIME(&set, "updated_at", clock_ms());
    append_text(&set, "status_reason", reason);
    bson_append_document_end(update, &set);
    if (reason)
        return;
    BSON_APPEND_DOCUMENT_BEGIN(update, "$unset", &unset);
    BSON_APPEND_UTF8(&unset, "status_reason", "");
    bson_append_document_end(update, &unset);
}

bool platform_set_status(struct ctl *ctl, const char *slug, enum tenant_status status,
                         const char *reason)
{
    bson_t filter, update, not_deleted;
    struct scope scope;
    int64_t matched = 0;
    bool ok;

    if (!platform_registry(ctl, &scope))
        return false;
    by_slug(&filter, slug);
    BSON_APPEND_DOCUMENT_BEGIN(&filter, "status", &not_deleted);
    BSON_APPEND_UTF8(&not_deleted, "$ne", tenant_status_name(TENANT_DELETED));
    bson_append_document_end(&filter, &not_deleted);
    status_update(&update, status, reason);
    ok = scope_update_one(&scope, ENTRIES, &filter, &update, NULL, &matched, &ctl->err);
    bson_destroy(&filter);
    bson_destroy(&update);
    if (ok && matched == 0)
        return err_set(&ctl->err, ERR_STATE, "There is no tenant %s, or it is deleted", slug);
    if (ok)
        board_bump(ctl->board, slug);
    return ok;
}

static void account_doc(const struct new_account *account, const char *id, bson_t *doc)
{
    bson_init(doc);
    append_text(doc, "id", id);
    append_text(doc, "email", account->email);
    append_text(doc, "full_name", account->full_name);
    append_text(doc, "hashed_password", account->hash);
    append_text(doc, "role", role_name(account->role));
    if (account->tenant) {
        append_text(doc, "tenant_id", account->tenant->tenant_id);
        append_text(doc, "tenant_slug", account->tenant->slug);
    }
    append_text(doc, "branch_id", account->branch_id);
    if (account->seeded)
        BSON_APPEND_BOOL(doc, "seeded", true);
    append_dates(doc);
}

bool platform_add_account(struct ctl *ctl, const struct new_account *account)
{
    char fresh[ID_SIZE];
    struct scope scope;
    bson_t doc;
    bool ok;

    if (!platform_users(ctl, &scope))
        return false;
    id_new(fresh);
    account_doc(account, account->id ? account->id : fresh, &doc);
    ok = scope_insert(&scope, ACCOUNTS, &doc, &ctl->err);
    bson_destroy(&doc);
    if (!ok && ctl->err.code == ERR_DUPLICATE) {
        err_clear(&ctl->err);
        err_set(&ctl->err, ERR_DUPLICATE, "There is a user %s already", account->email);
    }
    return ok;
}

void platform_audit(struct ctl *ctl, const struct tenant *tenant, const char *action,
                    const char *collection, const char *record_id)
{
    struct audit_entry entry = {
        .action = action, .collection = collection, .record_id = record_id, .actor = "erpctl"};
    struct scope scope;

    if (platform_tenant_scope(ctl, tenant, &scope) && audit_add(&scope, &entry, &ctl->err))
        return;
    ctl_warn(ctl, "done, but the audit log of %s has no entry of it: %s", tenant->slug,
             ctl->err.detail);
    err_clear(&ctl->err);
}

void platform_log(const struct ctl *ctl, const char *slug, const char *subject)
{
    char uid[16];

    snprintf(uid, sizeof uid, "%ld", (long)getuid());
    log_event(LOG_LVL_INFO, "erpctl", "command", ctl->command->name, "uid", uid, "tenant", slug,
              "subject", subject, NULL);
}

const char *platform_email(struct ctl *ctl, const char *text)
{
    const char *at = strchr(text, '@');
    size_t len = strlen(text);
    char *copy;

    if (!at || at == text || !at[1] || strchr(at + 1, '@') || len > 254 || !utf8_valid(text, len))
        return NULL;
    copy = arena_strdup(ctl->arena, text);
    for (unsigned char *p = (unsigned char *)copy; *p; p++) {
        if (*p <= ' ' || *p == 0x7f)
            return NULL;
        if (*p < 0x80)
            *p = (unsigned char)tolower(*p);
    }
    return copy;
}

const char *doc_text(const bson_t *doc, const char *key)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, doc, key) && BSON_ITER_HOLDS_UTF8(&it)
               ? bson_iter_utf8(&it, NULL)
               : NULL;
}

bool doc_bool(const bson_t *doc, const char *key)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, doc, key) && BSON_ITER_HOLDS_BOOL(&it) && bson_iter_bool(&it);
}

json_t *doc_json(const bson_t *doc, const char *key)
{
    struct str text;
    bson_iter_t it;
    json_t *value;

    if (!bson_iter_init_find(&it, doc, key))
        return json_null();
    str_init(&text);
    bson_json_value(&it, &text);
    value = json_loadb(text.p, text.len, JSON_DECODE_ANY, NULL);
    str_release(&text);
    return value ? value : json_null();
}
