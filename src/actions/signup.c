/* POST /api/auth/signup: a stranger's own business, signed in at once. */
#include "base.h"
#include "actions/actions.h"
#include "actions/body.h"
#include "auth/password.h"
#include "db/doc.h"
#include "engine/form.h"
#include "platform/signup.h"

#define NAME_MAX_BYTES 240 /* with " Admin" it is the administrator's name */

static const char *text_of(const bson_t *doc, const char *name)
{
    const char *text = doc_text(doc, name);

    if (!text)
        die("the form lets %s pass without a text", name);
    return text;
}

static bool read_signup(struct req *req, const bson_t *set, struct signup *signup)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    char *email = arena_strdup(req->arena, text_of(set, "email"));

    kind_fold(email);
    *signup = (struct signup){.name = text_of(set, "name"),
                              .business_type = text_of(set, "business_type"),
                              .email = email};
    if (strlen(signup->name) > NAME_MAX_BYTES)
        err_field(req->err, "name", "too_long", "At most %d bytes", NAME_MAX_BYTES);
    if (strlen(email) > 254)
        err_field(req->err, "email", "too_long", "At most 254 bytes");
    if (strspn(signup->business_type, allowed) != strlen(signup->business_type))
        err_field(req->err, "business_type", "format",
                  "Takes lower-case letters, digits and underscores");
    return !err_is_set(req->err);
}

bool action_signup(struct req *req)
{
    struct job job = job_of_req(req);
    char hash[PASSWORD_HASH_SIZE];
    struct validated in;
    struct signup signup;
    const char *password, *user_id;
    size_t len = 0;

    /* Before anything is said of the body, and before the slow part. */
    if (!signup_open(&job))
        return false;
    password = body_password(req, "admin_password", &len);
    if (!form_validate("SignupRequest", VALIDATE_CREATE, req->body, req->strict, req->arena, &in,
                       req->err) ||
        !read_signup(req, in.set, &signup) ||
        !password_check_new(password, len, signup.email, "admin_password", req->err))
        return false;
    password_hash(hash, password, len, (int)req->app->conf.bcrypt_cost);
    signup.hash = hash;
    if (in.ignored)
        resp_header(req, "X-Ignored-Fields", in.ignored);
    return signup_run(&job, &signup, &user_id) &&
           login_as(&req->app->login, user_id, NULL, req->arena, resp_body(req), req->err);
}
