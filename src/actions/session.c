/* Signing in and out, who one is, and one's own password. */
#include "base.h"
#include "actions/actions.h"
#include "actions/body.h"
#include "auth/password.h"
#include "core/clock.h"
#include "http/trail.h"
#include "tenant/modules.h"

#define EMAIL_MAX 254

bool action_login(struct req *req)
{
    size_t email_len = 0, password_len = 0;
    const char *email, *password;
    const struct user *who;
    bool ok;

    body_wipe(req, "password");
    email = body_text(req, "email", EMAIL_MAX, &email_len);
    password = body_text(req, "password", req->body_len, &password_len);
    if (err_is_set(req->err))
        return false;
    ok = login_run(&req->app->login, email, email_len, password, password_len, req->arena,
                   req->resp.body, &who, req->err);
    trail_sign_in(req, who);
    return ok;
}

/* The modules of the business, and who acts as the user. */
static void add_me(struct req *req, const struct tenant *tenant, struct str *out)
{
    const struct claims *claims = &req->principal.claims;
    char since[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE];

    str_addz(out, ",\"modules_enabled\":");
    if (tenant)
        module_names(tenant, out);
    else
        str_addz(out, "null");
    if (!req->principal.impersonated) {
        str_addz(out, ",\"impersonated_by\":null,\"impersonation_started\":null,"
                      "\"impersonation_ends\":null,\"read_only\":false");
        return;
    }
    clock_format(since, claims->iat * 1000);
    clock_format(until, claims->exp * 1000);
    str_addz(out, ",\"impersonated_by\":");
    str_add_json(out, req->principal.impersonator, strlen(req->principal.impersonator));
    str_addf(out, ",\"impersonation_started\":\"%s\",\"impersonation_ends\":\"%s\","
                  "\"read_only\":%s",
             since, until, claims->read_only ? "true" : "false");
}

bool action_me(struct req *req)
{
    /* As at the sign-in: the shared database is nobody's business. */
    const struct tenant *tenant = req->principal.legacy ? NULL : req->tenant;
    const char *extra;
    struct str more;

    str_init(&more);
    str_addz(&more, login_user_extra(tenant, req->arena));
    add_me(req, tenant, &more);
    extra = arena_strndup(req->arena, more.p, more.len);
    str_release(&more);
    return users_render(req->app->users, req->principal.user_id, extra, req->resp.body, req->err);
}

/* Every older token has just ended, the caller's too: this one goes on. */
static bool fresh_token(struct req *req, struct str *token)
{
    struct claims claims = req->principal.claims;
    const struct user *user;

    if (!users_by_id(req->app->users, req->principal.user_id, &user, req->err))
        return false;
    claims.version = user->token_version;
    token_sign(req->app->keys, &claims, 0, req->arena, token);
    return true;
}

static bool reply_new_token(struct req *req)
{
    struct str *out = req->resp.body;

    str_addz(out, "{\"message\":\"Password changed\",\"access_token\":\"");
    if (!fresh_token(req, out))
        return false;
    str_addz(out, "\",\"token_type\":\"bearer\"}");
    return true;
}

static bool change_password(struct req *req)
{
    const struct principal *who = &req->principal;
    const char *old_name = "old_password", *old, *new;
    size_t old_len = 0, new_len = 0;
    char hash[PASSWORD_HASH_SIZE];

    if (json_object_get(req->body, "current_password"))
        old_name = "current_password";
    body_wipe(req, old_name);
    body_wipe(req, "new_password");
    old = body_text(req, old_name, req->body_len, &old_len);
    new = body_text(req, "new_password", req->body_len, &new_len);
    if (err_is_set(req->err))
        return false;
    if (!login_check_password(&req->app->login, who->user_id, old, old_len, req->err) ||
        !password_check_new(new, new_len, who->email, "new_password", req->err))
        return false;
    password_hash(hash, new, new_len, (int)req->app->conf.bcrypt_cost);
    return users_set_password(req->app->users, who->user_id, hash, true, req->err) &&
           reply_new_token(req);
}

bool action_change_password(struct req *req)
{
    bool ok = change_password(req);

    trail_account(req, ok ? "password_change" : "password_change_refused");
    return ok;
}

static bool sign_out(struct req *req)
{
    const struct principal *who = &req->principal;
    json_t *everywhere;

    everywhere = json_object_get(req->body, "everywhere");
    if (everywhere && !json_is_boolean(everywhere))
        return err_field(req->err, "everywhere", "type", "This must be true or false.");
    if (json_is_true(everywhere) && who->impersonated)
        return err_set(req->err, ERR_IMPERSONATED,
                       "Only the account's owner ends all of its tokens.");
    if (json_is_true(everywhere)) {
        if (!users_end_tokens(req->app->users, who->user_id, req->err))
            return false;
        return resp_message(req, "Signed out everywhere");
    }
    if (!users_revoke_token(req->app->users, who->user_id, who->claims.jti, who->claims.exp,
                            req->err))
        return false;
    return resp_message(req, "Signed out");
}

bool action_logout(struct req *req)
{
    bool ok = sign_out(req);

    if (ok)
        trail_account(req, "sign_out");
    return ok;
}
