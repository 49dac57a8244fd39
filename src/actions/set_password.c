/* POST /api/auth/set-password: a password by a link, for those who have none. */
#include "base.h"
#include "actions/actions.h"
#include "actions/body.h"
#include "auth/password.h"
#include "auth/password_link.h"

#define TOKEN_MAX_BYTES 128

bool action_set_password(struct req *req)
{
    struct user *user = arena_alloc(req->arena, sizeof *user);
    size_t token_len = 0, len = 0;
    char hash[PASSWORD_HASH_SIZE];
    const char *token, *password;

    body_wipe(req, "token");
    body_wipe(req, "password");
    token = body_text(req, "token", TOKEN_MAX_BYTES, &token_len);
    password = body_text(req, "password", req->body_len, &len);
    /* The slow part is only for those who have a link. */
    if (err_is_set(req->err) ||
        !password_link_check(req->app->users, token, user, req->err) ||
        !password_check_new(password, len, user->email, "password", req->err))
        return false;
    password_hash(hash, password, len, (int)req->app->conf.bcrypt_cost);
    return password_link_use(req->app->users, token, hash, req->err) &&
           resp_message(req, "The password is set: sign in with it.");
}
