/* The rule on the audit log. Called by whatever moves a tenant. */
#include "base.h"
#include "tenant/hold.h"
#include "tenant/audit.h"

static void append_ids(bson_t *list, const char *const *tenant_ids, size_t n)
{
    char key[24];

    for (size_t i = 0; i < n; i++) {
        snprintf(key, sizeof key, "%zu", i);
        bson_append_utf8(list, key, -1, tenant_ids[i], -1);
    }
}

static void make_rule(bson_t *command, const char *const *tenant_ids, size_t n)
{
    bson_t rule, field, list;

    BSON_APPEND_UTF8(command, "collMod", AUDIT_COLLECTION);
    BSON_APPEND_DOCUMENT_BEGIN(command, "validator", &rule);
    if (n) {
        BSON_APPEND_DOCUMENT_BEGIN(&rule, "tenant_id", &field);
        BSON_APPEND_ARRAY_BEGIN(&field, "$nin", &list);
        append_ids(&list, tenant_ids, n);
        bson_append_array_end(&field, &list);
        bson_append_document_end(&rule, &field);
    }
    bson_append_document_end(command, &rule);
    BSON_APPEND_UTF8(command, "validationLevel", "strict");
    BSON_APPEND_UTF8(command, "validationAction", "error");
    BSON_APPEND_DOCUMENT_BEGIN(command, "writeConcern", &rule);
    BSON_APPEND_UTF8(&rule, "w", "majority");
    bson_append_document_end(command, &rule);
}

bool hold_ensure(struct scope *scope, struct err *err)
{
    bson_t *command = BCON_NEW("createIndexes", AUDIT_COLLECTION, "indexes", "[", "{", "key", "{",
                               "_id", BCON_INT32(1), "}", "name", "_id_", "}", "]");
    bson_t reply;
    bool ok;

    ok = audit_command(scope, command, &reply, err);
    bson_destroy(command);
    bson_destroy(&reply);
    return ok;
}

bool hold_set(struct scope *scope, const char *const *tenant_ids, size_t n, struct err *err)
{
    bson_t command = BSON_INITIALIZER, reply;
    bool ok;

    if (!hold_ensure(scope, err))
        return false;
    make_rule(&command, tenant_ids, n);
    ok = audit_command(scope, &command, &reply, err);
    bson_destroy(&command);
    bson_destroy(&reply);
    return ok;
}

static bool names(const bson_t *reply, const char *tenant_id)
{
    bson_iter_t it, list;

    if (!bson_iter_init(&it, reply) ||
        !bson_iter_find_descendant(&it, "cursor.firstBatch.0.options.validator.tenant_id.$nin",
                                   &list) ||
        !BSON_ITER_HOLDS_ARRAY(&list) || !bson_iter_recurse(&list, &it))
        return false;
    while (bson_iter_next(&it))
        if (BSON_ITER_HOLDS_UTF8(&it) && strcmp(bson_iter_utf8(&it, NULL), tenant_id) == 0)
            return true;
    return false;
}

bool hold_is(struct scope *scope, const char *tenant_id, bool *held, struct err *err)
{
    bson_t *command = BCON_NEW("listCollections", BCON_INT32(1), "filter", "{", "name",
                               BCON_UTF8(AUDIT_COLLECTION), "}");
    bson_t reply;
    bool ok;

    ok = audit_command(scope, command, &reply, err);
    *held = ok && names(&reply, tenant_id);
    bson_destroy(command);
    bson_destroy(&reply);
    return ok;
}
