/* Bodies and replies of actions, as field rows like those of a resource.
 *
 * To add one: 1. its field rows below; 2. its line in forms[]; 3. the name in `in` or `out` of the
 * action's row in src/routes.c. OpenAPI follows, and form_validate() checks a body by it.
 */
#include "base.h"
#include "engine/form.h"
#include "auth/perm.h"

static const struct field login_request[] = {
    {.name = "email", .kind = K_EMAIL, .flags = F_REQUIRED},
    {.name = "password", .kind = K_TEXT, .flags = F_REQUIRED, .max = 72,
     .summary = "At most 72 bytes"},
    {NULL},
};

/* K_OBJECT rows name another schema of this table in `ref`. */
static const struct field token_response[] = {
    {.name = "access_token", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "token_type", .kind = K_TEXT, .flags = F_REQUIRED, .summary = "Always \"bearer\""},
    {.name = "user", .kind = K_OBJECT, .flags = F_REQUIRED, .ref = "User"},
    {NULL},
};

/* The record of an account; who is signed in sees more of the business. */
#define ACCOUNT_FIELDS                                                                             \
    {.name = "id", .kind = K_TEXT, .flags = F_REQUIRED},                                           \
        {.name = "email", .kind = K_TEXT, .flags = F_REQUIRED},                                    \
        {.name = "username", .kind = K_TEXT}, {.name = "full_name", .kind = K_TEXT},               \
        {.name = "role", .kind = K_TEXT, .flags = F_REQUIRED},                                     \
        {.name = "is_active", .kind = K_BOOL, .flags = F_REQUIRED},                                \
        {.name = "tenant_id", .kind = K_TEXT},                                                     \
        {.name = "tenant_slug", .kind = K_TEXT,                                                    \
         .summary = "null without a business of one's own"},                                       \
        {.name = "branch_id", .kind = K_TEXT},                                                     \
        {.name = "allowed_routes", .kind = K_TEXT_LIST, .summary = "Modules, when narrowed"},      \
        {.name = "created_at", .kind = K_INSTANT}, {.name = "updated_at", .kind = K_INSTANT}

static const struct field account[] = {ACCOUNT_FIELDS, {NULL}};

#define BUSINESS_FIELDS                                                                            \
    {.name = "business_type", .kind = K_TEXT}, {.name = "business_name", .kind = K_TEXT},          \
        {.name = "subscription_status", .kind = K_TEXT},                                           \
        {.name = "subscription_plan", .kind = K_TEXT},                                             \
        {.name = "subscription_expires_at", .kind = K_INSTANT}

static const struct field user[] = {ACCOUNT_FIELDS, BUSINESS_FIELDS, {NULL}};

static const struct field me[] = {
    ACCOUNT_FIELDS,
    BUSINESS_FIELDS,
    {.name = "modules_enabled", .kind = K_TEXT_LIST, .max = 64,
     .summary = "What the business may use; null without a business of one's own"},
    {.name = "impersonated_by", .kind = K_TEXT,
     .summary = "Email of the super_admin who acts as this user; null: nobody does"},
    {.name = "impersonation_started", .kind = K_INSTANT},
    {.name = "impersonation_ends", .kind = K_INSTANT},
    {.name = "read_only", .kind = K_BOOL, .flags = F_REQUIRED,
     .summary = "Whether this token may change nothing"},
    {NULL},
};

static const struct field impersonate_request[] = {
    {.name = "reason", .kind = K_TEXT, .flags = F_REQUIRED, .min = 3, .max = 500,
     .summary = "Why; the business reads it in its audit log"},
    {.name = "minutes", .kind = K_INT, .min = 1, .max = 480, .def = "480",
     .summary = "How long at most; never beyond the super_admin's own token"},
    {.name = "read_only", .kind = K_BOOL, .def = "false",
     .summary = "A token that may change nothing"},
    {NULL},
};

static const struct field impersonate_response[] = {
    {.name = "access_token", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "token_type", .kind = K_TEXT, .flags = F_REQUIRED, .summary = "Always \"bearer\""},
    {.name = "user", .kind = K_OBJECT, .flags = F_REQUIRED, .ref = "User"},
    {.name = "expires_at", .kind = K_INSTANT, .flags = F_REQUIRED},
    {NULL},
};

/* The password never reaches the rows' checks: auth/password.h has its rules. */
#define NEW_PASSWORD                                                                               \
    .name = "password", .kind = K_TEXT, .min = 12, .max = 72,                                      \
    .summary = "At least 12 characters, at most 72 bytes, none of the well-known ones"
#define ROLE                                                                                       \
    .name = "role", .kind = K_ENUM, .values = role_names,                                          \
    .summary = "Never one above the caller's own"
