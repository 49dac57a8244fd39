/* Finds tenants in the registry and remembers them, and that there are none, for a while. Refuses
 * rather than guesses: two entries where one must be, a registry that does not answer and an entry
 * past its time all end the request. Called by tenant/resolve.c, auth/ and erpctl. */
#include "base.h"
#include "tenant/registry.h"
#include "core/clock.h"
#include "core/id.h"
#include "core/log.h"

/* 4,096 entries in sets of eight: bounded, without chains; a full set loses its oldest. */
#define SETS            512
#define WAYS            8
#define KEY_SIZE        72 /* a slug, or "id:" and a tenant_id */
#define READ_US         INT64_C(4000000)
#define UNWATCHED_TTL_S 5

struct slot {
    char key[KEY_SIZE];    /* "" when free */
    struct tenant *tenant; /* NULL: nothing to borrow, see `exists` */
    bool exists;
    uint64_t epoch;
    int64_t read_us;
    uint64_t used;
};

struct registry {
    const struct conf *conf;
    struct board *board;
    struct clients *clients;
    struct arena *arena;    /* of one read */
    struct tenant uncached; /* of the last look-up for sign-in */
    uint64_t tick;
    struct slot slots[SETS][WAYS];
};

struct registry *registry_new(const struct conf *conf, struct board *board, struct clients *clients)
{
    struct registry *registry = calloc(1, sizeof *registry);

    if (!registry)
        die("out of memory: registry");
    registry->conf = conf;
    registry->board = board;
    registry->clients = clients;
    registry->arena = arena_new(1024 * 1024);
    return registry;
}

static void slot_clear(struct slot *slot)
{
    if (slot->tenant)
        tenant_release(slot->tenant);
    free(slot->tenant);
    memset(slot, 0, sizeof *slot);
}

void registry_free(struct registry *registry)
{
    if (!registry)
        return;
    registry_forget(registry, NULL);
    tenant_release(&registry->uncached);
    arena_free(registry->arena);
    free(registry);
}

static struct slot *slot_set(struct registry *registry, const char *key)
{
    return registry->slots[hash64(key, strlen(key)) % SETS];
}

static struct slot *slot_find(struct registry *registry, const char *key)
{
    struct slot *set = slot_set(registry, key);

    for (size_t i = 0; i < WAYS; i++)
        if (strcmp(set[i].key, key) == 0)
            return &set[i];
    return NULL;
}

static uint64_t epoch(const struct registry *registry, const char *key)
{
    return registry->board ? board_epoch(registry->board, key) : 0;
}

/* A slot that may still be believed, or NULL. */
static struct slot *slot_fresh(struct registry *registry, const char *key)
{
    struct slot *slot = slot_find(registry, key);
    int64_t ttl_s = registry->conf->tenant_ttl_s;

    if (ttl_s > UNWATCHED_TTL_S && !(registry->board && board_watcher_alive(registry->board)))
        ttl_s = UNWATCHED_TTL_S;
    if (!slot || slot->epoch != epoch(registry, key) ||
        clock_mono_us() - slot->read_us >= ttl_s * 1000000) {
        if (registry->board)
            board_count(registry->board, BC_REGISTRY_MISS, 1);
        log_event(LOG_LVL_DEBUG, "registry_cache", "key", key, "result", "miss", NULL);
        return NULL;
    }
    if (registry->board)
        board_count(registry->board, BC_REGISTRY_HIT, 1);
    log_event(LOG_LVL_DEBUG, "registry_cache", "key", key, "result", "hit", NULL);
    slot->used = ++registry->tick;
    return slot;
}

/* The slot to fill for a key: its own, a free one, or the one unused longest. */
static struct slot *slot_take(struct registry *registry, const char *key, uint64_t epoch_before)
{
    struct slot *set = slot_set(registry, key);
    struct slot *slot = slot_find(registry, key);

    for (size_t i = 0; !slot && i < WAYS; i++)
        if (!set[i].key[0])
            slot = &set[i];
    if (!slot) {
        slot = &set[0];
        for (size_t i = 1; i < WAYS; i++)
            if (set[i].used < slot->used)
                slot = &set[i];
    }
    slot_clear(slot);
    snprintf(slot->key, sizeof slot->key, "%s", key);
    slot->epoch = epoch_before;
    slot->read_us = clock_mono_us();
    slot->used = ++registry->tick;
    return slot;
}

void registry_forget(struct registry *registry, const char *slug)
{
    struct slot *slot;

    if (slug) {
        slot = slug[0] ? slot_find(registry, slug) : NULL;
        if (slot)
            slot_clear(slot);
        return;
    }
    for (size_t set = 0; set < SETS; set++)
        for (size_t i = 0; i < WAYS; i++)
            slot_clear(&registry->slots[set][i]);
}

