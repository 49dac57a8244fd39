/* THE handler table. A row is the whole policy of an operation; plain records bring their own
 * rows from their descriptors (src/resources, engine/crud.c). Those about whole businesses are in
 * routes_platform.c, those about sales, stock and money in routes_trade.c, those about
 * warranties in routes_warranty.c.
 *
 * To add one: 1. write the handler in src/actions/<verb>.c; 2. add its row here; 3. run
 * `erpd --routes`. The checks of route.c, the isolation tests and OpenAPI follow by themselves.
 */
#include "base.h"
#include "routes.h"
#include "actions/actions.h"
#include "engine/crud.h"
#include "engine/idem.h"
#include "platform/files.h"
#include "tenant/modules.h"

#define LOGIN_BODY_MAX 4096

static const struct route_param user_list_params[] = {
    {"limit", "integer", "At most this many (1 to 1000, default 1000)", false},
    {"after", "string", "An account's id: those that come after it", false},
    {"tenant_id", "string", "Only this business's; for a super_admin", false},
    {NULL, NULL, NULL, false}};

static const struct route_param announcement_list_params[] = {
    {"skip", "integer", "Leave out this many (at most 100000)", false},
    {"limit", "integer", "At most this many (1 to 200, default 50)", false},
    {NULL, NULL, NULL, false}};

static const struct route_param notification_list_params[] = {
    {"type", "string", "Only this type, or \"announcement\": the platform's alone", false},
    {"unread_only", "boolean", "Only those not read yet", false},
    {"limit", "integer", "At most this many (1 to 1000, default 20)", false},
    {NULL, NULL, NULL, false}};

static const struct route_param branding_params[] = {
    {"tenant_slug", "string", "Whose", false}, {NULL, NULL, NULL, false}};

extern const struct resource settings_resource; /* src/resources/settings.c */

static const struct route_form picture = {
    .file = "file", .required = true, .kinds = FILE_IMAGES, .max = FILES_PICTURE_MAX};
static const struct route_form icon = {
    .file = "file", .required = true, .kinds = FILE_IMAGES | FILE_ICO, .max = 1 << 20};

