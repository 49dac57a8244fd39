/* Limits of a licence. Knows no plans and no prices: only numbers and how to keep them. */
#include "base.h"
#include "tenant/limit.h"

int64_t limit_of(const struct tenant *tenant, enum tenant_limit limit)
{
    switch (limit) {
    case LIMIT_USERS:
        return tenant->max_users;
    case LIMIT_BRANCHES:
        return tenant->max_branches;
    default:
        return -1;
    }
}

/* The tenant is in the _id as well: that is what makes two first writers meet, since an index on
 * other members would have to be there before. */
bool limit_guard(struct scope *scope, const char *what, struct err *err)
{
    const char *tenant_id = scope->tenant_id ? scope->tenant_id : "platform";
    char *id = arena_printf(scope->arena, "%s:%s", tenant_id, what);
    bson_t filter = BSON_INITIALIZER;
    bson_t *update = BCON_NEW("$inc", "{", "turn", BCON_INT64(1), "}");
    bson_t *little = BCON_NEW("_id", BCON_INT32(1));
    const bson_t *doc;
    bool ok;

    assert(scope->session);
    scope_filter(scope, NULL, &filter);
    BSON_APPEND_UTF8(&filter, "_id", id);
    ok = scope_find_and_update(scope, LIMIT_GUARDS, &filter, update, true, true, little, &doc, err);
    bson_destroy(&filter);
    bson_destroy(update);
    bson_destroy(little);
    if (ok || err->code != ERR_DUPLICATE)
        return ok;
    scope->transient = true; /* another one made it meanwhile: again, with it there */
    return false;
}

static bool reached(struct err *err, const char *collection, int64_t max, int64_t count)
{
    return err_set(err, ERR_LIMIT_REACHED,
                   "The licence of this business allows %" PRId64 " %s, and there are %" PRId64 ".",
                   max, collection, count);
}

bool limit_room(struct scope *scope, const char *collection, const bson_t *filter, int64_t max,
                struct err *err)
{
    int64_t count;

    if (max < 0)
        return true;
    if (!scope_count(scope, collection, filter, 0, &count, err))
        return false;
    return count < max || reached(err, collection, max, count);
}

/* All reads of a transaction are of one moment, and whoever created since then has written the
 * guard: then it is refused to us. So the count still holds once we have it. */
bool limit_check(struct scope *scope, const char *collection, const bson_t *filter, int64_t max,
                 struct err *err)
{
    return max < 0 || (limit_room(scope, collection, filter, max, err) &&
                       limit_guard(scope, collection, err));
}

bool limit_left(struct scope *scope, const char *collection, const bson_t *filter, int64_t max,
                int64_t *room, struct err *refused, struct err *err)
{
    int64_t count;

    *room = INT64_MAX;
    if (max < 0)
        return true;
    if (!scope_count(scope, collection, filter, 0, &count, err))
        return false;
    *room = count < max ? max - count : 0;
    reached(refused, collection, max, count);
    return *room == 0 || limit_guard(scope, collection, err);
}
