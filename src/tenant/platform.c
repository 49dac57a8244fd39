/* The indexes of the platform's own collections: the registry, the users, their sign-in attempts.
 * Tenants' indexes belong to their resources (engine/index.c). */
#include "base.h"
#include "tenant/registry.h"
#include "core/clock.h"
#include "core/log.h"

#define ALL_INDEXES_US INT64_C(60000000)

/* To add one: a row here. `some` limits an index to the documents that have text in its key, so
 * that those without it do not clash. */
static const struct platform_index {
    const char *collection;
    const char *name;
    const char *key;
    bool registry; /* in the registry's database, otherwise the users' */
    bool unique;
    bool fold; /* emails: compared without case */
    bool some;
    bool expires; /* documents go when their key's time comes */
} indexes[] = {
    {"tenants_registry", "registry_slug", "slug", .registry = true, .unique = true},
    {"tenants_registry", "registry_tenant_id", "tenant_id", .registry = true, .unique = true,
     .some = true},
    {"tenants_registry", "registry_admin_email", "admin_email", .registry = true, .fold = true},
    {"plans", "plans_id", "id", .registry = true, .unique = true},
    {"subscriptions", "subscriptions_id", "id", .registry = true, .unique = true},
    {"subscriptions", "subscriptions_open", "open_tenant_id", .registry = true, .unique = true,
     .some = true},
    {"subscriptions", "subscriptions_tenant", "tenant_id", .registry = true},
    {"payments", "payments_subscription", "subscription_id", .registry = true},
    {"billing_events", "billing_events_subscription", "subscription_id", .registry = true},
    {"idempotency_keys", "idempotency_once", "once", .registry = true, .unique = true},
    {"idempotency_keys", "idempotency_expiry", "expires_at", .registry = true, .expires = true},
    {"announcements", "announcements_id", "id", .registry = true, .unique = true},
    {"announcements", "announcements_created", "created_at", .registry = true},
    {"announcement_receipts", "receipts_announcement", "announcement_id", .registry = true},
    {"users", "users_email", "email", .unique = true, .fold = true},
    {"users", "users_id", "id", .unique = true, .some = true},
    {"users", "users_tenant", "tenant_id"},
    {"users", "users_isolation", "isolation_until", .expires = true}, /* a killed run's canaries */
    {"login_attempts", "login_attempts_expiry", "expires_at", .expires = true},
};

void registry_fold_emails(bson_t *opts)
{
    bson_t collation;

    BSON_APPEND_DOCUMENT_BEGIN(opts, "collation", &collation);
    BSON_APPEND_UTF8(&collation, "locale", PLATFORM_LOCALE);
    BSON_APPEND_INT32(&collation, "strength", 2);
    bson_append_document_end(opts, &collation);
}

static void append_index(const struct platform_index *index, bson_t *out)
{
    bson_t key, filter, above;

    BSON_APPEND_DOCUMENT_BEGIN(out, "key", &key);
    bson_append_int32(&key, index->key, -1, 1);
    bson_append_document_end(out, &key);
    BSON_APPEND_UTF8(out, "name", index->name);
    if (index->unique)
        BSON_APPEND_BOOL(out, "unique", true);
    if (index->fold)
        registry_fold_emails(out);
    if (index->some) {
        BSON_APPEND_DOCUMENT_BEGIN(out, "partialFilterExpression", &filter);
        bson_append_document_begin(&filter, index->key, -1, &above);
        BSON_APPEND_UTF8(&above, "$gt", "");
        bson_append_document_end(&filter, &above);
        bson_append_document_end(out, &filter);
    }
    if (index->expires)
        BSON_APPEND_INT32(out, "expireAfterSeconds", 0);
}

static bool make_index(struct scope *scope, const struct platform_index *index, struct err *err)
{
    bson_t command = BSON_INITIALIZER, list, one, reply;
    bool ok;

    BSON_APPEND_UTF8(&command, "createIndexes", index->collection);
    BSON_APPEND_ARRAY_BEGIN(&command, "indexes", &list);
    BSON_APPEND_DOCUMENT_BEGIN(&list, "0", &one);
    append_index(index, &one);
    bson_append_document_end(&list, &one);
    bson_append_array_end(&command, &list);
    ok = scope_command(scope, &command, &reply, err);
    bson_destroy(&command);
    bson_destroy(&reply);
    if (!ok)
        log_event(LOG_LVL_ERROR, "index_missing", "collection", index->collection, "index",
                  index->name, "why", err->detail, NULL);
    return ok;
}

/* One command an index: records that clash in one must not cost the others. */
static bool make_indexes(struct scope *scope, bool registry, struct err *err)
{
    struct err one;
    bool ok = true;

    err_init(&one);
    for (size_t i = 0; i < ARRAY_LEN(indexes); i++) {
        if (indexes[i].registry != registry || make_index(scope, &indexes[i], &one))
            continue;
        ok = false;
        err_set_retry(err, one.code, one.retry_after, "Index %s of %s cannot be made: %s",
                      indexes[i].name, indexes[i].collection, one.detail);
        err_clear(&one);
        if (scope->cluster_down)
            break;
    }
    err_release(&one);
    return ok;
}

bool registry_ensure_indexes(struct registry *registry, struct err *err)
{
    struct arena *arena = arena_new(1024 * 1024);
    int64_t deadline_us = clock_mono_us() + ALL_INDEXES_US;
    struct scope scope;
    bool ok = registry_admin_scope(registry, arena, deadline_us, &scope, err) &&
              make_indexes(&scope, true, err);

    ok = registry_users_scope(registry, arena, deadline_us, &scope, err) &&
         make_indexes(&scope, false, err) && ok;
    arena_free(arena);
    return ok;
}
