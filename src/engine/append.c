/* Adds a row to a list of a record, and moves the amounts that go with it, in one transaction. */
#include "base.h"
#include "engine/append.h"
#include "db/doc.h"
#include "engine/change.h"
#include "engine/form.h"
#include "engine/refs.h"
#include "core/clock.h"
#include "core/id.h"
#include "db/json_bson.h"
#include "db/own.h"

#define LIST_MAX 200 /* where a K_ROWS field names no other limit */

struct adding {
    struct change change;
    const struct append *append;
    struct resource form; /* what is sent, checked like a record */
    struct validated input;
    const bson_t *free; /* members beyond the form's */
    struct kind_env env;
};

/* --- what is sent ---------------------------------------------------------------------------- */

/* A copy of the body without what the form does not know; that goes into `rest`. */
static json_t *form_members(const struct adding *a, json_t *body, json_t *rest)
{
    json_t *known = json_object(), *value;
    const char *name;

    json_object_foreach (body, name, value)
        json_object_set(a->append->open && resource_field(&a->form, name) == NULL ? rest : known,
                        name, value);
    return known;
}

static void add_query(const struct adding *a, json_t *known)
{
    for (const struct field *f = a->form.fields; f->name != NULL; f++) {
        const char *text = req_query(a->change.req, f->name);

        if (text != NULL && json_object_get(known, f->name) == NULL)
            json_object_set_new(known, f->name, json_string(text));
    }
}

/* What the server itself says of a row is not taken from the caller. */
static bool read_free(struct adding *a, json_t *rest, struct err *err)
{
    static const char *const own[] = {"id", "added_at", "added_by"};
    bson_t *out = own_bson(a->change.req->arena);
    bson_iter_t it;
    uint32_t len;
    const uint8_t *bytes;

    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        json_object_del(rest, own[i]);
    if (!json_bson_append(out, "rest", rest, "", err))
        return false;
    bson_iter_init_find(&it, out, "rest");
    bson_iter_document(&it, &len, &bytes);
    a->free = own_bson_copy(a->change.req->arena, bytes, len);
    return true;
}

static bool read_input(struct adding *a)
{
    struct req *req = a->change.req;
    json_auto_t *rest = json_object(), *known = NULL;

    if (req->body != NULL && !json_is_object(req->body))
        return err_field(req->err, "", "type", "Must be a JSON object");
    known = form_members(a, req->body, rest);
    if (a->append->by_query)
        add_query(a, known);
    if (!validate_body(&a->form, VALIDATE_CREATE, &a->env, known, req->strict, req->arena,
                       &a->input, req->err) ||
        !read_free(a, rest, req->err))
        return false;
    if (a->input.ignored != NULL)
        resp_header(req, "X-Ignored-Fields", a->input.ignored);
    return true;
}

/* --- the new list ---------------------------------------------------------------------------- */

static void append_row(const struct adding *a, const char *key, bson_t *list)
{
    char id[ID_SIZE], now[CLOCK_TEXT_SIZE];
    bson_t row;

    id_new(id);
    clock_format(now, clock_ms());
    bson_append_document_begin(list, key, -1, &row);
    bson_append_utf8(&row, "id", 2, id, -1);
    bson_concat(&row, a->input.set);
    bson_concat(&row, a->free);
    bson_append_utf8(&row, "added_at", -1, now, -1);
    bson_append_utf8(&row, "added_by", -1, a->change.req->principal.email, -1);
    bson_append_document_end(list, &row);
}

/* The form's first field, for a list of texts. */
static const char *first_text(const struct adding *a)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, a->input.set, a->form.fields[0].name) &&
                   BSON_ITER_HOLDS_UTF8(&it)
               ? bson_iter_utf8(&it, NULL)
               : "";
}

/* Appends the list as it will be; *known true when the text is in it already. */
static bool append_list(const struct adding *a, const bson_t *old, bson_t *set, bool *known,
                        struct err *err)
{
    const struct field *f = resource_field(a->change.req->route->resource, a->append->list);
    bool texts = f->kind == K_TEXT_LIST;
    int64_t max = f->max ? f->max : LIST_MAX, n = 0;
    bson_iter_t it, item;
    bson_t list;
    char key[24];

