/* The rows of the handler table that are about the trade itself: sales, stock, money. How to add
 * one stands at the top of src/routes.c.
 */
#include "base.h"
#include "routes.h"
#include "actions/actions.h"
#include "platform/files.h"
#include "trade/till.h"

extern const struct resource customer_resource; /* src/resources/customer.c */

static const struct route_param cancel_params[] = {
    {"reason", "string", "Why; may stand in the body instead", false}, {NULL, NULL, NULL, false}};

static const struct route_param approve_params[] = {
    {"restock", "boolean", "false: the stock does not go back", false},
    {"refund", "string", "How money goes back; as it was paid by default", false},
    {NULL, NULL, NULL, false}};

static const struct route_param ledger_params[] = {
    {"limit", "integer", "At most this many (1 to 1000, default 100)", false},
    {"after", "string", "Cursor of the Link header: the next page", false},
    {NULL, NULL, NULL, false}};

static const struct route_param stock_params[] = {
    {"as_of", "string", "The moment asked for: an instant, or a day's beginning; now by default",
     false},
    {NULL, NULL, NULL, false}};

static const struct route_param top_params[] = {
    {"limit", "integer", "At most this many (1 to 1000, default 10)", false},
    {"start_date", PARAM_DAY, "The first day of sales, in the business's time zone", false},
    {"end_date", PARAM_DAY, "The last day of sales", false},
    {NULL, NULL, NULL, false}};

static const struct route_form bill = {
    .file = "receipt", .kinds = FILE_JPEG | FILE_PNG | FILE_WEBP | FILE_PDF,
    .max = FILES_RECEIPT_MAX, .json = true};
static const struct route_form receipt = {
    .file = "file", .required = true, .kinds = FILE_IMAGES | FILE_PDF, .max = FILES_RECEIPT_MAX};

static const char *const invoice_types[] = {"application/pdf", NULL};

static const char *const receipt_types[] = {"application/pdf", "application/vnd.escpos", NULL};

static const struct route_param receipt_params[] = {
    {"columns", "integer", "Characters of the printer's lines (24 to 64, default 42)", false},
    {NULL, NULL, NULL, false}};

#define ROLES_BUYING (ROLES_MANAGER | R(ROLE_STAFF))

