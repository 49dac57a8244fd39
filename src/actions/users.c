/* Accounts over the wire: who is asking, which business, what the body says. */
#include "base.h"
#include "actions/actions.h"
#include "actions/body.h"
#include "auth/password.h"
#include "engine/form.h"
#include "platform/accounts.h"
#include "db/own.h"
#include "tenant/limit.h"

#define LIST_MAX   1000
#define MODULE_MAX 31 /* bytes; longer ones would make the record unusable */
#define TEXT_MAX   255

/* What a body says an account shall be. */
struct input {
    struct account_fields fields;
    const char *tenant_id; /* as a super_admin said it */
    char hash[PASSWORD_HASH_SIZE];
};

/* ---- whose accounts ---- */

static bool is_super(const struct req *req)
{
    return req->principal.role == ROLE_SUPER_ADMIN;
}

/* NULL: a super_admin sees all of them. */
static const char *own_tenant(const struct req *req)
{
    return is_super(req) ? NULL : req->principal.tenant_id;
}

/* The caller's own business, whose database the gate has opened. */
static bool own_place(struct req *req, struct account_place *place)
{
    if (!req->scope.client)
        return err_set_retry(req->err, ERR_DB_UNAVAILABLE, 3,
                             "Database connection failed for this tenant. Please try again "
                             "shortly.");
    *place = (struct account_place){
        .tenant_id = req->principal.tenant_id,
        .slug = req->principal.tenant_slug,
        .max_users = limit_of(req->tenant, LIMIT_USERS),
        .data = req->scope,
    };
    return true;
}

/* The account of the path, if the caller may touch it, and where it belongs. */
static bool open_target(struct req *req, struct job *job, struct user **user,
                        struct account_place *place)
{
    if (!accounts_find(job, own_tenant(req), req_param(req, "user_id"), user) ||
        !accounts_may(&req->principal, *user, req->err))
        return false;
    if (!is_super(req))
        return own_place(req, place);
    return accounts_place(job, (*user)->role == ROLE_SUPER_ADMIN ? NULL : (*user)->tenant_id,
                          place);
}

/* ---- the body ---- */

/* A record is read back into fixed places: what does not fit would lock the account out. */
static bool check_sizes(struct req *req)
{
    static const char *const texts[] = {"email", "full_name"};
    json_t *modules = json_object_get(req->body, "allowed_routes");
    size_t i;
    json_t *module;

    for (i = 0; i < ARRAY_LEN(texts); i++)
        if (json_string_length(json_object_get(req->body, texts[i])) > TEXT_MAX)
            err_field(req->err, texts[i], "too_long", "At most %d bytes", TEXT_MAX);
    json_array_foreach (modules, i, module)
        if (json_string_length(module) > MODULE_MAX)
            err_field(req->err, "allowed_routes", "too_long", "A module has at most %d bytes",
                      MODULE_MAX);
    return !err_is_set(req->err);
}

/* is_active and disabled are one thing; a record that is sent back whole has the first. */
static bool read_active(struct req *req, bson_t *out)
{
    json_t *active = json_object_get(req->body, "is_active");
    json_t *disabled = json_object_get(req->body, "disabled");

    if (active && disabled && json_is_true(active) == json_is_true(disabled))
        return err_field(req->err, "disabled", "value", "Contradicts is_active");
    if (active || disabled)
        BSON_APPEND_BOOL(out, "is_active", active ? json_is_true(active) : !json_is_true(disabled));
    return true;
}

static bool read_set(struct req *req, const bson_t *checked, struct input *in)
{
    static const char *const names[] = {"username", "full_name", "branch_id", "allowed_routes"};
    bson_t *set = own_bson(req->arena);
    enum role role;
    bson_iter_t it;

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (bson_iter_init_find(&it, checked, names[i]))
            bson_append_iter(set, names[i], -1, &it);
    if (bson_iter_init_find(&it, checked, "email")) {
        char *email = arena_strdup(req->arena, bson_iter_utf8(&it, NULL));

        kind_fold(email);
        BSON_APPEND_UTF8(set, "email", email);
    }
    if (bson_iter_init_find(&it, checked, "role")) {
        if (!role_parse(bson_iter_utf8(&it, NULL), &role))
            die("the form lets a role pass that is none");
        if (!role_within(req->principal.role, role))
            return err_set(req->err, ERR_FORBIDDEN, "A %s gives nobody the role %s.",
                           role_name(req->principal.role), role_name(role));
        BSON_APPEND_UTF8(set, "role", role_name(role));
    }
    in->fields.set = set;
    return read_active(req, set);
}

/* Only a super_admin names a business; from others it is left out like any unknown member. */
static bool read_tenant(struct req *req, const char **ignored, struct input *in)
{
    json_t *value = json_object_get(req->body, "tenant_id");

    if (is_super(req)) {
        in->tenant_id = json_string_value(value);
        return true;
    }
    if (!json_is_string(value))
        return true;
    if (req->strict)
        return err_field(req->err, "tenant_id", "unknown", "Is not a field that can be written");
    *ignored = arena_printf(req->arena, "%s%stenant_id", *ignored ? *ignored : "",
                            *ignored ? ", " : "");
    return true;
}

