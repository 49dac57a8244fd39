/* Rows of a table meet the records that are there: some hundred to a query, and then one batch of
 * new records and one of changes. */
#include "base.h"
#include "engine/import.h"
#include "engine/ids.h"
#include "engine/validate.h"
#include "core/id.h"
#include "db/doc.h"
#include "db/own.h"

/* --- what is known --------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
    return strcmp((*(struct import_row *const *)a)->key, (*(struct import_row *const *)b)->key);
}

static const char *key_field(const struct import *im, bool by_value)
{
    return by_value || im->table.key == NULL ? "id" : im->table.key->name;
}

/* Rows with a key of one of the two sorts, in its order. */
static size_t keyed(struct import_row *rows, size_t n, bool by_value, struct import_row **out)
{
    size_t m = 0;

    for (size_t i = 0; i < n; i++)
        if (rows[i].key[0] != '\0' && !err_is_set(rows[i].err) && rows[i].by_value == by_value)
            out[m++] = &rows[i];
    qsort(out, m, sizeof(*out), by_key);
    return m;
}

static const bson_t *key_filter(const struct import *im, struct import_row *const *rows, size_t m,
                                const char *name)
{
    bson_t *filter = own_bson(im->arena);
    struct ids ids;

    ids_init(&ids, im->arena, m);
    for (size_t i = 0; i < m; i++)
        ids_add(&ids, rows[i]->key);
    scope_filter(im->create.scope, im->table.resource->branch_field, filter);
    ids_append_in(&ids, name, filter);
    return filter;
}

static void note_known(const struct import *im, struct import_row *const *rows, size_t m,
                       const char *name, const bson_t *doc)
{
    struct import_row wanted, *at = &wanted, *const *found;

    wanted.key = doc_text(doc, name);
    if (!wanted.key)
        return;
    found = bsearch(&at, rows, m, sizeof(*rows), by_key);
    if (found == NULL)
        return;
    if ((*found)->old != NULL)
        err_field((*found)->err, name, "ambiguous", "Several records have this value");
    (*found)->old = own_bson_copy(im->arena, bson_get_data(doc), doc->len);
}

/* One query. */
static bool find_known(struct import *im, struct import_row *rows, size_t n, bool by_value,
                       struct err *err)
{
    struct import_row **wanted = arena_alloc(im->arena, (n + 1) * sizeof(*wanted));
    const char *name = key_field(im, by_value);
    size_t m = keyed(rows, n, by_value, wanted);
    bson_t *opts = own_bson(im->arena);
    mongoc_cursor_t *cursor;
    const bson_t *doc;

    if (m == 0)
        return true;
    bson_append_int64(opts, "batchSize", -1, (int64_t)m + 1);
    cursor = scope_find(im->create.scope, im->table.resource->collection,
                        key_filter(im, wanted, m, name), opts);
    while (scope_next(im->create.scope, cursor, &doc, err)) {
        if (doc == NULL)
            return true;
        note_known(im, wanted, m, name, doc);
    }
    return false;
}

/* --- what a row is about --------------------------------------------------------------------- */

static bool check(struct import *im, struct import_row *row, enum validate_mode mode)
{
    struct validated out;
    bool ok = validate_body(im->table.resource, mode, &im->create.env, row->body, false, im->arena,
                            &out, row->err);

    row->set = out.set;
    return ok;
}

/* The id of a record that is known by its values alone: the same for the same values, counted when
 * a table has them more than once. */
static void value_id(struct import *im, struct import_row *row)
{
    const struct scope *scope = im->create.scope;
    const struct import_place *place =
        import_seen_add(&im->seen, "", bson_get_data(row->set), row->set->len, row->line);
    char hex[SHA256_HEX_SIZE], both[2 * SHA256_HEX_SIZE + 400];

    sha256_hex(hex, bson_get_data(row->set), row->set->len);
    snprintf(both, sizeof(both), "%s|%s|%s|%" PRId64, scope->tenant_id,
             im->table.resource->collection, hex, place->count);
    sha256_hex(hex, both, strlen(both));
    row->by_value = true;
    row->id = arena_printf(im->arena, "%.8s-%.4s-8%.3s-a%.3s-%.12s", hex, hex + 8, hex + 12,
                           hex + 15, hex + 18);
    row->key = row->id;
}

/* Twice in one table is a mistake of whoever made it. */
static bool check_twice(struct import *im, struct import_row *row, const char *field,
                        const char *text, size_t len)
{
    const struct import_place *place = import_seen_add(&im->seen, field, text, len, row->line);

    return place->count == 1 || err_field(row->err, field, "duplicate",
                                          "Line %" PRId64 " has the same value", place->line);
}