bool registry_admin_scope(struct registry *registry, struct arena *arena, int64_t deadline_us,
                          struct scope *scope, struct err *err)
{
    return clients_scope(registry->clients, registry->conf->admin_mongo_url,
                         registry->conf->admin_db_name, NULL, arena, deadline_us, scope, err);
}

bool registry_users_scope(struct registry *registry, struct arena *arena, int64_t deadline_us,
                          struct scope *scope, struct err *err)
{
    return clients_scope(registry->clients, registry->conf->mongo_url, registry->conf->db_name,
                         NULL, arena, deadline_us, scope, err);
}

/* Whatever went wrong with the registry's database, the caller is told that it is away; what the
 * entry itself is guilty of stays as it is. */
static bool explain(const struct err *inner, struct err *err)
{
    int retry_after = inner->retry_after > 3 ? inner->retry_after : 3;

    if (inner->code == ERR_TENANT_MISMATCH)
        return err_set(err, inner->code, "%s", inner->detail);
    return err_set_retry(err, ERR_REGISTRY_UNAVAILABLE, retry_after,
                         "The tenant registry cannot be reached. Please try again shortly.");
}

/* One entry by one field. Two are doubt. */
static bool query(struct registry *registry, struct scope *scope, const char *field,
                  const char *value, bool fold, struct tenant *out, bool *found, struct err *err)
{
    bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER;
    mongoc_cursor_t *cursor;
    const bson_t *doc;

    bson_append_utf8(&filter, field, -1, value, -1);
    BSON_APPEND_INT64(&opts, "limit", 2);
    BSON_APPEND_BOOL(&opts, "singleBatch", true);
    if (fold)
        registry_fold_emails(&opts);
    cursor = scope_find(scope, "tenants_registry", &filter, &opts);
    bson_destroy(&filter);
    bson_destroy(&opts);
    if (!scope_next(scope, cursor, &doc, err))
        return false;
    *found = doc != NULL;
    if (!doc)
        return true;
    if (!tenant_from_bson(doc, registry->conf, out, err))
        return false;
    if (scope_next(scope, cursor, &doc, err) && !doc)
        return true;
    tenant_release(out);
    if (err_is_set(err))
        return false;
    log_event(LOG_LVL_ERROR, "registry_doubt", "field", field, "slug", out->slug, NULL);
    return err_set(err, ERR_TENANT_MISMATCH,
                   "The tenant is registered more than once. Please contact support.");
}

static bool read_entry(struct registry *registry, const char *field, const char *value, bool fold,
                       struct tenant *out, bool *found, struct err *err)
{
    int64_t deadline_us = clock_mono_us() + READ_US;
    struct scope scope;
    struct err inner;
    bool opened, ok;

    err_init(&inner);
    opened = registry_admin_scope(registry, registry->arena, deadline_us, &scope, &inner);
    ok = opened && query(registry, &scope, field, value, fold, out, found, &inner);
    arena_reset(registry->arena);
    /* Of the entry, if the registry itself could be opened. */
    if (opened && inner.code == ERR_DB_NOT_CONFIGURED)
        err_set(err, inner.code, "%s", inner.detail);
    else if (!ok)
        explain(&inner, err);
    err_release(&inner);
    return ok;
}

static bool not_found(struct err *err)
{
    return err_set(err, ERR_TENANT_NOT_FOUND, "Tenant not found");
}

bool registry_by_slug(struct registry *registry, const char *slug, const struct tenant **tenant,
                      struct err *err)
{
    struct slot *slot;
    struct tenant read;
    uint64_t before;
    bool found;

    if (!slug_valid(slug))
        return not_found(err);
    slot = slot_fresh(registry, slug);
    if (!slot) {
        /* Before the read: a change during it must make the result stale. */
        before = epoch(registry, slug);
        registry_forget(registry, slug);
        if (!read_entry(registry, "slug", slug, false, &read, &found, err))
            return false;
        slot = slot_take(registry, slug, before);
        slot->exists = found;
        if (found) {
            slot->tenant = malloc(sizeof read);
            if (!slot->tenant)
                die("out of memory: a registry entry");
            *slot->tenant = read;
        }
    }
    if (!slot->tenant)
        return not_found(err);
    *tenant = slot->tenant;
    return true;
}

static bool look_up(struct registry *registry, const char *field, const char *value, bool fold,
                    const struct tenant **tenant, struct err *err)
{
    bool found;

    *tenant = NULL;
    tenant_release(&registry->uncached);
    if (!value[0])
        return true;
    if (!read_entry(registry, field, value, fold, &registry->uncached, &found, err))
        return false;
    if (found)
        *tenant = &registry->uncached;
    return true;
}

