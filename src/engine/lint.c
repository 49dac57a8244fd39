/* The tables prove themselves: what a descriptor must keep so that the engine may trust it. */
#include "base.h"
#include "engine/branches.h"
#include "engine/expand.h"

/* render.c keeps one bit a field. */
#define FIELDS_MAX 64

struct lint {
    FILE *out;
    const struct resource *resource;
    size_t faults;
};

ERP_PRINTF(2, 3) static void fault(struct lint *lint, const char *fmt, ...)
{
    va_list args;

    fprintf(lint->out, "resource %s: ", lint->resource->noun);
    va_start(args, fmt);
    vfprintf(lint->out, fmt, args);
    va_end(args);
    fputc('\n', lint->out);
    lint->faults++;
}

static bool name_ok(const char *name)
{
    return name[0] != '\0' && strlen(name) < 48 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name) &&
           name[0] >= 'a';
}

/* The default must be a value that a client could have sent. */
static void lint_default(struct lint *lint, const struct field *f)
{
    const struct kind_env env = {.decimals = 2};
    json_t *value = json_loads(f->def, JSON_DECODE_ANY, NULL);
    struct err err;
    bson_t scratch = BSON_INITIALIZER;

    err_init(&err);
    if (value == NULL || !kind_of(f)->store(&env, f, f->name, value, &scratch, &err))
        fault(lint, "field %s: default %s is not valid", f->name, f->def);
    err_release(&err);
    bson_destroy(&scratch);
    json_decref(value);
}

static bool shareable(const struct field *f)
{
    return f != NULL && f->kind == K_TEXT && (f->flags & F_UNIQUE) && (f->flags & F_FILTER);
}

/* Both sides are looked up by an index, and one of them is where writers meet. */
static void lint_shared(struct lint *lint, const struct field *f)
{
    const struct resource *other = f->shared != NULL ? resource_by_noun(f->shared) : NULL;

    if (f->shared != NULL && (other == NULL || other == lint->resource || !shareable(f) ||
                              !shareable(resource_field(other, f->name))))
        fault(lint, "field %s: shares its values with no unique text of %s", f->name, f->shared);
}

static void lint_field(struct lint *lint, const struct field *f)
{
    if (!name_ok(f->name) || std_field(f->name, strlen(f->name)) ||
        strcmp(f->name, EXPAND_MEMBER) == 0)
        fault(lint, "field %s: bad or reserved name", f->name);
    if (resource_field(lint->resource, f->name) != f)
        fault(lint, "field %s: listed twice", f->name);
    if ((f->kind == K_ENUM) != (f->values != NULL))
        fault(lint, "field %s: enums, and only they, have values", f->name);
    lint_shared(lint, f);
    if ((f->kind == K_REF) != (f->ref != NULL))
        fault(lint, "field %s: references, and only they, name a resource", f->name);
    if (f->ref != NULL && resource_by_noun(f->ref) == NULL)
        fault(lint, "field %s: refers to the unknown resource %s", f->name, f->ref);
    if (f->ref != NULL && !(f->flags & F_FILTER))
        fault(lint, "field %s: references are filters: deleting looks for them", f->name);
    if (f->max != 0 && f->max < f->min && f->series == NULL)
        fault(lint, "field %s: max is below min", f->name);
    if ((f->flags & F_RANGE) && !(f->flags & F_SORT))
        fault(lint, "field %s: a range needs a sort", f->name);
    if ((f->flags & F_SEARCH) && f->kind != K_TEXT && f->kind != K_PHONE && f->kind != K_EMAIL)
        fault(lint, "field %s: only plain text is searched", f->name);
    if (((f->flags & F_FILTER) && f->kind > K_TEXT_LIST) ||
        ((f->flags & (F_SORT | F_RANGE)) && f->kind >= K_TEXT_LIST) ||
        ((f->flags & F_UNIQUE) && f->kind > K_TEXT_LIST))
        fault(lint, "field %s: objects are not indexed, and lists not in order", f->name);
    if ((f->flags & F_REQUIRED) && (f->flags & F_READONLY))
        fault(lint, "field %s: required and read-only", f->name);
    if ((f->flags & F_VIRTUAL) && !(f->flags & F_READONLY))
        fault(lint, "field %s: what is worked out is read-only", f->name);
    if ((f->flags & F_OWNED) && f->kind != K_REF)
        fault(lint, "field %s: only a reference names an owner", f->name);
    if (f->series != NULL && (f->kind != K_TEXT || !(f->flags & F_READONLY) ||
                              !(f->flags & F_UNIQUE) || f->min < 1 || f->min > 12))
        fault(lint, "field %s: a number is read-only, unique text of 1 to 12 digits", f->name);
    if (f->def != NULL)
        lint_default(lint, f);
}

