/* One judgement for the gate, the operator's view and the tests. Knows no plans and no payments. */
#include "base.h"
#include "tenant/standing.h"

static bool is(const struct tenant *tenant, const char *status)
{
    return strcmp(tenant->subscription_status, status) == 0;
}

static int64_t end_of(const struct tenant *tenant)
{
    int64_t expires = tenant->subscription_expires_ms;

    if (tenant->subscription_ends_ms)
        return tenant->subscription_ends_ms;
    if (!expires || is(tenant, "trial"))
        return expires;
    return expires + STANDING_GRACE_MS;
}

struct standing standing_at(const struct tenant *tenant, int64_t now_ms)
{
    struct standing out = {.status = tenant->subscription_status};
    int64_t expires = tenant->subscription_expires_ms;
    bool known = is(tenant, "trial") || is(tenant, "active") || is(tenant, "grace");

    if (!known) {
        out.allowed = is(tenant, "") || is(tenant, "none");
        return out;
    }
    out.ends_ms = end_of(tenant);
    if (out.ends_ms && now_ms >= out.ends_ms) {
        out.status = "suspended";
        return out;
    }
    out.allowed = true;
    if (is(tenant, "active") && expires && now_ms >= expires)
        out.status = "grace";
    out.notice = !is(tenant, "active") || strcmp(out.status, "grace") == 0 ||
                 (expires && now_ms >= expires - STANDING_NOTICE_MS);
    return out;
}
