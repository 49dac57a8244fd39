/* PATCH /api/tenants/{tenant_id}/toggle-module?module=: a module of a business, on or off. */
#include "base.h"
#include "actions/actions.h"
#include "platform/policy.h"

bool action_toggle_module(struct req *req)
{
    struct job job = job_of_req(req);
    const char *tenant_id = req_param(req, "tenant_id"), *module = req_query(req, "module");
    struct str *out = resp_body(req);
    bool on = false;

    if (!module)
        return err_set(req->err, ERR_BAD_QUERY, "The query parameter module is missing.");
    str_addz(out, "{\"modules_enabled\":");
    if (!policy_toggle(&job, tenant_id, module, &on, out))
        return false;
    str_addz(out, ",\"tenant_id\":");
    str_add_json(out, tenant_id, strlen(tenant_id));
    str_addf(out, ",\"module\":\"%s\",\"enabled\":%s,\"message\":\"Module %s\"}", module,
             on ? "true" : "false", on ? "switched on" : "switched off");
    return true;
}
