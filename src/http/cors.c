/* Browsers of other origins: only those that ERP_CORS_ORIGINS names are answered as such, and no
 * reply allows credentials. Called by gate.c before anything else looks at a request. */
#include "base.h"
#include "http/cors.h"

static bool origin_listed(const char *list, const char *origin)
{
    size_t len = strlen(origin);

    while (*list) {
        size_t n = strcspn(list += strspn(list, " "), " ");

        if (n > 0 && n == len && memcmp(list, origin, len) == 0)
            return true;
        list += n;
    }
    return false;
}

bool cors_serve(struct req *req)
{
    const char *list = req->app->conf.cors_origins;

    if (!list || !*list)
        return false;
    resp_header(req, "Vary", "Origin");
    if (!req->origin || !origin_listed(list, req->origin))
        return false;
    resp_header(req, "Access-Control-Allow-Origin", req->origin);
    if (strcmp(req->method, "OPTIONS") != 0 || !req->preflight_method) {
        resp_header(req, "Access-Control-Expose-Headers",
                    "ETag, Link, Location, Retry-After, X-Ignored-Fields, X-Impersonated-By, "
                    "X-Request-Id, X-Total-Count");
        return false;
    }
    resp_header(req, "Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE");
    resp_header(req, "Access-Control-Allow-Headers",
                "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer");
    resp_header(req, "Access-Control-Max-Age", "600");
    req->resp.status = 204;
    return true;
}
