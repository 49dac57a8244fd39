/* Moving a record along its machine: the state is read and changed in one transaction, so of two
 * who ask at once the second finds it moved already. */
#include "base.h"
#include "engine/state.h"
#include "engine/change.h"
#include "core/clock.h"
#include "db/own.h"

struct move {
    struct change change;
    const char *to; /* what was asked for; NULL: nothing */
};

static unsigned machine_roles(const struct resource *resource)
{
    const struct states *states = resource->states;

    return states->roles ? states->roles : resource_write_roles(resource);
}

static const char *argument_name(const struct states *states)
{
    return states->argument != NULL ? states->argument : states->field;
}

/* The text of an argument, from the query or the body; a member that is no text reads as "". */
static const char *argument(const struct req *req, const char *name)
{
    const char *text = req_query(req, name);
    const json_t *value = json_object_get(req->body, name);

    if (text != NULL || value == NULL || json_is_null(value))
        return text;
    return json_is_string(value) ? json_string_value(value) : "";
}

static const char *wanted_state(const struct req *req, const struct states *states)
{
    const char *text = argument(req, argument_name(states));

    return text != NULL ? text : argument(req, states->field);
}

/* --- what is legal --------------------------------------------------------------------------- */

static bool state_exists(const struct field *f, const char *text)
{
    for (const char *const *v = f->values; *v != NULL; v++)
        if (strcmp(*v, text) == 0)
            return true;
    return false;
}

static bool no_state(const struct field *f, const char *name, const char *text, struct err *err)
{
    char all[128] = "";
    size_t used = 0;

    if (text == NULL)
        return err_field(err, name, "required", "Is required");
    for (const char *const *v = f->values; *v != NULL && used < sizeof(all) - 24; v++)
        used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", used ? ", " : "", *v);
    return err_field(err, name, "enum", "Must be one of: %s", all);
}

static bool illegal(const struct states *states, const char *from, const char *to,
                    struct err *err)
{
    char all[200] = "";
    size_t used = 0;

    for (const struct transition *t = states->transitions; t->from != NULL; t++)
        if (strcmp(t->from, from) == 0 && used < sizeof(all) - 40)
            used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", used ? ", " : "",
                                     t->to);
    if (used == 0)
        return err_set(err, ERR_STATE, "%s cannot become %s: it is final", from, to);
    return err_set(err, ERR_STATE, "%s cannot become %s: allowed from here: %s", from, to, all);
}

static const struct transition *transition_of(const struct states *states, const char *from,
                                              const char *to)
{
    const struct transition *t = states->transitions;

    while (t->from != NULL && (strcmp(t->from, from) != 0 || strcmp(t->to, to) != 0))
        t++;
    return t->from != NULL ? t : NULL;
}

bool state_may(const struct states *states, const char *from, const char *to, struct err *err)
{
    return transition_of(states, from, to) != NULL || illegal(states, from, to, err);
}

/* The transition, when it is one and the caller may make it; NULL with `err` set otherwise. */
static const struct transition *find_transition(const struct req *req, const char *from,
                                                const char *to, struct err *err)
{
    const struct resource *resource = req->route->resource;
    const struct transition *t = transition_of(resource->states, from, to);

    if (t == NULL) {
        illegal(resource->states, from, to, err);
        return NULL;
    }
    if (R(req->principal.role) & (t->roles ? t->roles : machine_roles(resource)))
        return t;
    err_set(err, ERR_ROLE_FORBIDDEN, "The role %s may not turn %s into %s",
            role_name(req->principal.role), from, to);
    return NULL;
}

/* --- as it already stands --------------------------------------------------------------------- */

static bool leads_to(const struct states *states, const char *from, const char *to, unsigned steps)
{
    if (strcmp(from, to) == 0)
        return true;
    for (const struct transition *t = states->transitions; steps > 0 && t->from != NULL; t++)
        if (strcmp(t->from, from) == 0 && leads_to(states, t->to, to, steps - 1))
            return true;
    return false;
}

bool state_begin(const struct resource *resource, const char *to, bson_t *set, struct err *err)
{
    const char *name = resource->states->field;
    const struct field *f = resource_field(resource, name);
    bson_t whole = BSON_INITIALIZER;
    bson_iter_t it;

    if (!state_exists(f, to))
        return no_state(f, name, to, err);
    if (!leads_to(resource->states, f->values[0], to, 6))
        return err_field(err, name, "enum", "No transition leads to %s", to);
    for (bson_iter_init(&it, set); bson_iter_next(&it);) {
        if (strcmp(bson_iter_key(&it), name) == 0)
            bson_append_utf8(&whole, name, -1, to, -1);
        else
            bson_append_iter(&whole, NULL, 0, &it);
    }
    bson_reinit(set);
    bson_concat(set, &whole);
    bson_destroy(&whole);
    return true;
}

/* --- the change ------------------------------------------------------------------------------ */

static bool append_stamp(const struct req *req, const struct transition *t, bson_t *set,
                         struct err *err)
{
    const struct kind_env env = {.decimals = req->tenant->decimals};
    const char *sent = t->stamp != NULL ? argument(req, t->stamp) : NULL;
    char now[CLOCK_TEXT_SIZE];
    const struct field *f;

    if (t->stamp == NULL)
        return true;
    f = resource_field(req->route->resource, t->stamp);
    clock_format(now, clock_ms());
    if (kind_of(f)->query(&env, f, sent != NULL ? sent : now, f->name, set))
        return true;
    return err_field(err, f->name, "format", "Must be a date (YYYY-MM-DD)");
}

