/* Free values from the database as JSON: used where no descriptor says the shape. */
#include "base.h"
#include "db/bson_json.h"
#include "core/clock.h"

/* Servers refuse deeper documents; a hand-made one must not exhaust our stack. */
#define DEPTH_MAX 100

static void add_value(const bson_iter_t *value, struct str *out, int depth);

static void add_double(double value, struct str *out)
{
    char text[32];

    if (value != value || value > 1.7e308 || value < -1.7e308) {
        str_addz(out, "null");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    str_addz(out, text);
}

static void add_decimal(const bson_iter_t *value, struct str *out)
{
    char text[BSON_DECIMAL128_STRING];
    bson_decimal128_t d;

    bson_iter_decimal128(value, &d);
    bson_decimal128_to_string(&d, text);
    str_addz(out, strpbrk(text, "aif") || strpbrk(text, "NI") ? "null" : text);
}

static void add_members(const bson_iter_t *value, struct str *out, int depth, bool array)
{
    bson_iter_t child;
    bool first = true;

    str_addc(out, array ? '[' : '{');
    if (depth < DEPTH_MAX && bson_iter_recurse(value, &child)) {
        while (bson_iter_next(&child)) {
            if (!first)
                str_addc(out, ',');
            first = false;
            if (!array) {
                str_add_json(out, bson_iter_key(&child), bson_iter_key_len(&child));
                str_addc(out, ':');
            }
            add_value(&child, out, depth + 1);
        }
    }
    str_addc(out, array ? ']' : '}');
}

static void add_value(const bson_iter_t *value, struct str *out, int depth)
{
    char text[CLOCK_TEXT_SIZE];
    char oid[25];
    const char *utf8;
    uint32_t len;

    switch (bson_iter_type(value)) {
    case BSON_TYPE_UTF8:
        utf8 = bson_iter_utf8(value, &len);
        str_add_json(out, utf8, len);
        break;
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64:
        str_add_int(out, bson_iter_as_int64(value));
        break;
    case BSON_TYPE_DOUBLE:
        add_double(bson_iter_double(value), out);
        break;
    case BSON_TYPE_DECIMAL128:
        add_decimal(value, out);
        break;
    case BSON_TYPE_BOOL:
        str_addz(out, bson_iter_bool(value) ? "true" : "false");
        break;
    case BSON_TYPE_DATE_TIME:
        clock_format(text, bson_iter_date_time(value));
        str_addc(out, '"');
        str_addz(out, text);
        str_addc(out, '"');
        break;
    case BSON_TYPE_OID:
        bson_oid_to_string(bson_iter_oid(value), oid);
        str_add_json(out, oid, 24);
        break;
    case BSON_TYPE_DOCUMENT:
        add_members(value, out, depth, false);
        break;
    case BSON_TYPE_ARRAY:
        add_members(value, out, depth, true);
        break;
    default:
        str_addz(out, "null");
    }
}

void bson_json_value(const bson_iter_t *value, struct str *out)
{
    add_value(value, out, 0);
}