static bool has_value(const struct field *f, const char *text)
{
    for (const char *const *v = f->values; *v != NULL; v++)
        if (strcmp(*v, text) == 0)
            return true;
    return false;
}

static void lint_transition(struct lint *lint, const struct field *f, const struct transition *t)
{
    const struct field *stamp = t->stamp ? resource_field(lint->resource, t->stamp) : NULL;
    const struct field *takes = t->takes ? resource_field(lint->resource, t->takes) : NULL;

    if (!has_value(f, t->from) || !has_value(f, t->to))
        fault(lint, "transition %s to %s: no such state", t->from, t->to);
    if (t->stamp != NULL && (stamp == NULL || stamp->kind != K_DAY))
        fault(lint, "transition %s to %s: %s is not a day", t->from, t->to, t->stamp);
    if (t->takes != NULL && (takes == NULL || takes->kind != K_INT || takes->summary == NULL))
        fault(lint, "transition %s to %s: %s is not a number with a summary", t->from, t->to,
              t->takes);
}

static void lint_states(struct lint *lint)
{
    const struct resource *r = lint->resource;
    const struct field *f = r->states ? resource_field(r, r->states->field) : NULL;
    const struct field *turned = r->toggle ? resource_field(r, r->toggle) : NULL;

    if (r->toggle != NULL && (turned == NULL || turned->kind != K_BOOL))
        fault(lint, "toggle %s is not a boolean", r->toggle);
    if (r->states == NULL)
        return;
    if (f == NULL || f->kind != K_ENUM || f->def == NULL)
        fault(lint, "the state %s is not an enum with a default", r->states->field);
    for (const struct transition *t = r->states->transitions; f != NULL && t->from != NULL; t++)
        lint_transition(lint, f, t);
}

/* A field, a standard member or one of ours; or a member of a field's rows, as in "items.id". */
static bool indexable(const struct resource *r, const char *name)
{
    const char *dot = strchr(name, '.');
    const struct field *f = NULL;

    for (const struct field *at = r->fields; dot != NULL && f == NULL && at->name != NULL; at++)
        if (strlen(at->name) == (size_t)(dot - name) &&
            strncmp(at->name, name, (size_t)(dot - name)) == 0)
            f = at;
    if (dot != NULL)
        return f != NULL && f->kind == K_ROWS;
    return name[0] == '_' || std_field(name, strlen(name)) || resource_field(r, name) != NULL;
}

static void lint_lapse(struct lint *lint)
{
    const struct lapse *lapse = lint->resource->lapse;
    const struct field *f = lapse ? resource_field(lint->resource, lapse->field) : NULL;
    const struct field *until = lapse ? resource_field(lint->resource, lapse->until) : NULL;

    if (lapse == NULL)
        return;
    if (f == NULL || f->kind != K_ENUM || !has_value(f, lapse->from) || !has_value(f, lapse->to))
        fault(lint, "lapse: %s has no states %s and %s", lapse->field, lapse->from, lapse->to);
    if (until == NULL || until->kind != K_INSTANT)
        fault(lint, "lapse: %s is not an instant", lapse->until);
}