static bool read_password(struct req *req, const char *password, size_t len, struct input *in)
{
    const char *email = json_string_value(json_object_get(req->body, "email"));

    if (!password)
        return true;
    if (!password_check_new(password, len, email, "password", req->err))
        return false;
    password_hash(in->hash, password, len, (int)req->app->conf.bcrypt_cost);
    in->fields.hash = in->hash;
    return true;
}

/* Checks the body by its form. The password is hashed last: that is the slow part. */
static bool read_input(struct req *req, const char *form, bool create, struct input *in)
{
    static const char *const never_null[] = {"email", "full_name", "role", "is_active", "disabled"};
    const char *password;
    struct validated checked;
    size_t len = 0;

    *in = (struct input){.fields = {NULL, NULL}};
    password = body_password(req, "password", &len);
    if (!create && json_is_object(req->body))
        for (size_t i = 0; i < ARRAY_LEN(never_null); i++)
            if (json_is_null(json_object_get(req->body, never_null[i])))
                json_object_del(req->body, never_null[i]);
    if (!form_validate(form, create ? VALIDATE_CREATE : VALIDATE_PATCH, req->body, req->strict,
                       req->arena, &checked, req->err) ||
        !check_sizes(req) || (create && !read_tenant(req, &checked.ignored, in)) ||
        !read_set(req, checked.set, in) || !read_password(req, password, len, in))
        return false;
    if (checked.ignored)
        resp_header(req, "X-Ignored-Fields", checked.ignored);
    return true;
}

/* ---- handlers ---- */

static bool reply(struct req *req, const char *id)
{
    return users_render(req->app->users, id, NULL, resp_body(req), req->err);
}

/* -1: it is none. */
static int64_t read_number(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len < 10 && strspn(text, "0123456789") == len ? strtol(text, NULL, 10) : -1;
}

static void link_next(struct req *req, int64_t limit, const char *last, const char *tenant_id)
{
    struct str link;

    str_init(&link);
    str_addf(&link, "</api/users?limit=%" PRId64 "&after=", limit);
    str_add_uri(&link, last, strlen(last));
    if (tenant_id) {
        str_addz(&link, "&tenant_id=");
        str_add_uri(&link, tenant_id, strlen(tenant_id));
    }
    str_addz(&link, ">; rel=\"next\"");
    resp_header(req, "Link", arena_strdup(req->arena, link.p));
    str_release(&link);
}

bool action_user_list(struct req *req)
{
    struct job job = job_of_req(req);
    const char *text = req_query(req, "limit"), *tenant_id = own_tenant(req), *last;
    int64_t limit = text ? read_number(text) : LIST_MAX;

    if (limit < 1 || limit > LIST_MAX)
        return err_set(req->err, ERR_BAD_QUERY, "limit must be a number from 1 to %d.", LIST_MAX);
    if (is_super(req))
        tenant_id = req_query(req, "tenant_id");
    if (!accounts_list(&job, tenant_id, req_query(req, "after"), limit, resp_body(req), &last))
        return false;
    if (last)
        link_next(req, limit, last, is_super(req) ? tenant_id : NULL);
    return true;
}

bool action_user_get(struct req *req)
{
    struct job job = job_of_req(req);
    struct user *user;

    return accounts_find(&job, own_tenant(req), req_param(req, "user_id"), &user) &&
           reply(req, user->id);
}

static bool create(struct req *req, const char **id)
{
    struct job job = job_of_req(req);
    struct account_place place;
    struct input in;
    bson_iter_t role;
    bool super;

    if (!read_input(req, "UserCreate", true, &in))
        return false;
    super = bson_iter_init_find(&role, in.fields.set, "role") &&
            strcmp(bson_iter_utf8(&role, NULL), role_name(ROLE_SUPER_ADMIN)) == 0;
    if (is_super(req) && super != (in.tenant_id == NULL))
        return err_field(req->err, "tenant_id", super ? "value" : "required",
                         super ? "A super_admin belongs to no business"
                               : "Every role but super_admin belongs to a business");
    if (!(is_super(req) ? accounts_place(&job, in.tenant_id, &place) : own_place(req, &place)))
        return false;
    return accounts_create(&job, &place, &in.fields, id);
}

bool action_user_create(struct req *req)
{
    const char *id;

    if (!create(req, &id))
        return false;
    resp_header(req, "Location", arena_printf(req->arena, "/api/users/%s", id));
    return reply(req, id);
}

bool action_user_change(struct req *req)
{
    struct job job = job_of_req(req);
    struct account_place place;
    struct user *user;
    struct input in;

    return open_target(req, &job, &user, &place) && read_input(req, "UserChange", false, &in) &&
           accounts_change(&job, &place, user->id, &in.fields) && reply(req, user->id);
}

bool action_user_remove(struct req *req)
{
    struct job job = job_of_req(req);
    struct account_place place;
    struct user *user;

    return open_target(req, &job, &user, &place) && accounts_remove(&job, &place, user->id) &&
           resp_message(req, "User deleted");
}

bool action_register(struct req *req)
{
    const char *id;

    return create(req, &id) &&
           login_as(&req->app->login, id, NULL, req->arena, resp_body(req), req->err);
}
