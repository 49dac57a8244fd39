/* The handler table's row, and matching.
 *
 * Policy lives in the row: the gate (gate.c) applies it before the handler runs, and a handler
 * that checks a role is a bug. Rows come from src/routes.c and, for plain records, from the
 * resource descriptors (engine/crud.c makes one row an operation).
 */
#ifndef ERP_HTTP_ROUTE_H
#define ERP_HTTP_ROUTE_H

#include "http/req.h"

struct resource;

enum route_auth {
    AUTH_TOKEN = 0, /* the default: a row that says nothing needs a token */
    AUTH_PUBLIC
};

enum route_tenancy {
    TENANCY_REQUIRED = 0, /* the default: a tenant's (or legacy) scope */
    TENANCY_OPTIONAL,     /* resolved when the user has one; scope.client NULL when it is away */
    TENANCY_NONE,         /* platform: no tenant scope at all */
    TENANCY_REPORTED      /* the handler reports the tenant's database being away itself: its
                             scope.client is NULL when that is known already */
};

enum route_body {
    BODY_NONE = 0, /* a body is refused */
    BODY_JSON,     /* application/json (or merge-patch+json) */
    BODY_OPTIONAL, /* JSON, may be empty */
    BODY_CSV,      /* text/csv, left to the handler: body_bytes */
    BODY_FORM      /* multipart/form-data: form, file; `form` of the row says which file */
};

/* The file that a BODY_FORM row takes. The gate refuses any other, one that is larger (413) and
 * one whose first bytes are of no such kind (422). */
struct route_form {
    const char *file; /* name of its part */
    bool required;
    unsigned kinds; /* mask of enum file_kind */
    size_t max;     /* bytes */
    bool json;      /* the same fields may come as JSON instead, without the file */
};

#define FORM_FIELDS_MAX (64u << 10) /* bytes of a form besides its file */

/* What a super_admin who acts as a business's user may do here. */
enum route_acting {
    ACTING_AS_USER = 0, /* the default: as the user; a token that only reads writes nothing */
    ACTING_NEVER,       /* credentials and the like: the user in person */
    ACTING_ALWAYS       /* also with a token that only reads */
};

enum route_pool { POOL_MAIN = 0, POOL_LOGIN };

/* A day, as in 2026-01-31; the handler answers another value with 422. */
#define PARAM_DAY "date"

/* A named value in the query string, for OpenAPI and the check for unknown ones. */
struct route_param {
    const char *name;
    const char *type; /* OpenAPI type: string, integer, boolean; or PARAM_DAY */
    const char *summary;
    bool required;
};

/* A reply or body schema by name: a resource ("Product"), its input ("ProductInput"), or one of
 * the named schemas of engine/openapi.c. NULL: a free object. */
struct route {
    const char *method;
    const char *path; /* "/api/products/{id}": braces are one segment each */
    bool (*handler)(struct req *req); /* false: req->err is set */
    bool (*inner)(struct req *req);   /* what the handler wraps (engine/idem.h); NULL: nothing */
    enum route_auth auth;
    enum route_tenancy tenancy;
    enum route_body body;
    enum route_pool pool;
    enum route_acting acting;
    unsigned roles;     /* mask of perm.h; 0 with AUTH_TOKEN means ROLES_TENANT */
    const char *module; /* NULL: core */
    size_t body_limit;  /* bytes; 0 = ERP_BODY_LIMIT, or what the form allows */
    const struct route_form *form; /* BODY_FORM alone has one */
    size_t body_values; /* JSON values; 0 = 10,000 */
    const char *summary;
    const char *in, *out; /* schema names */
    bool out_list;
    bool csv;           /* a reply that is to be had as text/csv too; lists and views always are */
    const char *const *types; /* media types that the reply is to be had in too, ended by a NULL;
                                 of equally wanted ones the first (req_type); NULL: none */
    bool by_branch;     /* records belong to a branch: users bound to one need to have it */
    bool repeatable;    /* the same request again does nothing more: a POST that takes no key */
    bool in_turn;       /* those of one business wait for each other, on this host: they change the
                           same records (a number series, a shelf) and would begin again instead */
    bool by_state;      /* the state of its record may refuse it, though it changes nothing */
    bool versioned;     /* If-Match names the version of the path's record: the handler compares it
                           (engine/write.h); rows of the engine say it by what they are */
    bool writes;        /* changes data: refused to tokens that only read and to newer schemas */
    const struct route_param *query; /* ended by a NULL name; may be NULL */
    bool platform_keyed; /* a POST whose effect is in the registry's database takes a key too */
    bool open_query;    /* unknown query parameters are the handler's to judge */
    const struct resource *resource; /* the descriptor, for engine rows */
    const void *arg;                 /* the handler's own constant (a view, a transition) */
};

struct route_table;

/* Builds a table of the rows, which are copied. Their texts are borrowed, and `texts`, the arena of
 * those that were made for the table, becomes the table's (NULL: there is none). Dies when two rows
 * clash, a path is malformed, or a row is incomplete. src/routes.c calls it with every row there
 * is. */
struct route_table *route_table_new(const struct route *rows, size_t n, struct arena *texts);
void route_table_free(struct route_table *table);

size_t route_count(const struct route_table *table);
const struct route *route_at(const struct route_table *table, size_t i);

/* Finds the row for req->method and req->path and fills req->route and req->params. Literal
 * segments win over braces. ERR_NOT_FOUND; ERR_METHOD_NOT_ALLOWED (with an Allow header). HEAD is
 * served by GET rows. */
bool route_match(const struct route_table *table, struct req *req, struct err *err);

/* The effective role mask of a row. */
unsigned route_roles(const struct route *route);

#endif
