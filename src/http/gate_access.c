/* Gate steps that judge who is asking and whose data it is. A handler that checks one of these is a
 * bug. */
#include "base.h"
#include "http/gate.h"
#include "http/gate_steps.h"
#include "core/clock.h"
#include "core/log.h"
#include "tenant/modules.h"
#include "tenant/schema.h"
#include "tenant/standing.h"

const char *gate_slug(const struct req *req)
{
    if (!req->authenticated)
        return req->tenant ? req->tenant->slug : NULL; /* gate_enter */
    return req->principal.tenant_slug ? req->principal.tenant_slug
           : req->principal.legacy    ? "default"
                                      : NULL;
}

/* ---- who is asking ---- */

bool gate_token(struct req *req)
{
    const char *text = req->authorization;
    struct app *app = req->app;
    const char *slug;

    if (req->route->auth == AUTH_PUBLIC)
        return true;
    if (!text || strncasecmp(text, "Bearer", 6) != 0 || text[6] != ' ')
        return err_set(req->err, ERR_TOKEN_MISSING,
                       "Sign in first: this needs an Authorization header with a bearer token.");
    text += 6 + strspn(text + 6, " ");
    if (!principal_load(app->keys, app->users, text, strlen(text), req->arena, &req->principal,
                        req->err))
        return false;
    req->authenticated = true;
    req->who = (struct scope_who){.email = req->principal.email,
                                  .role = role_name(req->principal.role),
                                  .remote_addr = req->remote_addr};
    /* Whoever reads the reply shall know whose eyes it is for. */
    if (req->principal.impersonated)
        resp_header(req, "X-Impersonated-By", req->principal.impersonator);
    slug = gate_slug(req);
    if (slug && board_debug_on(app->board, slug))
        log_verbose(req->request_id);
    return true;
}

bool gate_role(struct req *req)
{
    const struct route *row = req->route;

    if (!req->authenticated || (route_roles(row) & R(req->principal.role)))
        return true;
    if (req->principal.role == ROLE_SUPER_ADMIN && row->tenancy != TENANCY_NONE)
        return err_set(req->err, ERR_TENANT_REQUIRED,
                       "This is a business's data, and a super_admin belongs to none: act as one "
                       "of its users for that.");
    return err_set(req->err, ERR_ROLE_FORBIDDEN, "The role %s may not do this.",
                   role_name(req->principal.role));
}

bool gate_acting(struct req *req)
{
    const struct route *row = req->route;

    if (!req->principal.impersonated || row->acting == ACTING_ALWAYS)
        return true;
    if (row->acting == ACTING_NEVER)
        return err_set(req->err, ERR_IMPERSONATED,
                       "Nobody does this in the place of another: use your own account.");
    if (row->writes && req->principal.claims.read_only)
        return err_set(req->err, ERR_IMPERSONATED,
                       "This token was asked for to look, not to change anything.");
    return true;
}

/* ---- whose data ---- */

/* Before anything is asked of the tenant's database, so that a cluster that hangs never holds more
 * workers than the share. */
static bool within_share(struct req *req, const char *slug)
{
    struct board *board = req->app->board;
    int workers, share;

    board_tenant(board, slug);
    if ((workers = board_pool_workers(board)) < 3)
        return true;
    share = (int)((workers * req->app->conf.tenant_share_pct + 99) / 100);
    if (board_tenant_busy(board, slug) <= (share > 1 ? share : 1))
        return true;
    if (board_cluster_hangs(board, board_tenant_cluster(board, slug)))
        return err_set_retry(req->err, ERR_DB_UNAVAILABLE, 1,
                             "The database of this tenant does not answer. Please try again "
                             "shortly.");
    return err_set_retry(req->err, ERR_TENANT_BUSY, 1,
                         "Too many requests of this business are running at once.");
}

bool gate_bulkhead(struct req *req)
{
    const char *slug = gate_slug(req);

    return !slug || req->route->tenancy == TENANCY_NONE || within_share(req, slug);
}

static bool resolve(struct req *req)
{
    const struct principal *who = &req->principal;
    struct app *app = req->app;

    if (who->tenant_slug)
        return resolve_tenant(&app->resolver, who->tenant_slug, who->tenant_id, req->arena,
                              req->deadline_us, &req->tenant, &req->scope, req->err);
    if (!who->legacy)
        return err_set(req->err, ERR_TENANT_REQUIRED,
                       "This account belongs to no business, and this is a business's data.");
    if (!resolve_legacy(&app->resolver, who->tenant_id, req->arena, req->deadline_us, &req->legacy,
                        &req->scope, req->err))
        return false;
    req->tenant = &req->legacy;
    return true;
}

/* Rows that report a database which is away, or can do without, go on without a client; everything
 * else about a tenant still refuses. */
