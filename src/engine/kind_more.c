/* The kinds with a structure of their own: money, rates, enums, times, lists and free objects. */
#include "base.h"
#include "engine/kind.h"
#include "core/clock.h"
#include "db/bson_json.h"
#include "db/decimal.h"
#include "db/doc.h"
#include "db/json_bson.h"

#define RATE_DECIMALS 4
#define RATE_MAX      INT64_C(1000000000) /* whole units */

/* --- money and rates ------------------------------------------------------------------------- */

static bool number_read(json_t *value, int decimals, const char *path, money_t *out,
                        struct err *err)
{
    enum money_result result = MONEY_SYNTAX;
    char text[32];

    if (json_is_integer(value)) {
        snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        result = money_parse(text, strlen(text), decimals, out);
    } else if (json_is_real(value)) {
        result = money_from_json_real(json_real_value(value), decimals, out);
    }
    switch (result) {
    case MONEY_OK:
        return true;
    case MONEY_DECIMALS:
        return err_field(err, path, "decimals", "At most %d decimals", decimals);
    case MONEY_RANGE:
        return err_field(err, path, "range", "The amount is too large");
    default:
        return err_field(err, path, "type", "Must be a number");
    }
}

static void number_show(const bson_iter_t *value, int decimals, bool trim, struct str *out)
{
    char text[MONEY_TEXT_SIZE];
    money_t amount;
    size_t len;

    if (!decimal_to_money(value, decimals, &amount)) {
        if (BSON_ITER_HOLDS_DECIMAL128(value))
            bson_json_value(value, out); /* a sum of many may be larger than what is stored */
        else
            str_addz(out, "null");
        return;
    }
    len = money_format(text, amount, decimals);
    while (trim && decimals > 0 && (text[len - 1] == '0' || text[len - 1] == '.')) {
        len--;
        if (text[len] == '.')
            break;
    }
    str_add(out, text, len);
}

static int64_t money_max(const struct field *field)
{
    return field->max != 0 ? field->max : MONEY_MAX;
}

static bool money_store(const struct kind_env *env, const struct field *field, const char *path,
                        json_t *value, bson_t *out, struct err *err)
{
    char low[MONEY_TEXT_SIZE], high[MONEY_TEXT_SIZE];
    money_t amount;

    if (!number_read(value, env->decimals, path, &amount, err))
        return false;
    if (amount < field->min || amount > money_max(field)) {
        money_format(low, field->min, env->decimals);
        money_format(high, money_max(field), env->decimals);
        return err_field(err, path, "range", "Must be from %s to %s", low, high);
    }
    return doc_append_money(out, field->name, amount, env->decimals);
}

static void money_show(const struct kind_env *env, const bson_iter_t *value, struct str *out)
{
    number_show(value, env->decimals, false, out);
}

static bool money_query(const struct kind_env *env, const struct field *field ERP_UNUSED,
                        const char *text, const char *key, bson_t *out)
{
    money_t amount;

    return money_parse(text, strlen(text), env->decimals, &amount) == MONEY_OK &&
           doc_append_money(out, key, amount, env->decimals);
}

/* Minor units: what they are in whole ones depends on the currency, so only what holds for all. */
static void money_schema(const struct field *field, json_t *schema)
{
    json_object_set_new(schema, "type", json_string("number"));
    if (field->min >= 0)
        json_object_set_new(schema, "minimum", json_integer(0));
    json_object_set_new(schema, "maximum", json_integer(MONEY_MAX));
}

const struct kind kind_money = {"money", money_store, money_show, money_query, money_schema};

static bool rate_store(const struct kind_env *env ERP_UNUSED, const struct field *field,
                       const char *path, json_t *value, bson_t *out, struct err *err)
{
    int64_t max = field->max != 0 ? field->max : RATE_MAX;
    money_t amount;

    if (!number_read(value, RATE_DECIMALS, path, &amount, err))
        return false;
    if (amount < field->min * 10000 || amount > max * 10000)
        return err_field(err, path, "range", "Must be from %" PRId64 " to %" PRId64, field->min,
                         max);
    return doc_append_money(out, field->name, amount, RATE_DECIMALS);
}

static void rate_show(const struct kind_env *env ERP_UNUSED, const bson_iter_t *value,
                      struct str *out)
{
    number_show(value, RATE_DECIMALS, true, out);
}

static bool rate_query(const struct kind_env *env ERP_UNUSED, const struct field *field ERP_UNUSED,
                       const char *text, const char *key, bson_t *out)
{
    money_t amount;

    return money_parse(text, strlen(text), RATE_DECIMALS, &amount) == MONEY_OK &&
           doc_append_money(out, key, amount, RATE_DECIMALS);
}

