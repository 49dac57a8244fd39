/* The user's document: read strictly, shown by an allow-list. */
#include "base.h"
#include "auth/token.h"
#include "auth/users_priv.h"
#include "core/clock.h"
#include "core/log.h"
#include "db/bson_json.h"

bool email_same(const char *a, const char *b)
{
    for (; *a && tolower((unsigned char)*a) == tolower((unsigned char)*b); a++)
        b++;
    return *a == *b;
}

/* Finds a field that is there and not null. */
static bool find(const bson_t *doc, const char *name, bson_iter_t *iter)
{
    return bson_iter_init_find(iter, doc, name) && !BSON_ITER_HOLDS_NULL(iter);
}

static bool copy_text(const bson_iter_t *iter, char *out, size_t cap)
{
    const char *text;
    uint32_t len;

    if (!BSON_ITER_HOLDS_UTF8(iter))
        return false;
    text = bson_iter_utf8(iter, &len);
    if (len >= cap || memchr(text, '\0', len))
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

static bool get_text(const bson_t *doc, const char *name, char *out, size_t cap)
{
    bson_iter_t iter;

    out[0] = '\0';
    return !find(doc, name, &iter) || copy_text(&iter, out, cap);
}

static bool get_bool(const bson_t *doc, const char *name, bool absent, bool *out)
{
    bson_iter_t iter;

    *out = absent;
    if (!find(doc, name, &iter))
        return true;
    *out = bson_iter_bool(&iter);
    return BSON_ITER_HOLDS_BOOL(&iter);
}

/* The shell of the database writes 1 as a double. */
static bool whole_number(const bson_iter_t *iter, int64_t *out)
{
    if (BSON_ITER_HOLDS_DOUBLE(iter)) {
        double value = bson_iter_double(iter);

        if (!(value >= 0 && value <= 9007199254740992.0) || value != (double)(int64_t)value)
            return false;
        *out = (int64_t)value;
        return true;
    }
    if (!BSON_ITER_HOLDS_INT32(iter) && !BSON_ITER_HOLDS_INT64(iter))
        return false;
    *out = bson_iter_as_int64(iter);
    return *out >= 0;
}

static bool get_role(const bson_t *doc, enum role *role)
{
    char text[32];

    return get_text(doc, "role", text, sizeof(text)) && role_parse(text, role);
}

static bool get_allowed(const bson_t *doc, struct user *user)
{
    bson_iter_t iter, item;

    user->n_allowed = 0;
    if (!find(doc, "allowed_routes", &iter))
        return true;
    if (!BSON_ITER_HOLDS_ARRAY(&iter) || !bson_iter_recurse(&iter, &item))
        return false;
    while (bson_iter_next(&item)) {
        if (user->n_allowed == USER_ROUTES_MAX ||
            !copy_text(&item, user->allowed[user->n_allowed], sizeof(user->allowed[0])))
            return false;
        user->n_allowed++;
    }
    return true;
}

/* {jti, exp}: those whose token has expired by itself are not needed any more. */
static bool get_revoked(const bson_t *doc, struct user *user)
{
    int64_t now = clock_ms() / 1000, exp;
    bson_iter_t iter, item, field;

    user->n_revoked = 0;
    if (!find(doc, "revoked_tokens", &iter))
        return true;
    if (!BSON_ITER_HOLDS_ARRAY(&iter) || !bson_iter_recurse(&iter, &item))
        return false;
    while (bson_iter_next(&item)) {
        if (!BSON_ITER_HOLDS_DOCUMENT(&item) || !bson_iter_recurse(&item, &field) ||
            !bson_iter_find(&field, "exp") || !whole_number(&field, &exp))
            return false;
        if (exp + TOKEN_LEEWAY < now)
            continue;
        if (user->n_revoked == USER_REVOKED_MAX || !bson_iter_recurse(&item, &field) ||
            !bson_iter_find(&field, "jti") ||
            !copy_text(&field, user->revoked[user->n_revoked], sizeof(user->revoked[0])))
            return false;
        user->n_revoked++;
    }
    return true;
}

static bool read_fields(const bson_t *doc, struct user *user, const char **field)
{
    bson_iter_t iter;
    bool active, disabled;

#define TEXT(name, member) (*field = name, get_text(doc, name, user->member, sizeof(user->member)))
    if (!TEXT("id", id) || !*user->id || !TEXT("email", email) || !*user->email ||
        !TEXT("full_name", full_name) || !TEXT("tenant_id", tenant_id) ||
        !TEXT("tenant_slug", tenant_slug) || !TEXT("branch_id", branch_id) ||
        !TEXT("hashed_password", password_hash))
        return false;
#undef TEXT
    *field = "role";
    if (!get_role(doc, &user->role))
        return false;
    *field = "is_active or disabled";
    if (!get_bool(doc, "is_active", true, &active) || !get_bool(doc, "disabled", false, &disabled))
        return false;
    user->disabled = disabled || !active;
    *field = "token_version";
    user->token_version = 0;
    if (find(doc, "token_version", &iter) && !whole_number(&iter, &user->token_version))
        return false;
    user->had_tenant = *user->tenant_slug || find(doc, "tenant_linked_at", &iter) ||
                       find(doc, "former_tenant_slug", &iter);
    *field = "revoked_tokens";
    if (!get_revoked(doc, user))
        return false;
    *field = "allowed_routes";
    return get_allowed(doc, user);
}

bool user_from_bson(const bson_t *doc, struct user *user)
{
    const char *field = "";

    memset(user, 0, sizeof(*user));
    if (read_fields(doc, user, &field))
        return true;
    log_event(LOG_LVL_ERROR, "user_unusable", "id", user->id, "field", field, NULL);
    return false;
}

/* What replies show of a record; everything else stays. */
static const char *const shown[] = {
    "id",          "email",     "username",       "full_name",  "role",      "tenant_id",
    "tenant_slug", "branch_id", "allowed_routes", "created_at", "updated_at"};

/* Does the JSON text hold the member? A quote inside of a JSON string is escaped, so this pattern
 * is only found where a member begins. */
static bool has_member(const char *members, const char *name)
{
    char pattern[48];

    snprintf(pattern, sizeof(pattern), "\"%s\":", name);
    return members && strstr(members, pattern);
}

bool users_show(const bson_t *doc, const char *extra, struct str *out)
{
    struct user user;
    bson_iter_t iter;

    if (!user_from_bson(doc, &user))
        return false;
    str_addf(out, "{\"is_active\":%s", user.disabled ? "false" : "true");
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
        if (has_member(extra, shown[i]))
            continue;
        str_addf(out, ",\"%s\":", shown[i]);
        if (bson_iter_init_find(&iter, doc, shown[i]))
            bson_json_value(&iter, out);
        else
            str_addz(out, "null");
    }
    if (extra && *extra)
        str_addf(out, ",%s", extra);
    str_addc(out, '}');
    return true;
}

bool users_render(struct users *users, const char *id, const char *extra, struct str *out,
                  struct err *err)
{
    const bson_t *doc;

    if (!users_document(users, id, &doc, err))
        return false;
    return (doc && users_show(doc, extra, out)) ||
           err_set(err, ERR_NOT_FOUND, "There is no such user.");
}
