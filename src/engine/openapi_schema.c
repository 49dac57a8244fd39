/* Component schemas: what records and bodies look like, out of the field rows of the resources and
 * of engine/form.c.
 */
#include "base.h"
#include "engine/openapi_schema.h"
#include "engine/batch.h"
#include "engine/bulk.h"
#include "engine/expand.h"
#include "engine/form.h"

/* --- fields ----------------------------------------------------------------------------------- */

json_t *openapi_ref(const char *section, const char *name)
{
    return json_pack("{s:o}", "$ref", json_sprintf("#/components/%s/%s", section, name));
}

static const char *kind_note(enum kind_id kind)
{
    switch (kind) {
    case K_MONEY:
        return "An amount with at most the decimals of the tenant's currency";
    case K_DECIMAL:
        return "At most 4 decimals";
    case K_DAY:
        return "A day (YYYY-MM-DD) or an instant (RFC 3339), kept as it was sent";
    case K_INSTANT:
        return "An instant (RFC 3339), shown in UTC with milliseconds";
    case K_CLOCK:
        return "A time of day, HH:MM";
    default:
        return NULL;
    }
}

static void describe(const struct field *field, json_t *schema)
{
    const char *note = kind_note(field->kind);
    json_t *text = NULL;

    if (field->kind == K_REF && field->ref != NULL)
        text = json_sprintf("%s%sid of a %s", field->summary != NULL ? field->summary : "",
                            field->summary != NULL ? "; " : "", field->ref);
    else if (field->summary != NULL && note != NULL)
        text = json_sprintf("%s. %s", field->summary, note);
    else if (field->summary != NULL || note != NULL)
        text = json_string(field->summary != NULL ? field->summary : note);
    if (text != NULL)
        json_object_set_new(schema, "description", text);
}

json_t *openapi_field_schema(const struct field *field)
{
    json_t *schema = json_object();

    if (field->kind == K_OBJECT && field->ref != NULL) {
        json_decref(schema);
        return openapi_ref("schemas", field->ref);
    }
    kind_of(field)->schema(field, schema);
    if (field->kind == K_ROWS && field->ref != NULL)
        json_object_set_new(schema, "items", openapi_ref("schemas", field->ref));
    describe(field, schema);
    return schema;
}

static void make_nullable(json_t *schema)
{
    json_t *type = json_object_get(schema, "type"), *values = json_object_get(schema, "enum");

    if (json_is_string(type))
        json_object_set_new(schema, "type",
                            json_pack("[s,s]", json_string_value(type), "null"));
    if (values != NULL)
        json_array_append_new(values, json_null());
}

/* Limits are for what is written; records of earlier systems are shown though they pass them. */
static void drop_limits(json_t *schema)
{
    static const char *const limits[] = {"minLength", "maxLength", "minimum", "maximum",
                                         "maxItems",  "pattern",   "examples"};

    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        json_object_del(schema, limits[i]);
    if (json_is_object(json_object_get(schema, "items")))
        drop_limits(json_object_get(schema, "items"));
}

static json_t *read_schema(const struct field *field)
{
    json_t *schema = openapi_field_schema(field);

    drop_limits(schema);
    if (field->flags & F_READONLY)
        json_object_set_new(schema, "readOnly", json_true());
    if (!(field->flags & F_REQUIRED) && field->def == NULL)
        make_nullable(schema);
    return schema;
}

static json_t *write_schema(const struct field *field)
{
    json_t *schema = openapi_field_schema(field);

    if (!(field->flags & F_REQUIRED))
        make_nullable(schema);
    if (field->def != NULL)
        json_object_set_new(schema, "default", json_loads(field->def, JSON_DECODE_ANY, NULL));
    return schema;
}

/* --- objects ---------------------------------------------------------------------------------- */

static json_t *object_schema(const char *text)
{
    json_t *schema = json_pack("{s:s,s:{}}", "type", "object", "properties");

    if (text != NULL)
        json_object_set_new(schema, "description", json_string(text));
    return schema;
}

static void add_property(json_t *schema, const char *name, json_t *value, bool required)
{
    json_object_set_new(json_object_get(schema, "properties"), name, value);
    if (!required)
        return;
    if (json_object_get(schema, "required") == NULL)
        json_object_set_new(schema, "required", json_array());
    json_array_append_new(json_object_get(schema, "required"), json_string(name));
}

/* Every declared field is in every reply; ?fields= is the one exception, and it is asked for. */
static void add_reply_fields(const struct field *fields, json_t *schema)
{
    for (const struct field *f = fields; f->name != NULL; f++)
        add_property(schema, f->name, read_schema(f), true);
}

