/* Counters. The tenant is in the counter's _id as well, so that two who make it at once meet. */
#include "base.h"
#include "engine/series.h"
#include "core/clock.h"
#include "db/doc.h"
#include "db/own.h"

/* The fields of a resource that are numbers, and their counter. */
struct counter {
    const struct field *field[SERIES_MAX];
    size_t n;
    const char *id;
};

static void find_counter(const struct scope *scope, const struct resource *resource,
                         struct counter *c)
{
    c->n = 0;
    for (const struct field *f = resource->fields; f->name != NULL; f++) {
        if (f->series == NULL)
            continue;
        assert(c->n < SERIES_MAX);
        c->field[c->n++] = f;
    }
    c->id = c->n == 1 ? arena_printf(scope->arena, "%s:%s.%s", scope->tenant_id,
                                     resource->collection, c->field[0]->name)
                      : arena_printf(scope->arena, "%s:%s", scope->tenant_id, resource->collection);
}

/* Where the counter of a field stands in the document. */
static const char *member(const struct counter *c, size_t i)
{
    return c->n == 1 ? "value" : c->field[i]->name;
}

/* Moves the counter on by `count`; values[0], where it stands then, is 0 when there is none yet. */
static bool advance(struct scope *scope, const struct counter *c, int64_t count, int64_t *values,
                    struct err *err)
{
    bson_t *filter = own_bson(scope->arena), *update = own_bson(scope->arena);
    const bson_t *doc;
    bson_iter_t it;
    bson_t child;

    scope_filter(scope, NULL, filter);
    bson_append_utf8(filter, "_id", 3, c->id, -1);
    bson_append_document_begin(update, "$inc", 4, &child);
    for (size_t i = 0; i < c->n; i++)
        bson_append_int64(&child, member(c, i), -1, count);
    bson_append_document_end(update, &child);
    if (!scope_find_and_update(scope, SERIES_COUNTERS, filter, update, true, false, NULL, &doc,
                               err))
        return false;
    for (size_t i = 0; i < c->n; i++)
        values[i] = doc != NULL && bson_iter_init_find(&it, doc, member(c, i))
                        ? bson_iter_as_int64(&it)
                        : 0;
    return true;
}

/* ---- the prefix ---- */

/* How much of it comes before the year; all of it where there is none. */
static size_t before_year(const char *prefix)
{
    const char *year = strstr(prefix, SERIES_YEAR);

    return year != NULL ? (size_t)(year - prefix) : strlen(prefix);
}

/* The digits of a text that begins with the prefix, of whatever year; NULL: it does not. */
static const char *after_prefix(const char *text, const char *prefix)
{
    size_t len = before_year(prefix);
    const char *rest = prefix + len;

    if (strncmp(text, prefix, len) != 0)
        return NULL;
    text += len;
    if (*rest == '\0')
        return text;
    if (strspn(text, "0123456789") != 4)
        return NULL;
    text += 4;
    rest += strlen(SERIES_YEAR);
    return strncmp(text, rest, strlen(rest)) == 0 ? text + strlen(rest) : NULL;
}

static int this_year(void)
{
    char now[CLOCK_TEXT_SIZE];

    clock_format(now, clock_ms());
    return (int)strtol(now, NULL, 10);
}

static void append_number(const struct field *f, int year, int64_t n, bson_t *out)
{
    size_t len = before_year(f->series);
    const char *rest = f->series + len;
    char text[64], of_year[16] = "";

    if (*rest != '\0') {
        snprintf(of_year, sizeof of_year, "%04d", year > 0 ? year : this_year());
        rest += strlen(SERIES_YEAR);
    }
    snprintf(text, sizeof text, "%.*s%s%s%0*" PRId64, (int)len, f->series, of_year, rest,
             (int)f->min, n);
    bson_append_utf8(out, f->name, -1, text, -1);
}

/* 0 for what is no number of this series. */
static int64_t number_of(const char *text, const char *prefix)
{
    const char *digits = after_prefix(text, prefix);
    char *end;
    long long n;

    if (digits == NULL || !isdigit((unsigned char)*digits))
        return 0;
    errno = 0;
    n = strtoll(digits, &end, 10);
    return *end == '\0' && errno == 0 && n > 0 ? n : 0;
}

