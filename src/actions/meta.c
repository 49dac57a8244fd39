/* The interface about itself: its OpenAPI document. */
#include "base.h"
#include "actions/actions.h"
#include "engine/openapi.h"

/* Made once a worker: the table does not change while it lives. */
bool action_openapi(struct req *req)
{
    struct str *text = &req->app->openapi;

    if (text->len == 0)
        openapi_write(req->app->routes, text);
    str_add(req->resp.body, text->p, text->len);
    return true;
}