/* Without the fields that have a flag of `optional` being required. */
static json_t *input_object(const struct field *fields, unsigned optional, const char *text)
{
    json_t *schema = object_schema(text);

    for (const struct field *f = fields; f->name != NULL; f++)
        if (!(f->flags & F_READONLY) && !(f->flags & optional & F_IMMUTABLE))
            add_property(schema, f->name, write_schema(f),
                         (f->flags & F_REQUIRED) && !(f->flags & optional));
    return schema;
}

static json_t *patch_object(const struct field *fields)
{
    json_t *schema = object_schema("A merge patch (RFC 7396): members that are left out stay, "
                                   "null goes back to the default");

    for (const struct field *f = fields; f->name != NULL; f++) {
        json_t *value;

        if (f->flags & (F_READONLY | F_IMMUTABLE))
            continue;
        value = write_schema(f);
        json_object_del(value, "default");
        add_property(schema, f->name, value, false);
    }
    return schema;
}

static void add_standard(const struct resource *resource, json_t *schema)
{
    for (unsigned i = 0; i < STD_FIELDS; i++)
        if (resource_std(resource) & (1u << i))
            add_property(schema, std_field_names[i],
                         json_pack("{s:s,s:b}", "type", "string", "readOnly", 1), true);
}

static void add_nullable(const struct resource *resource, const char *name, json_t *schema)
{
    json_t *value;

    if (name == NULL)
        return;
    value = openapi_field_schema(resource_field(resource, name));
    make_nullable(value);
    add_property(schema, name, value, false);
}

/* The body of a move along the states: the new one, and what its moves note. */
static void add_transition(const struct resource *resource, json_t *schemas)
{
    const struct states *states = resource->states;
    json_t *schema = object_schema("What may stand in the query as well"), *name, *value;

    value = openapi_field_schema(resource_field(resource, states->field));
    make_nullable(value);
    add_property(schema, states->argument != NULL ? states->argument : states->field, value, false);
    for (const struct transition *t = states->transitions; t->from != NULL; t++) {
        add_nullable(resource, t->stamp, schema);
        add_nullable(resource, t->takes, schema);
    }
    name = json_sprintf("%sTransition", resource->schema);
    json_object_set_new(schemas, json_string_value(name), schema);
    json_decref(name);
}

/* {"records": […]} of at most BATCH_MAX. */
static void add_bulk(const struct resource *resource, bool patch, json_t *schemas)
{
    json_t *name = json_sprintf("%sBulk%s", resource->schema, patch ? "Patch" : "");
    json_t *schema = object_schema(NULL), *item;

    if (patch) {
        item = patch_object(resource->fields);
        add_property(item, "id", json_pack("{s:s,s:i}", "type", "string", "minLength", 1), true);
        add_property(item, "if_match",
                     json_pack("{s:[s,s],s:s}", "type", "string", "null", "description",
                               "An ETag: the row is refused when the record has changed since"),
                     false);
    } else {
        json_t *ref = json_sprintf("%sInput", resource->schema);

        item = openapi_ref("schemas", json_string_value(ref));
        json_decref(ref);
    }
    add_property(schema, "records",
                 json_pack("{s:s,s:i,s:o}", "type", "array", "maxItems", BATCH_MAX, "items", item),
                 true);
    json_object_set_new(schema, "additionalProperties", json_false());
    json_object_set_new(schemas, json_string_value(name), schema);
    json_decref(name);
}

static void add_expanded(const struct resource *resource, json_t *record)
{
    json_t *schema = object_schema("Only with ?expand=: the records that were asked for, null "
                                   "where there is none that the caller may see");

    for (const struct field *f = resource->fields; f->name != NULL; f++)
        if (f->kind == K_REF)
            add_property(schema, f->name,
                         json_pack("{s:[o,{s:s}]}", "anyOf",
                                   openapi_ref("schemas", resource_by_noun(f->ref)->schema), "type",
                                   "null"),
                         false);
    json_object_set_new(schema, "readOnly", json_true());
    if (expand_offered(resource))
        add_property(record, EXPAND_MEMBER, json_incref(schema), false);
    json_decref(schema);
}

static void add_resource(const struct resource *resource, json_t *schemas)
{
    json_t *record = object_schema(resource->summary), *name;

    add_standard(resource, record);
    add_reply_fields(resource->fields, record);
    add_expanded(resource, record);
    json_object_set_new(schemas, resource->schema, record);
    if (resource->states != NULL)
        add_transition(resource, schemas);
    if (resource->ops & (OP_CREATE | OP_REPLACE)) {
        name = json_sprintf("%sInput", resource->schema);
        json_object_set_new(schemas, json_string_value(name),
                            input_object(resource->fields, 0,
                                         "Members that are not named here are left out and listed "
                                         "in X-Ignored-Fields"));
        json_decref(name);
    }
    if (resource_keeps(resource)) {
        name = json_sprintf("%sReplacement", resource->schema);
        json_object_set_new(schemas, json_string_value(name),
                            input_object(resource->fields, F_KEEP | F_IMMUTABLE,
                                         "As a new record; what is fixed or left out stays"));
        json_decref(name);
    }
    if (resource->ops & OP_PATCH) {
        name = json_sprintf("%sPatch", resource->schema);
        json_object_set_new(schemas, json_string_value(name), patch_object(resource->fields));
        json_decref(name);
    }
    if ((resource->ops & OP_CREATE) && !resource->singleton && bulk_offered(resource, OP_CREATE))
        add_bulk(resource, false, schemas);
    if ((resource->ops & OP_PATCH) && !resource->singleton)
        add_bulk(resource, true, schemas);
}