static void rate_schema(const struct field *field, json_t *schema)
{
    json_object_set_new(schema, "type", json_string("number"));
    json_object_set_new(schema, "minimum", json_integer(field->min));
    json_object_set_new(schema, "maximum",
                        json_integer(field->max != 0 ? field->max : RATE_MAX));
}

const struct kind kind_decimal = {"decimal", rate_store, rate_show, rate_query, rate_schema};

/* --- enums ----------------------------------------------------------------------------------- */

static bool enum_has(const struct field *field, const char *text)
{
    for (const char *const *v = field->values; *v != NULL; v++)
        if (strcmp(*v, text) == 0)
            return true;
    return false;
}

static bool enum_store(const struct kind_env *env ERP_UNUSED, const struct field *field,
                       const char *path, json_t *value, bson_t *out, struct err *err)
{
    char all[120] = "";
    size_t used = 0;

    if (!json_is_string(value))
        return err_field(err, path, "type", "Must be text");
    if (enum_has(field, json_string_value(value)))
        return bson_append_utf8(out, field->name, -1, json_string_value(value), -1);
    for (const char *const *v = field->values; *v != NULL && used < sizeof(all) - 24; v++)
        used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", used ? ", " : "", *v);
    return err_field(err, path, "enum", "Must be one of: %s", all);
}

static bool enum_query(const struct kind_env *env ERP_UNUSED, const struct field *field,
                       const char *text, const char *key, bson_t *out)
{
    return enum_has(field, text) && bson_append_utf8(out, key, -1, text, -1);
}

static void enum_schema(const struct field *field, json_t *schema)
{
    json_t *values = json_array();

    for (const char *const *v = field->values; *v != NULL; v++)
        json_array_append_new(values, json_string(*v));
    json_object_set_new(schema, "type", json_string("string"));
    json_object_set_new(schema, "enum", values);
}

const struct kind kind_enum = {"enum", enum_store, kind_show_any, enum_query, enum_schema};

/* --- times ----------------------------------------------------------------------------------- */

static bool day_ok(const char *text)
{
    int64_t ms;

    return text != NULL && strlen(text) <= 40 && clock_parse(text, strlen(text), &ms);
}

static bool day_store(const struct kind_env *env ERP_UNUSED, const struct field *field,
                      const char *path, json_t *value, bson_t *out, struct err *err)
{
    if (!day_ok(json_string_value(value)) ||
        (field->max != 0 && (int64_t)json_string_length(value) > field->max))
        return err_field(err, path, "format", "Must be a date (YYYY-MM-DD)");
    return bson_append_utf8(out, field->name, -1, json_string_value(value), -1);
}

static bool day_query(const struct kind_env *env ERP_UNUSED, const struct field *field ERP_UNUSED,
                      const char *text, const char *key, bson_t *out)
{
    return day_ok(text) && bson_append_utf8(out, key, -1, text, -1);
}

/* Dates alone are allowed too, so no "format": "date-time" that would forbid them. */
static void time_schema(const struct field *field, json_t *schema)
{
    json_object_set_new(schema, "type", json_string("string"));
    json_object_set_new(schema, "maxLength", json_integer(field->max != 0 ? field->max : 40));
    json_object_set_new(schema, "pattern",
                        json_string(field->kind == K_CLOCK ? "^([01][0-9]|2[0-3]):[0-5][0-9]$"
                                                           : "^[0-9]{4}-[0-9]{2}-[0-9]{2}"));
    json_object_set_new(schema, "examples",
                        json_pack("[s]", field->kind == K_CLOCK ? "09:30" : "2026-01-31"));
}

const struct kind kind_day = {"day", day_store, kind_show_any, day_query, time_schema};

static bool clock_ok(const char *text)
{
    return text != NULL && strlen(text) == 5 && text[2] == ':' && isdigit((unsigned char)text[0]) &&
           isdigit((unsigned char)text[1]) && isdigit((unsigned char)text[3]) &&
           isdigit((unsigned char)text[4]) && strncmp(text, "24", 2) < 0 && text[3] < '6';
}

static bool clock_store(const struct kind_env *env ERP_UNUSED, const struct field *field,
                        const char *path, json_t *value, bson_t *out, struct err *err)
{
    if (!clock_ok(json_string_value(value)))
        return err_field(err, path, "format", "Must be a time (HH:MM)");
    return bson_append_utf8(out, field->name, -1, json_string_value(value), -1);
}

static bool clock_query(const struct kind_env *env ERP_UNUSED,
                        const struct field *field ERP_UNUSED, const char *text, const char *key,
                        bson_t *out)
{
    return clock_ok(text) && bson_append_utf8(out, key, -1, text, -1);
}

const struct kind kind_clock = {"time", clock_store, kind_show_any, clock_query, time_schema};

