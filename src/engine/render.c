/* The read path's hot loop: one walk over the document, one walk over the fields. */
#include "base.h"
#include "engine/render.h"
#include "engine/csv.h"
#include "engine/validate.h"
#include "core/clock.h"
#include "db/bson_json.h"

#define FIELDS_MAX 64

/* Where an element stands in the document: bson_iter_t is too large to keep sixty of. */
struct place {
    uint32_t offset;
    uint32_t key_len;
};

struct found {
    struct place std[STD_FIELDS];
    struct place field[FIELDS_MAX];
    uint64_t seen;
    unsigned std_seen;
};

static struct place place_of(const bson_iter_t *it)
{
    return (struct place){bson_iter_offset((bson_iter_t *)it), bson_iter_key_len(it)};
}

static bool revisit(const bson_t *doc, struct place place, bson_iter_t *it)
{
    return bson_iter_init_from_data_at_offset(it, bson_get_data(doc), doc->len, place.offset,
                                              place.key_len);
}

static bool note_std(struct found *found, const char *key, const bson_iter_t *it)
{
    for (unsigned i = 0; i < STD_FIELDS; i++)
        if (strcmp(key, std_field_names[i]) == 0) {
            found->std[i] = place_of(it);
            found->std_seen |= 1u << i;
            return true;
        }
    return false;
}

/* Documents written here hold their fields in the descriptor's order, so the next expected one
 * is tried first; others are found by a search. */
static size_t find_field(const struct resource *resource, size_t n, size_t next, const char *key)
{
    if (next < n && strcmp(key, resource->fields[next].name) == 0)
        return next;
    for (size_t i = 0; i < n; i++)
        if (strcmp(key, resource->fields[i].name) == 0)
            return i;
    return n;
}

static void scan(const struct resource *resource, size_t n, const bson_t *doc, struct found *found)
{
    size_t next = 0, i;
    bson_iter_t it;

    if (!bson_iter_init(&it, doc))
        return;
    while (bson_iter_next(&it)) {
        const char *key = bson_iter_key(&it);

        if (key[0] == '_' || (next == 0 && note_std(found, key, &it)))
            continue;
        i = find_field(resource, n, next, key);
        if (i < n) {
            found->field[i] = place_of(&it);
            found->seen |= UINT64_C(1) << i;
            next = i + 1;
        } else {
            note_std(found, key, &it);
        }
    }
}

static void add_name(struct str *out, const char *name, bool *first)
{
    if (!*first)
        str_addc(out, ',');
    *first = false;
    str_addc(out, '"');
    str_addz(out, name);
    str_add(out, "\":", 2);
}

/* The field that is shown otherwise than it is stored (engine/lapse.h): n when there is none. */
static size_t lapsed_field(const struct resource *resource, size_t n, const bson_t *doc)
{
    const struct lapse *lapse = resource->lapse;

    if (lapse == NULL || strcmp(lapse_state(lapse, doc, clock_ms()), lapse->to) != 0)
        return n;
    return (size_t)(resource_field(resource, lapse->field) - resource->fields);
}

void render_record(const struct resource *resource, const struct kind_env *env, const bson_t *doc,
                   const struct list_query *query, struct str *out)
{
    size_t n = resource_field_count(resource);
    bool all = query == NULL || query->all_fields;
    bool first = true;
    struct found found;
    bson_iter_t it;
    size_t lapsed = lapsed_field(resource, n, doc);

    found.seen = 0;
    found.std_seen = 0;
    scan(resource, n, doc, &found);
    str_addc(out, '{');
    for (unsigned i = 0; i < STD_FIELDS; i++) {
        if (!(resource_std(resource) & (1u << i)) || (!all && !(query->shown_std & (1u << i))))
            continue;
        add_name(out, std_field_names[i], &first);
        if ((found.std_seen & (1u << i)) && revisit(doc, found.std[i], &it))
            bson_json_value(&it, out);
        else
            str_addz(out, "null");
    }
    for (size_t i = 0; i < n; i++) {
        const struct field *f = &resource->fields[i];

        if (!all && !(query->shown >> i & 1))
            continue;
        add_name(out, f->name, &first);
        if (i == lapsed)
            str_add_json(out, resource->lapse->to, strlen(resource->lapse->to));
        else if ((found.seen >> i & 1) && revisit(doc, found.field[i], &it) &&
                 !BSON_ITER_HOLDS_NULL(&it))
            kind_of(f)->show(env, &it, out);
        else
            str_addz(out, f->def != NULL ? f->def : "null");
    }
    str_addc(out, '}');
}

/* --- CSV ------------------------------------------------------------------------------------- */

static void csv_comma(struct str *out, bool *first)
{
    if (!*first)
        str_addc(out, ',');
    *first = false;
}

static void csv_end(struct str *out)
{
    str_add(out, "\r\n", 2);
}

static bool shows_std(const struct resource *resource, const struct list_query *query, unsigned i)
{
    return (resource_std(resource) & (1u << i)) &&
           (query->all_fields || (query->shown_std & (1u << i)));
}

static bool shows_field(const struct list_query *query, size_t i)
{
    return query->all_fields || (query->shown >> i & 1);
}

void render_csv_head(const struct resource *resource, const struct list_query *query,
                     struct str *out)
{
    bool first = true;