static bool away_is_fine(struct req *req)
{
    if (req->route->tenancy == TENANCY_REQUIRED || req->err->code != ERR_DB_UNAVAILABLE)
        return false;
    if (!req->tenant && req->principal.tenant_slug) {
        struct err ignored;
        bool known;

        err_init(&ignored);
        known = registry_by_slug(req->app->registry, req->principal.tenant_slug, &req->tenant,
                                 &ignored);
        err_release(&ignored);
        if (!known)
            return false;
    }
    if (!req->tenant) {
        snprintf(req->legacy.slug, sizeof req->legacy.slug, "default");
        snprintf(req->legacy.db_name, sizeof req->legacy.db_name, "%s", req->app->conf.db_name);
        req->tenant = &req->legacy;
    }
    req->scope.client = NULL;
    err_clear(req->err);
    return true;
}

bool gate_tenant(struct req *req)
{
    enum route_tenancy tenancy = req->route->tenancy;
    int64_t begun = clock_mono_us();
    bool ok;

    if (tenancy == TENANCY_NONE || !req->authenticated)
        return true;
    if (tenancy == TENANCY_OPTIONAL && !req->principal.tenant_slug && !req->principal.legacy)
        return true;
    ok = resolve(req) || away_is_fine(req);
    req->scope.who = &req->who;
    req->tenant_us = clock_mono_us() - begun;
    return ok;
}

bool gate_schema(struct req *req)
{
    if (!req->tenant || !req->route->writes || req->tenant->schema_version <= schema_current())
        return true;
    return err_set_retry(req->err, ERR_SCHEMA_NEWER, 30,
                         "The data of this business has been upgraded for a newer version of the "
                         "server: it can be read here, and changed once the server is as new.");
}

/* Said by the entry, so a moment late where it is cached; what must be exact is tenant/hold.h. */
bool gate_hold(struct req *req)
{
    if (!req->route->writes || !req->tenant || !req->tenant->write_hold[0])
        return true;
    return err_set_retry(
        req->err, ERR_TENANT_MOVING, 1,
        "Nothing can be changed for this business right now. Please try again in a moment.");
}

/* Told before it ends, to whoever asks and on every reply. */
static void tell_standing(struct req *req, const struct standing *standing)
{
    char *text = arena_alloc(req->arena, CLOCK_TEXT_SIZE);

    resp_header(req, "X-Subscription-Status", standing->status);
    if (!standing->ends_ms)
        return;
    clock_format(text, standing->ends_ms);
    resp_header(req, "X-Subscription-Expires", text);
}

bool gate_subscription(struct req *req)
{
    struct standing standing;

    if (!req->tenant)
        return true;
    standing = standing_at(req->tenant, clock_ms());
    if (standing.notice || !standing.allowed)
        tell_standing(req, &standing);
    /* Who lapsed may still see who he is, how his database is, and what to pay; a module is what he
     * paid for. */
    if (standing.allowed || (req->route->tenancy != TENANCY_REQUIRED && !req->route->module))
        return true;
    return err_set(req->err, ERR_SUBSCRIPTION_LAPSED,
                   "The subscription of %s is %s: an administrator has to renew it.",
                   req->tenant->business_name, standing.status);
}

bool gate_may_use(const struct req *req, const char *module, struct err *err)
{
    const struct principal *who = &req->principal;
    bool allowed = who->n_allowed == 0;

    if (!module || !req->tenant)
        return true;
    if (!module_enabled(req->tenant, module))
        return err_set(err, ERR_MODULE_FORBIDDEN, "The module \"%s\" is not part of the plan.",
                       module);
    for (size_t i = 0; i < who->n_allowed && !allowed; i++)
        allowed = strcmp(who->allowed[i], module) == 0;
    if (!allowed)
        return err_set(err, ERR_MODULE_FORBIDDEN, "This account may not use \"%s\".", module);
    return true;
}

bool gate_module(struct req *req)
{
    return gate_may_use(req, req->route->module, req->err);
}

bool gate_branch(struct req *req)
{
    if (!req->tenant || role_all_branches(req->principal.role))
        return true;
    if (!req->principal.branch_id && req->route->by_branch)
        return err_set(
            req->err, ERR_BRANCH_REQUIRED,
            "This account is assigned to no branch: an administrator has to assign one.");
    req->scope.branch_id = req->principal.branch_id;
    return true;
}

/* ---- without signing in ---- */

bool gate_enter(struct req *req, const char *slug, const char *tenant_id)
{
    static gate_step *const steps[] = {gate_schema, gate_hold, gate_subscription, gate_module};
    int64_t begun = clock_mono_us();
    bool ok = within_share(req, slug) &&
              resolve_tenant(&req->app->resolver, slug, tenant_id, req->arena, req->deadline_us,
                             &req->tenant, &req->scope, req->err);

    req->who = (struct scope_who){.remote_addr = req->remote_addr};
    req->scope.who = &req->who;
    req->tenant_us = clock_mono_us() - begun;
    for (size_t i = 0; ok && i < ARRAY_LEN(steps); i++)
        ok = steps[i](req);
    return ok;
}
