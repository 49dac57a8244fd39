/* The import of a table: read row by row out of the body, some at a time, once to ask whether all
 * of it can be stored and once to store it. What a worker holds does not grow with the table, but
 * for the body and the hashes of its keys. */
#include "base.h"
#include "engine/import.h"
#include "db/own.h"

static const struct route_param params[] = {
    {"dry_run", "boolean", "true: say what would be done, and do nothing", false},
    {"partial", "boolean", "true: store what can be stored, though other rows are refused", false},
    {"key", "string", "The column by which records are known: a unique field, another text field "
                      "that can be filtered, or id", false},
    {NULL, NULL, NULL, false}};

/* --- one pass over the table ----------------------------------------------------------------- */

/* A row of the table, in the memory of the rows in hand. */
static void take_row(struct import *im, const struct csv_row *row, struct import_row *out)
{
    out->line = row->line;
    out->key = "";
    if (row->fault != CSV_SOUND) {
        err_field(out->err, "", "format", "Column %zu: %s", row->fault_cell + 1,
                  csv_fault_text(row->fault));
        return;
    }
    if (row->n > im->table.n_columns) {
        err_field(out->err, "", "format", "Has %zu cells; the first row names %zu", row->n,
                  im->table.n_columns);
        return;
    }
    out->key = arena_strdup(im->arena, import_key(&im->table, row));
    out->body = own_json(im->arena, import_body(&im->table, row));
}

static bool next_row(struct csv_reader *reader, struct csv_row *row)
{
    return csv_next(reader, row) == CSV_ROW;
}

/* Room for more rows behind the `n` that are there: a table of three rows does not pay for a
 * thousand. */
static struct import_row *more_rows(struct arena *arena, const struct import_row *rows, size_t n,
                                    size_t *room)
{
    size_t more = n == 0 ? 16 : 8 * n < BATCH_MAX ? 8 * n : BATCH_MAX;
    struct import_row *out = arena_alloc(arena, more * sizeof(*out));
    struct batch_row *errs = batch_rows(arena, more - n);

    if (n > 0)
        memcpy(out, rows, n * sizeof(*out));
    for (size_t i = n; i < more; i++)
        out[i].err = errs[i - n].err;
    *room = more;
    return out;
}

/* Rows in hand, up to BATCH_MAX. */
static size_t take_rows(struct import *im, struct csv_reader *reader, struct csv_row *row,
                        struct import_row **out)
{
    size_t n = 0, room = 0;

    *out = NULL;
    while (n < BATCH_MAX && next_row(reader, row)) {
        if (n == room)
            *out = more_rows(im->arena, *out, n, &room);
        take_row(im, row, &(*out)[n++]);
    }
    return n;
}

static bool read_rows(struct import *im, struct csv_reader *reader, struct csv_row *row,
                      struct err *err)
{
    struct import_row *rows;
    size_t n;

    while ((n = take_rows(im, reader, row, &rows)) > 0) {
        im->rows += (int64_t)n;
        if (im->rows > IMPORT_ROWS_MAX)
            return err_set(err, ERR_TOO_LARGE, "The table has more than %d rows",
                           IMPORT_ROWS_MAX);
        if (!import_rows(im, rows, n, err))
            return false;
        arena_reset(im->arena);
    }
    return true;
}

static void clear_counts(struct import *im)
{
    im->rows = im->created = im->updated = im->unchanged = im->failed = 0;
    err_clear(&im->errors);
    import_seen_clear(&im->seen);
}

static bool pass(struct import *im, bool dry_run, struct err *err)
{
    struct csv_reader *reader = csv_reader_new();
    struct csv_row *row = calloc(1, sizeof(*row));
    const struct req *req = im->req;
    bool ok;

    if (row == NULL)
        die("out of memory");
    clear_counts(im);
    im->create.dry_run = im->patch.dry_run = dry_run;
    csv_feed(reader, req->body_bytes, req->body_len, true);
    ok = (next_row(reader, row) || err_field(err, "", "required", "The table is empty")) &&
         import_head(im->req, req->route->resource, row, &im->table, err) &&
         read_rows(im, reader, row, err);
    free(row);
    csv_reader_free(reader);
    return ok;
}

/* --- the reply ------------------------------------------------------------------------------- */

