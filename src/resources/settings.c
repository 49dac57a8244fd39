/* How a business shows itself: one record a tenant, made when it is first read. */
#include "base.h"
#include "trade/till.h"
#include "trade/zone.h"

static const struct field fields[] = {
    {"logo_url", K_URL},
    {"website_name", K_TEXT, .def = "\"Smart Business ERP\""},
    {"background_image_url", K_URL},
    {"favicon_url", K_URL},
    {"tax_rate", K_DECIMAL, F_KEEP, .max = 100, .def = "0",
     .summary = "Percentage on what is sold; 0: the till says the tax"},
    {"prices_include_tax", K_BOOL, F_KEEP, .def = "false",
     .summary = "The tax is a part of the prices, not added to them"},
    {TILL_RULE, K_BOOL, F_KEEP, .def = "false",
     .summary = "Payments are taken in an open shift at the till, or not at all"},
    {ZONE_FIELD, K_TEXT, F_KEEP, .min = 1, .max = 64, .def = "\"" ZONE_USUAL "\"",
     .summary = "IANA name of the time zone in which its days and months begin"},
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
    .written = zone_written,
    .singleton = true,
    .summary = "settings",
};
