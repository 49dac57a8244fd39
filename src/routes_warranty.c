/* The rows of the handler table that are about warranties. How to add one stands at the top of
 * src/routes.c.
 */
#include "base.h"
#include "routes.h"
#include "actions/actions.h"
#include "platform/files.h"

#define NO_MORE {NULL, NULL, NULL, false}

static const struct route_param create_params[] = {
    {"sale_id", "string", "Of which sale; needed", false},
    {"product_id", "string", "Of which product of it; needed", false},
    NO_MORE};

static const struct route_param resolve_params[] = {
    {"q", "string", "The code that the customer has", true}, NO_MORE};

static const struct route_param list_params[] = {
    {"status", "string", "Only in this state, as it is shown", false},
    {"customer_phone", "string", "Only of this number", false},
    {"limit", "integer", "At most this many (1 to 200, default 50)", false},
    {"skip", "integer", "Leave out this many (at most 100000)", false},
    NO_MORE};

static const struct route_param link_params[] = {
    {"supplier_warranty_id", "string", "Which stands behind it; needed", false}, NO_MORE};

static const struct route_param image_params[] = {
    {"warranty_token", "string", "The code that the customer has", true}, NO_MORE};

static const struct route_form image = {
    .file = "file", .required = true, .kinds = FILE_IMAGES, .max = FILES_PICTURE_MAX};

#define ROLES_SERVICE (ROLES_MANAGER | R(ROLE_STAFF) | R(ROLE_TECHNICIAN))
#define ROLES_BUYING  (ROLES_MANAGER | R(ROLE_STAFF))

/* clang-format off */
const struct route routes_warranty[] = {
    /* ---- whoever holds the code: nobody signs in, the code says which business ---- */
    {
        .method = "GET", .path = "/api/warranty/resolve", .handler = action_warranty_resolve,
        .auth = AUTH_PUBLIC, .tenancy = TENANCY_NONE, .module = "warranty",
        .query = resolve_params, .out = "ResolvedWarranty",
        .summary = "The warranty that a customer's code is of",
    },
    {
        .method = "POST", .path = "/api/warranty/{id}/claim", .handler = action_warranty_claim,
        .auth = AUTH_PUBLIC, .tenancy = TENANCY_NONE, .module = "warranty",
        .body = BODY_JSON, .body_limit = 16384,
        .in = "ClaimCreate", .out = "ClaimDone", .writes = true,
        .summary = "Claim a warranty with the customer's code",
    },
    {
        .method = "POST", .path = "/api/upload-image", .handler = action_warranty_image,
        .auth = AUTH_PUBLIC, .tenancy = TENANCY_NONE, .module = "warranty",
        .body = BODY_FORM, .form = &image, .query = image_params,
        .in = "FileForm", .out = "Upload", .writes = true,
        .summary = "Add a picture to a warranty with the customer's code",
    },

    /* ---- the staff ---- */
    {
        .method = "POST", .path = "/api/warranty/create", .handler = action_warranty_create,
        .roles = ROLES_MANAGER | R(ROLE_STAFF) | R(ROLE_CASHIER),
        .module = "warranty", .by_branch = true, .body = BODY_NONE, .query = create_params,
        .out = "WarrantyMade", .writes = true, .in_turn = true,
        .summary = "Make the warranties that a sale lacks, one a unit of a product",
    },
    {
        .method = "POST", .path = "/api/warranty/{id}/inspection/start",
        .handler = action_warranty_inspection,
        .roles = ROLES_SERVICE, .module = "warranty", .by_branch = true, .body = BODY_NONE,
        .out = "WarrantyRecord", .writes = true,
        .summary = "Begin to inspect what was claimed",
    },
    {
        .method = "POST", .path = "/api/warranty/{id}/inspect", .handler = action_warranty_inspect,
        .roles = ROLES_SERVICE, .module = "warranty", .by_branch = true,
        .body = BODY_JSON, .body_limit = 16384,
        .in = "InspectionCreate", .out = "WarrantyRecord", .writes = true,
        .summary = "Say what an inspection found",
    },
    {
        .method = "POST", .path = "/api/warranty/{id}/supplier-action",
        .handler = action_warranty_supplier,
        .roles = ROLES_MANAGER, .module = "warranty", .by_branch = true,
        .body = BODY_JSON, .body_limit = 32768,
        .in = "SupplierActionCreate", .out = "SupplierActed", .writes = true,
        .summary = "Record what the supplier does: a replacement, a refund, a repair, nothing",
    },
    {
        .method = "POST", .path = "/api/warranty/{id}/link-supplier",
        .handler = action_warranty_link,
        .roles = ROLES_MANAGER, .module = "warranty", .by_branch = true, .body = BODY_NONE,
        .query = link_params, .out = "WarrantyRecord", .writes = true,
        .summary = "Name the supplier's warranty that stands behind a warranty",
    },
    {
        .method = "GET", .path = "/api/warranty/list", .handler = action_warranty_list,
        .module = "warranty", .by_branch = true, .query = list_params, .out = "WarrantyList",
        .summary = "Warranties, the newest first, with how many there are",
    },
    {
        .method = "GET", .path = "/api/warranty/stats/dashboard", .handler = action_warranty_stats,
        .module = "warranty", .by_branch = true, .out = "WarrantyStats",
        .summary = "How many warranties are in each state, and claims of the last week",
    },
    {
        .method = "GET", .path = "/api/warranty/{id}", .handler = action_warranty_get,
        .module = "warranty", .by_branch = true, .out = "WarrantyDetail",
        .summary = "A warranty with its events and what the supplier did",
    },
    {
        .method = "GET", .path = "/api/uploads/evidence/{filename}",
        .handler = action_evidence_file, .module = "warranty", .by_branch = true,
        .summary = "A picture that was added to a warranty",
    },

    /* ---- suppliers' warranties ---- */
    {
        .method = "POST", .path = "/api/purchases/{id}/supplier-warranties",
        .handler = action_supplier_warranty_create,
        .roles = ROLES_BUYING, .module = "warranty", .by_branch = true,
        .body = BODY_JSON, .body_limit = 16384,
        .in = "SupplierWarrantyCreate", .out = "SupplierWarranty", .writes = true, .in_turn = true,
        .summary = "Note the warranty that a supplier gives on a purchase",
    },
    {
        .method = "GET", .path = "/api/purchases/{id}/supplier-warranties",
        .handler = action_supplier_warranty_list,
        .module = "warranty", .by_branch = true, .out = "SupplierWarranty", .out_list = true,
        .summary = "The suppliers' warranties of a purchase",
    },
    {
        .method = "GET", .path = "/api/supplier-warranties/{id}",
        .handler = action_supplier_warranty_get,
        .module = "warranty", .by_branch = true, .out = "SupplierWarranty",
        .summary = "A supplier's warranty",
    },
    {
        .method = "POST", .path = "/api/supplier-warranties/{id}/file-claim",
        .handler = action_supplier_warranty_claim,
        .roles = ROLES_BUYING, .module = "warranty", .by_branch = true,
        .body = BODY_OPTIONAL, .body_limit = 32768,
        .in = "SupplierClaim", .out = "SupplierWarranty", .writes = true,
        .summary = "Note that a supplier's warranty was claimed",
    },
};
/* clang-format on */

const size_t routes_warranty_n = ARRAY_LEN(routes_warranty);
