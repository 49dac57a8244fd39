/* Finds the log that an entry belongs to: that of the user's business, whatever its status, that of
 * the shared database, or the platform's. Called by the gate and by actions/session.c. */
#include "base.h"
#include "http/trail.h"
#include "core/clock.h"
#include "core/id.h"
#include "core/log.h"
#include "http/route.h"
#include "tenant/audit.h"

#define TRAIL_US INT64_C(3000000)

struct trail {
    struct user user; /* id "": nobody knows who */
    struct audit_entry entry;
};

/* Whoever shares a bucket shares its count: what is bounded is the number of entries. */
static bool within_bounds(struct req *req, const struct trail *trail)
{
    const char *key = arena_printf(req->arena, "%s|%s", trail->user.id, trail->entry.action);
    struct trail_bucket *bucket = &req->app->trail[hash64(key, strlen(key)) % TRAIL_BUCKETS];
    int64_t minute = clock_mono_us() / 60000000 + 1;

    if (bucket->minute != minute)
        *bucket = (struct trail_bucket){.minute = minute};
    return ++bucket->n <= TRAIL_PER_MINUTE;
}

/* A user whose business is not the entry's has no log there. */
static bool open_log(struct req *req, const struct user *user, struct scope *scope, struct err *err)
{
    const struct conf *conf = &req->app->conf;
    int64_t deadline_us = clock_mono_us() + TRAIL_US;
    const struct tenant *tenant = NULL;

    if (user->id[0] && user->role != ROLE_SUPER_ADMIN) {
        if (!users_tenant(req->app->users, user, &tenant, err))
            return false;
        if (tenant && tenant->tenant_id[0] && strcmp(tenant->tenant_id, user->tenant_id) == 0 &&
            tenant->db_uri && *tenant->db_uri && db_name_valid(tenant->db_name) &&
            !audit_db_is(tenant->db_name))
            return clients_scope(req->app->clients, tenant->db_uri, tenant->db_name,
                                 tenant->tenant_id, req->arena, deadline_us, scope, err);
        if (!tenant && user->tenant_id[0] && !user->had_tenant && conf->legacy)
            return clients_scope(req->app->clients, conf->default_mongo_url, conf->db_name,
                                 user->tenant_id, req->arena, deadline_us, scope, err);
    }
    return registry_admin_scope(req->app->registry, req->arena, deadline_us, scope, err);
}

static void enter(struct req *req)
{
    const struct trail *trail = req->after_arg;
    struct scope_who who = {.remote_addr = req->remote_addr};
    struct scope scope;
    struct err err;

    if (trail->user.id[0]) {
        who.email = trail->user.email;
        who.role = role_name(trail->user.role);
    }
    err_init(&err);
    if (open_log(req, &trail->user, &scope, &err)) {
        scope.who = &who;
        audit_add(&scope, &trail->entry, &err);
    }
    if (err_is_set(&err))
        log_event(LOG_LVL_WARN, "audit_entry_lost", "request_id", req->request_id, "action",
                  trail->entry.action, "user", trail->user.id, "why", err.detail, NULL);
    err_release(&err);
}

static void add(struct req *req, const struct user *user, const char *action)
{
    struct trail *trail = arena_alloc(req->arena, sizeof *trail);
    bool refused = err_is_set(req->err);

    if (user)
        trail->user = *user;
    explicit_bzero(trail->user.password_hash, sizeof trail->user.password_hash);
    trail->entry = (struct audit_entry){
        .kind = AUDIT_ACCESS,
        .action = action,
        .actor = trail->user.id[0] ? trail->user.id : NULL,
        .impersonated_by = req->principal.claims.impersonated_by,
        .request_id = req->request_id,
        .code = refused ? err_info(req->err->code)->name : NULL,
    };
    if (refused && req->route)
        trail->entry.route =
            arena_printf(req->arena, "%s %s", req->route->method, req->route->path);
    if (refused && !within_bounds(req, trail))
        return;
    req->after_reply = enter;
    req->after_arg = trail;
}

void trail_sign_in(struct req *req, const struct user *user)
{
    if (!err_is_set(req->err))
        add(req, user, "sign_in");
    else if (req->err->code == ERR_BAD_CREDENTIALS)
        add(req, user, "sign_in_failed");
    else if (err_info(req->err->code)->status < 500)
        add(req, user, "sign_in_refused");
}

static void add_principal(struct req *req, const char *action)
{
    const struct user *user;
    struct err err;

    err_init(&err);
    if (users_by_id(req->app->users, req->principal.user_id, &user, &err))
        add(req, user, action);
    err_release(&err);
}

void trail_account(struct req *req, const char *action)
{
    if (!err_is_set(req->err) || err_info(req->err->code)->status < 500)
        add_principal(req, action);
}

void trail_refused(struct req *req)
{
    static const enum err_code kinds[] = {ERR_FORBIDDEN, ERR_ROLE_FORBIDDEN, ERR_MODULE_FORBIDDEN,
                                          ERR_BRANCH_REQUIRED, ERR_IMPERSONATED};

    if (!req->authenticated || req->after_reply)
        return;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (req->err->code == kinds[i])
            add_principal(req, "refused");
}
