/* Entries hold digests, not contents: the log proves what happened without becoming a second copy
 * of the business's data. */
#include "base.h"
#include "tenant/audit.h"
#include "core/clock.h"
#include "core/id.h"

static void append_digest(bson_t *out, const char *key, const bson_t *doc)
{
    char hex[SHA256_HEX_SIZE];

    if (doc == NULL)
        return;
    sha256_hex(hex, bson_get_data(doc), doc->len);
    bson_append_utf8(out, key, -1, hex, -1);
}

static void append_text(bson_t *out, const char *key, const char *text)
{
    if (text != NULL)
        bson_append_utf8(out, key, -1, text, -1);
}

bool audit_add(struct scope *scope, const struct audit_entry *entry, struct err *err)
{
    bson_t doc = BSON_INITIALIZER;
    char id[ID_SIZE];
    bool ok;

    id_new(id);
    append_text(&doc, "id", id);
    append_text(&doc, "tenant_id", scope->tenant_id);
    bson_append_date_time(&doc, "at", 2, clock_ms());
    append_text(&doc, "action", entry->action);
    append_text(&doc, "collection", entry->collection);
    append_text(&doc, "record_id", entry->record_id);
    append_text(&doc, "actor", entry->actor);
    append_text(&doc, "request_id", entry->request_id);
    append_digest(&doc, "before", entry->before);
    append_digest(&doc, "after", entry->after);
    ok = scope_insert(scope, AUDIT_COLLECTION, &doc, err);
    bson_destroy(&doc);
    return ok;
}

bool audit_last(struct scope *scope, int64_t *ms, struct err *err)
{
    bson_t filter = BSON_INITIALIZER;
    bson_t *opts = BCON_NEW("sort", "{", "at", BCON_INT32(-1), "}", "projection", "{", "at",
                            BCON_BOOL(true), "_id", BCON_BOOL(false), "}");
    const bson_t *doc;
    bson_iter_t it;
    bool ok;

    *ms = 0;
    scope_filter(scope, NULL, &filter);
    ok = scope_find_one(scope, AUDIT_COLLECTION, &filter, opts, &doc, err);
    if (ok && doc != NULL && bson_iter_init_find(&it, doc, "at") &&
        BSON_ITER_HOLDS_DATE_TIME(&it))
        *ms = bson_iter_date_time(&it);
    bson_destroy(&filter);
    bson_destroy(opts);
    return ok;
}
