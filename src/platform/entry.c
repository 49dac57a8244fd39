/* Registry entries as those who set up tenants write them. */
#include "base.h"
#include "platform/entry.h"
#include "core/clock.h"
#include "db/doc.h"
#include "tenant/modules.h"
#include "tenant/seal.h"
#include "tenant/schema.h"

static void append_count(bson_t *doc, const char *key, int64_t n)
{
    if (n >= 0)
        bson_append_int32(doc, key, -1, (int32_t)n);
}

bool entry_type_ok(const char *type)
{
    size_t len = strlen(type);

    return len > 0 && len < 32 && strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

bool entry_features_ok(const json_t *features, const char *field, struct err *err)
{
    const json_t *item;
    size_t i;

    if (json_array_size(features) > TENANT_FEATURES_MAX)
        return err_field(err, field, "too_many", "At most %d", TENANT_FEATURES_MAX);
    json_array_foreach(features, i, item)
    {
        const char *name = json_string_value(item);

        if (!name || !module_find(name, json_string_length(item)))
            return err_field(err, field, "value", "There is no module \"%.40s\"",
                             name ? name : "?");
    }
    return true;
}

static void append_feature(bson_t *list, uint32_t i, const char *name)
{
    char key[16];

    snprintf(key, sizeof key, "%" PRIu32, i);
    doc_append_text(list, key, name);
}

/* Written down also where they are those of the type: a business keeps its modules when the table
 * of defaults changes. */
static void append_features(bson_t *doc, const json_t *features, const char *type)
{
    const struct module *module;
    const json_t *item;
    bson_t list;
    uint32_t n = 0;
    size_t i;

    BSON_APPEND_ARRAY_BEGIN(doc, "features_enabled", &list);
    json_array_foreach(features, i, item) append_feature(&list, n++, json_string_value(item));
    for (i = 0; !features && (module = module_at(i)); i++)
        if (!module_is_core(module) && module_by_default(module, type))
            append_feature(&list, n++, module->name);
    bson_append_array_end(doc, &list);
}

void entry_changed(const struct job *job, const char *slug, const char *tenant_id)
{
    registry_forget(job->registry, slug);
    if (!job->board)
        return;
    board_bump(job->board, slug);
    board_bump(job->board, arena_printf(job->arena, "id:%s", tenant_id));
}

bool entry_seal(const struct job *job, const char *slug, const char *uri, const char **sealed)
{
    char *text = seal_close(job->conf, slug, "db_uri", uri);

    if (!text)
        return err_set(job->err, ERR_DB_NOT_CONFIGURED,
                       "There is no key to seal the database URI with: set ERP_SEAL_KEY, or "
                       "SECRET_KEY, as the workers have it");
    *sealed = arena_strdup(job->arena, text);
    free(text);
    return true;
}

bool entry_find(const struct job *job, const char *slug, const bson_t **doc)
{
    bson_t filter = BSON_INITIALIZER;
    struct scope scope;
    bool ok;

    *doc = NULL;
    BSON_APPEND_UTF8(&filter, "slug", slug);
    ok = job_registry(job, &scope) &&
         scope_find_one(&scope, ENTRIES, &filter, NULL, doc, job->err);
    bson_destroy(&filter);
    return ok;
}

bool entry_read(const struct job *job, const bson_t *doc, struct tenant **tenant)
{
    struct tenant *out = arena_alloc(job->arena, sizeof *out);
    char *uri;

    if (!tenant_from_bson(doc, job->conf, out, job->err))
        return false;
    uri = arena_strdup(job->arena, out->db_uri);
    tenant_release(out);
    out->db_uri = uri;
    *tenant = out;
    return true;
}

bool entry_add(const struct job *job, const struct new_entry *entry)
{
    const char *uri;
    struct scope scope;
    bson_t doc;
    bool ok;

    if (!entry_seal(job, entry->slug, entry->db_uri, &uri) ||
        !job_registry(job, &scope))
        return false;
    bson_init(&doc);
    doc_append_text(&doc, "slug", entry->slug);
    doc_append_text(&doc, "tenant_id", entry->tenant_id);
    doc_append_text(&doc, "business_name", entry->business_name);
    doc_append_text(&doc, "business_type", entry->business_type);
    doc_append_text(&doc, "db_uri", uri);
    doc_append_text(&doc, "db_name", entry->db_name);
    doc_append_text(&doc, "admin_email", entry->admin_email);
    doc_append_text(&doc, "status", tenant_status_name(entry->status));
    doc_append_text(&doc, "license_type", entry->license_type);
    append_count(&doc, "max_users", entry->max_users);
    append_count(&doc, "max_branches", entry->max_branches);
    append_features(&doc, entry->features, entry->business_type);
    doc_append_text(&doc, "billing_contact", entry->billing_contact);
    doc_append_text(&doc, "notes", entry->notes);
    if (!entry->unversioned)
        BSON_APPEND_INT32(&doc, "schema_version", schema_current());
    if (entry->seeded)
        BSON_APPEND_BOOL(&doc, "seeded", true);
    doc_append_dates(&doc);
    if (entry->more)
        bson_concat(&doc, entry->more);
    ok = scope_insert(&scope, ENTRIES, &doc, job->err);
    bson_destroy(&doc);
    if (!ok && job->err->code == ERR_DUPLICATE) {
        err_clear(job->err);
        err_set(job->err, ERR_DUPLICATE, "There is a tenant %s already, or one with its id",
                entry->slug);
    }
    if (ok)
        entry_changed(job, entry->slug, entry->tenant_id);
    return ok;
}