static void lint_indexes(struct lint *lint)
{
    const struct resource *r = lint->resource;

    for (size_t i = 0; i < r->n_indexes; i++) {
        const char *const *keys = r->indexes[i].keys;

        if (keys[0] == NULL || strcmp(keys[0], "tenant_id") != 0)
            fault(lint, "index %zu does not begin with tenant_id", i);
        for (size_t k = 1; k < INDEX_KEYS_MAX && keys[k] != NULL; k++) {
            const char *name = keys[k] + (keys[k][0] == '-');

            if (!indexable(r, name))
                fault(lint, "index %zu names the unknown field %s", i, name);
        }
    }
}

/* The view names what is there on both sides. */
static void lint_branches(struct lint *lint)
{
    const struct branch_view *view = lint->resource->branches;
    const struct resource *through = view ? resource_by_noun(view->through) : NULL;

    if (view == NULL)
        return;
    if (through == NULL || through->branch_field == NULL ||
        resource_field(through, view->record) == NULL) {
        fault(lint, "branches: %s is no assignment to branches", view->through);
        return;
    }
    for (const struct branch_value *v = view->values; v->field != NULL; v++)
        if (resource_field(lint->resource, v->field) == NULL ||
            resource_field(lint->resource, v->map) == NULL ||
            resource_field(through, v->from) == NULL)
            fault(lint, "branches: %s, %s or %s is no field", v->field, v->map, v->from);
}

/* Whether its writes lead to records elsewhere. */
static bool follows(const struct resource *r)
{
    bool any = r->written != NULL;

    for (size_t i = 0; i < r->n_appends; i++)
        any |= r->appends[i].added != NULL;
    return any;
}

static void lint_resource(struct lint *lint, size_t at)
{
    const struct resource *r = lint->resource;

    if (!name_ok(r->noun) || !name_ok(r->collection) || strncmp(r->path, "/api/", 5) != 0)
        fault(lint, "bad noun, collection or path");
    if (r->summary == NULL || r->schema == NULL || r->module == NULL || r->ops == 0)
        fault(lint, "summary, schema, module and ops are needed");
    if (r->audit && r->ops != OP_LIST)
        fault(lint, "the audit log is listed and nothing else");
    if (resource_field_count(r) > FIELDS_MAX)
        fault(lint, "more than %d fields", FIELDS_MAX);
    if (r->branch_field != NULL && resource_field(r, r->branch_field) == NULL)
        fault(lint, "branch_field %s is not a field", r->branch_field);
    if (r->own_field != NULL && (resource_field(r, r->own_field) == NULL ||
                                 !(resource_field(r, r->own_field)->flags & F_FILTER)))
        fault(lint, "own_field %s is not a field with an index", r->own_field);
    if (r->journal != NULL && (!follows(r) || resource_by_noun(r->journal) == NULL ||
                               resource_by_noun(r->journal)->journal != NULL))
        fault(lint, "the journal %s is none", r->journal);
    for (size_t i = 0; i < at; i++)
        if (strcmp(resource_at(i)->noun, r->noun) == 0 ||
            strcmp(resource_at(i)->collection, r->collection) == 0 ||
            strcmp(resource_at(i)->path, r->path) == 0)
            fault(lint, "noun, collection or path is taken by %s", resource_at(i)->noun);
    for (const struct field *f = r->fields; f->name != NULL; f++)
        lint_field(lint, f);
    lint_indexes(lint);
    lint_states(lint);
    lint_lapse(lint);
    lint_branches(lint);
}

size_t resource_lint(FILE *out)
{
    struct lint lint = {.out = out};

    for (size_t i = 0; i < resource_count(); i++) {
        lint.resource = resource_at(i);
        lint_resource(&lint, i);
    }
    return lint.faults;
}
