/* Rows of the handler table about whole businesses, what they may use and what they pay for it, as
 * those of routes.c, which adds them to its own.
 */
#include "base.h"
#include "routes.h"
#include "actions/actions.h"

static const struct route_param tenant_list_params[] = {
    {"limit", "integer", "At most this many (1 to 1000, default 1000)", false},
    {"after", "string", "A slug: those that come after it", false},
    {NULL, NULL, NULL, false}};

#define PAGE_PARAMS                                                                                \
    {"limit", "integer", "At most this many (1 to 1000, default 1000)", false},                    \
    {                                                                                              \
        "after", "string", "Cursor of the Link header: the next page", false                       \
    }

static const struct route_param subscription_list_params[] = {
    {"status", "string", "Only those in this state", false}, PAGE_PARAMS,
    {NULL, NULL, NULL, false}};

static const struct route_param payment_list_params[] = {PAGE_PARAMS, {NULL, NULL, NULL, false}};

static const struct route_param toggle_module_params[] = {
    {"module", "string", "The module's name", true}, {NULL, NULL, NULL, false}};

/* clang-format off */
const struct route routes_platform[] = {
    /* ---- businesses ---- */
    {
        .method = "GET", .path = "/api/tenants", .handler = action_tenant_list,
        .roles = ROLES_SUPER, .tenancy = TENANCY_NONE,
        .query = tenant_list_params, .out = "Tenant", .out_list = true,
        .summary = "The businesses, in the order of their slugs",
    },
    {
        .method = "POST", .path = "/api/tenants", .handler = action_tenant_create,
        .roles = ROLES_SUPER, .tenancy = TENANCY_NONE, .acting = ACTING_NEVER,
        .body = BODY_JSON, .in = "TenantCreate", .out = "Tenant", .writes = true,
        .summary = "Set up a business with a database and an administrator of its own",
    },
    {
        .method = "PATCH", .path = "/api/super/tenants/{tenant_id}/status",
        .handler = action_tenant_status,
        .roles = ROLES_SUPER, .tenancy = TENANCY_NONE, .acting = ACTING_NEVER,
        .body = BODY_JSON, .in = "TenantStatusChange", .out = "Tenant", .writes = true,
        .summary = "Let a business work, or not",
    },
    {
        .method = "GET", .path = "/api/super/tenants/{tenant_id}/stats",
        .handler = action_tenant_stats,
        .roles = ROLES_SUPER, .tenancy = TENANCY_NONE,
        .summary = "The sales of a business: ever, today, and the last ten of seven days",
    },

    /* ---- modules, plans, subscriptions, payments ---- */
    {
        .method = "PATCH", .path = "/api/tenants/{tenant_id}/toggle-module",
        .handler = action_toggle_module,
        .roles = ROLES_SUPER, .tenancy = TENANCY_NONE,
        .query = toggle_module_params, .out = "ModuleSwitch", .writes = true,
        .summary = "Switch a module of a business on, or off when it was on",
    },
    {
        .method = "GET", .path = "/api/super/plans",
        .handler = action_plan_list,
        .roles = ROLES_SUPER, .tenancy = TENANCY_NONE,
        .out = "Plan", .out_list = true,
        .summary = "The plans that a business can have",
    },
    {
        .method = "PATCH", .path = "/api/super/plans/{plan_id}",
        .handler = action_plan_change,
        .roles = ROLES_SUPER, .tenancy = TENANCY_NONE,
        .body = BODY_JSON, .in = "UpdatePlanRequest",
        .out = "Plan", .writes = true,
        .summary = "Change a plan; what is subscribed keeps its price",
    },
    {
        .method = "GET", .path = "/api/super/subscriptions",
        .handler = action_subscription_list,
        .roles = ROLES_SUPER, .tenancy = TENANCY_NONE,
        .out = "Subscription", .out_list = true,
        .query = subscription_list_params,
        .summary = "The subscriptions, the newest first",
    },
    {
        .method = "POST", .path = "/api/super/subscriptions",
        .handler = action_subscription_create,
        .roles = ROLES_SUPER, .tenancy = TENANCY_NONE,
        .body = BODY_JSON, .in = "CreateSubscriptionRequest",
        .out = "Subscription", .writes = true,
        .platform_keyed = true,
        .summary = "Subscribe a business to a plan",
    },
    {
        .method = "GET", .path = "/api/super/subscriptions/{tenant_id}",
        .handler = action_subscription_get,
        .roles = ROLES_SUPER, .tenancy = TENANCY_NONE,
        .out = "Subscription",
        .summary = "The newest subscription of a business",
    },
    {
        .method = "GET", .path = "/api/super/subscriptions/{subscription_id}/status",
        .handler = action_subscription_view,
        .roles = ROLES_SUPER, .tenancy = TENANCY_NONE,
        .out = "SubscriptionView",
        .summary = "A subscription with what happened to it last",
    },
    {
        .method = "PATCH", .path = "/api/super/subscriptions/{subscription_id}/status",
        .handler = action_subscription_set,
        .roles = ROLES_SUPER, .tenancy = TENANCY_NONE,
        .body = BODY_JSON, .in = "SubscriptionStatusRequest",
        .out = "Subscription", .writes = true,
        .summary = "Move a subscription to another state",
    },
    {
        .method = "POST", .path = "/api/super/payments",
        .handler = action_payment_create,
        .roles = ROLES_SUPER, .tenancy = TENANCY_NONE,
        .body = BODY_JSON, .in = "RecordPaymentRequest",
        .out = "SubscriptionPayment", .writes = true,
        .platform_keyed = true,
        .summary = "Record what was paid; it extends the subscription by one period",
    },
    {
        .method = "GET", .path = "/api/super/payments/{subscription_id}",
        .handler = action_payment_list,
        .roles = ROLES_SUPER, .tenancy = TENANCY_NONE,
        .query = payment_list_params, .out = "SubscriptionPayment", .out_list = true,
        .summary = "What was paid for a subscription, the newest first",
    },
    {
        .method = "GET", .path = "/api/super/tenants/{tenant_id}/access",
        .handler = action_access,
        .roles = ROLES_SUPER, .tenancy = TENANCY_NONE,
        .out = "Access",
        .summary = "May a business use its records now",
    },
    {
        .method = "GET", .path = "/api/subscription", .handler = action_subscription_own,
        .roles = ROLES_OFFICE, .tenancy = TENANCY_OPTIONAL,
        .out = "SubscriptionView",
        .summary = "The business's own subscription; also there once it has lapsed",
    },
};
/* clang-format on */

const size_t routes_platform_n = ARRAY_LEN(routes_platform);
