/* The list of descriptors and look-ups in it. */
#include "base.h"
#include "engine/resource.h"

#define RESOURCE(name) extern const struct resource name##_resource;
#include "resources/list.def"
#undef RESOURCE

static const struct resource *const resources[] = {
#define RESOURCE(name) &name##_resource,
#include "resources/list.def"
#undef RESOURCE
};

size_t resource_count(void)
{
    return ARRAY_LEN(resources);
}

const struct resource *resource_at(size_t i)
{
    return resources[i];
}

const struct resource *resource_by_noun(const char *noun)
{
    for (size_t i = 0; i < ARRAY_LEN(resources); i++)
        if (strcmp(resources[i]->noun, noun) == 0)
            return resources[i];
    return NULL;
}

const struct resource *resource_by_collection(const char *collection)
{
    for (size_t i = 0; i < ARRAY_LEN(resources); i++)
        if (strcmp(resources[i]->collection, collection) == 0)
            return resources[i];
    return NULL;
}

bool resource_next_referrer(const struct resource *to, struct referrer *r)
{
    for (; r->at < ARRAY_LEN(resources); r->at++) {
        r->from = resources[r->at];
        for (r->field = r->field ? r->field + 1 : r->from->fields; r->field->name; r->field++)
            if (r->field->kind == K_REF && strcmp(r->field->ref, to->noun) == 0)
                return true;
        r->field = NULL;
    }
    return false;
}

unsigned resource_read_roles(const struct resource *resource)
{
    return resource->read_roles ? resource->read_roles : ROLES_TENANT;
}

unsigned resource_write_roles(const struct resource *resource)
{
    return resource->write_roles ? resource->write_roles : ROLES_MANAGER;
}

void resource_filter_own(const struct resource *resource, const struct req *req, bson_t *filter)
{
    if (resource->own_field != NULL && (R(req->principal.role) & resource->own_roles))
        bson_append_utf8(filter, resource->own_field, -1, req->principal.user_id, -1);
}

bool resource_searchable(const struct resource *resource)
{
    for (const struct field *f = resource->fields; f->name != NULL; f++)
        if (f->flags & F_SEARCH)
            return true;
    return false;
}

const char *const std_field_names[STD_FIELDS] = {"id", "tenant_id", "created_at", "updated_at"};

unsigned std_field(const char *name, size_t len)
{
    for (unsigned i = 0; i < STD_FIELDS; i++)
        if (strlen(std_field_names[i]) == len && memcmp(std_field_names[i], name, len) == 0)
            return 1u << i;
    return 0;
}

unsigned resource_std(const struct resource *resource)
{
    unsigned all = STD_ID | STD_TENANT_ID | STD_CREATED_AT | STD_UPDATED_AT;

    return resource->audit ? STD_ID | STD_TENANT_ID : all;
}

unsigned resource_std_sorts(const struct resource *resource)
{
    return resource->audit ? 0 : STD_ID | STD_CREATED_AT;
}

bool resource_keeps(const struct resource *resource)
{
    for (const struct field *f = resource->fields; f->name != NULL; f++)
        if ((f->flags & F_REQUIRED) && (f->flags & (F_KEEP | F_IMMUTABLE)))
            return (resource->ops & OP_REPLACE) != 0;
    return false;
}

size_t resource_field_count(const struct resource *resource)
{
    size_t n = 0;

    while (resource->fields[n].name != NULL)
        n++;
    return n;
}

const struct field *resource_field(const struct resource *resource, const char *name)
{
    for (const struct field *f = resource->fields; f->name != NULL; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}