/* --- Problem ---------------------------------------------------------------------------------- */

static json_t *problem_codes(void)
{
    json_t *codes = json_array();

    for (int i = ERR_NONE + 1; i < ERR_COUNT; i++)
        json_array_append_new(codes, json_string(err_info((enum err_code)i)->name));
    return codes;
}

static json_t *error_fields(void)
{
    json_t *field = object_schema(NULL);

    add_property(field, "field", json_pack("{s:s}", "type", "string"), true);
    add_property(field, "code", json_pack("{s:s}", "type", "string"), true);
    add_property(field, "detail", json_pack("{s:s}", "type", "string"), true);
    return json_pack("{s:s,s:s,s:o}", "type", "array", "description",
                     "Each refused field, with status 422", "items", field);
}

static json_t *problem_schema(void)
{
    static const char *const texts[] = {"type", "title", "detail", "request_id"};
    json_t *schema = object_schema("A refusal (RFC 9457); `detail` is a sentence for people, "
                                   "`code` is for programs");

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        add_property(schema, texts[i], json_pack("{s:s}", "type", "string"), true);
    add_property(schema, "status", json_pack("{s:s}", "type", "integer"), true);
    add_property(schema, "code", json_pack("{s:s,s:o}", "type", "string", "enum",
                                           problem_codes()), true);
    add_property(schema, "errors", error_fields(), false);
    add_property(schema, "errors_more",
                 json_pack("{s:s,s:s}", "type", "integer", "description",
                           "How many refused fields are not listed"), false);
    return schema;
}

/* --- many at once ----------------------------------------------------------------------------- */

/* An entry a row: a stored one has an id, a refused one says why. */
static json_t *bulk_reply_schema(void)
{
    json_t *schema = object_schema("An entry a row, in the order of the rows");
    json_t *row = object_schema(NULL);

    add_property(row, "index", json_pack("{s:s}", "type", "integer"), true);
    add_property(row, "status", json_pack("{s:s,s:s}", "type", "integer", "description",
                                          "As if the row had been a request of its own"), true);
    add_property(row, "id", json_pack("{s:s}", "type", "string"), false);
    add_property(row, "etag", json_pack("{s:s}", "type", "string"), false);
    add_property(row, "ignored", json_pack("{s:s,s:{s:s}}", "type", "array", "items", "type",
                                           "string"), false);
    add_property(row, "code", json_pack("{s:s,s:o}", "type", "string", "enum", problem_codes()),
                 false);
    add_property(row, "detail", json_pack("{s:s}", "type", "string"), false);
    add_property(row, "errors", error_fields(), false);
    add_property(row, "errors_more", json_pack("{s:s}", "type", "integer"), false);
    add_property(schema, "done", json_pack("{s:s}", "type", "integer"), true);
    add_property(schema, "refused", json_pack("{s:s}", "type", "integer"), true);
    add_property(schema, "rows", json_pack("{s:s,s:o}", "type", "array", "items", row), true);
    return schema;
}

static json_t *bulk_delete_schema(void)
{
    json_t *schema = object_schema(NULL);

    add_property(schema, "ids",
                 json_pack("{s:s,s:i,s:{s:s,s:i}}", "type", "array", "maxItems", BATCH_MAX, "items",
                           "type", "string", "minLength", 1), true);
    json_object_set_new(schema, "additionalProperties", json_false());
    return schema;
}

/* --- all of them ------------------------------------------------------------------------------ */

json_t *openapi_schemas(void)
{
    json_t *schemas = json_object();

    json_object_set_new(schemas, "Problem", problem_schema());
    json_object_set_new(schemas, "BulkReply", bulk_reply_schema());
    json_object_set_new(schemas, "BulkDelete", bulk_delete_schema());
    for (size_t i = 0; i < form_count(); i++) {
        const struct form *form = form_at(i);
        json_t *schema = form->reply ? object_schema(NULL) : input_object(form->fields, 0, NULL);

        if (form->reply)
            add_reply_fields(form->fields, schema);
        json_object_set_new(schemas, form->name, schema);
    }
    for (size_t i = 0; i < resource_count(); i++)
        add_resource(resource_at(i), schemas);
    return schemas;
}
