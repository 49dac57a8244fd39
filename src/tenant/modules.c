/* Looking modules up. Called by the gate, by the commands and by what writes registry entries. */
#include "base.h"
#include "tenant/modules.h"

static const struct module modules[] = {
#define M(name, types, summary) {name, types, summary},
#include "tenant/modules.def"
#undef M
};

const struct module *module_at(size_t i)
{
    return i < ARRAY_LEN(modules) ? &modules[i] : NULL;
}

const struct module *module_find(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(modules); i++)
        if (strlen(modules[i].name) == len && memcmp(modules[i].name, name, len) == 0)
            return &modules[i];
    return NULL;
}

bool module_is_core(const struct module *module)
{
    return strcmp(module->types, "core") == 0;
}

bool module_by_default(const struct module *module, const char *business_type)
{
    size_t len = strlen(business_type);
    const char *p = module->types;

    if (module_is_core(module) || strcmp(p, "*") == 0)
        return true;
    while (*p) {
        size_t word = strcspn(p, " ");

        if (word == len && memcmp(p, business_type, len) == 0)
            return true;
        p += word;
        p += strspn(p, " ");
    }
    return false;
}

bool module_enabled(const struct tenant *tenant, const char *name)
{
    const struct module *module = module_find(name, strlen(name));

    if (!module)
        return false;
    if (module_is_core(module))
        return true;
    if (!tenant->features_given)
        return module_by_default(module, tenant->business_type);
    for (size_t i = 0; i < tenant->n_features; i++)
        if (strcmp(tenant->features[i], name) == 0)
            return true;
    return false;
}

void module_names(const struct tenant *tenant, struct str *out)
{
    const char *comma = "";

    str_addc(out, '[');
    for (size_t i = 0; i < ARRAY_LEN(modules); i++) {
        if (!module_enabled(tenant, modules[i].name))
            continue;
        str_addf(out, "%s\"%s\"", comma, modules[i].name);
        comma = ",";
    }
    str_addc(out, ']');
}