/* The highest number that records of an earlier system hold: each is looked at, for as text 99999
 * sorts after 100000. Once a tenant and series. */
static bool highest(struct scope *scope, const struct resource *resource, const struct field *f,
                    int64_t *out, struct err *err)
{
    bson_t *filter = own_bson(scope->arena), *opts = own_bson(scope->arena);
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    bson_t child;
    bson_iter_t it;

    *out = 0;
    scope_filter(scope, NULL, filter);
    bson_append_document_begin(filter, f->name, -1, &child);
    bson_append_utf8(&child, "$gte", 4, f->series, (int)before_year(f->series));
    bson_append_document_end(filter, &child);
    bson_append_document_begin(opts, "projection", -1, &child);
    bson_append_bool(&child, f->name, -1, true);
    bson_append_document_end(opts, &child);
    cursor = scope_find(scope, resource->collection, filter, opts);
    while (scope_next(scope, cursor, &doc, err)) {
        if (doc == NULL)
            return true;
        if (bson_iter_init_find(&it, doc, f->name) && BSON_ITER_HOLDS_UTF8(&it)) {
            int64_t n = number_of(bson_iter_utf8(&it, NULL), f->series);

            *out = n > *out ? n : *out;
        }
    }
    return false;
}

static bool begin(struct scope *scope, const struct resource *resource, const struct counter *c,
                  int64_t count, int64_t *values, struct err *err)
{
    bson_t *doc = own_bson(scope->arena);

    bson_append_utf8(doc, "_id", 3, c->id, -1);
    bson_append_utf8(doc, "tenant_id", -1, scope->tenant_id, -1);
    for (size_t i = 0; i < c->n; i++) {
        if (!highest(scope, resource, c->field[i], &values[i], err))
            return false;
        values[i] += count;
        bson_append_int64(doc, member(c, i), -1, values[i]);
    }
    if (scope_insert(scope, SERIES_COUNTERS, doc, err))
        return true;
    if (err->code == ERR_DUPLICATE)
        scope->transient = true; /* another one made it meanwhile: again, with it there */
    return false;
}

bool series_take(const struct resource *resource, struct scope *scope, size_t count,
                 struct series *out, struct err *err)
{
    int64_t values[SERIES_MAX];
    struct counter c;

    out->n = 0;
    out->year = 0;
    find_counter(scope, resource, &c);
    if (c.n == 0)
        return true;
    if (!advance(scope, &c, (int64_t)count, values, err) ||
        (values[0] == 0 && !begin(scope, resource, &c, (int64_t)count, values, err)))
        return false;
    for (size_t i = 0; i < c.n; i++) {
        out->field[i] = c.field[i];
        out->next[i] = values[i] - (int64_t)count + 1;
    }
    out->n = c.n;
    return true;
}

void series_next(struct series *series, bson_t *out)
{
    for (size_t i = 0; i < series->n; i++)
        append_number(series->field[i], series->year, series->next[i]++, out);
}

bool series_append(const struct resource *resource, struct scope *scope, bson_t *out,
                   struct err *err)
{
    struct series series;

    if (!series_take(resource, scope, 1, &series, err))
        return false;
    series_next(&series, out);
    return true;
}

bool series_count(struct scope *scope, const char *name, int64_t *next, struct err *err)
{
    bson_t *filter = own_bson(scope->arena), *update = own_bson(scope->arena);
    const bson_t *doc;
    bson_t child;

    scope_filter(scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "_id", arena_printf(scope->arena, "%s:%s", scope->tenant_id, name));
    BSON_APPEND_DOCUMENT_BEGIN(update, "$inc", &child);
    BSON_APPEND_INT64(&child, "value", 1);
    bson_append_document_end(update, &child);
    if (scope_find_and_update(scope, SERIES_COUNTERS, filter, update, true, true, NULL, &doc,
                              err)) {
        *next = doc_int(doc, "value", 0);
        return true;
    }
    if (err->code == ERR_DUPLICATE)
        scope->transient = true; /* another one made it meanwhile: again, with it there */
    return false;
}
