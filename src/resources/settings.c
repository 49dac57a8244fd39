/* How a business shows itself: one record a tenant, made when it is first read. */
#include "base.h"
#include "engine/resource.h"

static const struct field fields[] = {
    {"logo_url", K_URL},
    {"website_name", K_TEXT, .def = "\"Smart Business ERP\""},
    {"background_image_url", K_URL},
    {"favicon_url", K_URL},
    {NULL},
};

const struct resource settings_resource = {
    .noun = "settings",
    .schema = "Settings",
    .path = "/api/settings",
    .collection = "settings",
    .module = "settings",
    .ops = OP_GET | OP_REPLACE | OP_PATCH,
    .write_roles = ROLES_OFFICE,
    .fields = fields,
    .singleton = true,
    .summary = "settings",
};
