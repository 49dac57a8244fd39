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
