/* Papers of a shipment: bills of lading, invoices, permits. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"shipment_id", K_REF, F_REQUIRED | F_FILTER, .ref = "shipment"},
    {"job_file_id", K_REF, F_REQUIRED | F_FILTER, .ref = "job_file"},
    {"document_type", K_TEXT, F_REQUIRED | F_FILTER, .max = 64},
    {"document_number", K_TEXT, F_REQUIRED | F_FILTER | F_SEARCH, .max = 64},
    {"issue_date", K_DAY, F_REQUIRED | F_SORT | F_RANGE},
    {"expiry_date", K_DAY},
    {"file_path", K_TEXT, .max = 500},
    {"notes", K_NOTE},
    {NULL},
};

const struct resource document_resource = {
    .noun = "document",
    .schema = "Document",
    .path = "/api/cnf/documents",
    .collection = "cnf_documents",
    .module = "customs",
    .ops = OP_ALL,
    .write_roles = ROLES_MANAGER | R(ROLE_STAFF),
    .delete_roles = ROLES_MANAGER,
    .fields = fields,
    .summary = "documents",
};