/* clang-format off */
static const struct route rows[] = {
    /* ---- signing in ---- */
    {
        .method = "POST", .path = "/api/auth/login", .handler = action_login,
        .auth = AUTH_PUBLIC, .tenancy = TENANCY_NONE, .pool = POOL_LOGIN,
        .body = BODY_JSON, .body_limit = LOGIN_BODY_MAX,
        .in = "LoginRequest", .out = "TokenResponse", .writes = true,
        .summary = "Sign in with email and password",
    },
    {
        .method = "GET", .path = "/api/auth/me", .handler = action_me,
        .roles = ROLES_ANY, .tenancy = TENANCY_OPTIONAL,
        .out = "Me",
        .summary = "The signed-in user, and who acts as it",
    },
    {
        .method = "POST", .path = "/api/auth/change-password", .handler = action_change_password,
        .roles = ROLES_ANY, .tenancy = TENANCY_NONE, .pool = POOL_LOGIN, .acting = ACTING_NEVER,
        .body = BODY_JSON, .body_limit = LOGIN_BODY_MAX,
        .in = "ChangePasswordRequest", .out = "ChangePasswordResponse", .writes = true,
        .summary = "Change one's own password; all older tokens end",
    },
    {
        .method = "POST", .path = "/api/auth/set-password", .handler = action_set_password,
        .auth = AUTH_PUBLIC, .tenancy = TENANCY_NONE, .pool = POOL_LOGIN,
        .body = BODY_JSON, .body_limit = LOGIN_BODY_MAX,
        .in = "SetPasswordRequest", .out = "Message", .writes = true,
        .summary = "Set the password of an account by its link, which works once",
    },
    {
        .method = "POST", .path = "/api/auth/logout", .handler = action_logout,
        .roles = ROLES_ANY, .tenancy = TENANCY_NONE, .acting = ACTING_ALWAYS,
        .body = BODY_OPTIONAL, .body_limit = LOGIN_BODY_MAX,
        .in = "LogoutRequest", .out = "Message", .writes = true,
        .summary = "End this token, or with {\"everywhere\": true} all tokens of the user",
    },
    {
        .method = "POST", .path = "/api/auth/register", .handler = action_register,
        .roles = ROLES_USERS, .tenancy = TENANCY_OPTIONAL, .module = "users", .pool = POOL_LOGIN,
        .body = BODY_JSON, .body_limit = LOGIN_BODY_MAX,
        .acting = ACTING_NEVER, .in = "UserCreate", .out = "TokenResponse", .writes = true,
        .summary = "Make an account, as POST /api/users, and sign it in",
    },
    {
        .method = "POST", .path = "/api/auth/signup", .handler = action_signup,
        .auth = AUTH_PUBLIC, .tenancy = TENANCY_NONE, .pool = POOL_LOGIN,
        .body = BODY_JSON, .body_limit = LOGIN_BODY_MAX,
        .in = "SignupRequest", .out = "TokenResponse", .writes = true,
        .summary = "Make a business of the shared database and its administrator, where that is on",
    },

    /* ---- accounts ---- */
    {
        .method = "GET", .path = "/api/users", .handler = action_user_list,
        .roles = ROLES_USERS, .tenancy = TENANCY_OPTIONAL, .module = "users",
        .query = user_list_params, .out = "Account", .out_list = true,
        .summary = "The accounts of the business; all there are for a super_admin",
    },
    {
        .method = "POST", .path = "/api/users", .handler = action_user_create,
        .roles = ROLES_USERS, .tenancy = TENANCY_OPTIONAL, .module = "users",
        .acting = ACTING_NEVER, .body = BODY_JSON, .in = "UserCreate", .out = "Account",
        .writes = true,
        .summary = "Make an account",
    },
    {
        .method = "GET", .path = "/api/users/{user_id}", .handler = action_user_get,
        .roles = ROLES_USERS, .tenancy = TENANCY_OPTIONAL, .module = "users",
        .out = "Account",
        .summary = "One account",
    },
    {
        .method = "PUT", .path = "/api/users/{user_id}", .handler = action_user_change,
        .roles = ROLES_USERS, .tenancy = TENANCY_OPTIONAL, .module = "users",
        .acting = ACTING_NEVER, .body = BODY_JSON, .in = "UserChange", .out = "Account",
        .writes = true,
        .summary = "Change an account: members that are left out or null stay",
    },
    {
        .method = "PATCH", .path = "/api/users/{user_id}", .handler = action_user_change,
        .roles = ROLES_USERS, .tenancy = TENANCY_OPTIONAL, .module = "users",
        .acting = ACTING_NEVER, .body = BODY_JSON, .in = "UserChange", .out = "Account",
        .writes = true,
        .summary = "Change an account",
    },
    {
        .method = "DELETE", .path = "/api/users/{user_id}", .handler = action_user_remove,
        .roles = ROLES_USERS, .tenancy = TENANCY_OPTIONAL, .module = "users",
        .acting = ACTING_NEVER, .out = "Message", .writes = true,
        .summary = "Remove an account; its tokens end",
    },
    {
        .method = "POST", .path = "/api/super/tenants/{tenant_id}/impersonate",
        .handler = action_impersonate,
        .roles = ROLES_SUPER, .tenancy = TENANCY_NONE, .acting = ACTING_NEVER,
        .body = BODY_JSON, .in = "ImpersonateRequest", .out = "ImpersonateResponse", .writes = true,
        .summary = "Act as the first administrator of a business, for at most 8 hours",
    },

    /* ---- reports ---- */
    {
        .method = "GET", .path = "/api/branches/{id}/stats", .handler = action_branch_stats,
        .roles = ROLES_MANAGER, .module = "branches", .by_branch = true, .out = "BranchStats",
        .summary = "What is assigned to a branch; to a branch's manager its own alone",
    },
    {
        .method = "GET", .path = "/api/cnf/reports/summary", .handler = action_cnf_summary,
        .roles = ROLES_MANAGER | R(ROLE_STAFF), .module = "customs", .out = "CNFSummary",
        .summary = "Shipments, job files and transports, all and active, and what is invoiced",
    },

    /* ---- announcements, notifications ---- */
    {
        .method = "POST", .path = "/api/super/announcements",
        .handler = action_announcement_create,
        .roles = ROLES_SUPER, .tenancy = TENANCY_NONE,
        .body = BODY_JSON, .in = "CreateAnnouncementRequest",
        .out = "Announcement", .writes = true, .platform_keyed = true,
        .summary = "Announce something to businesses",
    },
    {
        .method = "GET", .path = "/api/super/announcements",
        .handler = action_announcement_list,
        .roles = ROLES_SUPER, .tenancy = TENANCY_NONE,
        .query = announcement_list_params, .out = "Announcement", .out_list = true,
        .summary = "The announcements, the newest first, and how many have read them",
    },
    {
        .method = "DELETE", .path = "/api/super/announcements/{announcement_id}",
        .handler = action_announcement_remove,
        .roles = ROLES_SUPER, .tenancy = TENANCY_NONE,
        .out = "Message", .writes = true,
        .summary = "Remove an announcement: nobody sees it any more",
    },
    {
        .method = "GET", .path = "/api/notifications", .handler = action_notification_list,
        .roles = ROLES_ANY, .tenancy = TENANCY_OPTIONAL, .module = "core",
        .query = notification_list_params, .out = "NotificationList",
        .summary = "What the caller is told, by the business and by the platform",
    },
    {
        .method = "GET", .path = "/api/notifications/unread-count",
        .handler = action_notification_unread,
        .roles = ROLES_ANY, .tenancy = TENANCY_OPTIONAL, .module = "core",
        .out = "UnreadCount",
        .summary = "How much of that is unread",
    },
    {
        .method = "PATCH", .path = "/api/notifications/{notification_id}/read",
        .handler = action_notification_read,
        .out = "Done", .writes = true,
        .summary = "Mark as read; also yes when there is no such notification",
    },
    {
        .method = "PATCH", .path = "/api/notifications/{announcement_id}/dismiss",
        .handler = action_notification_dismiss,
        .out = "Done", .writes = true,
        .summary = "Put an announcement away, for the caller alone",
    },

    /* ---- health ---- */
    {
        .method = "GET", .path = "/api/health/live", .handler = action_health_live,
        .auth = AUTH_PUBLIC, .tenancy = TENANCY_NONE,
        .out = "Status",
        .summary = "A worker answers",
    },
    {
        .method = "GET", .path = "/api/health/ready", .handler = action_health_ready,
        .auth = AUTH_PUBLIC, .tenancy = TENANCY_NONE,
        .out = "Status",
        .summary = "The tenant registry's database answers too",
    },
    {
        .method = "GET", .path = "/api/health/tenant", .handler = action_health_tenant,
        .tenancy = TENANCY_REPORTED,
        .out = "TenantHealth",
        .summary = "Is the caller's database there, and when was it last written",
    },
    {
        .method = "GET", .path = "/api/health/tenant/collections",
        .handler = action_health_collections,
        .out = "TenantCollections",
        .summary = "The collections of the caller's database",
    },

    /* ---- pictures of a business ---- */
    {
        .method = "POST", .path = "/api/upload/logo", .handler = action_upload,
        .roles = ROLES_OFFICE, .module = "settings", .resource = &settings_resource,
        .body = BODY_FORM, .form = &picture, .arg = &upload_logo,
        .in = "FileForm", .out = "Upload", .writes = true, .repeatable = true,
        .summary = "Store a logo and name it in the settings",
    },
    {
        .method = "POST", .path = "/api/upload/background", .handler = action_upload,
        .roles = ROLES_OFFICE, .module = "settings", .resource = &settings_resource,
        .body = BODY_FORM, .form = &picture, .arg = &upload_background,
        .in = "FileForm", .out = "Upload", .writes = true, .repeatable = true,
        .summary = "Store a background picture and name it in the settings",
    },
    {
        .method = "POST", .path = "/api/upload/favicon", .handler = action_upload,
        .roles = ROLES_OFFICE, .module = "settings", .resource = &settings_resource,
        .body = BODY_FORM, .form = &icon, .arg = &upload_favicon,
        .in = "FileForm", .out = "Upload", .writes = true, .repeatable = true,
        .summary = "Store an icon and name it in the settings",
    },
    {
        .method = "GET", .path = "/api/public/branding", .handler = action_branding,
        .auth = AUTH_PUBLIC, .tenancy = TENANCY_NONE,
        .query = branding_params, .open_query = true, .out = "Branding",
        .summary = "How a business shows itself before anybody has signed in",
    },

    /* ---- the interface itself ---- */
    {
        .method = "GET", .path = "/api/openapi.json", .handler = action_openapi,
        .auth = AUTH_PUBLIC, .tenancy = TENANCY_NONE,
        .summary = "This interface as OpenAPI 3.1",
    },
};
/* clang-format on */

