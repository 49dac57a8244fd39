/* The payload of a token: claims as JSON and back. Signatures and times are token.c's. */
#include "base.h"
#include "auth/claims.h"
#include "core/id.h"

#define ISSUER     "erpd"
#define AUDIENCE   "erpd-api"
#define TEXT_MAX   255
#define NUMBER_MAX (INT64_C(1) << 53) /* what every JSON reader keeps exact */

static void add_text(struct str *s, const char *name, const char *text)
{
    str_addf(s, ",\"%s\":", name);
    if (text)
        str_add_json(s, text, strlen(text));
    else
        str_addz(s, "null");
}

static void add_int(struct str *s, const char *name, int64_t value)
{
    str_addf(s, ",\"%s\":%" PRId64, name, value);
}

/* Frontends read the members that may be null, so they are always there. */
void claims_write(struct str *s, const struct claims *claims)
{
    str_addz(s, "{\"iss\":\"" ISSUER "\",\"aud\":\"" AUDIENCE "\"");
    add_text(s, "sub", claims->sub);
    add_text(s, "jti", claims->jti);
    add_text(s, "email", claims->email);
    add_text(s, "tenant_id", claims->tenant_id);
    add_text(s, "tenant_slug", claims->tenant_slug);
    add_text(s, "role", role_name(claims->role));
    add_text(s, "branch_id", claims->branch_id);
    add_text(s, "business_type", claims->business_type);
    add_text(s, "business_name", claims->business_name);
    add_text(s, "subscription_status", claims->subscription_status);
    add_text(s, "subscription_plan", claims->subscription_plan);
    if (claims->impersonated_by) {
        add_text(s, "impersonated_by", claims->impersonated_by);
        add_int(s, "impersonation_started", claims->iat);
        add_text(s, "impersonator_jti", claims->impersonator_jti);
        add_int(s, "impersonator_ver", claims->impersonator_version);
        str_addf(s, ",\"read_only\":%s", claims->read_only ? "true" : "false");
    }
    add_int(s, "ver", claims->version);
    add_int(s, "iat", claims->iat);
    add_int(s, "nbf", claims->nbf);
    add_int(s, "exp", claims->exp);
    str_addc(s, '}');
}

/* A member that is text; absent and null are NULL. False for any other type, for text that is
 * empty or too long, and for absent text where it is `required`. */
static bool get_text(const json_t *payload, const char *name, bool required, struct arena *arena,
                     const char **out)
{
    const json_t *value = json_object_get(payload, name);

    *out = NULL;
    if (!value || json_is_null(value))
        return !required;
    if (!json_is_string(value))
        return false;
    if (json_string_length(value) == 0 || json_string_length(value) > TEXT_MAX)
        return false;
    *out = arena_strdup(arena, json_string_value(value));
    return true;
}

static bool get_int(const json_t *payload, const char *name, int64_t *out)
{
    const json_t *value = json_object_get(payload, name);

    if (!json_is_integer(value))
        return false;
    *out = json_integer_value(value);
    return *out >= 0 && *out <= NUMBER_MAX;
}

static bool is_text(const json_t *payload, const char *name, const char *expected)
{
    const char *text = json_string_value(json_object_get(payload, name));

    return text && strcmp(text, expected) == 0;
}

/* What ties a token to the super_admin who acts with it; all of it or nothing. */
static bool read_impersonation(const json_t *payload, struct arena *arena, struct claims *claims)
{
    const json_t *read_only = json_object_get(payload, "read_only");

    if (!get_text(payload, "impersonated_by", false, arena, &claims->impersonated_by))
        return false;
    if (!claims->impersonated_by)
        return true;
    claims->read_only = json_is_true(read_only);
    return json_is_boolean(read_only) &&
           get_text(payload, "impersonator_jti", true, arena, &claims->impersonator_jti) &&
           id_valid(claims->impersonator_jti, strlen(claims->impersonator_jti)) &&
           get_int(payload, "impersonator_ver", &claims->impersonator_version);
}

bool claims_read(const json_t *payload, struct arena *arena, struct claims *claims,
                 const char **why)
{
    const char *role;

    *why = "issuer or audience";
    if (!is_text(payload, "iss", ISSUER) || !is_text(payload, "aud", AUDIENCE))
        return false;
    *why = "a claim is missing or of a wrong type";
    if (!get_text(payload, "sub", true, arena, &claims->sub) ||
        !get_text(payload, "jti", true, arena, &claims->jti) ||
        !get_text(payload, "email", true, arena, &claims->email) ||
        !get_text(payload, "role", true, arena, &role) ||
        !get_text(payload, "tenant_id", false, arena, &claims->tenant_id) ||
        !get_text(payload, "tenant_slug", false, arena, &claims->tenant_slug) ||
        !get_text(payload, "branch_id", false, arena, &claims->branch_id) ||
        !get_text(payload, "business_type", false, arena, &claims->business_type) ||
        !get_text(payload, "business_name", false, arena, &claims->business_name) ||
        !get_text(payload, "subscription_status", false, arena, &claims->subscription_status) ||
        !get_text(payload, "subscription_plan", false, arena, &claims->subscription_plan) ||
        !read_impersonation(payload, arena, claims) ||
        !get_int(payload, "ver", &claims->version) || !get_int(payload, "iat", &claims->iat) ||
        !get_int(payload, "nbf", &claims->nbf) || !get_int(payload, "exp", &claims->exp))
        return false;
    *why = "role or token id";
    if (!role_parse(role, &claims->role) || !id_valid(claims->jti, strlen(claims->jti)))
        return false;
    *why = "tenant";
    if (claims->role != ROLE_SUPER_ADMIN && !claims->tenant_id)
        return false;
    return claims->tenant_id || !claims->tenant_slug;
}