    for (unsigned i = 0; i < STD_FIELDS; i++)
        if (shows_std(resource, query, i)) {
            csv_comma(out, &first);
            str_addz(out, std_field_names[i]);
        }
    for (size_t i = 0; resource->fields[i].name != NULL; i++)
        if (shows_field(query, i)) {
            csv_comma(out, &first);
            str_addz(out, resource->fields[i].name);
        }
    csv_end(out);
}

/* What is a JSON string but no text in the database (a date) has nothing to escape in it. */
static void csv_shown(const struct str *json, struct str *out)
{
    bool quoted = json->len >= 2 && json->p[0] == '"';

    if (strcmp(json->p, "null") != 0)
        csv_add_cell(out, json->p + quoted, json->len - 2 * (size_t)quoted);
}

static void csv_value(const struct field *field, const struct kind_env *env,
                      const bson_iter_t *value, struct str *scratch, struct str *out)
{
    str_clear(scratch);
    if (field != NULL)
        kind_of(field)->show(env, value, scratch);
    else
        bson_json_value(value, scratch);
    if (BSON_ITER_HOLDS_UTF8(value) && scratch->p[0] == '"') {
        uint32_t len;
        const char *text = bson_iter_utf8(value, &len);

        csv_add_text(out, text, len);
        return;
    }
    csv_shown(scratch, out);
}

static void csv_default(const struct field *field, struct str *scratch, struct str *out)
{
    str_clear(scratch);
    str_addz(scratch, field->def != NULL ? field->def : "null");
    csv_shown(scratch, out);
}

void render_csv(const struct resource *resource, const struct kind_env *env, const bson_t *doc,
                const struct list_query *query, struct str *out)
{
    size_t n = resource_field_count(resource);
    struct found found = {.seen = 0};
    bool first = true;
    struct str scratch;
    bson_iter_t it;
    size_t lapsed = lapsed_field(resource, n, doc);

    str_init(&scratch);
    scan(resource, n, doc, &found);
    for (unsigned i = 0; i < STD_FIELDS; i++) {
        if (!shows_std(resource, query, i))
            continue;
        csv_comma(out, &first);
        if ((found.std_seen & (1u << i)) && revisit(doc, found.std[i], &it))
            csv_value(NULL, env, &it, &scratch, out);
    }
    for (size_t i = 0; i < n; i++) {
        if (!shows_field(query, i))
            continue;
        csv_comma(out, &first);
        if (i == lapsed)
            csv_add_text(out, resource->lapse->to, strlen(resource->lapse->to));
        else if ((found.seen >> i & 1) && revisit(doc, found.field[i], &it) &&
                 !BSON_ITER_HOLDS_NULL(&it))
            csv_value(&resource->fields[i], env, &it, &scratch, out);
        else
            csv_default(&resource->fields[i], &scratch, out);
    }
    csv_end(out);
    str_release(&scratch);
}

/* --- rows of forms --------------------------------------------------------------------------- */

static bool has_value(const bson_t *doc, const struct field *field, bson_iter_t *it)
{
    return doc != NULL && bson_iter_init_find(it, doc, field->name) && !BSON_ITER_HOLDS_NULL(it);
}

void render_row(const struct field *fields, const struct kind_env *env, const bson_t *doc,
                struct str *out)
{
    bool first = true;
    bson_iter_t it;

    str_addc(out, '{');
    for (const struct field *f = fields; f->name != NULL; f++) {
        add_name(out, f->name, &first);
        if (has_value(doc, f, &it))
            kind_of(f)->show(env, &it, out);
        else
            str_addz(out, f->def != NULL ? f->def : "null");
    }
    str_addc(out, '}');
}

void render_row_csv_head(const struct field *fields, struct str *out)
{
    bool first = true;

    for (const struct field *f = fields; f->name != NULL; f++) {
        csv_comma(out, &first);
        str_addz(out, f->name);
    }
    csv_end(out);
}

void render_row_csv(const struct field *fields, const struct kind_env *env, const bson_t *doc,
                    struct str *out)
{
    bool first = true;
    struct str scratch;
    bson_iter_t it;

    str_init(&scratch);
    for (const struct field *f = fields; f->name != NULL; f++) {
        csv_comma(out, &first);
        if (has_value(doc, f, &it))
            csv_value(f, env, &it, &scratch, out);
        else
            csv_default(f, &scratch, out);
    }
    csv_end(out);
    str_release(&scratch);
}

/* --- entity tags ----------------------------------------------------------------------------- */

const char *render_etag(const bson_t *doc, struct arena *arena)
{
    bson_iter_t it;
    int64_t rev = 0, updated = 0;

    if (bson_iter_init_find(&it, doc, FIELD_REV))
        rev = bson_iter_as_int64(&it);
    if (bson_iter_init_find(&it, doc, "updated_at") && BSON_ITER_HOLDS_DATE_TIME(&it))
        updated = bson_iter_date_time(&it);
    return arena_printf(arena, "\"%" PRIx64 "-%" PRIx64 "\"", updated, rev);
}

bool render_etag_listed(const char *list, const bson_t *doc, struct arena *arena)
{
    const char *etag = render_etag(doc, arena);
    size_t len = strlen(etag) - 1; /* without the last quote */
    const char *revision = arena_strndup(arena, etag, len);

    if (strcmp(list, "*") == 0)
        return true;
    for (const char *at = strstr(list, revision); at != NULL; at = strstr(at + 1, revision))
        if (at[len] == '"' || at[len] == '.')
            return true;
    return false;
}