#define MODULES                                                                                    \
    .name = "allowed_routes", .kind = K_TEXT_LIST, .max = 64,                                      \
    .summary = "Modules that the account is narrowed to; null or empty: not narrowed"

static const struct field user_create[] = {
    {.name = "email", .kind = K_EMAIL, .flags = F_REQUIRED},
    {NEW_PASSWORD, .flags = F_REQUIRED},
    {.name = "full_name", .kind = K_TEXT, .flags = F_REQUIRED},
    {ROLE, .flags = F_REQUIRED},
    {.name = "tenant_id", .kind = K_TEXT, .max = 63,
     .summary = "The business, said by a super_admin; others make accounts of their own"},
    {.name = "username", .kind = K_TEXT, .max = 64},
    {.name = "branch_id", .kind = K_TEXT, .max = 63},
    {MODULES},
    {NULL},
};

static const struct field user_change[] = {
    {.name = "email", .kind = K_EMAIL},
    {NEW_PASSWORD},
    {.name = "full_name", .kind = K_TEXT},
    {ROLE},
    {.name = "username", .kind = K_TEXT, .max = 64},
    {.name = "branch_id", .kind = K_TEXT, .max = 63},
    {MODULES},
    {.name = "is_active", .kind = K_BOOL, .summary = "false ends every token of the account"},
    {.name = "disabled", .kind = K_BOOL, .summary = "The opposite of is_active"},
    {NULL},
};

static const struct field signup_request[] = {
    {.name = "name", .kind = K_TEXT, .flags = F_REQUIRED, .summary = "Of the business"},
    {.name = "email", .kind = K_EMAIL, .flags = F_REQUIRED, .summary = "Of its administrator"},
    {.name = "business_type", .kind = K_TEXT, .flags = F_REQUIRED, .max = 31},
    {.name = "admin_password", .kind = K_TEXT, .flags = F_REQUIRED, .min = 12, .max = 72},
    {NULL},
};

static const struct field change_password_request[] = {
    {.name = "old_password", .kind = K_TEXT, .flags = F_REQUIRED, .max = 72,
     .summary = "May also be called current_password"},
    {.name = "new_password", .kind = K_TEXT, .flags = F_REQUIRED, .min = 12, .max = 72,
     .summary = "At least 12 characters, at most 72 bytes, none of the well-known ones"},
    {NULL},
};

static const struct field set_password_request[] = {
    {.name = "token", .kind = K_TEXT, .flags = F_REQUIRED, .max = 128,
     .summary = "What stands behind the # of the link"},
    {NEW_PASSWORD, .flags = F_REQUIRED},
    {NULL},
};

static const struct field change_password_response[] = {
    {.name = "message", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "access_token", .kind = K_TEXT, .flags = F_REQUIRED,
     .summary = "Takes the place of the token that has just ended"},
    {.name = "token_type", .kind = K_TEXT, .flags = F_REQUIRED, .summary = "Always \"bearer\""},
    {NULL},
};

static const struct field logout_request[] = {
    {.name = "everywhere", .kind = K_BOOL, .def = "false",
     .summary = "Ends every token of the account, not only this one"},
    {NULL},
};

#define BUSINESS_MEMBERS                                                                           \
    {.name = "name", .kind = K_TEXT, .flags = F_REQUIRED},                                         \
        {.name = "email", .kind = K_EMAIL, .flags = F_REQUIRED,                                    \
         .summary = "Of its administrator"},                                                       \
        {.name = "business_type", .kind = K_TEXT, .flags = F_REQUIRED, .max = 31}

static const struct field tenant[] = {
    BUSINESS_MEMBERS,
    {.name = "id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "tenant_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "slug", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "license_type", .kind = K_TEXT},
    {.name = "status", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "is_active", .kind = K_BOOL, .flags = F_REQUIRED},
    {.name = "database_name", .kind = K_TEXT},
    {.name = "modules_enabled", .kind = K_TEXT_LIST},
    {.name = "created_at", .kind = K_INSTANT},
    {.name = "updated_at", .kind = K_INSTANT},
    {.name = "password_link", .kind = K_TEXT,
     .summary = "Where the new administrator sets a password, once; shown this once"},
    {NULL},
};

static const struct field tenant_create[] = {
    BUSINESS_MEMBERS,
    {.name = "admin_password", .kind = K_TEXT, .min = 12, .max = 72,
     .summary = "Without it the reply has a link to set one"},
    {.name = "slug", .kind = K_TEXT, .max = 40, .summary = "By default made of the name"},
    {.name = "license_type", .kind = K_TEXT, .max = 31, .summary = "free, pro or enterprise"},
    {.name = "max_users", .kind = K_INT, .min = 1, .max = 1000000},
    {.name = "max_branches", .kind = K_INT, .min = 1, .max = 1000000},
    {.name = "features_enabled", .kind = K_TEXT_LIST, .max = 64,
     .summary = "Modules beside the core; by default those of the business type"},
    {NULL},
};

