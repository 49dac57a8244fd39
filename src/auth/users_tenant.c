/* Which business a user belongs to: asked when somebody signs in, and when a token without a slug
 * says that its user has none. One answer for both, or one would be a way around the other.
 */
#include "base.h"
#include "auth/users_priv.h"
#include "db/doc.h"

#define ADMINS_MAX 50

/* An entry made by hand has no tenant_id until its admin signs in. Until then it is found through
 * the administrators who share the user's tenant_id: one of them is its admin_email. */
static bool by_an_admin(struct users *users, const struct user *user,
                        const struct tenant **tenant, struct err *err)
{
    bson_t *opts = BCON_NEW("limit", BCON_INT64(ADMINS_MAX), "projection", "{", "email",
                            BCON_BOOL(true), "}");
    bson_t filter = BSON_INITIALIZER;
    const bson_t *doc = NULL;
    mongoc_cursor_t *cursor;
    struct scope scope;
    bson_iter_t email;
    bool ok = users_scope(users, &scope, err);

    BSON_APPEND_UTF8(&filter, "tenant_id", user->tenant_id);
    BSON_APPEND_UTF8(&filter, "role", role_name(ROLE_TENANT_ADMIN));
    cursor = ok ? scope_find(&scope, USERS_COLLECTION, &filter, opts) : NULL;
    while (ok && !*tenant && (ok = scope_next(&scope, cursor, &doc, err)) && doc)
        if (bson_iter_init_find(&email, doc, "email") && BSON_ITER_HOLDS_UTF8(&email))
            ok = registry_by_admin_email(users->registry, bson_iter_utf8(&email, NULL), tenant,
                                         err);
    bson_destroy(&filter);
    bson_destroy(opts);
    return ok;
}

bool users_tenant(struct users *users, const struct user *user, const struct tenant **tenant,
                  struct err *err)
{
    *tenant = NULL;
    if (*user->tenant_slug)
        return registry_by_slug(users->registry, user->tenant_slug, tenant, err);
    if (!registry_by_admin_email(users->registry, user->email, tenant, err))
        return false;
    if (*tenant || !*user->tenant_id)
        return true;
    if (!registry_by_tenant_id(users->registry, user->tenant_id, tenant, err))
        return false;
    return *tenant || by_an_admin(users, user, tenant, err);
}

bool users_of_branch(struct users *users, const char *tenant_id, const char *branch_id,
                     const char **ids, size_t max, size_t *n, struct err *err)
{
    bson_t *opts = BCON_NEW("limit", BCON_INT64((int64_t)max), "projection", "{", "id",
                            BCON_BOOL(true), "}");
    bson_t *filter = BCON_NEW("tenant_id", BCON_UTF8(tenant_id), "branch_id", BCON_UTF8(branch_id));
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    struct scope scope;
    bool ok = users_scope(users, &scope, err);

    *n = 0;
    cursor = ok ? scope_find(&scope, USERS_COLLECTION, filter, opts) : NULL;
    while (ok && *n < max && (ok = scope_next(&scope, cursor, &doc, err)) && doc)
        if (doc_text(doc, "id"))
            ids[(*n)++] = arena_strdup(users->arena, doc_text(doc, "id"));
    bson_destroy(filter);
    bson_destroy(opts);
    return ok;
}
