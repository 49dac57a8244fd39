/* Query strings of lists. Field names and operators come from the descriptor; what the client
 * sends is only ever a typed value. */
#include "base.h"
#include "engine/query.h"
#include "engine/branches.h"
#include "engine/cursor.h"
#include "engine/validate.h"
#include "core/clock.h"
#include "db/own.h"

#define Q_WORDS 5

static bool bad(struct err *err, const char *name, const char *why)
{
    return err_set(err, ERR_BAD_QUERY, "%s: %s", name, why);
}

/* --- limit, sort, fields --------------------------------------------------------------------- */

static bool read_limit(const char *text, int64_t max, struct list_query *out, struct err *err)
{
    size_t len = text != NULL ? strlen(text) : 0;
    bool number = len > 0 && len <= 6 && strspn(text, "0123456789") == len;

    if (text == NULL)
        return true;
    out->limit = number ? strtol(text, NULL, 10) : 0;
    if (out->limit < 1 || out->limit > max)
        return err_set(err, ERR_BAD_QUERY, "limit: must be a whole number from 1 to %" PRId64,
                       max);
    return true;
}

static bool read_sort(const struct resource *resource, const char *text, struct list_query *out,
                      struct err *err)
{
    out->sort_dir = text[0] == '-' ? -1 : 1;
    text += text[0] == '-';
    out->sort = resource_field(resource, text);
    if (out->sort != NULL && (out->sort->flags & F_SORT)) {
        out->sort_name = out->sort->name;
        return true;
    }
    out->sort = NULL;
    for (size_t i = 0; i < STD_FIELDS; i++)
        if ((resource_std_sorts(resource) >> i & 1) && strcmp(text, std_field_names[i]) == 0) {
            out->sort_name = std_field_names[i];
            return true;
        }
    return bad(err, "sort", "this field cannot be sorted by");
}

static bool show_field(const struct resource *resource, const char *name, size_t len,
                       struct list_query *out)
{
    unsigned std = std_field(name, len) & resource_std(resource);

    out->shown_std |= std;
    if (std != 0)
        return true;
    for (size_t i = 0; resource->fields[i].name != NULL; i++)
        if (strlen(resource->fields[i].name) == len &&
            memcmp(resource->fields[i].name, name, len) == 0) {
            out->shown |= UINT64_C(1) << i;
            return true;
        }
    return false;
}

static bool read_fields(const struct resource *resource, const char *text, struct list_query *out,
                        struct err *err)
{
    out->all_fields = text == NULL;
    if (text == NULL)
        return true;
    out->shown_std = STD_ID;
    while (*text != '\0') {
        size_t len = strcspn(text, ",");

        if (!show_field(resource, text, len, out))
            return bad(err, "fields", "names an unknown field");
        text += len;
        text += *text == ',';
    }
    return true;
}

/* What has to be read to show a state as the clock says. */
static uint64_t lapse_fields(const struct resource *resource, const struct list_query *out)
{
    const struct lapse *lapse = resource->lapse;

    if (lapse == NULL ||
        !(out->shown >> (resource_field(resource, lapse->field) - resource->fields) & 1))
        return 0;
    return UINT64_C(1) << (resource_field(resource, lapse->until) - resource->fields);
}

/* --- filters --------------------------------------------------------------------------------- */

/* Clauses that share a field or operator stand beside each other in one $and. */
struct clauses {
    bson_t array;
    int n;
};

static void clause_begin(struct clauses *clauses, bson_t *item)
{
    char key[12];

    snprintf(key, sizeof(key), "%d", clauses->n++);
    bson_append_document_begin(&clauses->array, key, -1, item);
}

/* Beside what the request itself asks of the same field. */
static void add_own(const struct req *req, const struct resource *resource,
                    struct clauses *clauses)
{
    bson_t item = BSON_INITIALIZER;
    char key[12];

    resource_filter_own(resource, req, &item);
    snprintf(key, sizeof(key), "%d", clauses->n);
    if (bson_count_keys(&item) > 0 && bson_append_document(&clauses->array, key, -1, &item))
        clauses->n++;
    bson_destroy(&item);
}

static bool add_range(const struct field *field, const struct kind_env *env, const char *op,
                      const char *text, struct clauses *clauses)
{
    bson_t item, child;
    bool ok;

    clause_begin(clauses, &item);
    bson_append_document_begin(&item, field->name, -1, &child);
    ok = kind_of(field)->query(env, field, text, op, &child);
    bson_append_document_end(&item, &child);
    bson_append_document_end(&clauses->array, &item);
    return ok;
}

/* Is a state asked for that the clock has a part in? */
static bool lapsing(const struct resource *resource, const struct pair *p)
{
    const struct lapse *lapse = resource->lapse;

    return lapse != NULL && strcmp(lapse->field, p->name) == 0 &&
           (strcmp(p->value, lapse->from) == 0 || strcmp(p->value, lapse->to) == 0);
}

