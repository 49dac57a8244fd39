/* Gate steps that judge the request itself: size, media type, query, headers, body. */
#include "base.h"
#include "http/gate_steps.h"

#define IGNORED_BODY_MAX 4096 /* what browsers' libraries send where nothing is asked for */
#define KEY_MAX          255

bool gate_size(struct req *req)
{
    const struct route *row = req->route;
    int64_t limit = req->app->conf.body_limit;

    if (row->body == BODY_NONE)
        limit = IGNORED_BODY_MAX;
    else if (row->body_limit)
        limit = (int64_t)row->body_limit;
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

bool gate_media_type(struct req *req)
{
    const char *type = req->content_type ? req->content_type : "";
    bool patch = strcmp(req->route->method, "PATCH") == 0;

    if (req->route->body == BODY_NONE || req->content_length == 0)
        return true;
    if (req->content_encoding && strcasecmp(req->content_encoding, "identity") != 0)
        return err_set(req->err, ERR_MEDIA_TYPE,
                       "The body must come as it is: Content-Encoding is not understood.");
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

bool gate_body(struct req *req)
{
    enum route_body wanted = req->route->body;

    if (wanted == BODY_NONE || (wanted == BODY_OPTIONAL && req->content_length == 0))
        return true;
    if (req->content_length == 0)
        return err_set(req->err, ERR_BAD_JSON, "The body is empty; JSON is expected.");
    return req->read_body(req, req->err) && req_parse_json(req, req->err);
}
