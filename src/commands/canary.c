/* Planting and removing canaries. */
#include "base.h"
#include "commands/canary.h"
#include "core/clock.h"
#include "core/id.h"
#include "db/own.h"
#include "platform/accounts.h"

#define PREFIX     "isolation_"
#define LIFETIME_S 900

/* --- the collection --------------------------------------------------------------------------- */

static bool command(struct ctl *ctl, struct scope *scope, const char *verb, const char *name)
{
    bson_t *doc = own_bson(ctl->arena), reply;
    bool ok;

    bson_append_utf8(doc, verb, -1, name, -1);
    ok = scope_command(scope, doc, &reply, &ctl->err);
    bson_destroy(&reply);
    return ok;
}

static bool drop_named(struct ctl *ctl, struct scope *scope, const bson_t *reply)
{
    bson_iter_t it, list, member;
    bool ok = true;

    if (!bson_iter_init(&it, reply) ||
        !bson_iter_find_descendant(&it, "cursor.firstBatch", &list) ||
        !bson_iter_recurse(&list, &member))
        return true;
    while (ok && bson_iter_next(&member)) {
        bson_iter_t name;

        if (bson_iter_recurse(&member, &name) && bson_iter_find(&name, "name") &&
            BSON_ITER_HOLDS_UTF8(&name))
            ok = command(ctl, scope, "drop", bson_iter_utf8(&name, NULL));
    }
    return ok;
}

/* What a killed run has left. */
static bool drop_old(struct ctl *ctl, struct scope *scope)
{
    bson_t *list = BCON_NEW("listCollections", BCON_INT32(1), "nameOnly", BCON_BOOL(true), "filter",
                            "{", "name", "{", "$regex", BCON_UTF8("^" PREFIX "[0-9a-f]{32}$"), "}",
                            "}");
    bson_t reply;
    bool ok = scope_command(scope, list, &reply, &ctl->err) && drop_named(ctl, scope, &reply);

    bson_destroy(&reply);
    bson_destroy(list);
    return ok;
}

/* --- the user --------------------------------------------------------------------------------- */

static bool add_user(struct ctl *ctl, struct canary *canary, const char *email)
{
    const struct tenant *tenant = canary->tenant;
    bson_t *doc = own_bson(ctl->arena);
    struct scope scope;

    BCON_APPEND(doc, "id", BCON_UTF8(canary->user_id), "email", BCON_UTF8(email), "full_name",
                BCON_UTF8("Check of isolation"), "role", BCON_UTF8(role_name(ROLE_TENANT_ADMIN)),
                "tenant_id", BCON_UTF8(tenant->tenant_id), "tenant_slug", BCON_UTF8(tenant->slug),
                "tenant_linked_at", BCON_DATE_TIME(clock_ms()), ACCOUNT_CANARY, BCON_BOOL(true),
                "isolation_until", BCON_DATE_TIME(clock_ms() + LIFETIME_S * 1000), "created_at",
                BCON_DATE_TIME(clock_ms()));
    return platform_users(ctl, &scope) && scope_insert(&scope, ACCOUNTS, doc, &ctl->err);
}

static bool remove_users(struct ctl *ctl, const struct canary *canary)
{
    bson_t *filter = own_bson(ctl->arena);
    struct scope scope;
    int64_t deleted = 1;
    bool ok = platform_users(ctl, &scope);

    BCON_APPEND(filter, "tenant_id", BCON_UTF8(canary->tenant->tenant_id), ACCOUNT_CANARY,
                BCON_BOOL(true));
    while (ok && deleted > 0)
        ok = scope_delete_one(&scope, ACCOUNTS, filter, &deleted, &ctl->err);
    return ok;
}

static void sign(struct ctl *ctl, const struct token_keys *keys, struct canary *canary,
                 const char *email)
{
    const struct tenant *tenant = canary->tenant;
    struct claims claims = {.sub = canary->user_id,
                            .email = email,
                            .tenant_id = tenant->tenant_id,
                            .tenant_slug = tenant->slug,
                            .business_type = tenant->business_type,
                            .business_name = tenant->business_name,
                            .role = ROLE_TENANT_ADMIN};
    struct str token;

    str_init(&token);
    token_sign(keys, &claims, LIFETIME_S, ctl->arena, &token);
    canary->token = arena_strdup(ctl->arena, token.p);
    explicit_bzero(token.p, token.len);
    str_release(&token);
}

/* --- both ------------------------------------------------------------------------------------- */

bool canary_plant(struct ctl *ctl, const struct token_keys *keys, struct tenant *tenant,
                  struct canary *canary)
{
    char hex[33], *id = arena_alloc(ctl->arena, ID_SIZE);
    const char *email;
    struct scope scope;

    random_hex(hex, 16);
    id_new(id);
    *canary = (struct canary){.tenant = tenant, .user_id = id};
    canary->marker = arena_printf(ctl->arena, PREFIX "%s", hex);
    email = arena_printf(ctl->arena, "isolation-%s@check.invalid", hex);
    if (!platform_tenant_scope(ctl, tenant, &scope))
        return false;
    canary->planted = true;
    if (!command(ctl, &scope, "create", canary->marker) || !remove_users(ctl, canary) ||
        !add_user(ctl, canary, email))
        return false;
    sign(ctl, keys, canary, email);
    return true;
}

void canary_remove(struct ctl *ctl, const struct canary *canary)
{
    struct scope scope;

    if (!canary->planted)
        return;
    err_clear(&ctl->err);
    if (!remove_users(ctl, canary) || !platform_tenant_scope(ctl, canary->tenant, &scope) ||
        !drop_old(ctl, &scope))
        ctl_warn(ctl, "%s: a canary stays (%s)", canary->tenant->slug, ctl->err.detail);
    err_clear(&ctl->err);
}

bool canary_sample(struct ctl *ctl, const struct canary *canary, const char *collection,
                   const char **id)
{
    bson_t *filter = own_bson(ctl->arena);
    const bson_t *doc = NULL;
    struct scope scope;

    *id = NULL;
    if (!platform_tenant_scope(ctl, canary->tenant, &scope))
        return false;
    scope_filter(&scope, NULL, filter);
    if (!scope_find_one(&scope, collection, filter, NULL, &doc, &ctl->err))
        return false;
    if (doc && doc_text(doc, "id"))
        *id = arena_strdup(ctl->arena, doc_text(doc, "id"));
    return true;
}
