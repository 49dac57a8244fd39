/* Whoever may not see a record is not given its files either, though no name can be guessed. */
#include "base.h"
#include "actions/record_file.h"
#include "db/own.h"
#include "engine/resource.h"
#include "platform/files.h"

static bool seen(struct req *req, const char *noun, const char *member, const char *name)
{
    const struct resource *resource = resource_by_noun(noun);
    bson_t *filter = own_bson(req->arena), child;
    int64_t n;

    if (req->scope.branch_id == NULL)
        return true;
    scope_filter(&req->scope, resource->branch_field, filter);
    bson_append_document_begin(filter, member, -1, &child);
    BSON_APPEND_UTF8(&child, "$type", "string"); /* as an index of those alone says it */
    BSON_APPEND_UTF8(&child, "$eq", name);
    bson_append_document_end(filter, &child);
    if (!scope_count(&req->scope, resource->collection, filter, 1, &n, req->err))
        return false;
    return n > 0 || err_set(req->err, ERR_NOT_FOUND, "There is no such file.");
}

bool record_file_send(struct req *req, const char *room, const char *noun, const char *member)
{
    const char *name = req_param(req, "filename");

    return seen(req, noun, member, name) && files_send(req, room, name);
}
