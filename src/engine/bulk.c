/* From a body of many records to a batch, and from its outcome to a reply. */
#include "base.h"
#include "engine/bulk.h"
#include "engine/batch.h"
#include "engine/render.h"
#include "engine/validate.h"

struct bulk {
    struct req *req;
    struct batch batch;
    struct batch_row *rows;
    struct validated *inputs; /* by row */
    const char *member;       /* of the body: "records", "ids" */
    size_t n;
};

/* --- the body -------------------------------------------------------------------------------- */

/* The list of the body; NULL with the error set. */
static json_t *read_list(struct bulk *b)
{
    json_t *list = json_object_get(b->req->body, b->member), *value;
    struct err *err = b->req->err;
    const char *name;

    json_object_foreach (b->req->body, name, value)
        if (strcmp(name, b->member) != 0)
            err_field(err, "", "unknown", "Has a member other than %s", b->member);
    if (list == NULL)
        err_field(err, b->member, "required", "Is required");
    else if (!json_is_array(list))
        err_field(err, b->member, "type", "Must be an array");
    else if (json_array_size(list) > BATCH_MAX)
        err_field(err, b->member, "max", "Has more than %d entries", BATCH_MAX);
    return err_is_set(err) ? NULL : list;
}

/* The id of a row; refuses the row when it is none. */
static void read_id(struct batch_row *row, const json_t *value)
{
    if (value == NULL)
        err_field(row->err, "id", "required", "Is required");
    else if (!json_is_string(value) || json_string_length(value) == 0)
        err_field(row->err, "id", "type", "Must be text");
    else
        row->id = json_string_value(value);
}

static void read_if_match(struct batch_row *row, const json_t *value)
{
    if (value == NULL || json_is_null(value))
        return;
    if (json_is_string(value))
        row->if_match = json_string_value(value);
    else
        err_field(row->err, "if_match", "type", "Must be text");
}

/* What names the record is not part of the patch. */
static void read_patch_head(struct arena *arena, struct batch_row *row, json_t *record)
{
    read_id(row, json_object_get(record, "id"));
    read_if_match(row, json_object_get(record, "if_match"));
    row->id = arena_strdup(arena, row->id);
    row->if_match = arena_strdup(arena, row->if_match);
    json_object_del(record, "id");
    json_object_del(record, "if_match");
}

static void read_record(struct bulk *b, size_t i, json_t *record)
{
    struct req *req = b->req;
    struct batch_row *row = &b->rows[i];
    bool patch = b->batch.op == BATCH_PATCH;
    /* Where the handler runs again (engine/idem.h) it finds the body as it came. */
    json_t *copy = patch && json_is_object(record) ? json_copy(record) : json_incref(record);

    if (patch && json_is_object(record))
        read_patch_head(req->arena, row, copy);
    validate_body(b->batch.resource, patch ? VALIDATE_PATCH : VALIDATE_CREATE, &b->batch.env, copy,
                  req->strict, req->arena, &b->inputs[i], row->err);
    row->set = b->inputs[i].set;
    json_decref(copy);
}

static bool read_rows(struct bulk *b)
{
    struct arena *arena = b->req->arena;
    json_t *list = read_list(b), *entry;
    size_t i;

    if (list == NULL)
        return false;
    b->n = json_array_size(list);
    b->rows = batch_rows(arena, b->n);
    b->inputs = arena_alloc(arena, (b->n + 1) * sizeof(*b->inputs));
    json_array_foreach (list, i, entry) {
        if (b->batch.op == BATCH_DELETE)
            read_id(&b->rows[i], entry);
        else
            read_record(b, i, entry);
    }
    return true;
}

/* --- the reply ------------------------------------------------------------------------------- */

/* "a, b" as ["a","b"]. */
static void add_ignored(struct str *out, const char *names)
{
    str_addz(out, ",\"ignored\":[");
    for (const char *p = names; *p != '\0';) {
        size_t len = strcspn(p, ",");

        if (p != names)
            str_addc(out, ',');
        str_add_json(out, p, len);
        p += len;
        p += strspn(p, ", ");
    }
    str_addc(out, ']');
}

static void add_refusal(struct str *out, const struct err *err)
{
    const struct err_info *info = err_info(err->code);

    str_addf(out, ",\"status\":%d,\"code\":\"%s\",\"detail\":", info->status, info->name);
    str_add_json(out, err->detail, strlen(err->detail));
    if (err->n_fields > 0)
        resp_add_fields(out, err);
}