/* What every row gets, wherever it comes from. The core is part of everything and nobody's to take
 * away: a row that names it names no module. */
static void finish_row(struct route *row)
{
    if (row->module && !module_find(row->module, strlen(row->module)))
        die("%s %s: there is no module %s", row->method, row->path, row->module);
    if (row->module && strcmp(row->module, MODULE_CORE) == 0)
        row->module = NULL;
    if (!idem_offered(row))
        return;
    row->inner = row->handler;
    row->handler = idem_serve;
}

struct route_table *routes_build(void)
{
    const struct {
        const struct route *rows;
        size_t n;
    } tables[] = {{rows, ARRAY_LEN(rows)},
                  {routes_platform, routes_platform_n},
                  {routes_trade, routes_trade_n},
                  {routes_warranty, routes_warranty_n}};
    size_t n = 0, room = resource_count() * CRUD_ROWS_MAX;
    struct route *all;
    struct arena *texts = arena_new(1 << 20);
    struct route_table *table;

    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        room += tables[i].n;
    all = calloc(room, sizeof *all);
    if (!all)
        die("out of memory");
    for (size_t i = 0; i < ARRAY_LEN(tables); n += tables[i++].n)
        memcpy(all + n, tables[i].rows, tables[i].n * sizeof *all);
    for (size_t i = 0; i < resource_count(); i++)
        n += crud_routes(resource_at(i), texts, all + n);
    for (size_t i = 0; i < n; i++)
        finish_row(&all[i]);
    table = route_table_new(all, n, texts);
    free(all);
    return table;
}