/* clang-format off */
const struct route routes_trade[] = {
    /* ---- sales ---- */
    {
        .method = "POST", .path = "/api/sales", .handler = action_sale_create,
        .module = "sales", .by_branch = true, .body = BODY_JSON,
        .in = "SaleCreate", .out = "Sale", .writes = true, .in_turn = true,
        .summary = "Make a sale: stock, numbers, payments and what is due, all or nothing",
    },
    {
        .method = "PATCH", .path = "/api/sales/{id}/items", .handler = action_sale_items,
        .module = "sales", .by_branch = true, .body = BODY_JSON,
        .in = "SaleItemsUpdateRequest", .out = "Sale", .writes = true, .versioned = true,
        .summary = "Write serial numbers and descriptions on the items of a sale",
    },
    {
        .method = "POST", .path = "/api/sales/{id}/payments", .handler = action_sale_pay,
        .module = "sales", .by_branch = true, .body = BODY_JSON, .body_limit = 4096,
        .in = "PaymentCreate", .out = "PaymentDone", .writes = true, .in_turn = true,
        .versioned = true,
        .summary = "Take a payment for what is still due of a sale",
    },
    {
        .method = "PATCH", .path = "/api/sales/{id}/cancel", .handler = action_sale_cancel,
        .roles = ROLES_MANAGER, .module = "sales", .by_branch = true,
        .body = BODY_OPTIONAL, .body_limit = 4096, .query = cancel_params,
        .in = "SaleCancel", .out = "SaleCancelled", .writes = true, .in_turn = true,
        .versioned = true,
        .summary = "Cancel a sale without payments; its stock goes back",
    },
    {
        .method = "GET", .path = "/api/sales/{id}/invoice", .handler = action_sale_invoice,
        .module = "sales", .by_branch = true, .out = "Invoice", .types = invoice_types,
        .summary = "A sale with its payments and warranties, as data or as an invoice on A4",
    },
    {
        .method = "GET", .path = "/api/sales/{id}/receipt", .handler = action_sale_receipt,
        .module = "sales", .by_branch = true, .query = receipt_params,
        .out = "Invoice", .types = receipt_types,
        .summary = "The same, as data, or as a receipt of 80 mm: on a page or for a printer",
    },

    /* ---- returns ---- */
    {
        .method = "POST", .path = "/api/returns", .handler = action_return_create,
        .module = "returns", .by_branch = true, .body = BODY_JSON, .body_limit = 8192,
        .in = "ReturnRequestCreate", .out = "ReturnRequest", .writes = true, .in_turn = true,
        .summary = "Ask for a return of what a sale sold",
    },
    {
        .method = "PATCH", .path = "/api/returns/{id}/approve", .handler = action_return_approve,
        .roles = ROLES_MANAGER, .module = "returns", .by_branch = true,
        .body = BODY_OPTIONAL, .body_limit = 4096, .query = approve_params,
        .in = "ReturnApprove", .out = "ReturnApproved", .writes = true, .in_turn = true,
        .versioned = true,
        .summary = "Approve a return: stock, money and what is due, all or nothing",
    },
    {
        .method = "PATCH", .path = "/api/returns/{id}/reject", .handler = action_return_reject,
        .roles = ROLES_MANAGER, .module = "returns", .by_branch = true,
        .body = BODY_OPTIONAL, .body_limit = 4096, .query = cancel_params,
        .in = "ReturnReject", .out = "ReturnRejected", .writes = true, .in_turn = true,
        .versioned = true,
        .summary = "Reject a return; the sale stays as it is",
    },

    {
        .method = "POST", .path = "/api/returns/{id}/exchange", .handler = action_return_exchange,
        .roles = ROLES_MANAGER, .module = "returns", .by_branch = true, .body = BODY_JSON,
        .in = "ReturnExchange", .out = "Exchanged", .writes = true, .in_turn = true,
        .versioned = true,
        .summary = "Approve a return and sell other goods for it, all or nothing",
    },

    /* ---- due requests ---- */
    {
        .method = "POST", .path = "/api/due-requests", .handler = action_due_request_create,
        .module = "sales", .by_branch = true, .body = BODY_JSON,
        .in = "DueRequestCreate", .out = "DueRequest", .writes = true, .in_turn = true,
        .summary = "Ask for a sale on credit",
    },
    {
        .method = "GET", .path = "/api/due-requests/pending-count",
        .handler = action_due_request_count,
        .module = "sales", .by_branch = true, .out = "DueRequestCount",
        .summary = "How many due requests wait to be decided",
    },
    {
        .method = "PATCH", .path = "/api/due-requests/{id}/approve",
        .handler = action_due_request_approve,
        .roles = ROLES_ADMIN, .module = "sales", .by_branch = true,
        .body = BODY_OPTIONAL, .body_limit = 4096,
        .in = "DueRequestApprove", .out = "DueRequestApproved", .writes = true, .in_turn = true,
        .versioned = true,
        .summary = "Approve a due request: the sale is made, all or nothing",
    },
    {
        .method = "PATCH", .path = "/api/due-requests/{id}/reject",
        .handler = action_due_request_reject,
        .roles = ROLES_ADMIN, .module = "sales", .by_branch = true,
        .body = BODY_OPTIONAL, .body_limit = 4096, .query = cancel_params,
        .in = "DueRequestReject", .out = "DueRequestRejected", .writes = true, .in_turn = true,
        .versioned = true,
        .summary = "Reject a due request",
    },

    /* ---- what customers owe ---- */
    {
        .method = "POST", .path = "/api/customers/{id}/payments", .handler = action_customer_pay,
        .module = "sales", .by_branch = true, .body = BODY_JSON, .body_limit = 4096,
        .in = "PaymentCreate", .out = "CustomerPaid", .writes = true, .in_turn = true,
        .summary = "Take a payment of a customer for what is due, the oldest first",
    },

    {
        .method = "GET", .path = "/api/customers/{id}/ledger", .handler = action_customer_ledger,
        .module = "sales", .by_branch = true, .query = ledger_params,
        .out = "LedgerEntry", .out_list = true,
        .summary = "What a customer bought, paid and gave back, with what is owed after each",
    },

    {
        .method = "PATCH", .path = "/api/customers/{id}/credit-limit",
        .handler = action_customer_limit,
        .roles = ROLES_OFFICE, .module = "customers", .resource = &customer_resource,
        .body = BODY_JSON, .body_limit = 4096,
        .in = "CreditLimit", .out = "Customer", .writes = true,
        .summary = "Say how much may be due of a customer in all",
    },

    {
        .method = "POST", .path = "/api/notifications/scheduled-check",
        .handler = action_notification_check,
        .roles = ROLES_MANAGER, .module = "core",
        .out = "CheckDone", .writes = true, .repeatable = true, .in_turn = true,
        .summary = "Remind of what is nearly sold out, overdue and due; as often as one likes",
    },

    /* ---- the till ---- */
    {
        .method = "POST", .path = "/api/till/shifts", .handler = action_till_open,
        .roles = ROLES_TILL, .module = "sales", .by_branch = true,
        .body = BODY_JSON, .body_limit = 4096,
        .in = "ShiftOpen", .out = "Shift", .writes = true, .in_turn = true,
        .summary = "Open a shift: payments that its user takes from now on are taken in it",
    },
    {
        .method = "POST", .path = "/api/till/shifts/{id}/movements", .handler = action_till_move,
        .roles = ROLES_TILL, .module = "sales", .by_branch = true,
        .body = BODY_JSON, .body_limit = 4096,
        .in = "ShiftMovement", .out = "Shift", .writes = true, .in_turn = true,
        .summary = "Write down cash that comes into the drawer or leaves it without a sale",
    },
    {
        .method = "GET", .path = "/api/till/shifts/{id}/x", .handler = action_till_x,
        .roles = ROLES_TILL, .module = "sales", .by_branch = true, .csv = true, .by_state = true,
        .out = "ShiftReport",
        .summary = "The X report: figures of an open shift up to now",
    },
    {
        .method = "POST", .path = "/api/till/shifts/{id}/close", .handler = action_till_close,
        .roles = ROLES_TILL, .module = "sales", .by_branch = true,
        .body = BODY_JSON, .body_limit = 16384,
        .in = "ShiftClose", .out = "ShiftReport", .writes = true, .in_turn = true,
        .summary = "Close a shift by what was counted: its figures become the Z report",
    },
    {
        .method = "GET", .path = "/api/till/shifts/{id}/z", .handler = action_till_z,
        .roles = ROLES_TILL, .module = "sales", .by_branch = true, .csv = true, .by_state = true,
        .out = "ShiftReport",
        .summary = "The Z report: figures of a closed shift, as they were frozen",
    },

    /* ---- dashboards and reports ---- */
    {
        .method = "GET", .path = "/api/dashboard/stats", .handler = action_dashboard_stats,
        .module = "analytics", .by_branch = true, .csv = true, .out = "DashboardStats",
        .summary = "Sums of the sales, and how many products there are",
    },
    {
        .method = "GET", .path = "/api/dashboard/sales-chart", .handler = action_dashboard_chart,
        .module = "analytics", .by_branch = true, .csv = true,
        .out = "SalesDay", .out_list = true,
        .summary = "What was sold on each of the last seven days",
    },
    {
        .method = "GET", .path = "/api/dashboard/alerts", .handler = action_dashboard_alerts,
        .module = "analytics", .csv = true, .out = "Alerts",
        .summary = "How many notifications are unread, of which type, and the newest",
    },
    {
        .method = "GET", .path = "/api/reports/profit-loss", .handler = action_report_profit,
        .roles = ROLES_OFFICE, .module = "analytics", .csv = true,
        .query = &top_params[1], .out = "ProfitLoss",
        .summary = "Revenue, costs and what is left, of the whole business",
    },
    {
        .method = "GET", .path = "/api/reports/top-products",
        .handler = action_report_top_products,
        .module = "analytics", .by_branch = true, .csv = true,
        .query = top_params, .out = "TopProduct", .out_list = true,
        .summary = "What sold best, by revenue",
    },
    {
        .method = "GET", .path = "/api/reports/branch-sales", .handler = action_report_branches,
        .module = "analytics", .by_branch = true, .csv = true,
        .query = &top_params[1], .out = "BranchReport",
        .summary = "Sales branch by branch, the largest first",
    },

    /* ---- transfers ---- */
    {
        .method = "POST", .path = "/api/stock-transfers", .handler = action_transfer_create,
        .roles = ROLES_MANAGER, .module = "inventory", .by_branch = true,
        .body = BODY_JSON, .body_limit = 4096,
        .in = "StockTransferCreate", .out = "StockTransfer", .writes = true, .in_turn = true,
        .summary = "Move stock of a product from one branch to another",
    },

    /* ---- purchases ---- */
    {
        .method = "POST", .path = "/api/purchases", .handler = action_purchase_create,
        .roles = ROLES_BUYING, .module = "inventory", .by_branch = true,
        .body = BODY_FORM, .form = &bill,
        .in = "PurchaseForm", .out = "Purchase", .writes = true, .in_turn = true,
        .summary = "Store a purchase, and make the products that nobody has yet",
    },
    {
        .method = "POST", .path = "/api/purchases/{id}/receipts",
        .handler = action_purchase_receipt,
        .roles = ROLES_BUYING, .module = "inventory", .by_branch = true,
        .body = BODY_FORM, .form = &receipt,
        .in = "FileForm", .out = "Purchase", .writes = true,
        .summary = "Add the picture or PDF of a receipt to a purchase",
    },
    {
        .method = "POST", .path = "/api/purchases/{id}/apply-stock",
        .handler = action_purchase_apply,
        .roles = ROLES_BUYING, .module = "inventory", .by_branch = true,
        .body = BODY_OPTIONAL, .body_limit = 4096,
        .in = "PurchaseApply", .out = "PurchaseApplied", .writes = true, .in_turn = true,
        .summary = "Put on the shelf what was bought, once, and average its cost",
    },
    {
        .method = "GET", .path = "/api/uploads/receipts/{filename}",
        .handler = action_receipt_file,
        .roles = ROLES_BUYING, .module = "inventory", .by_branch = true,
        .summary = "The file of a receipt",
    },

    /* ---- the stock ledger ---- */
    {
        .method = "GET", .path = "/api/products/{id}/stock", .handler = action_stock_as_of,
        .module = "catalogue", .by_branch = true,
        .query = stock_params, .out = "ProductStock",
        .summary = "What there was of a product at a moment, by the stock ledger",
    },
};
/* clang-format on */

const size_t routes_trade_n = ARRAY_LEN(routes_trade);
