/* Chain records as they are stored, and their hash. Knows nothing of when they are made
 * (platform/auditor.c) or judged (platform/audit_check.c). */
#include "base.h"
#include "tenant/chain.h"
#include "core/str.h"
#include "db/doc.h"

int chain_compare(int64_t at_ms, const char *id, const struct chain_place *place)
{
    if (at_ms != place->at_ms)
        return at_ms < place->at_ms ? -1 : 1;
    return strcmp(id, place->id);
}

void chain_hash(const struct chain_record *record, char out[static SHA256_HEX_SIZE])
{
    struct str text;

    str_init(&text);
    str_addf(&text, "%" PRId64 "\n%s\n%s\n%s\n%" PRId64 "\n%" PRId64 "\n%s\n", record->seq,
             record->prev, record->audit_db, record->tenant_id, record->at_ms, record->upto.at_ms,
             record->upto.id);
    for (size_t i = 0; i < record->n; i++)
        str_addf(&text, "%s %s\n", record->items[i].id, record->items[i].sha256);
    sha256_hex(out, text.p, text.len);
    str_release(&text);
}

bool chain_ensure(struct scope *scope, struct err *err)
{
    bson_t *command =
        BCON_NEW("createIndexes", CHAIN_COLLECTION, "indexes", "[", "{", "key", "{", "audit_db",
                 BCON_INT32(1), "tenant_id", BCON_INT32(1), "seq", BCON_INT32(1), "}", "name",
                 "chain", "unique", BCON_BOOL(true), "}", "]");
    bson_t reply;
    bool ok = scope_command(scope, command, &reply, err);

    bson_destroy(command);
    bson_destroy(&reply);
    return ok;
}

static void append_items(const struct chain_record *record, bson_t *doc)
{
    bson_t list, item;
    char key[24];

    BSON_APPEND_ARRAY_BEGIN(doc, "entries", &list);
    for (size_t i = 0; i < record->n; i++) {
        snprintf(key, sizeof key, "%zu", i);
        BSON_APPEND_DOCUMENT_BEGIN(&list, key, &item);
        BSON_APPEND_UTF8(&item, "id", record->items[i].id);
        BSON_APPEND_UTF8(&item, "sha256", record->items[i].sha256);
        bson_append_document_end(&list, &item);
    }
    bson_append_array_end(doc, &list);
}

bool chain_append(struct scope *scope, struct chain_record *record, struct err *err)
{
    bson_t doc = BSON_INITIALIZER, upto;
    bool ok;

    chain_hash(record, record->hash);
    BSON_APPEND_UTF8(&doc, "audit_db", record->audit_db);
    BSON_APPEND_UTF8(&doc, "tenant_id", record->tenant_id);
    BSON_APPEND_INT64(&doc, "seq", record->seq);
    BSON_APPEND_UTF8(&doc, "prev", record->prev);
    BSON_APPEND_DATE_TIME(&doc, "at", record->at_ms);
    BSON_APPEND_DOCUMENT_BEGIN(&doc, "upto", &upto);
    BSON_APPEND_DATE_TIME(&upto, "at", record->upto.at_ms);
    BSON_APPEND_UTF8(&upto, "id", record->upto.id);
    bson_append_document_end(&doc, &upto);
    append_items(record, &doc);
    BSON_APPEND_UTF8(&doc, "hash", record->hash);
    ok = scope_insert(scope, CHAIN_COLLECTION, &doc, err);
    bson_destroy(&doc);
    return ok;
}

mongoc_cursor_t *chain_find(struct scope *scope, const char *audit_db, const char *tenant_id,
                            int dir, int64_t limit)
{
    bson_t *filter =
        BCON_NEW("audit_db", BCON_UTF8(audit_db), "tenant_id", BCON_UTF8(tenant_id));
    bson_t *opts = BCON_NEW("sort", "{", "seq", BCON_INT32(dir), "}", "limit", BCON_INT64(limit),
                            "batchSize", BCON_INT64(20));
    mongoc_cursor_t *cursor = scope_find(scope, CHAIN_COLLECTION, filter, opts);

    bson_destroy(filter);
    bson_destroy(opts);
    return cursor;
}

/* ---- reading ---- */

static bool take_text(const bson_iter_t *parent, const char *key, char *out, size_t size)
{
    bson_iter_t it;
    uint32_t len;
    const char *text;

    if (!bson_iter_recurse(parent, &it) || !bson_iter_find(&it, key) || !BSON_ITER_HOLDS_UTF8(&it))
        return false;
    text = bson_iter_utf8(&it, &len);
    if (len >= size || strlen(text) != len)
        return false;
    memcpy(out, text, len + 1);
    return true;
}

static const char *text_of(const bson_t *doc, const char *key, struct arena *arena)
{
    const char *text = doc_text(doc, key);

    return text ? arena_strdup(arena, text) : NULL;
}

static bool parse_items(const bson_t *doc, struct arena *arena, struct chain_record *record)
{
    bson_iter_t list, item;

    if (!bson_iter_init_find(&list, doc, "entries") || !BSON_ITER_HOLDS_ARRAY(&list) ||
        !bson_iter_recurse(&list, &item))
        return false;
    record->items = arena_alloc(arena, CHAIN_ITEMS_MAX * sizeof *record->items);
    for (record->n = 0; bson_iter_next(&item); record->n++) {
        struct chain_item *out = &record->items[record->n];

        if (record->n == CHAIN_ITEMS_MAX || !BSON_ITER_HOLDS_DOCUMENT(&item) ||
            !take_text(&item, "id", out->id, sizeof out->id) ||
            !take_text(&item, "sha256", out->sha256, sizeof out->sha256))
            return false;
    }
    return true;
}

bool chain_parse(const bson_t *doc, struct arena *arena, struct chain_record *record)
{
    bson_iter_t it;
    const char *hash = text_of(doc, "hash", arena);

    memset(record, 0, sizeof *record);
    record->audit_db = text_of(doc, "audit_db", arena);
    record->tenant_id = text_of(doc, "tenant_id", arena);
    record->prev = text_of(doc, "prev", arena);
    if (bson_iter_init_find(&it, doc, "seq") && BSON_ITER_HOLDS_INT64(&it))
        record->seq = bson_iter_int64(&it);
    if (hash && strlen(hash) < sizeof record->hash)
        memcpy(record->hash, hash, strlen(hash) + 1);
    return record->audit_db && record->tenant_id && record->prev && record->seq > 0 &&
           record->hash[0] && doc_instant(doc, "at", &record->at_ms) &&
           doc_instant(doc, "upto.at", &record->upto.at_ms) &&
           bson_iter_init_find(&it, doc, "upto") && BSON_ITER_HOLDS_DOCUMENT(&it) &&
           take_text(&it, "id", record->upto.id, sizeof record->upto.id) &&
           parse_items(doc, arena, record);
}