static const char *const tenant_statuses[] = {"active", "suspended", "inactive", "deleted", NULL};

static const struct field tenant_status_change[] = {
    {.name = "status", .kind = K_ENUM, .flags = F_REQUIRED, .values = tenant_statuses},
    {.name = "reason", .kind = K_TEXT, .max = 500},
    {NULL},
};

static const struct field product_stock[] = {
    {.name = "product_id", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "as_of", .kind = K_INSTANT, .flags = F_REQUIRED},
    {.name = "known_since", .kind = K_INSTANT, .summary = "The ledger's first row of the product"},
    {.name = "stock", .kind = K_INT,
     .summary = "The product's own; null when it is not known, and for users of one branch"},
    {.name = "branches", .kind = K_ROWS, .flags = F_REQUIRED,
     .summary = "Each branch_id with its stock_quantity; null when it is not known"},
    {NULL},
};

static const struct field message[] = {
    {.name = "message", .kind = K_TEXT, .flags = F_REQUIRED},
    {NULL},
};

static const struct field status[] = {
    {.name = "status", .kind = K_TEXT, .flags = F_REQUIRED, .summary = "\"ok\" when it is"},
    {NULL},
};

static const struct field tenant_health[] = {
    {.name = "tenant_slug", .kind = K_TEXT, .flags = F_REQUIRED,
     .summary = "\"default\" in the shared database"},
    {.name = "database_name", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "database_connected", .kind = K_BOOL, .flags = F_REQUIRED},
    {.name = "collections_count", .kind = K_INT, .summary = "null when the database is away"},
    {.name = "last_activity", .kind = K_INSTANT, .summary = "Time of the tenant's last write"},
    {NULL},
};

static const struct field tenant_collections[] = {
    {.name = "tenant_slug", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "database_name", .kind = K_TEXT, .flags = F_REQUIRED},
    {.name = "collections", .kind = K_TEXT_LIST, .flags = F_REQUIRED, .summary = "Sorted names"},
    {.name = "total_collections", .kind = K_INT, .flags = F_REQUIRED},
    {NULL},
};

/* The file itself is in the row (struct route_form). */
static const struct field file_form[] = {{NULL}};

static const struct field upload[] = {
    {.name = "url", .kind = K_URL, .flags = F_REQUIRED},
    {.name = "filename", .kind = K_TEXT, .flags = F_REQUIRED},
    {NULL},
};

