/* A cursor is base64url( HMAC-SHA-256, first 16 bytes | BSON {v, id} ), the HMAC also covering the
 * list that it belongs to. */
#include "base.h"
#include "engine/cursor.h"
#include "core/id.h"
#include "core/str.h"
#include "db/own.h"

#define MAC_SIZE   16
#define CURSOR_MAX 1024

static void seal(uint8_t mac[static 32], const uint8_t key[static 32], const char *scope_text,
                 const uint8_t *bytes, size_t len, struct arena *arena)
{
    size_t scope_len = strlen(scope_text) + 1;
    uint8_t *all = arena_alloc(arena, scope_len + len);

    memcpy(all, scope_text, scope_len);
    memcpy(all + scope_len, bytes, len);
    hmac_sha256(mac, key, all, scope_len + len);
}

const char *cursor_make(const uint8_t key[static 32], const char *scope_text,
                        const bson_iter_t *value, const char *id, struct arena *arena)
{
    bson_t doc = BSON_INITIALIZER;
    uint8_t mac[32];
    struct str raw, text;
    const char *result;

    if (value != NULL)
        bson_append_iter(&doc, "v", 1, value);
    else
        bson_append_null(&doc, "v", 1);
    bson_append_utf8(&doc, "id", 2, id, -1);
    seal(mac, key, scope_text, bson_get_data(&doc), doc.len, arena);
    str_init(&raw);
    str_init(&text);
    str_add(&raw, (const char *)mac, MAC_SIZE);
    str_add(&raw, (const char *)bson_get_data(&doc), doc.len);
    str_add_base64url(&text, raw.p, raw.len);
    result = arena_strndup(arena, text.p, text.len);
    str_release(&raw);
    str_release(&text);
    bson_destroy(&doc);
    return result;
}

bool cursor_open(const uint8_t key[static 32], const char *scope_text, const char *text,
                 struct arena *arena, const bson_t **value, struct err *err)
{
    uint8_t *raw = arena_alloc(arena, CURSOR_MAX);
    ssize_t len = base64url_decode(raw, CURSOR_MAX, text, strlen(text));
    uint8_t mac[32];

    if (len > MAC_SIZE) {
        seal(mac, key, scope_text, raw + MAC_SIZE, (size_t)len - MAC_SIZE, arena);
        *value = NULL;
        if (same_bytes(mac, raw, MAC_SIZE))
            *value = own_bson_copy(arena, raw + MAC_SIZE, (size_t)len - MAC_SIZE);
        if (*value != NULL)
            return true;
    }
    return err_set(err, ERR_BAD_QUERY, "after: this is not a cursor of this list");
}

/* --- what comes after it --------------------------------------------------------------------- */

static void add_id_after(bson_t *out, const char *op, const char *id)
{
    bson_t child;

    bson_append_document_begin(out, "id", 2, &child);
    bson_append_utf8(&child, op, -1, id, -1);
    bson_append_document_end(out, &child);
}

/* Null sorts before all, and comparisons never match across types, so it has clauses of its own. */
static void add_either(const char *name, int dir, const bson_iter_t *v, const char *id,
                       bson_t *out)
{
    const char *op = dir > 0 ? "$gt" : "$lt";
    bson_t either, item, child;

    bson_append_array_begin(out, "$or", 3, &either);
    bson_append_document_begin(&either, "0", 1, &item);
    bson_append_iter(&item, name, -1, v);
    add_id_after(&item, op, id);
    bson_append_document_end(&either, &item);
    if (!BSON_ITER_HOLDS_NULL(v) || dir > 0) {
        bson_append_document_begin(&either, "1", 1, &item);
        bson_append_document_begin(&item, name, -1, &child);
        bson_append_iter(&child, BSON_ITER_HOLDS_NULL(v) ? "$ne" : op, -1, v);
        bson_append_document_end(&item, &child);
        bson_append_document_end(&either, &item);
    }
    if (!BSON_ITER_HOLDS_NULL(v) && dir < 0) {
        bson_append_document_begin(&either, "2", 1, &item);
        bson_append_null(&item, name, -1);
        bson_append_document_end(&either, &item);
    }
    bson_append_array_end(out, &either);
}

/* What is not before v. The server makes no bounds of an index out of the clauses beside each
 * other: without this one it may read the list from its beginning. */
static void add_bound(const char *name, int dir, const bson_iter_t *v, bson_t *out)
{
    bson_t child, above;

    bson_append_document_begin(out, name, -1, &child);
    if (dir > 0) {
        bson_append_iter(&child, "$gte", 4, v);
    } else {
        bson_append_document_begin(&child, "$not", 4, &above);
        bson_append_iter(&above, "$gt", 3, v);
        bson_append_document_end(&child, &above);
    }
    bson_append_document_end(out, &child);
}

void cursor_after(const char *name, int dir, const bson_t *last, bson_t *filter)
{
    bson_iter_t v, id;
    bson_t one, item;

    bson_iter_init_find(&v, last, "v");
    bson_iter_init_find(&id, last, "id");
    if (strcmp(name, "id") == 0) {
        add_id_after(filter, dir > 0 ? "$gt" : "$lt", bson_iter_utf8(&id, NULL));
    } else if (BSON_ITER_HOLDS_NULL(&v)) {
        add_either(name, dir, &v, bson_iter_utf8(&id, NULL), filter);
    } else { /* within an $or of one, because the filter may have the name already */
        bson_append_array_begin(filter, "$or", 3, &one);
        bson_append_document_begin(&one, "0", 1, &item);
        add_bound(name, dir, &v, &item);
        add_either(name, dir, &v, bson_iter_utf8(&id, NULL), &item);
        bson_append_document_end(&one, &item);
        bson_append_array_end(filter, &one);
    }
}
