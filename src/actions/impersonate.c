/* POST /api/super/tenants/{tenant_id}/impersonate: a token of the business's first administrator
 * for a super_admin. It ends with the token that asked for it, which principal.c sees to. */
#include "base.h"
#include "actions/actions.h"
#include "core/clock.h"
#include "core/log.h"
#include "engine/form.h"
#include "platform/impersonate.h"

bool action_impersonate(struct req *req)
{
    const struct claims *own = &req->principal.claims;
    struct impersonation acting = {.by = own};
    struct job job = job_of_req(req);
    int64_t left_s = own->exp - clock_ms() / 1000;
    const char *user_id, *reason;
    struct validated in;
    bson_iter_t it;

    if (!form_read(req, "ImpersonateRequest", VALIDATE_CREATE, &in))
        return false;
    if (left_s < 1)
        return err_set(req->err, ERR_TOKEN_EXPIRED, "The token has expired. Sign in again.");
    bson_iter_init_find(&it, in.set, "reason");
    reason = bson_iter_utf8(&it, NULL);
    bson_iter_init_find(&it, in.set, "minutes");
    acting.lifetime_s = bson_iter_as_int64(&it) * 60;
    if (acting.lifetime_s > left_s)
        acting.lifetime_s = left_s;
    bson_iter_init_find(&it, in.set, "read_only");
    acting.read_only = bson_iter_bool(&it);
    if (!impersonate_begin(&job, req_param(req, "tenant_id"), reason, &user_id))
        return false;
    log_event(LOG_LVL_WARN, "impersonation", "by", req->principal.user_id, "as", user_id, "reason",
              reason, NULL);
    return login_as(&req->app->login, user_id, &acting, req->arena, resp_body(req), req->err);
}