static void add_errors(const struct err *errors, struct str *out)
{
    str_addz(out, ",\"errors\":[");
    for (size_t i = 0; i < errors->n_fields; i++) {
        const struct err_field *field = &errors->fields[i];

        str_addf(out, "%s{\"line\":%" PRId64 ",\"field\":", i ? "," : "", field->line);
        str_add_json(out, field->path, strlen(field->path));
        str_addf(out, ",\"code\":\"%s\",\"detail\":", field->code);
        str_add_json(out, field->detail, strlen(field->detail));
        str_addc(out, '}');
    }
    str_addf(out, "],\"errors_more\":%zu}", errors->n_more);
}

static bool report(struct import *im, bool dry_run)
{
    struct str *out = resp_body(im->req);
    char *ignored = json_dumps(im->table.ignored, JSON_COMPACT);

    if (ignored == NULL)
        die("out of memory");
    str_addf(out,
             "{\"dry_run\":%s,\"rows\":%" PRId64 ",\"created\":%" PRId64 ",\"updated\":%" PRId64
             ",\"unchanged\":%" PRId64 ",\"failed\":%" PRId64 ",\"ignored_columns\":%s",
             dry_run ? "true" : "false", im->rows, im->created, im->updated, im->unchanged,
             im->failed, ignored);
    free(ignored);
    add_errors(&im->errors, out);
    return true;
}

static bool refuse(struct import *im)
{
    struct err *err = im->req->err;

    err_set(err, ERR_VALIDATION,
            "%" PRId64 " of %" PRId64 " rows cannot be accepted; nothing was stored.", im->failed,
            im->rows);
    for (size_t i = 0; i < im->errors.n_fields; i++) {
        const struct err_field *field = &im->errors.fields[i];

        err_field(err, field->path, field->code, "%s", field->detail);
        err->fields[err->n_fields - 1].line = field->line;
    }
    err->n_more = im->errors.n_more;
    return false;
}

/* --- the handler ----------------------------------------------------------------------------- */

static void free_arena(void *arena)
{
    arena_free(arena);
}

static void free_err(void *err)
{
    err_release(err);
}

static bool open_import(struct req *req, struct import *im)
{
    im->req = req;
    im->arena = arena_new(48u << 20);
    err_init(&im->errors);
    arena_defer(req->arena, free_arena, im->arena);
    arena_defer(req->arena, free_err, &im->errors);
    arena_defer(req->arena, import_seen_free, &im->seen);
    req->deadline_us = req->started_us + IMPORT_TIME_US;
    req->scope.deadline_us = req->deadline_us;
    return batch_open(req, BATCH_CREATE, &im->create, req->err) &&
           batch_open(req, BATCH_PATCH, &im->patch, req->err);
}

static bool run(struct import *im, bool dry_run, bool partial)
{
    struct req *req = im->req;

    if (!partial || dry_run) {
        if (!pass(im, true, req->err))
            return false;
        if (dry_run)
            return report(im, true);
        if (im->failed > 0)
            return refuse(im);
    }
    return pass(im, false, req->err) && report(im, false);
}

static bool import(struct req *req)
{
    struct import *im = arena_alloc(req->arena, sizeof(*im));
    bool dry_run, partial, ok;

    if (!req_flag(req, "dry_run", &dry_run) || !req_flag(req, "partial", &partial) ||
        !open_import(req, im))
        return false;
    req->scope.arena = im->arena;
    ok = run(im, dry_run, partial);
    req->scope.arena = req->arena;
    return ok;
}

bool import_offered(const struct resource *resource)
{
    return (resource->ops & OP_CREATE) && !resource->singleton && !resource->audit;
}

void import_route(const struct resource *resource, struct arena *texts, struct route *row)
{
    *row = (struct route){
        .method = "POST",
        .path = arena_printf(texts, "%s/import", resource->path),
        .handler = import,
        .module = resource->module,
        .roles = resource_write_roles(resource),
        .by_branch = resource->branch_field != NULL,
        .writes = true,
        .repeatable = true,
        .body = BODY_CSV,
        .body_limit = IMPORT_BYTES_MAX,
        .query = params,
        .in = arena_printf(texts, "%sInput", resource->schema),
        .out = "ImportReport",
        .resource = resource,
        .summary = arena_printf(texts, "Import %s from a table", resource->summary),
    };
    /* As many at once (engine/bulk.c). */
    if (resource->branches != NULL)
        row->roles &= ROLES_OFFICE;
}