/* As the caller gave it; a number in the query is one. NULL: not at all. Owned by the caller. */
static json_t *given(const struct req *req, const char *name)
{
    const char *text = req_query(req, name);
    char *end;
    long long n;

    if (text == NULL)
        return json_incref(json_object_get(req->body, name));
    errno = 0;
    n = strtoll(text, &end, 10);
    return end != text && *end == '\0' && errno == 0 && !isspace((unsigned char)text[0])
               ? json_integer(n)
               : json_string(text);
}

static bool append_taken(const struct req *req, const struct transition *t, bson_t *set,
                         struct err *err)
{
    const struct kind_env env = {.decimals = req->tenant->decimals};
    const struct field *f = t->takes ? resource_field(req->route->resource, t->takes) : NULL;
    json_auto_t *value = f != NULL ? given(req, t->takes) : NULL;

    return value == NULL || json_is_null(value) ||
           kind_of(f)->store(&env, f, f->name, value, set, err);
}

/* Records of earlier systems may lack the field, or hold a state that is none of ours. */
static const char *state_of(const struct field *f, const bson_t *doc)
{
    bson_iter_t it;

    if (bson_iter_init_find(&it, doc, f->name) && BSON_ITER_HOLDS_UTF8(&it) &&
        state_exists(f, bson_iter_utf8(&it, NULL)))
        return bson_iter_utf8(&it, NULL);
    return f->values[0];
}

static bool change_body(struct scope *scope, void *data, struct err *err)
{
    struct move *m = data;
    const struct req *req = m->change.req;
    const struct states *states = req->route->resource->states;
    const struct field *f = resource_field(req->route->resource, states->field);
    const struct transition *t;
    const bson_t *old;
    bson_t *set = own_bson(req->arena);

    if (!change_read(scope, &m->change, &old, err))
        return false;
    if (old == NULL)
        return true;
    if (m->to == NULL || !state_exists(f, m->to))
        return no_state(f, argument_name(states), m->to, err);
    t = find_transition(req, state_of(f, old), m->to, err);
    if (t == NULL)
        return false;
    bson_append_utf8(set, f->name, -1, m->to, -1);
    return append_stamp(req, t, set, err) && append_taken(req, t, set, err) &&
           (states->step == NULL || states->step(m->change.req, scope, t, old, set, err)) &&
           change_apply(scope, &m->change, old, set, err);
}

static bool toggle_body(struct scope *scope, void *data, struct err *err)
{
    struct move *m = data;
    const char *name = m->change.req->route->resource->toggle;
    const bson_t *old;
    bson_t *set = own_bson(m->change.req->arena);
    bson_iter_t it;
    bool on;

    if (!change_read(scope, &m->change, &old, err))
        return false;
    if (old == NULL)
        return true;
    on = !bson_iter_init_find(&it, old, name) || bson_iter_as_bool(&it);
    bson_append_bool(set, name, -1, !on);
    return change_apply(scope, &m->change, old, set, err);
}

bool state_change(struct req *req)
{
    struct move m = {.to = wanted_state(req, req->route->resource->states)};

    change_init(&m.change, req, "state");
    return change_run(&m.change, change_body, &m);
}

static bool state_toggle(struct req *req)
{
    struct move m = {.to = NULL};

    change_init(&m.change, req, "toggle");
    return change_run(&m.change, toggle_body, &m);
}

/* --- rows ------------------------------------------------------------------------------------ */

static void common(const struct resource *resource, struct route *row)
{
    row->method = "PATCH";
    row->module = resource->module;
    row->by_branch = resource->branch_field != NULL;
    row->writes = true;
    row->resource = resource;
    row->out = resource->schema;
}

static void add_param(struct route_param *params, size_t *n, const char *name, const char *type,
                      const char *text)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(params[i].name, name) == 0)
            return;
    params[(*n)++] = (struct route_param){name, type, text, false};
}

void state_route(const struct resource *resource, struct arena *texts, struct route *row)
{
    const struct states *states = resource->states;
    size_t n_transitions = 0, n = 0;
    struct route_param *params;

    while (states->transitions[n_transitions].from != NULL)
        n_transitions++;
    params = arena_alloc(texts, (2 * n_transitions + 3) * sizeof(*params));
    memset(params, 0, (2 * n_transitions + 3) * sizeof(*params));
    add_param(params, &n, argument_name(states), "string",
              "The new state; may stand in the body instead");
    for (size_t i = 0; i < n_transitions; i++) {
        row->roles |= states->transitions[i].roles;
        if (states->transitions[i].stamp != NULL)
            add_param(params, &n, states->transitions[i].stamp, "string",
                      "The date to note for it; now when it is left out");
        if (states->transitions[i].takes != NULL)
            add_param(params, &n, states->transitions[i].takes, "integer",
                      resource_field(resource, states->transitions[i].takes)->summary);
    }
    common(resource, row);
    row->roles |= machine_roles(resource);
    row->path = arena_printf(texts, "%s/{id}/%s", resource->path, states->segment);
    row->handler = state_change;
    row->body = BODY_OPTIONAL;
    row->in_turn = states->step != NULL;
    row->query = params;
    row->in = arena_printf(texts, "%sTransition", resource->schema);
    row->summary = arena_printf(texts, "Move one along its states: %s", resource->summary);
}

void state_toggle_route(const struct resource *resource, struct arena *texts, struct route *row)
{
    common(resource, row);
    row->roles = resource_write_roles(resource);
    row->path = arena_printf(texts, "%s/{id}/toggle", resource->path);
    row->handler = state_toggle;
    row->body = BODY_NONE;
    row->summary = arena_printf(texts, "Turn %s of one over: %s", resource->toggle,
                                resource->summary);
}
