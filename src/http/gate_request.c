/* Gate steps that judge the request itself: size, media type, query, headers, body. */
#include "base.h"
#include "http/gate_steps.h"
#include "http/multipart.h"

#define IGNORED_BODY_MAX 4096 /* what browsers' libraries send where nothing is asked for */
#define KEY_MAX          255
#define FORM_HEADER_MAX  2048 /* of one part */

static bool media_type_is(const char *text, const char *type);

/* Whether the request brings the form of its row, not the JSON that may stand for it. */
static bool brings_form(const struct req *req)
{
    const struct route *row = req->route;

    return row->body == BODY_FORM &&
           !(row->form->json && req->content_type != NULL &&
             media_type_is(req->content_type, "application/json"));
}

bool gate_size(struct req *req)
{
    const struct route *row = req->route;
    int64_t limit = req->app->conf.body_limit;

    if (row->body == BODY_NONE)
        limit = IGNORED_BODY_MAX;
    else if (row->body_limit)
        limit = (int64_t)row->body_limit;
    else if (brings_form(req))
        limit = (int64_t)(row->form->max + FORM_FIELDS_MAX);
    if (req->content_length < 0)
        return err_set(req->err, ERR_BAD_REQUEST, "Content-Length is not a number.");
    if (req->content_length <= limit)
        return true;
    return err_set(req->err, ERR_TOO_LARGE,
                   "The body has %" PRId64 " bytes; at most %" PRId64 " are accepted here.",
                   req->content_length, limit);
}

/* "application/json", with charset utf-8 or none. */
static bool media_type_is(const char *text, const char *type)
{
    size_t len = strlen(type);

    if (strncasecmp(text, type, len) != 0)
        return false;
    text += len;
    text += strspn(text, " \t");
    if (!*text)
        return true;
    if (*text++ != ';')
        return false;
    text += strspn(text, " \t");
    return !*text || strcasecmp(text, "charset=utf-8") == 0 ||
           strcasecmp(text, "charset=\"utf-8\"") == 0;
}

/* "text/csv" with any parameters, of which charset is utf-8. */
static bool is_csv(const char *type)
{
    const char *charset = strcasestr(type, "charset=");

    if (strncasecmp(type, "text/csv", 8) != 0 || (type[8] && !strchr("; \t", type[8])))
        return false;
    charset += charset ? 8 : 0;
    return !charset || strncasecmp(charset + (*charset == '"'), "utf-8", 5) == 0;
}

static bool other_media_type(struct req *req, const char *type)
{
    char boundary[MULTIPART_BOUNDARY_MAX + 1];

    if (req->route->body == BODY_CSV)
        return is_csv(type) ||
               err_set(req->err, ERR_MEDIA_TYPE, "The body must be text/csv, in UTF-8.");
    return multipart_boundary(type, boundary) ||
           err_set(req->err, ERR_MEDIA_TYPE,
                   "The body must be multipart/form-data with a boundary.");
}

bool gate_media_type(struct req *req)
{
    const char *type = req->content_type ? req->content_type : "";
    bool patch = strcmp(req->route->method, "PATCH") == 0;

    if (req->route->body == BODY_NONE || req->content_length == 0)
        return true;
    if (req->content_encoding && strcasecmp(req->content_encoding, "identity") != 0)
        return err_set(req->err, ERR_MEDIA_TYPE,
                       "The body must come as it is: Content-Encoding is not understood.");
    if (req->route->body == BODY_CSV || brings_form(req))
        return other_media_type(req, type);
    if (media_type_is(type, "application/json") ||
        (patch && media_type_is(type, "application/merge-patch+json")))
        return true;
    return err_set(req->err, ERR_MEDIA_TYPE, "The body must be application/json%s, in UTF-8.",
                   patch ? " or application/merge-patch+json" : "");
}

static const struct route_param *known_param(const struct route *row, const char *name)
{
    for (const struct route_param *param = row->query; param && param->name; param++)
        if (strcmp(param->name, name) == 0)
            return param;
    return NULL;
}

bool gate_query(struct req *req)
{
    const struct route *row = req->route;

    if (!req_parse_query(req, req->query_string, req->err))
        return false;
    for (size_t i = 0; i < req->n_query && !row->open_query; i++)
        if (!known_param(row, req->query[i].name))
            return err_set(req->err, ERR_BAD_QUERY, "There is no query parameter \"%.60s\" here.",
                           req->query[i].name);
    for (const struct route_param *param = row->query; param && param->name; param++)
        if (param->required && !req_query(req, param->name))
            return err_set(req->err, ERR_BAD_QUERY, "The query parameter \"%s\" is missing.",
                           param->name);
    return true;
}

bool gate_headers(struct req *req)
{
    const char *key = req->idempotency_key;
    size_t len = key ? strlen(key) : 1;

    for (const char *p = key; p && *p; p++)
        if (*p < 0x21 || *p > 0x7e)
            len = 0;
    if (len == 0 || len > KEY_MAX)
        return err_set(req->err, ERR_BAD_REQUEST,
                       "Idempotency-Key must be 1 to %d visible ASCII characters.", KEY_MAX);
    req->strict = req_prefers(req, "handling", "strict");
    req->count_exact = req_prefers(req, "count", "exact");
    return true;
}

/* The row's file, and no other. */
static bool check_file(struct req *req, const struct multipart_form *form)
{
    const struct route_form *row = req->route->form;
    char kinds[80];

    for (size_t i = 0; i < form->n; i++)
        if (form->parts[i].filename && strcmp(form->parts[i].name, row->file) != 0)
            return err_field(req->err, form->parts[i].name, "unknown", "No file is expected here");
    req->file = multipart_find(form, row->file);
    if (!req->file)
        return !row->required || err_field(req->err, row->file, "required", "Is required");
    if (!req->file->filename)
        return err_field(req->err, row->file, "type", "Must be a file");
    req->file_kind = file_kind_of(req->file->bytes, req->file->len);
    if (req->file_kind & row->kinds)
        return true;
    file_kinds_text(row->kinds, kinds, sizeof kinds);
    return err_field(req->err, row->file, "format", "Must be a %s file", kinds);
}

static bool read_form(struct req *req)
{
    const struct multipart_limits limits = {.parts = MULTIPART_PARTS_MAX,
                                            .header = FORM_HEADER_MAX,
                                            .field = FORM_FIELDS_MAX,
                                            .file = req->route->form->max};
    struct multipart_form *form = arena_alloc(req->arena, sizeof *form);

    if (!req->read_body(req, req->err) ||
        !multipart_read(req->content_type, req->body_bytes, req->body_len, &limits, req->arena,
                        form, req->err))
        return false;
    req->form = form;
    return check_file(req, form);
}

bool gate_body(struct req *req)
{
    enum route_body wanted = req->route->body;

    if (wanted == BODY_NONE || (wanted == BODY_OPTIONAL && req->content_length == 0))
        return true;
    if (req->content_length == 0 && (wanted == BODY_CSV || brings_form(req)))
        return err_set(req->err, ERR_BAD_REQUEST, "The body is empty.");
    if (brings_form(req))
        return read_form(req);
    if (wanted == BODY_CSV)
        return req->read_body(req, req->err);
    if (req->content_length == 0)
        return err_set(req->err, ERR_BAD_JSON, "The body is empty; JSON is expected.");
    return req->read_body(req, req->err) && req_parse_json(req, req->err);
}
