/* Forms as requests meet them: the body that is read by one, the reply that is written by one. */
#include "base.h"
#include "engine/form.h"
#include "http/req.h"

bool form_read(struct req *req, const char *name, enum validate_mode mode, struct validated *out)
{
    const struct kind_env env = {.decimals = req->tenant ? req->tenant->decimals : 2};

    if (!form_check(name, mode, &env, req->body, req->strict, req->arena, out, req->err))
        return false;
    if (out->ignored)
        resp_header(req, "X-Ignored-Fields", out->ignored);
    return true;
}
