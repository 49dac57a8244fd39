/* Operations that are not plain CRUD: one handler each, named by rows of src/routes.c.
 *
 * To add one: 1. src/actions/<verb>.c with its handler; 2. its declaration here; 3. its row in
 * src/routes.c (docs/add-an-action.md). Handlers check no roles and open no tenants: the row does.
 */
#ifndef ERP_ACTIONS_H
#define ERP_ACTIONS_H

#include "http/route.h"

bool action_login(struct req *req);           /* session.c */
bool action_me(struct req *req);
bool action_change_password(struct req *req);
bool action_logout(struct req *req);
bool action_set_password(struct req *req);    /* set_password.c */

bool action_user_list(struct req *req);       /* users.c */
bool action_user_get(struct req *req);
bool action_user_create(struct req *req);
bool action_user_change(struct req *req);
bool action_user_remove(struct req *req);
bool action_register(struct req *req);

bool action_signup(struct req *req);          /* signup.c */

bool action_impersonate(struct req *req);     /* impersonate.c */

bool action_tenant_list(struct req *req);     /* tenants.c */
bool action_tenant_create(struct req *req);
bool action_tenant_status(struct req *req);
bool action_tenant_stats(struct req *req);

bool action_toggle_module(struct req *req);    /* modules.c */

bool action_plan_list(struct req *req);        /* billing.c */
bool action_plan_change(struct req *req);
bool action_subscription_list(struct req *req);
bool action_subscription_create(struct req *req);
bool action_subscription_get(struct req *req);
bool action_subscription_view(struct req *req);
bool action_subscription_set(struct req *req);
bool action_subscription_own(struct req *req);
bool action_payment_create(struct req *req);
bool action_payment_list(struct req *req);
bool action_access(struct req *req);

bool action_branch_stats(struct req *req);     /* branches.c */
bool action_cnf_summary(struct req *req);      /* cnf.c */

bool action_announcement_create(struct req *req); /* announcements.c */
bool action_announcement_list(struct req *req);
bool action_announcement_remove(struct req *req);

bool action_notification_list(struct req *req);   /* notifications.c */
bool action_notification_unread(struct req *req);
bool action_notification_read(struct req *req);
bool action_notification_dismiss(struct req *req);
bool action_notification_check(struct req *req);

bool action_health_live(struct req *req);     /* health.c */
bool action_health_ready(struct req *req);
bool action_health_tenant(struct req *req);
bool action_health_collections(struct req *req);

bool action_sale_create(struct req *req);    /* sales.c */
bool action_sale_items(struct req *req);
bool action_sale_pay(struct req *req);
bool action_sale_cancel(struct req *req);
bool action_sale_invoice(struct req *req); /* invoices.c */
bool action_sale_receipt(struct req *req);

bool action_return_create(struct req *req);  /* returns.c */
bool action_return_approve(struct req *req);
bool action_return_reject(struct req *req);
bool action_return_exchange(struct req *req); /* exchange.c */

bool action_due_request_create(struct req *req); /* due_requests.c */
bool action_due_request_count(struct req *req);
bool action_due_request_approve(struct req *req);
bool action_due_request_reject(struct req *req);

bool action_customer_pay(struct req *req); /* customers.c */
bool action_customer_ledger(struct req *req);
bool action_customer_limit(struct req *req);

bool action_dashboard_stats(struct req *req); /* reports.c */
bool action_dashboard_chart(struct req *req);
bool action_dashboard_alerts(struct req *req);
bool action_report_profit(struct req *req);
bool action_report_top_products(struct req *req);
bool action_report_branches(struct req *req);

bool action_transfer_create(struct req *req); /* transfers.c */

bool action_till_open(struct req *req); /* till.c */
bool action_till_move(struct req *req);
bool action_till_close(struct req *req);
bool action_till_x(struct req *req);
bool action_till_z(struct req *req);
bool action_purchase_create(struct req *req); /* purchases.c */
bool action_purchase_receipt(struct req *req);
bool action_purchase_apply(struct req *req);
bool action_receipt_file(struct req *req);

bool action_warranty_create(struct req *req); /* warranties.c */
bool action_warranty_inspection(struct req *req);
bool action_warranty_inspect(struct req *req);
bool action_warranty_supplier(struct req *req);
bool action_warranty_link(struct req *req);
bool action_warranty_get(struct req *req);
bool action_warranty_list(struct req *req);
bool action_warranty_stats(struct req *req);

bool action_warranty_resolve(struct req *req); /* warranty_public.c */
bool action_warranty_claim(struct req *req);
bool action_warranty_image(struct req *req);
bool action_evidence_file(struct req *req);

bool action_supplier_warranty_create(struct req *req); /* supplier_warranties.c */
bool action_supplier_warranty_list(struct req *req);
bool action_supplier_warranty_get(struct req *req);
bool action_supplier_warranty_claim(struct req *req);

bool action_stock_as_of(struct req *req);    /* stock_as_of.c */
bool action_openapi(struct req *req);         /* meta.c */

/* Which picture a row stores: the beginning of its file's name, its field in the settings. */
struct upload {
    const char *label, *field;
};
extern const struct upload upload_logo, upload_background, upload_favicon;
bool action_upload(struct req *req);   /* upload.c */
bool action_branding(struct req *req); /* upload.c */

#endif
