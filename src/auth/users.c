/* Users by id (cached) and by email. Who a user is comes from here; what a token says about it is
 * compared in principal.c. Unusable or doubtful records are treated as absent. */
#include "base.h"
#include "auth/users_priv.h"
#include "core/clock.h"
#include "core/id.h"
#include "core/log.h"

#define CACHE_SETS  1024
#define CACHE_WAYS  4
#define TTL_ALONE_S 5 /* without a watcher, and for what hangs on the registry's silence */
#define CALL_US     INT64_C(4000000)
#define ARENA_LIMIT ((size_t)64 << 20)

struct users_entry {
    struct user user;
    uint64_t epoch;
    int64_t loaded_us;
    int64_t used_us;
};

struct users *users_new(const struct conf *conf, struct board *board, struct registry *registry)
{
    struct users *users = calloc(1, sizeof(*users));

    if (!users || !(users->cache = calloc((size_t)CACHE_SETS * CACHE_WAYS, sizeof(*users->cache))))
        die("out of memory");
    users->conf = conf;
    users->board = board;
    users->registry = registry;
    users->arena = arena_new(ARENA_LIMIT);
    return users;
}

void users_free(struct users *users)
{
    if (!users)
        return;
    for (size_t i = 0; i < (size_t)CACHE_SETS * CACHE_WAYS; i++)
        free(users->cache[i]);
    free(users->cache);
    arena_free(users->arena);
    free(users);
}

bool users_scope(struct users *users, struct scope *scope, struct err *err)
{
    arena_reset(users->arena);
    return registry_users_scope(users->registry, users->arena, clock_mono_us() + CALL_US, scope,
                                err);
}

/* At most two matches, as copies that live until the arena's reset: two are a doubt. */
static bool find_two(struct users *users, const bson_t *filter, bool fold, const bson_t *found[2],
                     struct err *err)
{
    bson_t opts = BSON_INITIALIZER, *copy;
    mongoc_cursor_t *cursor;
    struct scope scope;
    const bson_t *doc;
    bool ok = false;

    found[0] = found[1] = NULL;
    BSON_APPEND_INT64(&opts, "limit", 2);
    if (fold)
        BCON_APPEND(&opts, "collation", "{", "locale", "en", "strength", BCON_INT32(2), "}");
    if (!users_scope(users, &scope, err))
        goto out;
    cursor = scope_find(&scope, USERS_COLLECTION, filter, &opts);
    for (size_t i = 0; i < 2; i++) {
        if (!scope_next(&scope, cursor, &doc, err))
            goto out;
        if (!doc)
            break;
        copy = bson_copy(doc);
        arena_defer(users->arena, (void (*)(void *))bson_destroy, copy);
        found[i] = copy;
    }
    ok = true;
out:
    bson_destroy(&opts);
    return ok;
}

bool users_document(struct users *users, const char *id, const bson_t **doc, struct err *err)
{
    const bson_t *found[2];
    bson_t filter = BSON_INITIALIZER;
    bool ok;

    *doc = NULL;
    BSON_APPEND_UTF8(&filter, "id", id);
    ok = find_two(users, &filter, false, found, err);
    bson_destroy(&filter);
    if (!ok)
        return false;
    if (found[1]) {
        log_event(LOG_LVL_ERROR, "user_twice", "id", id, NULL);
        return err_set(err, ERR_CONFLICT, "This user's record exists twice.");
    }
    *doc = found[0];
    return true;
}

/* Legacy: no tenant of its own, now or before, and none that the registry would give it. */
static bool decide_legacy(struct users *users, struct user *user, struct err *err)
{
    const struct tenant *tenant = NULL;

    user->legacy = false;
    if (user->role == ROLE_SUPER_ADMIN || user->had_tenant || !*user->tenant_id)
        return true;
    if (!users_tenant(users, user, &tenant, err))
        return err->code == ERR_TENANT_MISMATCH;
    user->legacy = tenant == NULL;
    return true;
}

static uint64_t epoch_of(const struct users *users, const char *id)
{
    char key[80];

    if (!users->board)
        return 0;
    snprintf(key, sizeof(key), "user:%s", id);
    return board_epoch(users->board, key);
}

static bool fresh(const struct users *users, const struct users_entry *entry, int64_t now_us)
{
    int64_t ttl_s = users->conf->tenant_ttl_s;
    bool watched = users->board && board_watcher_alive(users->board);

    /* A registry entry that turns a legacy user into a tenant's moves no epoch of the user. */
    if (ttl_s > TTL_ALONE_S && (!watched || entry->user.legacy))
        ttl_s = TTL_ALONE_S;
    return now_us - entry->loaded_us < ttl_s * 1000000 &&
           entry->epoch == epoch_of(users, entry->user.id);
}

/* The place of an id in the cache: where it is, else where it goes. */
static struct users_entry **place(struct users *users, const char *id)
{
    struct users_entry **set = users->cache + hash64(id, strlen(id)) % CACHE_SETS * CACHE_WAYS;
    struct users_entry **best = set;

    for (size_t i = 0; i < CACHE_WAYS; i++) {
        if (set[i] && strcmp(set[i]->user.id, id) == 0)
            return &set[i];
        if (*best && (!set[i] || set[i]->used_us < (*best)->used_us))
            best = &set[i];
    }
    return best;
}

static bool load(struct users *users, const char *id, struct users_entry *entry, struct err *err)
{
    const bson_t *doc;

    entry->epoch = epoch_of(users, id); /* before the read, so that a write in between shows */
    entry->loaded_us = clock_mono_us();
    if (!users_document(users, id, &doc, err))
        return false;
    if (!doc || !user_from_bson(doc, &entry->user))
        return err_set(err, ERR_TOKEN_REVOKED, "This account does not exist any more.");
    if (!decide_legacy(users, &entry->user, err))
        return false;
    err_clear(err); /* a doubtful registry entry: not legacy, which is all that is asked here */
    return true;
}

bool users_by_id(struct users *users, const char *id, const struct user **user, struct err *err)
{
    struct users_entry **at, *entry;

    *user = NULL;
    if (strlen(id) >= sizeof(entry->user.id))
        return err_set(err, ERR_TOKEN_REVOKED, "This account does not exist any more.");
    at = place(users, id);
    if (!*at || strcmp((*at)->user.id, id) != 0 || !fresh(users, *at, clock_mono_us())) {
        entry = calloc(1, sizeof(*entry));
        if (!entry)
            die("out of memory");
        free(*at);
        *at = NULL;
        if (!load(users, id, entry, err)) {
            free(entry);
            return false;
        }
        *at = entry;
    }
    (*at)->used_us = clock_mono_us();
    *user = &(*at)->user;
    return true;
}

bool users_by_email(struct users *users, const char *email, struct user *user, bool *found,
                    struct err *err)
{
    bson_t filter = BSON_INITIALIZER;
    const bson_t *docs[2];
    bool ok;

    *found = false;
    BSON_APPEND_UTF8(&filter, "email", email);
    ok = find_two(users, &filter, true, docs, err);
    bson_destroy(&filter);
    if (!ok || !docs[0])
        return ok;
    if (docs[1]) {
        log_event(LOG_LVL_ERROR, "user_email_twice", NULL);
        return true;
    }
    *found = user_from_bson(docs[0], user) && email_same(user->email, email);
    return true;
}
