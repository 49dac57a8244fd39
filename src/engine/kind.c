/* The kinds that are single plain values: text in its forms, references, integers, booleans. */
#include "base.h"
#include "engine/kind.h"
#include "core/id.h"
#include "db/bson_json.h"

void kind_fold(char *text)
{
    for (; *text != '\0'; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
}

void kind_show_any(const struct kind_env *env ERP_UNUSED, const bson_iter_t *value,
                   struct str *out)
{
    bson_json_value(value, out);
}

bool kind_no_query(const struct kind_env *env ERP_UNUSED, const struct field *field ERP_UNUSED,
                   const char *text ERP_UNUSED, const char *key ERP_UNUSED, bson_t *out ERP_UNUSED)
{
    return false;
}

/* --- text ------------------------------------------------------------------------------------ */

static int64_t text_max(const struct field *field)
{
    static const int64_t usual[K_COUNT] = {[K_TEXT] = 200, [K_NOTE] = 5000, [K_EMAIL] = 254,
                                           [K_PHONE] = 32, [K_URL] = 2000, [K_REF] = 64};

    return field->max != 0 ? field->max : usual[field->kind];
}

/* Control characters hide things from people who read a list; only notes have lines. */
static bool controls_ok(const char *text, size_t len, bool lines)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c == 0x7f || (c < 0x20 && !(lines && (c == '\n' || c == '\t' || c == '\r'))))
            return false;
    }
    return true;
}

static bool blank(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isspace((unsigned char)text[i]))
            return false;
    return true;
}

static bool email_ok(const char *text, size_t len)
{
    const char *at = memchr(text, '@', len);

    return at != NULL && at > text && at + 1 < text + len && strchr(at + 1, '@') == NULL &&
           strpbrk(text, " ,;<>()\"") == NULL;
}

static bool phone_ok(const char *text, size_t len)
{
    return strspn(text, "0123456789 +-()") == len && strpbrk(text, "0123456789") != NULL;
}

static bool url_ok(const char *text)
{
    bool rooted = text[0] == '/' && text[1] != '/';

    return (rooted || strncasecmp(text, "https://", 8) == 0 ||
            strncasecmp(text, "http://", 7) == 0) &&
           strpbrk(text, " \"<>\\^`{|}") == NULL;
}

/* The further rule of a text kind; NULL when the text keeps it, else a sentence. */
static const char *text_fault(enum kind_id kind, const char *text, size_t len)
{
    switch (kind) {
    case K_EMAIL:
        return email_ok(text, len) ? NULL : "Must be an email address";
    case K_PHONE:
        return phone_ok(text, len) ? NULL : "Must be a phone number (digits, spaces, + - ( ))";
    case K_URL:
        return url_ok(text) ? NULL : "Must be an http(s) address or a path";
    default:
        return NULL;
    }
}

static bool text_store(const struct kind_env *env ERP_UNUSED, const struct field *field,
                       const char *path, json_t *value, bson_t *out, struct err *err)
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);
    const char *fault;
    size_t count;

    if (text == NULL)
        return err_field(err, path, "type", "Must be text");
    if (!utf8_valid(text, len) || !controls_ok(text, len, field->kind == K_NOTE))
        return err_field(err, path, "format", "Has characters that are not allowed");
    count = utf8_count(text, len);
    if ((int64_t)count > text_max(field))
        return err_field(err, path, "too_long", "At most %" PRId64 " characters",
                         text_max(field));
    if ((field->flags & F_REQUIRED) && blank(text, len))
        return err_field(err, path, "required", "Must not be empty");
    if ((field->flags & F_UNIQUE) && blank(text, len)) /* forms send ""; there may be many */
        return bson_append_null(out, field->name, -1);
    if ((int64_t)count < field->min)
        return err_field(err, path, "too_short", "At least %" PRId64 " characters", field->min);
    fault = len > 0 ? text_fault(field->kind, text, len) : NULL;
    if (fault != NULL)
        return err_field(err, path, "format", "%s", fault);
    return bson_append_utf8(out, field->name, -1, text, (int)len);
}

static bool text_query(const struct kind_env *env ERP_UNUSED, const struct field *field,
                       const char *text, const char *key, bson_t *out)
{
    size_t len = strlen(text);

    if (len == 0 || (int64_t)utf8_count(text, len) > text_max(field))
        return false;
    return bson_append_utf8(out, key, -1, text, (int)len);
}

/* The rule of text_fault as a pattern; empty text passes both. */
static const char *text_pattern(enum kind_id kind)
{
    switch (kind) {
    case K_EMAIL:
        return "^([^@ ,;<>()\"]+@[^@ ,;<>()\"]+)?$";
    case K_PHONE:
        return "^([-0-9 +()]*[0-9][-0-9 +()]*)?$";
    case K_URL:
        return "^((https?:/)?/([^/ \"<>^`{|}\\\\][^ \"<>^`{|}\\\\]*)?)?$";
    default:
        return NULL;
    }
}

