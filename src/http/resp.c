/* The reply: headers, messages and problem+json (RFC 9457).
 *
 * One error becomes one document here, and one header block leaves here; nothing else in the
 * program writes either.
 */
#include "base.h"
#include "http/req.h"
#include "core/clock.h"
#include "tenant/standing.h"

void resp_header(struct req *req, const char *name, const char *value)
{
    struct resp *resp = &req->resp;

    assert(resp->n_headers < REQ_HEADERS_MAX);
    if (!value || strpbrk(value, "\r\n"))
        return;
    resp->headers[resp->n_headers++] = (struct pair){name, value};
}

bool resp_message(struct req *req, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    str_addz(req->resp.body, "{\"message\":");
    str_add_json(req->resp.body, text, strlen(text));
    str_addc(req->resp.body, '}');
    return true;
}

bool resp_flush(struct req *req)
{
    struct resp *resp = &req->resp;

    if (resp->status == 0)
        resp->status = 200;
    resp->sent += resp->body->len;
    if (req->flush(req))
        return true;
    return err_set(req->err, ERR_CLIENT_TOO_SLOW, "The client left before its reply was whole.");
}

/* ---- problem+json ---- */

static void add_member(struct str *out, const char *name, const char *text)
{
    str_addf(out, ",\"%s\":", name);
    str_add_json(out, text, strlen(text));
}

void resp_add_fields(struct str *out, const struct err *err)
{
    str_addz(out, ",\"errors\":[");
    for (size_t i = 0; i < err->n_fields; i++) {
        const struct err_field *field = &err->fields[i];

        str_addz(out, i ? ",{" : "{");
        if (field->line)
            str_addf(out, "\"line\":%" PRId64 ",", field->line);
        str_addz(out, "\"field\":");
        str_add_json(out, field->path, strlen(field->path));
        add_member(out, "code", field->code);
        add_member(out, "detail", field->detail);
        str_addc(out, '}');
    }
    str_addc(out, ']');
    if (err->n_more)
        str_addf(out, ",\"errors_more\":%zu", err->n_more);
}

static void add_error_headers(struct req *req, int status)
{
    const struct err *err = req->err;

    if (status == 401)
        resp_header(req, "WWW-Authenticate",
                    err->code == ERR_TOKEN_MISSING || err->code == ERR_BAD_CREDENTIALS
                        ? "Bearer realm=\"erp\""
                        : "Bearer realm=\"erp\", error=\"invalid_token\"");
    if (err->retry_after > 0)
        resp_header(req, "Retry-After", arena_printf(req->arena, "%d", err->retry_after));
}

/* `status` is the reply's own number, so the subscription's has another name. */
static void add_standing(struct str *out, const struct req *req)
{
    struct standing standing = standing_at(req->tenant, clock_ms());

    add_member(out, "message", req->err->detail);
    add_member(out, "subscription_status", standing.status);
    add_member(out, "plan", req->tenant->subscription_plan);
}

void resp_problem(struct req *req)
{
    const struct err *err = req->err;
    const struct err_info *info = err_info(err->code);
    struct str *out = req->resp.body;

    str_clear(out);
    req->resp.status = info->status;
    req->resp.content_type = "application/problem+json";
    str_addf(out, "{\"type\":\"/problems/%s\"", info->name);
    add_member(out, "title", info->title);
    str_addf(out, ",\"status\":%d", info->status);
    add_member(out, "detail", err->detail[0] ? err->detail : info->title);
    add_member(out, "code", info->name);
    add_member(out, "request_id", req->request_id);
    if (err->code == ERR_SUBSCRIPTION_LAPSED && req->tenant)
        add_standing(out, req);
    if (info->status == 422)
       resp_add_fields(out, err);
    str_addc(out, '}');
    add_error_headers(req, info->status);
}

/* ---- header block ---- */

static void add_server_timing(const struct req *req, struct str *out)
{
    int64_t total = clock_mono_us() - req->started_us;
    int64_t db = req->scope.spent_us;
    int64_t render = total - req->gate_us - req->tenant_us - db;

    str_addf(out, "Server-Timing: gate;dur=%.3f, tenant;dur=%.3f, db;dur=%.3f, render;dur=%.3f\r\n",
             (double)req->gate_us / 1000, (double)req->tenant_us / 1000, (double)db / 1000,
             (double)(render > 0 ? render : 0) / 1000);
}

/* nginx passes the status line on as it is, and some clients want a phrase in it. */
static const char *reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };

    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "Status";
}

static bool has_header(const struct resp *resp, const char *name)
{
    for (size_t i = 0; i < resp->n_headers; i++)
        if (strcasecmp(resp->headers[i].name, name) == 0)
            return true;
    return false;
}

void resp_head(const struct req *req, struct str *out)
{
    const struct resp *resp = &req->resp;

    str_addf(out, "Status: %d %s\r\n", resp->status, reason(resp->status));
    if (resp->status != 204 && resp->status != 304)
        str_addf(out, "Content-Type: %s\r\n",
                 resp->content_type ? resp->content_type : "application/json");
    if (resp->status != 204 && resp->status != 304 && !resp->begun)
        str_addf(out, "Content-Length: %zu\r\n", resp->body->len);
    if (!has_header(resp, "Cache-Control"))
        str_addz(out, "Cache-Control: no-store\r\n");
    str_addf(out, "X-Request-Id: %s\r\n", req->request_id);
    for (size_t i = 0; i < resp->n_headers; i++)
        str_addf(out, "%s: %s\r\n", resp->headers[i].name, resp->headers[i].value);
    if (req->app->conf.server_timing)
        add_server_timing(req, out);
    str_addz(out, "\r\n");
}