static void check_key(struct import *im, struct import_row *row)
{
    if (err_is_set(row->err))
        return;
    if (row->key[0] != '\0')
        check_twice(im, row, key_field(im, false), row->key, strlen(row->key));
    else if (check(im, row, VALIDATE_CREATE))
        value_id(im, row);
}

static void check_uniques(struct import *im, struct import_row *row)
{
    bson_iter_t it;

    for (const struct field *f = im->table.resource->fields; f->name != NULL; f++)
        if ((f->flags & F_UNIQUE) && f != im->table.key &&
            bson_iter_init_find(&it, row->set, f->name) && BSON_ITER_HOLDS_UTF8(&it)) {
            uint32_t len;
            const char *text = bson_iter_utf8(&it, &len);

            if (len > 0)
                check_twice(im, row, f->name, text, len);
        }
}

/* Null and absent are the same. */
static bool same_value(const bson_iter_t *value, const bson_t *old)
{
    bson_iter_t it;
    bson_t a = BSON_INITIALIZER, b = BSON_INITIALIZER;
    bool same;

    if (!bson_iter_init_find(&it, old, bson_iter_key(value)) || BSON_ITER_HOLDS_NULL(&it))
        return BSON_ITER_HOLDS_NULL(value);
    bson_append_iter(&a, "", 0, value);
    bson_append_iter(&b, "", 0, &it);
    same = bson_equal(&a, &b);
    bson_destroy(&a);
    bson_destroy(&b);
    return same;
}

static bool all_same(const struct import_row *row)
{
    bson_iter_t it;

    if (row->by_value) /* known by the values that it came with, whatever it has now */
        return true;
    if (!bson_iter_init(&it, row->set))
        return true;
    while (bson_iter_next(&it))
        if (!same_value(&it, row->old))
            return false;
    return true;
}

static void judge(struct import *im, struct import_row *row)
{
    if (err_is_set(row->err))
        return;
    if (row->old != NULL && !row->by_value)
        check(im, row, VALIDATE_PATCH);
    else if (!row->by_value && check(im, row, VALIDATE_CREATE) && im->table.by_id) {
        if (id_valid(row->key, strlen(row->key)))
            row->id = arena_strdup(im->arena, row->key);
        else
            err_field(row->err, "id", "format", "A new record's id must be a UUID");
    }
    if (err_is_set(row->err))
        return;
    check_uniques(im, row);
    row->same = row->old != NULL && all_same(row);
}

/* --- storing --------------------------------------------------------------------------------- */

static const char *id_of(const bson_t *doc)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, doc, "id") && BSON_ITER_HOLDS_UTF8(&it)
               ? bson_iter_utf8(&it, NULL)
               : "";
}

/* The rows that are new, or those that are not, as a batch. */
static bool run(struct import *im, struct import_row *rows, size_t n, const struct batch *batch,
                int64_t *count, struct err *err)
{
    struct batch_row *out = arena_alloc(im->arena, (n + 1) * sizeof(*out));
    bool old = batch->op == BATCH_PATCH;
    size_t m = 0, stored = 0;

    for (size_t i = 0; i < n; i++)
        if (!err_is_set(rows[i].err) && !rows[i].same && (rows[i].old != NULL) == old)
            out[m++] = (struct batch_row){.set = rows[i].set,
                                          .id = old ? id_of(rows[i].old) : rows[i].id,
                                          .err = rows[i].err};
    if (m > 0 && !batch_run(batch, out, m, &stored, err))
        return false;
    *count += (int64_t)stored;
    return true;
}

static void tell(struct import *im, const struct import_row *row)
{
    const struct err *why = row->err;
    size_t before = im->errors.n_fields;

    if (!err_is_set(why)) {
        im->unchanged += row->same;
        return;
    }
    im->failed++;
    for (size_t i = 0; i < why->n_fields; i++)
        err_field(&im->errors, why->fields[i].path, why->fields[i].code, "%s",
                  why->fields[i].detail);
    if (why->n_fields == 0)
        err_field(&im->errors, "", err_info(why->code)->name, "%s", why->detail);
    for (size_t i = before; i < im->errors.n_fields; i++)
        im->errors.fields[i].line = row->line;
}

bool import_rows(struct import *im, struct import_row *rows, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++)
        check_key(im, &rows[i]);
    if (!find_known(im, rows, n, false, err) || !find_known(im, rows, n, true, err))
        return false;
    for (size_t i = 0; i < n; i++)
        judge(im, &rows[i]);
    if (!run(im, rows, n, &im->create, &im->created, err) ||
        !run(im, rows, n, &im->patch, &im->updated, err))
        return false;
    for (size_t i = 0; i < n; i++)
        tell(im, &rows[i]);
    return true;
}