static bool add_lapsing(const struct lapse *lapse, const char *state, struct clauses *clauses,
                        bson_t *filter)
{
    bson_t item;

    clause_begin(clauses, &item);
    lapse_append(lapse, state, clock_ms(), filter, &item);
    return bson_append_document_end(&clauses->array, &item);
}

static void add_word(struct clauses *clauses, const char *word, size_t len)
{
    char pattern[8 * LIST_SEARCH_MAX + 8] = "^";
    size_t used = 1;
    bson_t item;

    for (size_t i = 0; i < len; i++) {
        if (strchr("\\^$.|?*+()[]{}-/#", word[i]) != NULL)
            pattern[used++] = '\\';
        pattern[used++] = word[i];
    }
    pattern[used] = '\0';
    kind_fold(pattern);
    clause_begin(clauses, &item);
    bson_append_regex(&item, FIELD_WORDS, -1, pattern, "");
    bson_append_document_end(&clauses->array, &item);
}

/* `name` is the parameter's: "q", or what earlier clients call it. */
static bool add_search(const struct resource *resource, const char *name, const char *text,
                       struct clauses *clauses, struct err *err)
{
    int words = 0;
    bool searchable = false;

    for (const struct field *f = resource->fields; f->name != NULL; f++)
        searchable |= (f->flags & F_SEARCH) != 0;
    if (!searchable)
        return bad(err, name, "this list cannot be searched");
    if (utf8_count(text, strlen(text)) > LIST_SEARCH_MAX)
        return bad(err, name, "has at most 64 characters");
    while (*text != '\0') {
        size_t len = strcspn(text, " ");

        if (len > 0 && words++ < Q_WORDS)
            add_word(clauses, text, len);
        text += len;
        text += strspn(text, " ");
    }
    return true;
}