static const struct form forms[] = {
    {"ImportReport", form_import_report, true},
    {"FileForm", file_form, false},
    {"Upload", upload, true},
    {"Branding", form_branding, true},
    {"LoginRequest", login_request, false},
    {"TokenResponse", token_response, true},
    {"User", user, true},
    {"Me", me, true},
    {"Account", account, true},
    {"ImpersonateRequest", impersonate_request, false},
    {"ImpersonateResponse", impersonate_response, true},
    {"UserCreate", user_create, false},
    {"UserChange", user_change, false},
    {"SignupRequest", signup_request, false},
    {"ChangePasswordRequest", change_password_request, false},
    {"SetPasswordRequest", set_password_request, false},
    {"ChangePasswordResponse", change_password_response, true},
    {"LogoutRequest", logout_request, false},
    {"Tenant", tenant, true},
    {"TenantCreate", tenant_create, false},
    {"TenantStatusChange", tenant_status_change, false},
    {"Plan", form_plan, true},
    {"UpdatePlanRequest", form_plan_update, false},
    {"Subscription", form_subscription, true},
    {"CreateSubscriptionRequest", form_subscription_create, false},
    {"SubscriptionStatusRequest", form_subscription_status, false},
    {"SubscriptionView", form_subscription_view, true},
    {"SubscriptionPayment", form_payment, true},
    {"RecordPaymentRequest", form_payment_create, false},
    {"Access", form_access, true},
    {"ModuleSwitch", form_module_switch, true},
    {"Installment", form_installment, false},
    {"JobPart", form_job_part, false},
    {"RepairLink", form_repair_link, false},
    {"CNFSummary", form_cnf_summary, true},
    {"ProductStock", product_stock, true},
    {"CreateAnnouncementRequest", form_announcement_create, false},
    {"Announcement", form_announcement, true},
    {"NotificationList", form_notification_list, true},
    {"UnreadCount", form_unread_count, true},
    {"Done", form_done, true},
    {"CheckDone", form_check_done, true},
    {"SaleCreate", form_sale_create, false},
    {"SaleItemCreate", form_sale_item, false},
    {"SaleTender", form_sale_tender, false},
    {"PaymentCreate", form_payment_in, false},
    {"PaymentDone", form_payment_done, true},
    {"SaleCancel", form_sale_cancel, false},
    {"SaleCancelled", form_sale_cancelled, true},
    {"SaleItemsUpdateRequest", form_sale_notes, false},
    {"SaleItemUpdate", form_sale_note, false},
    {"StockTransferCreate", form_transfer_create, false},
    {"PurchaseForm", form_purchase, false},
    {"PurchaseItemCreate", form_purchase_item, false},
    {"PurchaseApply", form_purchase_apply, false},
    {"PurchaseApplied", form_purchase_applied, true},
    {"Invoice", form_invoice, true},
    {"ReturnRequestCreate", form_return_create, false},
    {"ReturnApprove", form_return_approve, false},
    {"ReturnApproved", form_return_approved, true},
    {"ReturnReject", form_sale_cancel, false},
    {"ReturnRejected", form_return_rejected, true},
    {"ReturnExchange", form_return_exchange, false},
    {"Exchanged", form_exchanged, true},
    {"ClaimCreate", form_claim, false},
    {"ClaimDone", form_claimed, true},
    {"ResolvedWarranty", form_resolved, true},
    {"ResolvedProduct", form_resolved_product, true},
    {"WarrantyMade", form_warranty_made, true},
    {"WarrantyDetail", form_warranty_detail, true},
    {"WarrantyList", form_warranty_list, true},
    {"WarrantyStats", form_warranty_stats, true},
    {"InspectionCreate", form_inspection, false},
    {"SupplierActionCreate", form_supplier_action, false},
    {"SupplierActionDetails", form_supplier_action_details, false},
    {"SupplierActed", form_supplier_acted, true},
    {"SupplierWarrantyCreate", form_supplier_warranty, false},
    {"SupplierClaim", form_supplier_claim, false},
    {"DueRequestCreate", form_due_request, false},
    {"DueRequestItem", form_due_item, false},
    {"DueRequestApprove", form_due_approve, false},
    {"DueRequestApproved", form_due_approved, true},
    {"DueRequestReject", form_sale_cancel, false},
    {"DueRequestRejected", form_due_rejected, true},
    {"DueRequestCount", form_due_count, true},
    {"CustomerPaid", form_customer_paid, true},
    {"CustomerPart", form_customer_part, true},
    {"LedgerEntry", form_ledger_entry, true},
    {"CreditLimit", form_credit_limit, false},
    {"ShiftOpen", form_shift_open, false},
    {"ShiftMovement", form_shift_movement, false},
    {"ShiftClose", form_shift_close, false},
    {"ShiftCoin", form_shift_coin, false},
    {"ShiftReport", form_shift_report, true},
    {"BranchStats", form_branch_stats, true},
    {"DashboardStats", form_dashboard, true},
    {"SalesDay", form_sales_day, true},
    {"Alerts", form_alerts, true},
    {"AlertCounts", form_alert_counts, true},
    {"ProfitLoss", form_profit, true},
    {"TopProduct", form_top_product, true},
    {"BranchReport", form_branch_report, true},
    {"BranchSales", form_branch_sales, true},
    {"BranchOverall", form_branch_overall, true},
    {"BranchFilters", form_branch_filters, true},
    {"Message", message, true},
    {"Status", status, true},
    {"TenantHealth", tenant_health, true},
    {"TenantCollections", tenant_collections, true},
};

size_t form_count(void)
{
    return ARRAY_LEN(forms);
}

const struct form *form_at(size_t i)
{
    return &forms[i];
}

const struct form *form_by_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        if (strcmp(forms[i].name, name) == 0)
            return &forms[i];
    return NULL;
}

bool form_check(const char *name, enum validate_mode mode, const struct kind_env *env, json_t *body,
                bool strict, struct arena *arena, struct validated *out, struct err *err)
{
    const struct form *form = form_by_name(name);
    struct resource as_resource = {0};

    if (!form)
        die("there is no form %s", name);
    as_resource.noun = form->name;
    as_resource.fields = form->fields;
    return validate_body(&as_resource, mode, env, body, strict, arena, out, err);
}

bool form_validate(const char *name, enum validate_mode mode, json_t *body, bool strict,
                   struct arena *arena, struct validated *out, struct err *err)
{
    const struct kind_env env = {.decimals = 2};

    return form_check(name, mode, &env, body, strict, arena, out, err);
}
