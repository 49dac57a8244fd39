/* One request and its reply, as handlers see them. Nothing here knows FastCGI.
 *
 * Everything a request owns lives in its arena and dies with it. Text from the client has been
 * length-limited and, where it reaches a handler decoded, checked as UTF-8.
 */
#ifndef ERP_HTTP_REQ_H
#define ERP_HTTP_REQ_H

#include <jansson.h>
#include "core/arena.h"
#include "core/board.h"
#include "core/conf.h"
#include "core/err.h"
#include "core/filetype.h"
#include "core/str.h"
#include "auth/login.h"

struct route;
struct route_table;
struct index_cache;
struct multipart_form;
struct multipart_part;

/* Counts audit entries of refusals: http/trail.c. */
#define TRAIL_BUCKETS    256
#define TRAIL_PER_MINUTE 10

struct trail_bucket {
    int64_t minute; /* 0: unused */
    unsigned n;
};

/* The process: built once by erpd.c or erpctl.c, borrowed by every request. */
struct app {
    struct conf conf;
    struct board *board;
    struct clients *clients;
    struct registry *registry;
    struct resolver resolver;
    struct users *users;
    struct token_keys *keys;
    struct login login;
    const struct route_table *routes;
    struct index_cache *indexes; /* which indexes this process has seen to */
    uint8_t cursor_key[32];      /* seals paging cursors */
    struct str openapi;          /* made at the first request for it */
    int64_t ready_us;            /* when `ready` was found out, clock_mono_us(); 0: never */
    struct trail_bucket trail[TRAIL_BUCKETS];
    bool ready;                  /* the registry's database answered then */
};

#define REQ_QUERY_MAX  64
#define REQ_PARAMS_MAX 4
#define REQ_HEADERS_MAX 24

struct pair {
    const char *name;
    const char *value;
};

struct resp {
    int status;               /* 0 until a handler or the gate decides */
    const char *content_type; /* NULL: application/json */
    struct str *body;         /* the worker's buffer, empty at the start of a request */
    bool begun;               /* resp_flush has sent the head: what fails now breaks it off */
    size_t sent;              /* bytes of the body that have gone */
    size_t n_headers;
    struct pair headers[REQ_HEADERS_MAX];
};

struct req {
    struct app *app;
    struct arena *arena;
    struct err *err; /* what went wrong; rendered as problem+json when set */

    const char *method;
    const char *path; /* normalised by nginx, percent-decoded */
    size_t n_query;
    struct pair query[REQ_QUERY_MAX];
    size_t n_params;
    struct pair params[REQ_PARAMS_MAX]; /* path parameters of the route */

    const char *request_id; /* from nginx, or made here */
    const char *remote_addr;
    /* NULL when the header was not sent */
    const char *authorization, *content_type, *if_match, *if_none_match, *prefer;
    const char *idempotency_key, *origin, *accept, *preflight_method, *content_encoding;
    const char *query_string; /* as it came; "" when there is none */
    int64_t content_length;   /* as announced, -1 when it is no number */
    int64_t received_ms;      /* when nginx had the request, wall clock; 0 when unknown */
    const char *body_bytes;   /* once read_body has run; NUL-terminated */
    size_t body_len;

    /* How the gate gets the body once the row wants one: content_length bytes into body_bytes.
     * ERR_TRUNCATED_BODY when there are fewer, ERR_BAD_REQUEST when there are more. */
    bool (*read_body)(struct req *req, struct err *err);
    bool (*flush)(struct req *req); /* resp_flush's way out */
    void *transport;                /* that of both */

    const struct route *route;
    struct principal principal; /* valid when the route asks for a token */
    bool authenticated;
    const struct tenant *tenant; /* NULL when the route needs none */
    struct tenant legacy;        /* what `tenant` points to in legacy mode */
    struct scope scope;          /* the tenant's database, when `tenant` is set */
    struct scope_who who;        /* the principal, for the audit log */
    json_t *body;                /* parsed, when the route takes JSON; owned by the arena */
    const struct multipart_form *form; /* the parts, when it takes a form (http/multipart.h) */
    const struct multipart_part *file; /* the file in it, checked by the row; NULL: none came */
    enum file_kind file_kind;          /* what its bytes are */

    bool strict;      /* Prefer: handling=strict */
    bool count_exact; /* Prefer: count=exact */
    void (*on_commit)(struct req *req); /* runs once the effect of a key is stored; may be NULL */
    const void *commit_arg;
    void (*after_reply)(struct req *req); /* runs once the client has its reply; may be NULL */
    const void *after_arg;
    int64_t started_us, deadline_us;
    int64_t gate_us, tenant_us; /* where time went, for Server-Timing */
    struct resp resp;
};

/* The value of a query parameter or path parameter; NULL when absent. */
const char *req_query(const struct req *req, const char *name);

/* A parameter that is true or false; *out false when it is not there. ERR_BAD_QUERY in the
 * request's error for anything else. */
bool req_flag(struct req *req, const char *name, bool *out);
const char *req_param(const struct req *req, const char *name);

/* Splits and decodes a query string (application/x-www-form-urlencoded) into req->query:
 * ERR_BAD_QUERY for bad escapes, NUL, invalid UTF-8, repeated names or too many parameters. */
bool req_parse_query(struct req *req, const char *text, struct err *err);

/* Parses the body as one JSON value with our limits (depth 16, 10,000 values or what the row says,
 * duplicate keys and NUL refused): ERR_BAD_JSON with the place. */
bool req_parse_json(struct req *req, struct err *err);

/* True when a comma-separated preference (RFC 7240) names `name`, with `value` when not NULL. */
bool req_prefers(const struct req *req, const char *name, const char *value);

/* True when the client asks for this media type: Accept names it, and application/json, which
 * everything has, not above it. */
bool req_wants(const struct req *req, const char *type);

/* That of the row's media types which the client wants most; NULL: none, so JSON is the answer. */
const char *req_type(const struct req *req);

/* For replies too large to be held: sends the head, at the first call, and what the body holds,
 * and empties it. Such a reply has no Content-Length. A handler that fails afterwards (or ends
 * with an error set) breaks the reply off, so that the client sees that it is not whole. False:
 * the client has gone, and the error says so. */
bool resp_flush(struct req *req);

/* Adds a reply header; the value must not hold CR or LF (it is dropped if it does). Both texts
 * must live as long as the arena. */
void resp_header(struct req *req, const char *name, const char *value);

/* The struct str of the body, for handlers that write JSON text. */
static inline struct str *resp_body(struct req *req)
{
    return req->resp.body;
}

/* {"message": …} with status 200. Always true. */
bool resp_message(struct req *req, const char *fmt, ...) ERP_PRINTF(2, 3);

/* Appends ,"errors":[…] and what else a problem says of refused fields. */
void resp_add_fields(struct str *out, const struct err *err);

/* Turns req->err into problem+json (RFC 9457), replacing whatever the body held. */
void resp_problem(struct req *req);

/* Appends the reply's header block (CGI: a Status line, headers, an empty line). */
void resp_head(const struct req *req, struct str *out);

#endif
