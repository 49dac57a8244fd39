/* Registry entries and users as commands read them. */
#include "base.h"
#include "commands/platform.h"
#include "core/id.h"
#include "db/bson_json.h"
#include "tenant/seal.h"

bool platform_registry(struct ctl *ctl, struct scope *scope)
{
    struct job job = ctl_job(ctl);

    return job_registry(&job, scope);
}

bool platform_users(struct ctl *ctl, struct scope *scope)
{
    struct job job = ctl_job(ctl);

    return job_users(&job, scope);
}

bool platform_tenant_scope(struct ctl *ctl, const struct tenant *tenant, struct scope *scope)
{
    struct job job = ctl_job(ctl);

    return job_tenant(&job, tenant, scope);
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

void platform_by_slug(bson_t *filter, const char *slug)
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
    platform_by_slug(&filter, slug);
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