static bool reserved(const char *name)
{
    static const char *const names[] = {"limit", "after", "sort", "fields", "q", "search",
                                        "expand"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* "name" or "name.gte" / "name.lte" of a field that allows it; NULL otherwise. */
static const struct field *filter_field(const struct resource *resource, const char *name,
                                        const char **op)
{
    const char *dot = strchr(name, '.');
    char base[64];
    const struct field *f;

    *op = NULL;
    if (dot == NULL) {
        f = resource_field(resource, name);
        return f != NULL && (f->flags & F_FILTER) ? f : NULL;
    }
    snprintf(base, sizeof(base), "%.*s", (int)(dot - name), name);
    f = resource_field(resource, base);
    if (f == NULL || !(f->flags & F_RANGE))
        return NULL;
    if (strcmp(dot, ".gte") == 0)
        *op = "$gte";
    else if (strcmp(dot, ".lte") == 0)
        *op = "$lte";
    return *op != NULL ? f : NULL;
}

static bool add_filters(struct req *req, const struct resource *resource,
                        const struct kind_env *env, struct clauses *clauses, bson_t *filter,
                        struct err *err)
{
    for (size_t i = 0; i < req->n_query; i++) {
        const struct pair *p = &req->query[i];
        const struct field *f;
        const char *op;
        bool ok;

        if (reserved(p->name))
            continue;
        f = filter_field(resource, p->name, &op);
        if (f == NULL)
            return bad(err, p->name, "there is no such parameter");
        ok = op != NULL             ? add_range(f, env, op, p->value, clauses)
             : lapsing(resource, p) ? add_lapsing(resource->lapse, p->value, clauses, filter)
                                    : kind_of(f)->query(env, f, p->value, f->name, filter);
        if (!ok)
            return bad(err, p->name, "is not a value of this field");
    }
    return true;
}

/* --- paging ---------------------------------------------------------------------------------- */

/* What a cursor is bound to. */
static const char *cursor_scope(const struct req *req, const struct resource *resource,
                                const struct list_query *q)
{
    return arena_printf(req->arena, "%s|%s|%s|%s|%d", req->scope.db_name,
                        req->scope.tenant_id != NULL ? req->scope.tenant_id : "",
                        resource->noun, q->sort_name, q->sort_dir);
}

static void add_options(const struct resource *resource, struct list_query *q)
{
    bson_t child;

    bson_append_document_begin(q->opts, "sort", 4, &child);
    bson_append_int32(&child, q->sort_name, -1, q->sort_dir);
    if (strcmp(q->sort_name, "id") != 0)
        bson_append_int32(&child, "id", 2, q->sort_dir);
    bson_append_document_end(q->opts, &child);
    bson_append_int64(q->opts, "limit", 5, q->limit);
    bson_append_int64(q->opts, "batchSize", 9,
                      q->limit < LIST_LIMIT_MAX ? q->limit : LIST_LIMIT_MAX);
    if (q->all_fields)
        return;
    bson_append_document_begin(q->opts, "projection", 10, &child);
    bson_append_bool(&child, "_id", 3, false);
    bson_append_bool(&child, "id", 2, true);
    for (unsigned i = 1; i < STD_FIELDS; i++)
        if ((q->shown_std >> i & 1) || strcmp(q->sort_name, std_field_names[i]) == 0)
            bson_append_bool(&child, std_field_names[i], -1, true);
    for (size_t i = 0; resource->fields[i].name != NULL; i++)
        if (((q->shown | q->fetched) >> i & 1) || q->sort == &resource->fields[i])
            bson_append_bool(&child, resource->fields[i].name, -1, true);
    bson_append_document_end(q->opts, &child);
}

/* A range's index gives it in its own order: that is the list's when none is asked for. A state
 * that the clock has a part in is such a range. */
static bool usual_sort(const struct req *req, const struct resource *resource,
                       const struct view *view, struct list_query *out, struct err *err)
{
    const char *sort = view != NULL && view->sort != NULL ? view->sort : resource->sort;
    const struct field *f;
    const char *op;

    for (size_t i = 0; sort == NULL && i < req->n_query; i++) {
        if (lapsing(resource, &req->query[i])) {
            out->sort_dir = 1;
            out->sort = resource_field(resource, resource->lapse->until);
            out->sort_name = out->sort->name;
            return true;
        }
        if ((f = filter_field(resource, req->query[i].name, &op)) != NULL && op != NULL)
            sort = f->name;
    }
    return read_sort(resource, sort != NULL ? sort : "id", out, err);
}

/* --- together -------------------------------------------------------------------------------- */

/* `usual` is the limit when none is asked for, `max` the most that may be. */
static bool read_query(struct req *req, const struct resource *resource, const struct view *view,
                       int64_t usual, int64_t max, uint64_t fetched, struct list_query *out,
                       struct err *err)
{
    const struct kind_env env = {.decimals = req->tenant->decimals};
    const char *sort = req_query(req, "sort");
    const char *q = req_query(req, "q"), *search = req_query(req, "search");
    const char *after = req_query(req, "after");
    struct clauses clauses = {.n = 0};
    const bson_t *last;
    bool ok;

    memset(out, 0, sizeof(*out));
    out->fetched = fetched;
    out->filter = own_bson(req->arena);
    out->count_filter = own_bson(req->arena);
    out->opts = own_bson(req->arena);
    out->limit = usual;
    if (!read_limit(req_query(req, "limit"), max, out, err) ||
        !(sort != NULL ? read_sort(resource, sort, out, err)
                       : usual_sort(req, resource, view, out, err)) ||
        !read_fields(resource, req_query(req, "fields"), out, err))
        return false;
    out->fetched |= lapse_fields(resource, out);
    scope_filter(&req->scope, branches_bound(resource, &req->scope) ? NULL : resource->branch_field,
                 out->filter);
    if (view != NULL)
        view->filter(out->filter);
    bson_init(&clauses.array);
    add_own(req, resource, &clauses);
    ok = add_filters(req, resource, &env, &clauses, out->filter, err) &&
         (q == NULL || add_search(resource, "q", q, &clauses, err)) &&
         (search == NULL || add_search(resource, "search", search, &clauses, err));
    if (ok && clauses.n > 0)
        bson_append_array(out->filter, "$and", 4, &clauses.array);
    bson_destroy(&clauses.array);
    if (!ok)
        return false;
    bson_concat(out->count_filter, out->filter);
    if (after != NULL) {
        if (!cursor_open(req->app->cursor_key, cursor_scope(req, resource, out), after, req->arena,
                         &last, err))
            return false;
        cursor_after(out->sort_name, out->sort_dir, last, out->filter);
    }
    add_options(resource, out);
    return true;
}

bool query_list(struct req *req, const struct resource *resource, const struct view *view,
                uint64_t fetched, struct list_query *out, struct err *err)
{
    return read_query(req, resource, view, LIST_LIMIT_MAX, LIST_LIMIT_MAX, fetched, out, err);
}

bool query_export(struct req *req, const struct resource *resource, const struct view *view,
                  struct list_query *out, struct err *err)
{
    return read_query(req, resource, view, EXPORT_ROWS_MAX + 1, EXPORT_ROWS_MAX, 0, out, err);
}

void query_link_next(struct req *req, const struct resource *resource,
                     const struct list_query *query, const bson_t *last)
{
    bson_iter_t id, value;
    bool has_value = bson_iter_init_find(&value, last, query->sort_name);
    const char *cursor;

    if (!bson_iter_init_find(&id, last, "id") || !BSON_ITER_HOLDS_UTF8(&id))
        return;
    cursor = cursor_make(req->app->cursor_key, cursor_scope(req, resource, query),
                         has_value ? &value : NULL, bson_iter_utf8(&id, NULL), req->arena);
    query_link_after(req, cursor);
}
