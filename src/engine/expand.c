/* References shown: ids are gathered over the page, asked for once, and found again by their place
 * in a sorted set. */
#include "base.h"
#include "engine/expand.h"
#include "engine/branches.h"
#include "engine/render.h"
#include "db/doc.h"
#include "db/own.h"
#include "http/gate.h"

/* --- what is asked for ----------------------------------------------------------------------- */

bool expand_offered(const struct resource *resource)
{
    for (const struct field *f = resource->fields; f->name != NULL; f++)
        if (f->kind == K_REF)
            return true;
    return false;
}

static const struct field *find_ref(const struct resource *resource, const char *name, size_t len)
{
    for (const struct field *f = resource->fields; f->name != NULL; f++)
        if (f->kind == K_REF && strlen(f->name) == len && memcmp(f->name, name, len) == 0)
            return f;
    return NULL;
}

/* What the gate would say if the caller read the referenced records by themselves. */
static bool may_read(struct req *req, const struct resource *target, struct err *err)
{
    unsigned roles = resource_read_roles(target);
    enum role role = req->principal.role;

    if (!(roles & R(role)))
        return err_set(err, ERR_ROLE_FORBIDDEN, "The role %s may not read %s.", role_name(role),
                       target->summary);
    if (target->branch_field != NULL && !role_all_branches(role) && req->scope.branch_id == NULL)
        return err_set(err, ERR_BRANCH_REQUIRED,
                       "This account is assigned to no branch: an administrator has to assign "
                       "one.");
    return gate_may_use(req, target->module, err);
}

static bool add_name(struct req *req, const struct resource *resource, const char *name,
                     size_t len, struct expand *out, struct err *err)
{
    const struct field *f = find_ref(resource, name, len);

    if (f == NULL)
        return err_field(err, "expand", "unknown", "%.*s is not a reference of these records",
                         (int)(len < 60 ? len : 60), name);
    for (size_t i = 0; i < out->n; i++)
        if (out->field[i] == f)
            return true;
    if (out->n == EXPAND_MAX)
        return err_field(err, "expand", "max", "Names more than %d fields", EXPAND_MAX);
    out->field[out->n++] = f;
    return may_read(req, resource_by_noun(f->ref), err);
}

bool expand_read(struct req *req, const struct resource *resource, struct expand *out,
                 struct err *err)
{
    const char *text = req_query(req, "expand");

    out->n = 0;
    while (text != NULL && *text != '\0') {
        size_t len = strcspn(text, ",");

        if (!add_name(req, resource, text, len, out, err))
            return false;
        text += len;
        text += *text == ',';
    }
    return true;
}

uint64_t expand_fields(const struct expand *expand, const struct resource *resource)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < expand->n; i++)
        bits |= UINT64_C(1) << (expand->field[i] - resource->fields);
    return bits;
}

/* --- the records ----------------------------------------------------------------------------- */

/* What the caller's branch does not have goes; the numbers of branches come beside the others. */
static bool show_branches(struct req *req, const struct resource *target, const bson_t **found,
                          size_t n, struct err *err)
{
    const bson_t **docs = arena_alloc(req->arena, (n + 1) * sizeof(*docs));
    size_t *place = arena_alloc(req->arena, (n + 1) * sizeof(*place));
    size_t there = 0;

    for (size_t i = 0; i < n; i++)
        if (found[i] != NULL) {
            place[there] = i;
            docs[there++] = found[i];
        }
    if (!branches_show(req, target, docs, there, NULL, err))
        return false;
    for (size_t i = 0; i < there; i++)
        found[place[i]] = docs[i];
    return true;
}

static bool load_field(struct req *req, struct expand *expand, size_t at, struct err *err)
{
    const struct resource *target = resource_by_noun(expand->field[at]->ref);
    bson_t *filter = own_bson(req->arena), *opts = own_bson(req->arena);
    struct scope *scope = &req->scope;
    struct ids *ids = &expand->ids[at];
    mongoc_cursor_t *cursor;
    const bson_t *doc;

    scope_filter(scope, branches_bound(target, scope) ? NULL : target->branch_field, filter);
    ids_append_in(ids, "id", filter);
    bson_append_int64(opts, "batchSize", -1, (int64_t)ids->n + 1);
    cursor = scope_find(scope, target->collection, filter, opts);
    for (;;) {
        if (!scope_next(scope, cursor, &doc, err))
            return false;
        if (doc == NULL)
            break;
        expand->found[at][ids_find(ids, doc_text(doc, "id"))] =
            own_bson_copy(req->arena, bson_get_data(doc), doc->len);
    }
    return target->branches == NULL ||
           show_branches(req, target, expand->found[at], ids->n, err);
}

bool expand_load(struct req *req, struct expand *expand, const bson_t *const *docs, size_t n,
                 struct err *err)
{
    for (size_t i = 0; i < expand->n; i++) {
        struct ids *ids = &expand->ids[i];

        ids_init(ids, req->arena, n);
        for (size_t d = 0; d < n; d++) {
            const char *id = doc_text(docs[d], expand->field[i]->name);

            if (id != NULL && id[0] != '\0')
                ids_add(ids, id);
        }
        ids_sort(ids);
        expand->found[i] = arena_alloc(req->arena, (ids->n + 1) * sizeof(*expand->found[i]));
        if (ids->n > 0 && !load_field(req, expand, i, err))
            return false;
    }
    return true;
}

void expand_render(const struct expand *expand, const struct kind_env *env, const bson_t *doc,
                   struct str *out)
{
    if (expand->n == 0)
        return;
    out->p[--out->len] = '\0'; /* the brace */
    str_addz(out, ",\"" EXPAND_MEMBER "\":{");
    for (size_t i = 0; i < expand->n; i++) {
        const struct field *f = expand->field[i];
        const char *id = doc_text(doc, f->name);
        size_t at = id != NULL ? ids_find(&expand->ids[i], id) : expand->ids[i].n;

        str_addf(out, "%s\"%s\":", i > 0 ? "," : "", f->name);
        if (at < expand->ids[i].n && expand->found[i][at] != NULL)
            render_record(resource_by_noun(f->ref), env, expand->found[i][at], NULL, out);
        else
            str_addz(out, "null");
    }
    str_addz(out, "}}");
}

bool expand_page(struct req *req, const struct list_query *query, struct expand *expand,
                 const bson_t **docs, size_t n)
{
    const struct kind_env env = {.decimals = req->tenant->decimals};
    struct str *out = resp_body(req);
    size_t shown = 0;

    for (size_t i = 0; i < n; i++)
        if (docs[i] != NULL)
            docs[shown++] = docs[i];
    if (!expand_load(req, expand, docs, shown, req->err))
        return false;
    for (size_t i = 0; i < shown; i++) {
        if (i > 0)
            str_addc(out, ',');
        render_record(req->route->resource, &env, docs[i], query, out);
        expand_render(expand, &env, docs[i], out);
    }
    return true;
}