static void text_schema(const struct field *field, json_t *schema)
{
    const char *pattern = text_pattern(field->kind);

    json_object_set_new(schema, "type", json_string("string"));
    json_object_set_new(schema, "maxLength", json_integer(text_max(field)));
    if (field->min > 0 || (field->flags & F_REQUIRED))
        json_object_set_new(schema, "minLength", json_integer(field->min > 0 ? field->min : 1));
    if (pattern != NULL)
        json_object_set_new(schema, "pattern", json_string(pattern));
}

/* --- integers and booleans ------------------------------------------------------------------- */

static void int_limits(const struct field *field, int64_t *min, int64_t *max)
{
    *min = field->min;
    *max = field->max != 0 ? field->max : INT64_C(1000000000);
}

static bool int_store(const struct kind_env *env ERP_UNUSED, const struct field *field,
                      const char *path, json_t *value, bson_t *out, struct err *err)
{
    int64_t n, min, max;

    if (!json_is_integer(value))
        return err_field(err, path, "type", "Must be a whole number");
    n = json_integer_value(value);
    int_limits(field, &min, &max);
    if (n < min || n > max)
        return err_field(err, path, "range", "Must be from %" PRId64 " to %" PRId64, min, max);
    return bson_append_int64(out, field->name, -1, n);
}

static void int_show(const struct kind_env *env, const bson_iter_t *value, struct str *out)
{
    double d;

    /* Earlier systems stored some counts as doubles. */
    if (BSON_ITER_HOLDS_DOUBLE(value)) {
        d = bson_iter_double(value);
        if (d >= -9e15 && d <= 9e15 && d == (double)(int64_t)d) {
            str_add_int(out, (int64_t)d);
            return;
        }
    }
    kind_show_any(env, value, out);
}

static bool int_query(const struct kind_env *env ERP_UNUSED, const struct field *field ERP_UNUSED,
                      const char *text, const char *key, bson_t *out)
{
    char *end;
    long long n;

    errno = 0;
    n = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || isspace((unsigned char)text[0]))
        return false;
    return bson_append_int64(out, key, -1, n);
}

static void int_schema(const struct field *field, json_t *schema)
{
    int64_t min, max;

    int_limits(field, &min, &max);
    json_object_set_new(schema, "type", json_string("integer"));
    json_object_set_new(schema, "minimum", json_integer(min));
    json_object_set_new(schema, "maximum", json_integer(max));
}

static bool bool_store(const struct kind_env *env ERP_UNUSED, const struct field *field,
                       const char *path, json_t *value, bson_t *out, struct err *err)
{
    if (!json_is_boolean(value))
        return err_field(err, path, "type", "Must be true or false");
    return bson_append_bool(out, field->name, -1, json_is_true(value));
}

static bool bool_query(const struct kind_env *env ERP_UNUSED, const struct field *field ERP_UNUSED,
                       const char *text, const char *key, bson_t *out)
{
    bool yes = strcmp(text, "true") == 0;

    if (!yes && strcmp(text, "false") != 0)
        return false;
    return bson_append_bool(out, key, -1, yes);
}

static void bool_schema(const struct field *field ERP_UNUSED, json_t *schema)
{
    json_object_set_new(schema, "type", json_string("boolean"));
}

/* --- the table ------------------------------------------------------------------------------- */

#define TEXT_KIND(label) {label, text_store, kind_show_any, text_query, text_schema}

static const struct kind kind_text = TEXT_KIND("text");
static const struct kind kind_note = TEXT_KIND("note");
static const struct kind kind_email = TEXT_KIND("email");
static const struct kind kind_phone = TEXT_KIND("phone");
static const struct kind kind_url = TEXT_KIND("url");
static const struct kind kind_ref = TEXT_KIND("reference");
static const struct kind kind_int = {"integer", int_store, int_show, int_query, int_schema};
static const struct kind kind_bool = {"boolean", bool_store, kind_show_any, bool_query,
                                      bool_schema};

static const struct kind *const kinds[] = {
    [K_TEXT] = &kind_text,
    [K_NOTE] = &kind_note,
    [K_EMAIL] = &kind_email,
    [K_PHONE] = &kind_phone,
    [K_URL] = &kind_url,
    [K_REF] = &kind_ref,
    [K_INT] = &kind_int,
    [K_BOOL] = &kind_bool,
    [K_MONEY] = &kind_money,
    [K_DECIMAL] = &kind_decimal,
    [K_ENUM] = &kind_enum,
    [K_DAY] = &kind_day,
    [K_CLOCK] = &kind_clock,
    [K_INSTANT] = &kind_instant,
    [K_TEXT_LIST] = &kind_text_list,
    [K_OBJECT] = &kind_object,
    [K_ROWS] = &kind_rows,
};
static_assert(ARRAY_LEN(kinds) == K_COUNT, "a kind lacks its row");

const struct kind *kind_of(const struct field *field)
{
    return kinds[field->kind];
}
