/* The only place where client-chosen keys reach BSON; it refuses what could act as an operator. */
#include "base.h"
#include "db/json_bson.h"

static bool append(bson_t *out, const char *key, const json_t *value, const char *path, int depth,
                   struct err *err);

bool json_bson_key_ok(const char *key, const char *path, struct err *err)
{
    if (key[0] == '\0')
        return err_field(err, path, "key", "Empty names are not allowed");
    if (key[0] == '$')
        return err_field(err, path, "key", "Names may not begin with $");
    if (strchr(key, '.') != NULL)
        return err_field(err, path, "key", "Names may not contain a dot");
    if (strlen(key) > 64)
        return err_field(err, path, "key", "Names may have at most 64 bytes");
    return true;
}

static bool append_real(bson_t *out, const char *key, double value, const char *path,
                        struct err *err)
{
    bson_decimal128_t d;
    char text[32];

    snprintf(text, sizeof(text), "%.15g", value);
    if (!bson_decimal128_from_string(text, &d))
        return err_field(err, path, "type", "Not a number");
    return bson_append_decimal128(out, key, -1, &d);
}

static bool append_object(bson_t *out, const char *key, const json_t *value, const char *path,
                          int depth, struct err *err)
{
    bson_t child;
    const char *name;
    json_t *member;
    bool ok = true;

    if (json_object_size(value) > JSON_BSON_KEYS)
        return err_field(err, path, "too_long", "At most %d members", JSON_BSON_KEYS);
    bson_append_document_begin(out, key, -1, &child);
    json_object_foreach ((json_t *)value, name, member) {
        char sub[96];

        snprintf(sub, sizeof(sub), "%s.%s", path, name);
        ok = json_bson_key_ok(name, sub, err) &&
             append(&child, name, member, sub, depth + 1, err) && ok;
    }
    bson_append_document_end(out, &child);
    return ok;
}

static bool append_array(bson_t *out, const char *key, const json_t *value, const char *path,
                         int depth, struct err *err)
{
    bson_t child;
    bool ok = true;

    if (json_array_size(value) > JSON_BSON_ITEMS)
        return err_field(err, path, "too_long", "At most %d items", JSON_BSON_ITEMS);
    bson_append_array_begin(out, key, -1, &child);
    for (size_t i = 0; i < json_array_size(value); i++) {
        char sub[96], number[24];

        snprintf(sub, sizeof(sub), "%s[%zu]", path, i);
        snprintf(number, sizeof(number), "%zu", i);
        ok = append(&child, number, json_array_get(value, i), sub, depth + 1, err) && ok;
    }
    bson_append_array_end(out, &child);
    return ok;
}

static bool append(bson_t *out, const char *key, const json_t *value, const char *path, int depth,
                   struct err *err)
{
    if (depth > JSON_BSON_DEPTH)
        return err_field(err, path, "too_deep", "At most %d levels", JSON_BSON_DEPTH);
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return append_object(out, key, value, path, depth, err);
    case JSON_ARRAY:
        return append_array(out, key, value, path, depth, err);
    case JSON_STRING:
        if (json_string_length(value) > JSON_BSON_TEXT)
            return err_field(err, path, "too_long", "At most %d bytes", JSON_BSON_TEXT);
        return bson_append_utf8(out, key, -1, json_string_value(value),
                                (int)json_string_length(value));
    case JSON_INTEGER:
        return bson_append_int64(out, key, -1, json_integer_value(value));
    case JSON_REAL:
        return append_real(out, key, json_real_value(value), path, err);
    case JSON_TRUE:
    case JSON_FALSE:
        return bson_append_bool(out, key, -1, json_is_true(value));
    case JSON_NULL:
        return bson_append_null(out, key, -1);
    }
    return false;
}

bool json_bson_append(bson_t *out, const char *key, const json_t *value, const char *path,
                      struct err *err)
{
    return append(out, key, value, path, 0, err);
}
