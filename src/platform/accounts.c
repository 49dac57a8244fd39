/* Whose accounts, and reading them. */
#include "base.h"
#include "platform/accounts.h"
#include "db/own.h"
#include "tenant/limit.h"

/* ---- whose ---- */

static bool registered(struct job *job, const struct tenant *entry, struct account_place *place)
{
    place->tenant_id = arena_strdup(job->arena, entry->tenant_id);
    place->slug = arena_strdup(job->arena, entry->slug);
    place->max_users = limit_of(entry, LIMIT_USERS);
    return job_tenant(job, entry, &place->data);
}

/* Somebody works there, or signed up for it. */
static bool known_in_shared(struct job *job, const char *tenant_id, bool *known)
{
    static const char *const collections[] = {ACCOUNTS, "tenants"};
    bson_t filter = BSON_INITIALIZER;
    struct scope scope;
    int64_t count = 0;
    bool ok = job_users(job, &scope);

    BSON_APPEND_UTF8(&filter, "tenant_id", tenant_id);
    for (size_t i = 0; i < ARRAY_LEN(collections) && ok && count == 0; i++)
        ok = scope_count(&scope, collections[i], &filter, 1, &count, job->err);
    bson_destroy(&filter);
    *known = count > 0;
    return ok;
}

static bool shared(struct job *job, const char *tenant_id, struct account_place *place)
{
    const struct conf *conf = job->conf;
    bool known = false;

    place->tenant_id = arena_strdup(job->arena, tenant_id);
    if (conf->legacy && !known_in_shared(job, tenant_id, &known))
        return false;
    if (!known)
        return err_set(job->err, ERR_TENANT_NOT_FOUND, "There is no business with this tenant_id.");
    return clients_scope(job->clients, conf->default_mongo_url, conf->db_name, place->tenant_id,
                         job->arena, job_deadline(job), &place->data, job->err);
}

bool accounts_place(struct job *job, const char *tenant_id, struct account_place *place)
{
    const struct tenant *entry = NULL;

    *place = (struct account_place){.max_users = -1};
    if (!tenant_id)
        return job_registry(job, &place->data);
    if (!*tenant_id)
        return err_set(job->err, ERR_TENANT_NOT_FOUND, "There is no business without an id.");
    if (!registry_by_tenant_id(job->registry, tenant_id, &entry, job->err))
        return false;
    return entry ? registered(job, entry, place) : shared(job, tenant_id, place);
}

bool accounts_may(const struct principal *who, const struct user *target, struct err *err)
{
    if (strcmp(who->user_id, target->id) == 0)
        return err_set(err, ERR_FORBIDDEN,
                       "Nobody changes the own account here: another administrator can.");
    return role_within(who->role, target->role) ||
           err_set(err, ERR_FORBIDDEN, "A %s does not touch the account of a %s.",
                   role_name(who->role), role_name(target->role));
}

/* ---- reading ---- */

void accounts_of(const char *tenant_id, bson_t *filter)
{
    BCON_APPEND(filter, "tenant_id", BCON_UTF8(tenant_id), "role", "{", "$ne",
                BCON_UTF8(role_name(ROLE_SUPER_ADMIN)), "}");
}

void accounts_of_people(bson_t *filter)
{
    BCON_APPEND(filter, ACCOUNT_CANARY, "{", "$ne", BCON_BOOL(true), "}");
}

static bson_t *filter_of(struct job *job, const char *tenant_id)
{
    bson_t *filter = own_bson(job->arena);

    if (tenant_id)
        accounts_of(tenant_id, filter);
    accounts_of_people(filter);
    return filter;
}

bool accounts_find(struct job *job, const char *tenant_id, const char *id, struct user **user)
{
    bson_t *filter = filter_of(job, tenant_id);
    const bson_t *doc;
    struct scope scope;

    BSON_APPEND_UTF8(filter, "id", id);
    if (!job_users(job, &scope) ||
        !scope_find_one(&scope, ACCOUNTS, filter, NULL, &doc, job->err))
        return false;
    *user = arena_alloc(job->arena, sizeof **user);
    if (!doc || !user_from_bson(doc, *user))
        return err_set(job->err, ERR_NOT_FOUND, "User not found");
    return true;
}

bool accounts_list(struct job *job, const char *tenant_id, const char *after, int64_t limit,
                   struct str *out, const char **last)
{
    bson_t *filter = filter_of(job, tenant_id);
    bson_t *opts = own_bson(job->arena);
    mongoc_cursor_t *cursor;
    struct scope scope;
    const bson_t *doc;
    bson_iter_t id;
    int64_t seen = 0;

    if (!job_users(job, &scope))
        return false;
    if (after)
        BCON_APPEND(filter, "id", "{", "$gt", BCON_UTF8(after), "}");
    BCON_APPEND(opts, "sort", "{", "id", BCON_INT32(1), "}", "limit", BCON_INT64(limit));
    cursor = scope_find(&scope, ACCOUNTS, filter, opts);
    *last = NULL;
    str_addc(out, '[');
    for (size_t start = out->len;; seen++) {
        size_t mark = out->len;

        if (!scope_next(&scope, cursor, &doc, job->err))
            return false;
        if (!doc)
            break;
        if (mark > start)
            str_addc(out, ',');
        if (!users_show(doc, NULL, out)) {
            out->len = mark;
            out->p[mark] = '\0';
        }
        if (seen + 1 == limit && bson_iter_init_find(&id, doc, "id") && BSON_ITER_HOLDS_UTF8(&id))
            *last = arena_strdup(job->arena, bson_iter_utf8(&id, NULL));
    }
    str_addc(out, ']');
    return true;
}