    *known = false;
    bson_append_array_begin(set, f->name, -1, &list);
    if (bson_iter_init_find(&it, old, f->name) && BSON_ITER_HOLDS_ARRAY(&it) &&
        bson_iter_recurse(&it, &item))
        while (bson_iter_next(&item)) {
            snprintf(key, sizeof(key), "%" PRId64, n++);
            bson_append_iter(&list, key, -1, &item);
            *known |= texts && BSON_ITER_HOLDS_UTF8(&item) &&
                      strcmp(bson_iter_utf8(&item, NULL), first_text(a)) == 0;
        }
    snprintf(key, sizeof(key), "%" PRId64, n);
    if (texts)
        bson_append_utf8(&list, key, -1, first_text(a), -1);
    else
        append_row(a, key, &list);
    bson_append_array_end(set, &list);
    return *known || n < max ||
           err_set(err, ERR_CONFLICT,
                   "There are %" PRId64 " of them already, the most there can be", n);
}

static bool append_sum(const struct adding *a, const bson_t *old, bson_t *set, struct err *err)
{
    const struct append *append = a->append;
    int decimals = a->env.decimals;
    money_t sum;

    if (append->amount == NULL)
        return true;
    if (!money_add(doc_money(old, append->sum, decimals, 0),
                   doc_money(a->input.set, append->amount, decimals, 0), &sum))
        return err_field(err, append->amount, "range", "The sum is too large");
    return doc_append_money(set, append->sum, sum, decimals);
}

/* --- the operation --------------------------------------------------------------------------- */

static bool check_open(const struct adding *a, const bson_t *old, struct err *err)
{
    const char *text;
    bson_iter_t it;

    if (a->append->closed_by == NULL || !bson_iter_init_find(&it, old, a->append->closed_by) ||
        !BSON_ITER_HOLDS_UTF8(&it))
        return true;
    text = bson_iter_utf8(&it, NULL);
    for (const char *const *v = a->append->closed_when; *v != NULL; v++)
        if (strcmp(*v, text) == 0)
            return err_set(err, ERR_STATE, "Nothing can be added to what is %s", text);
    return true;
}

static bool add_body(struct scope *scope, void *data, struct err *err)
{
    struct adding *a = data;
    const struct resource *resource = a->change.req->route->resource;
    bson_t *set = own_bson(scope->arena), *all = own_bson(scope->arena);
    const bson_t *old;
    bool known;

    if (!change_read(scope, &a->change, &old, err))
        return false;
    if (old == NULL)
        return true;
    if (!refs_check(&a->form, scope, a->input.set, err) || !check_open(a, old, err) ||
        !append_list(a, old, set, &known, err) || !append_sum(a, old, set, err))
        return false;
    if (known) {
        a->change.result = old;
        return true;
    }
    bson_concat(all, set);
    return (a->append->added == NULL || a->append->added(scope, old, a->input.set, err)) &&
           (resource->derive == NULL || resource->derive(&a->env, set, old, all, err)) &&
           change_apply(scope, &a->change, old, all, err);
}

static bool add(struct req *req)
{
    const struct append *append = req->route->arg;
    struct adding a = {.append = append, .env = {.decimals = req->tenant->decimals}};

    a.form.noun = append->form;
    a.form.fields = form_by_name(append->form)->fields;
    change_init(&a.change, req, append->segment);
    return read_input(&a) && change_run(&a.change, add_body, &a);
}

/* --- the row --------------------------------------------------------------------------------- */

static const struct route_param *query_params(const struct append *append, struct arena *texts)
{
    const struct field *fields = form_by_name(append->form)->fields;
    struct route_param *params;
    size_t n = 0;

    while (fields[n].name != NULL)
        n++;
    params = arena_alloc(texts, (n + 1) * sizeof(*params));
    memset(params, 0, (n + 1) * sizeof(*params));
    for (size_t i = 0; i < n; i++)
        params[i] = (struct route_param){fields[i].name, "string", "May stand in the body instead",
                                         false};
    return params;
}

void append_route(const struct resource *resource, const struct append *append,
                  struct arena *texts, struct route *row)
{
    *row = (struct route){.method = "POST",
                          .path = arena_printf(texts, "%s/{id}/%s", resource->path,
                                               append->segment),
                          .handler = add,
                          .arg = append,
                          .resource = resource,
                          .module = resource->module,
                          .by_branch = resource->branch_field != NULL,
                          .writes = true,
                          .body = append->by_query ? BODY_OPTIONAL : BODY_JSON,
                          .in = append->form,
                          .out = resource->schema,
                          .summary = append->summary};
    row->roles = append->roles ? append->roles : resource_write_roles(resource);
    if (append->by_query)
        row->query = query_params(append, texts);
}
