/* The rows of the handler table that are about the trade itself: sales, stock, money. How to add
 * one stands at the top of src/routes.c.
 */
#include "base.h"
#include "routes.h"
#include "actions/actions.h"

static const struct route_param cancel_params[] = {
    {"reason", "string", "Why; may stand in the body instead", false}, {NULL, NULL, NULL, false}};

static const struct route_param stock_params[] = {
    {"as_of", "string", "The moment asked for: an instant, or a day's beginning; now by default",
     false},
    {NULL, NULL, NULL, false}};

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
        .in = "SaleItemsUpdateRequest", .out = "Sale", .writes = true,
        .summary = "Write serial numbers and descriptions on the items of a sale",
    },
    {
        .method = "POST", .path = "/api/sales/{id}/payments", .handler = action_sale_pay,
        .module = "sales", .by_branch = true, .body = BODY_JSON, .body_limit = 4096,
        .in = "PaymentCreate", .out = "PaymentDone", .writes = true, .in_turn = true,
        .summary = "Take a payment for what is still due of a sale",
    },
    {
        .method = "PATCH", .path = "/api/sales/{id}/cancel", .handler = action_sale_cancel,
        .roles = ROLES_MANAGER, .module = "sales", .by_branch = true,
        .body = BODY_OPTIONAL, .body_limit = 4096, .query = cancel_params,
        .in = "SaleCancel", .out = "SaleCancelled", .writes = true, .in_turn = true,
        .summary = "Cancel a sale without payments; its stock goes back",
    },
    {
        .method = "GET", .path = "/api/sales/{id}/invoice", .handler = action_sale_invoice,
        .module = "sales", .by_branch = true, .out = "Invoice",
        .summary = "A sale with its payments and warranties",
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