bool registry_by_admin_email(struct registry *registry, const char *email,
                             const struct tenant **tenant, struct err *err)
{
    if (!look_up(registry, "admin_email", email, true, tenant, err))
        return false;
    /* The collation also overlooks characters that nobody sees; such a match is doubt. */
    if (!*tenant || strcasecmp((*tenant)->admin_email, email) == 0)
        return true;
    return err_set(err, ERR_TENANT_MISMATCH,
                   "The email of this account resembles that of a tenant's administrator. "
                   "Please contact support.");
}

bool registry_by_tenant_id(struct registry *registry, const char *tenant_id,
                           const struct tenant **tenant, struct err *err)
{
    return look_up(registry, "tenant_id", tenant_id, false, tenant, err);
}

bool registry_has_tenant_id(struct registry *registry, const char *tenant_id, bool *has,
                            struct err *err)
{
    char key[KEY_SIZE];
    const struct tenant *tenant;
    struct slot *slot;
    uint64_t before;
    int len = snprintf(key, sizeof key, "id:%s", tenant_id);

    *has = false;
    if ((size_t)len >= sizeof key)
        return err_set(err, ERR_TENANT_MISMATCH, "The tenant id is too long.");
    slot = slot_fresh(registry, key);
    if (!slot) {
        before = epoch(registry, key);
        if (!registry_by_tenant_id(registry, tenant_id, &tenant, err))
            return false;
        slot = slot_take(registry, key, before);
        slot->exists = tenant != NULL;
    }
    *has = slot->exists;
    return true;
}

static bool claimed_by_other(struct err *err)
{
    return err_set(err, ERR_TENANT_MISMATCH,
                   "The tenant and its administrator do not belong together. Please contact "
                   "support.");
}

/* Stores the id where none is yet; *stored false when there is one, or no entry. */
static bool store_tenant_id(struct registry *registry, const char *slug, const char *tenant_id,
                            bool *stored, struct err *err)
{
    bson_t *filter = BCON_NEW("slug", BCON_UTF8(slug), "tenant_id", "{", "$in", "[", BCON_NULL,
                              BCON_UTF8(""), "]", "}");
    bson_t *update = BCON_NEW("$set", "{", "tenant_id", BCON_UTF8(tenant_id), "updated_at",
                              BCON_DATE_TIME(clock_ms()), "}");
    int64_t matched = 0;
    struct scope scope;
    struct err inner;
    bool ok;

    err_init(&inner);
    ok = registry_admin_scope(registry, registry->arena, clock_mono_us() + READ_US, &scope,
                              &inner) &&
         scope_update_one(&scope, "tenants_registry", filter, update, NULL, &matched, &inner);
    arena_reset(registry->arena);
    bson_destroy(filter);
    bson_destroy(update);
    *stored = ok && matched == 1;
    if (!ok && inner.code == ERR_DUPLICATE)
        claimed_by_other(err);
    else if (!ok)
        explain(&inner, err);
    err_release(&inner);
    return ok;
}

/* Every process forgets what it knew of the entry. */
static void entry_changed(struct registry *registry, const char *slug, const char *tenant_id)
{
    char key[KEY_SIZE];

    snprintf(key, sizeof key, "id:%s", tenant_id);
    registry_forget(registry, slug);
    registry_forget(registry, key);
    if (registry->board) {
        board_bump(registry->board, slug);
        board_bump(registry->board, key);
    }
}

bool registry_claim_tenant_id(struct registry *registry, const char *slug, const char *tenant_id,
                              struct err *err)
{
    const struct tenant *tenant;
    bool stored;

    if (!slug_valid(slug))
        return not_found(err);
    if (!tenant_id[0] || strlen(tenant_id) >= sizeof tenant->tenant_id)
        return claimed_by_other(err);
    /* The unique index would refuse it too, where it could be made. */
    if (!registry_by_tenant_id(registry, tenant_id, &tenant, err))
        return false;
    if (tenant && strcmp(tenant->slug, slug) != 0)
        return claimed_by_other(err);
    if (!store_tenant_id(registry, slug, tenant_id, &stored, err))
        return false;
    if (stored) {
        entry_changed(registry, slug, tenant_id);
        return true;
    }
    if (!look_up(registry, "slug", slug, false, &tenant, err))
        return false;
    if (!tenant)
        return not_found(err);
    return strcmp(tenant->tenant_id, tenant_id) == 0 ? true : claimed_by_other(err);
}
