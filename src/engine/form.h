/* Named bodies and replies of actions: one list of field rows gives validation and OpenAPI. */
#ifndef ERP_ENGINE_FORM_H
#define ERP_ENGINE_FORM_H

#include "engine/validate.h"

struct req;

struct form {
    const char *name; /* as in `in` and `out` of a route's row */
    const struct field *fields;
    bool reply; /* every member is there; else a body, of which some may be left out */
};

/* form_sale.c, form_billing.c: rows that form.c lists in its table. */
extern const struct field form_sale_create[], form_sale_item[], form_sale_tender[],
    form_payment_in[], form_payment_done[], form_sale_cancel[], form_sale_cancelled[],
    form_sale_notes[], form_sale_note[], form_invoice[];
extern const struct field form_plan[], form_plan_update[], form_subscription[],
    form_subscription_create[], form_subscription_status[], form_subscription_view[],
    form_payment[], form_payment_create[], form_access[], form_module_switch[];

/* form_stock.c. */
extern const struct field form_transfer_create[], form_purchase[], form_purchase_item[],
    form_purchase_apply[], form_purchase_applied[];

/* form_records.c: how a business shows itself. */
extern const struct field form_branding[];

/* form_till.c. */
extern const struct field form_shift_open[], form_shift_movement[], form_shift_close[],
    form_shift_coin[], form_shift_report[];

/* form_return.c. */
extern const struct field form_return_create[], form_return_approve[], form_return_approved[],
    form_return_rejected[], form_return_exchange[], form_exchanged[];

/* form_warranty.c. */
extern const struct field form_claim[], form_claimed[], form_resolved[], form_resolved_product[],
    form_warranty_made[], form_warranty_detail[], form_warranty_list[], form_warranty_stats[],
    form_inspection[], form_supplier_action[], form_supplier_action_details[],
    form_supplier_acted[], form_supplier_warranty[], form_supplier_claim[];

/* form_credit.c. */
extern const struct field form_due_request[], form_due_item[], form_due_approve[],
    form_due_approved[], form_due_rejected[], form_due_count[], form_customer_paid[],
    form_customer_part[], form_ledger_entry[],
    form_credit_limit[];

/* form_report.c. */
extern const struct field form_dashboard[], form_sales_day[], form_alerts[], form_alert_totals[],
    form_alert_counts[], form_alert_row[], form_profit[], form_top_product[], form_branch_report[],
    form_branch_sales[], form_branch_overall[], form_branch_filters[];

/* form_records.c: what is added to records, and what is counted of them. */
extern const struct field form_installment[], form_job_part[], form_repair_link[],
    form_cnf_summary[], form_branch_stats[], form_import_report[];
/* form_notices.c. */
extern const struct field form_announcement_create[], form_announcement[],
    form_notification_list[], form_unread_count[], form_done[],
    form_check_done[];

size_t form_count(void);
const struct form *form_at(size_t i);
const struct form *form_by_name(const char *name); /* NULL: there is none */

/* validate_body() by the rows of a form; amounts have two decimals. Dies when there is no such
 * form. */
bool form_validate(const char *name, enum validate_mode mode, json_t *body, bool strict,
                   struct arena *arena, struct validated *out, struct err *err);

/* The same with what a business's currency has. */
bool form_check(const char *name, enum validate_mode mode, const struct kind_env *env, json_t *body,
                bool strict, struct arena *arena, struct validated *out, struct err *err);

/* The same for the request's body, with its business's currency, or two decimals where the row
 * wants no business. What was ignored goes into the reply's header. */
bool form_read(struct req *req, const char *name, enum validate_mode mode, struct validated *out);

#endif
