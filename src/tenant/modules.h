/* Modules: which there are, and which a business has. The table is modules.def. */
#ifndef ERP_TENANT_MODULES_H
#define ERP_TENANT_MODULES_H

#include "core/str.h"
#include "tenant/registry.h"

struct module {
    const char *name;
    const char *types; /* "core", "*", or business types separated by spaces */
    const char *summary;
};

#define MODULE_CORE "core" /* the one that nobody can be narrowed out of */

/* NULL: there is none. */
const struct module *module_find(const char *name, size_t len);

/* Every business has it. */
bool module_is_core(const struct module *module);

/* Does a business of this type have it unless its entry says otherwise? */
bool module_by_default(const struct module *module, const char *business_type);

/* May this business use it? False for names of no module. */
bool module_enabled(const struct tenant *tenant, const char *name);

/* The names of those that a business may use, in the order of the table, as a JSON array. */
void module_names(const struct tenant *tenant, struct str *out);

/* The i-th module; NULL after the last. */
const struct module *module_at(size_t i);

#endif