static bool instant_store(const struct kind_env *env ERP_UNUSED, const struct field *field,
                          const char *path, json_t *value, bson_t *out, struct err *err)
{
    int64_t ms;

    if (!json_is_string(value) ||
        !clock_parse(json_string_value(value), json_string_length(value), &ms))
        return err_field(err, path, "format", "Must be a time (RFC 3339)");
    return bson_append_date_time(out, field->name, -1, ms);
}

static bool instant_query(const struct kind_env *env ERP_UNUSED,
                          const struct field *field ERP_UNUSED, const char *text, const char *key,
                          bson_t *out)
{
    int64_t ms;

    return clock_parse(text, strlen(text), &ms) && bson_append_date_time(out, key, -1, ms);
}

const struct kind kind_instant = {"instant", instant_store, kind_show_any, instant_query,
                                  time_schema};

/* --- lists and free objects ------------------------------------------------------------------ */

static bool listed_before(json_t *list, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (json_equal(json_array_get(list, i), json_array_get(list, at)))
            return true;
    return false;
}

static bool list_store(const struct kind_env *env ERP_UNUSED, const struct field *field,
                       const char *path, json_t *value, bson_t *out, struct err *err)
{
    size_t max = field->max != 0 ? (size_t)field->max : 100;
    bool ok = true;

    if (!json_is_array(value))
        return err_field(err, path, "type", "Must be a list of texts");
    if (json_array_size(value) > max)
        return err_field(err, path, "too_long", "At most %zu items", max);
    for (size_t i = 0; i < json_array_size(value); i++) {
        json_t *item = json_array_get(value, i);
        char sub[96];

        snprintf(sub, sizeof(sub), "%s[%zu]", path, i);
        if (!json_is_string(item))
            ok = err_field(err, sub, "type", "Must be text");
        else if (utf8_count(json_string_value(item), json_string_length(item)) > 200)
            ok = err_field(err, sub, "too_long", "At most 200 characters");
        else if ((field->flags & F_UNIQUE) && listed_before(value, i))
            ok = err_field(err, sub, "repeated", "Is in the list already");
    }
    return ok && json_bson_append(out, field->name, value, path, err);
}

static void list_schema(const struct field *field, json_t *schema)
{
    json_object_set_new(schema, "type", json_string("array"));
    json_object_set_new(schema, "maxItems", json_integer(field->max != 0 ? field->max : 100));
    json_object_set_new(schema, "items",
                        json_pack("{s:s,s:i}", "type", "string", "maxLength", 200));
}

/* Equality with a list finds those that have the text in them. */
static bool list_query(const struct kind_env *env ERP_UNUSED,
                       const struct field *field ERP_UNUSED, const char *text, const char *key,
                       bson_t *out)
{
    size_t len = strlen(text);

    return len > 0 && utf8_count(text, len) <= 200 && bson_append_utf8(out, key, -1, text, -1);
}

const struct kind kind_text_list = {"texts", list_store, kind_show_any, list_query, list_schema};

static bool object_store(const struct kind_env *env ERP_UNUSED, const struct field *field,
                         const char *path, json_t *value, bson_t *out, struct err *err)
{
    if (!json_is_object(value))
        return err_field(err, path, "type", "Must be an object");
    return json_bson_append(out, field->name, value, path, err);
}

static void object_schema(const struct field *field ERP_UNUSED, json_t *schema)
{
    json_object_set_new(schema, "type", json_string("object"));
}

const struct kind kind_object = {"object", object_store, kind_show_any, kind_no_query,
                                 object_schema};

static bool rows_store(const struct kind_env *env ERP_UNUSED, const struct field *field,
                       const char *path, json_t *value, bson_t *out, struct err *err)
{
    size_t max = field->max != 0 ? (size_t)field->max : 200;
    bool ok = true;

    if (!json_is_array(value))
        return err_field(err, path, "type", "Must be a list of objects");
    if (json_array_size(value) > max)
        return err_field(err, path, "too_long", "At most %zu items", max);
    for (size_t i = 0; i < json_array_size(value); i++) {
        char sub[96];

        snprintf(sub, sizeof(sub), "%s[%zu]", path, i);
        if (!json_is_object(json_array_get(value, i)))
            ok = err_field(err, sub, "type", "Must be an object");
    }
    return ok && json_bson_append(out, field->name, value, path, err);
}

static void rows_schema(const struct field *field, json_t *schema)
{
    json_object_set_new(schema, "type", json_string("array"));
    json_object_set_new(schema, "maxItems", json_integer(field->max != 0 ? field->max : 200));
    json_object_set_new(schema, "items", json_pack("{s:s}", "type", "object"));
}

const struct kind kind_rows = {"rows", rows_store, kind_show_any, kind_no_query, rows_schema};