static void add_row(struct bulk *b, size_t i, struct str *out)
{
    const struct batch_row *row = &b->rows[i];

    str_addf(out, "%s{\"index\":%zu", i > 0 ? "," : "", i);
    if (row->id != NULL && (row->done || b->batch.op != BATCH_CREATE)) {
        str_addz(out, ",\"id\":");
        str_add_json(out, row->id, strlen(row->id));
    }
    if (!row->done) {
        add_refusal(out, row->err);
    } else {
        str_addz(out, ",\"status\":200");
        if (row->result != NULL) {
            const char *etag = render_etag(row->result, b->req->arena);

            str_addz(out, ",\"etag\":");
            str_add_json(out, etag, strlen(etag));
        }
        if (b->inputs[i].ignored != NULL)
            add_ignored(out, b->inputs[i].ignored);
    }
    str_addc(out, '}');
}

/* Refuses the request in the words of its rows: "records[3].price". */
static bool refuse_all(struct bulk *b)
{
    struct err *err = b->req->err;

    for (size_t i = 0; i < b->n; i++) {
        const struct err *why = b->rows[i].err;
        char path[96];

        if (!err_is_set(why))
            continue;
        snprintf(path, sizeof(path), "%s[%zu]", b->member, i);
        if (why->n_fields == 0)
            err_field(err, path, err_info(why->code)->name, "%s", why->detail);
        for (size_t f = 0; f < why->n_fields; f++) {
            snprintf(path, sizeof(path), "%s[%zu].%.70s", b->member, i, why->fields[f].path);
            err_field(err, path, why->fields[f].code, "%s", why->fields[f].detail);
        }
    }
    return false;
}

static bool serve(struct req *req, enum batch_op op)
{
    struct bulk b = {.req = req, .member = op == BATCH_DELETE ? "ids" : "records"};
    struct str *out = resp_body(req);
    size_t stored;

    if (!batch_open(req, op, &b.batch, req->err) ||
        !req_flag(req, "atomic", &b.batch.atomic) || !read_rows(&b) ||
        !batch_run(&b.batch, b.rows, b.n, &stored, req->err))
        return false;
    if (b.batch.atomic && stored < b.n)
        return refuse_all(&b);
    str_addf(out, "{\"done\":%zu,\"refused\":%zu,\"rows\":[", stored, b.n - stored);
    for (size_t i = 0; i < b.n; i++)
        add_row(&b, i, out);
    str_addz(out, "]}");
    return true;
}

static bool bulk_create(struct req *req)
{
    return serve(req, BATCH_CREATE);
}

static bool bulk_patch(struct req *req)
{
    return serve(req, BATCH_PATCH);
}

static bool bulk_delete(struct req *req)
{
    return serve(req, BATCH_DELETE);
}

static bool owns(const struct resource *resource)
{
    struct referrer r = {.field = NULL};

    while (resource_next_referrer(resource, &r))
        if (r.field->flags & F_OWNED)
            return true;
    return false;
}

bool bulk_offered(const struct resource *resource, enum resource_ops op)
{
    if (op == OP_CREATE)
        return resource->tell == NULL;
    return op != OP_DELETE || (resource->may_delete == NULL && !owns(resource));
}

/* --- rows ------------------------------------------------------------------------------------ */

static const struct route_param params[] = {
    {"atomic", "boolean", "true: all rows or none", false},
    {NULL, NULL, NULL, false}};

void bulk_route(const struct resource *resource, enum resource_ops op, struct arena *texts,
                struct route *row)
{
    row->method = op == OP_CREATE ? "POST" : op == OP_PATCH ? "PATCH" : "DELETE";
    row->handler = op == OP_CREATE ? bulk_create : op == OP_PATCH ? bulk_patch : bulk_delete;
    row->path = arena_printf(texts, "%s/bulk", resource->path);
    row->summary = arena_printf(texts, "%s many at once: %s",
                                op == OP_CREATE  ? "Create"
                                : op == OP_PATCH ? "Change"
                                                 : "Delete",
                                resource->summary);
    /* What users of a branch write there is split between record and branch, one by one. */
    if (resource->branches != NULL)
        row->roles &= ROLES_OFFICE;
    row->query = params;
    row->body = BODY_JSON;
    row->body_limit = BULK_BODY_MAX;
    row->body_values = BULK_VALUES_MAX;
    row->in = op == OP_DELETE ? "BulkDelete"
                              : arena_printf(texts, "%sBulk%s", resource->schema,
                                             op == OP_PATCH ? "Patch" : "");
    row->out = "BulkReply";
    row->out_list = false;
}
