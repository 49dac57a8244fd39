/* Field kinds: one row says how a kind is parsed, stored, shown and described.
 *
 * To add one: 1. a name in enum kind_id; 2. a row in kinds[] (kind.c) with its four functions;
 * 3. a case in t/unit/kind_test.c. Resources only name kinds.
 */
#ifndef ERP_ENGINE_KIND_H
#define ERP_ENGINE_KIND_H

#include <jansson.h>
#include <mongoc/mongoc.h>
#include "core/err.h"
#include "core/money.h"
#include "core/str.h"

enum kind_id {
    K_TEXT,      /* UTF-8 text; min, max in characters (max 0 = 200); one line */
    K_NOTE,      /* UTF-8 text of several lines; max 0 = 5000 */
    K_EMAIL,     /* text with one @; max 254 */
    K_PHONE,     /* digits, space, + - ( ); 3–32 characters */
    K_URL,       /* http(s) URL or absolute path; max 2000 */
    K_REF,       /* id of another record: `ref` names its resource; checked inside the tenant */
    K_INT,       /* 64-bit integer within min..max */
    K_BOOL,
    K_MONEY,     /* Decimal128 in the database; min, max in minor units (max 0 = MONEY_MAX) */
    K_DECIMAL,   /* a quantity or rate with up to 4 decimals, Decimal128; min..max in whole units */
    K_ENUM,      /* one of `values` */
    K_DAY,       /* "2026-01-31" or an instant, kept as the text sent; max 10: a day only */
    K_CLOCK,     /* "HH:MM" */
    K_INSTANT,   /* RFC 3339 in, BSON date, RFC 3339 UTC out */
    K_TEXT_LIST, /* array of texts; max = items (0 = 100) of at most 200 characters */
    K_OBJECT,    /* a free object: at most 64 keys, depth 4, 16 KiB */
    K_ROWS,      /* array of free objects: at most max (0 = 200) */
    K_COUNT
};

enum field_flags {
    F_REQUIRED = 1 << 0,  /* must be sent and not null on create and replace */
    F_READONLY = 1 << 1,  /* set by the server; ignored in bodies */
    F_FILTER = 1 << 2,    /* ?name=value; gets an index; of a list: those with this text in it */
    F_SORT = 1 << 3,      /* ?sort=name; gets an index */
    F_SEARCH = 1 << 4,    /* its words are found by ?q= */
    F_UNIQUE = 1 << 5,    /* unique in the tenant when not null; of a list, each text */
    F_RANGE = 1 << 6,     /* ?name.gte= and ?name.lte=; needs F_SORT */
    F_KEEP = 1 << 7,      /* a replace that leaves it out keeps the stored value */
    F_IMMUTABLE = 1 << 8, /* may be set on create only */
    F_VIRTUAL = 1 << 9,   /* worked out when it is shown, never stored; with F_READONLY */
    F_OWNED = 1 << 10     /* K_REF: the record goes with the one that it names */
};

struct field {
    const char *name;
    enum kind_id kind;
    unsigned flags;
    int64_t min, max;
    const char *def;           /* JSON text of the default; NULL: null */
    const char *const *values; /* K_ENUM: NULL-terminated */
    const char *ref;           /* K_REF: noun of the resource */
    const char *summary;
    const char *series;        /* K_TEXT, read-only: prefix of a number (engine/series.h) */
    const char *shared;        /* F_UNIQUE text: noun of a resource whose field of this name is
                                  unique too: no record of either has the other's value
                                  (engine/shared.h) */
};

/* What a conversion needs to know about the tenant. */
struct kind_env {
    int decimals; /* of the tenant's currency */
};

struct kind {
    const char *name;
    /* Checks `value` (never null) and appends it to `out` as the field's name; on refusal adds
     * field errors at `path` and returns false. */
    bool (*store)(const struct kind_env *env, const struct field *field, const char *path,
                  json_t *value, bson_t *out, struct err *err);
    /* Appends the stored value as JSON text; values of other types left by earlier systems are
     * shown as best they can, never refused. */
    void (*show)(const struct kind_env *env, const bson_iter_t *value, struct str *out);
    /* Parses query text and appends it to `out` as `key`; false when it is no such value. */
    bool (*query)(const struct kind_env *env, const struct field *field, const char *text,
                  const char *key, bson_t *out);
    /* Adds type, format and limits to an OpenAPI schema. */
    void (*schema)(const struct field *field, json_t *schema);
};

const struct kind *kind_of(const struct field *field);

/* Two files share the table: plain kinds in kind.c, the structured ones in kind_more.c. */
extern const struct kind kind_money, kind_decimal, kind_enum, kind_day, kind_clock, kind_instant,
    kind_text_list, kind_object, kind_rows;
void kind_show_any(const struct kind_env *env, const bson_iter_t *value, struct str *out);
bool kind_no_query(const struct kind_env *env, const struct field *field, const char *text,
                   const char *key, bson_t *out);

/* Lower-cases ASCII in place: how search words are folded, here and in stored data. */
void kind_fold(char *text);

#endif
