/* Tokens: what we sign comes back, and nothing else is accepted. Forged tokens are made here with
 * the real key, so that only the check under test stands in their way. */
#include "base.h"
#include "auth/token.h"
#include "core/clock.h"
#include "core/id.h"

#include <setjmp.h>
#include <cmocka.h>
#include <sodium.h>

#define KEY_A    "first-key-first-key-first-key-first-key"
#define KEY_B    "other-key-other-key-other-key-other-key"
#define LIFETIME INT64_C(604800)
#define JTI      "01890a5d-ac96-774b-bcce-b302099a8057"

struct fixture {
    struct conf conf;
    struct token_keys *keys;
    struct arena *arena;
    struct err err;
    struct claims claims;
    struct str token;
};

static struct fixture f;
static char key_a[] = KEY_A, key_b[] = KEY_B;

static int set_up(void **state ERP_UNUSED)
{
    memset(&f, 0, sizeof(f));
    f.conf.jwt_keys[0] = key_a;
    f.conf.jwt_keys[1] = key_b;
    f.conf.n_jwt_keys = 2;
    f.conf.jwt_expiry_s = LIFETIME;
    f.keys = token_keys_new(&f.conf);
    f.arena = arena_new(1 << 20);
    err_init(&f.err);
    str_init(&f.token);
    f.claims = (struct claims){
        .sub = "u-1",
        .email = "a@b.example",
        .tenant_id = "t-1",
        .tenant_slug = "techland",
        .role = ROLE_CASHIER,
        .branch_id = "b-1",
        .business_name = "Caf\xc3\xa9 \"Z\"",
        .version = 3,
    };
    return 0;
}

static int tear_down(void **state ERP_UNUSED)
{
    token_keys_free(f.keys);
    arena_free(f.arena);
    err_release(&f.err);
    str_release(&f.token);
    return 0;
}

static enum err_code verify(const char *token, size_t len)
{
    struct claims claims;
    bool ok;

    err_clear(&f.err);
    ok = token_verify(f.keys, token, len, f.arena, &claims, &f.err);
    assert_int_equal(ok, f.err.code == ERR_NONE);
    return f.err.code;
}

static const char *kid_of(const char *key)
{
    static char digest[SHA256_HEX_SIZE];

    sha256_hex(digest, key, strlen(key));
    digest[8] = '\0';
    return digest;
}

static const char *our_header(const char *key)
{
    return arena_printf(f.arena, "{\"alg\":\"HS256\",\"kid\":\"%s\",\"typ\":\"JWT\"}", kid_of(key));
}

/* The payload of a good token, with `more` members; a member named there replaces ours. */
static const char *payload(const char *more)
{
    long long now = clock_ms() / 1000;
    const char *base[] = {
        "\"iss\":\"erpd\"",
        "\"aud\":\"erpd-api\"",
        "\"sub\":\"u-1\"",
        "\"jti\":\"" JTI "\"",
        "\"email\":\"a@b.example\"",
        "\"tenant_id\":\"t-1\"",
        "\"tenant_slug\":\"techland\"",
        "\"role\":\"cashier\"",
        "\"ver\":3",
        arena_printf(f.arena, "\"iat\":%lld", now),
        arena_printf(f.arena, "\"nbf\":%lld", now),
        arena_printf(f.arena, "\"exp\":%lld", now + 3600),
    };
    struct str s;
    const char *text;

    str_init(&s);
    str_addc(&s, '{');
    for (size_t i = 0; i < ARRAY_LEN(base); i++) {
        const char *name = arena_strndup(f.arena, base[i], strcspn(base[i], ":") + 1);

        if (!strstr(more, name))
            str_addf(&s, "%s%s", s.len > 1 ? "," : "", base[i]);
    }
    if (*more)
        str_addf(&s, ",%s", more);
    str_addc(&s, '}');
    text = arena_strdup(f.arena, s.p);
    str_release(&s);
    return text;
}

/* As payload, but without the member `name`. */
static const char *without(const char *name)
{
    const char *quoted = arena_printf(f.arena, "\"%s\":", name);
    const char *text = payload(quoted);

    return arena_printf(f.arena, "%.*s}", (int)(strlen(text) - strlen(quoted) - 2), text);
}

/* A correctly signed token of any header and payload. */
static const char *forge(const char *header, const char *body, const char *key, bool sha512)
{
    unsigned char mac[64];
    struct str s;
    const char *token;

    str_init(&s);
    str_add_base64url(&s, header, strlen(header));
    str_addc(&s, '.');
    str_add_base64url(&s, body, strlen(body));
    if (sha512) {
        crypto_auth_hmacsha512_state st;

        crypto_auth_hmacsha512_init(&st, (const unsigned char *)key, strlen(key));
        crypto_auth_hmacsha512_update(&st, (const unsigned char *)s.p, s.len);
        crypto_auth_hmacsha512_final(&st, mac);
    } else {
        crypto_auth_hmacsha256_state st;

        crypto_auth_hmacsha256_init(&st, (const unsigned char *)key, strlen(key));
        crypto_auth_hmacsha256_update(&st, (const unsigned char *)s.p, s.len);
        crypto_auth_hmacsha256_final(&st, mac);
    }
    str_addc(&s, '.');
    str_add_base64url(&s, mac, sha512 ? 64 : 32);
    token = arena_strdup(f.arena, s.p);
    str_release(&s);
    return token;
}

static enum err_code verify_body(const char *body)
{
    const char *token = forge(our_header(KEY_A), body, KEY_A, false);

    return verify(token, strlen(token));
}

static enum err_code verify_header(const char *header, const char *key, bool sha512)
{
    const char *token = forge(header, payload(""), key, sha512);

    return verify(token, strlen(token));
}

static void what_is_signed_comes_back(void **state ERP_UNUSED)
{
    struct claims got;

    token_sign(f.keys, &f.claims, 0, f.arena, &f.token);
    assert_true(token_verify(f.keys, f.token.p, f.token.len, f.arena, &got, &f.err));
    assert_string_equal(got.sub, "u-1");
    assert_string_equal(got.email, "a@b.example");
    assert_string_equal(got.tenant_id, "t-1");
    assert_string_equal(got.tenant_slug, "techland");
    assert_string_equal(got.branch_id, "b-1");
    assert_string_equal(got.business_name, f.claims.business_name);
    assert_null(got.business_type);
    assert_null(got.impersonated_by);
    assert_int_equal(got.role, ROLE_CASHIER);
    assert_int_equal(got.version, 3);
    assert_string_equal(got.jti, f.claims.jti);
    assert_int_equal(got.exp - got.iat, LIFETIME);
    assert_int_equal(got.iat, f.claims.iat);
    assert_int_equal(got.nbf, got.iat);
}

static void names_on_the_wire(void **state ERP_UNUSED)
{
    static const char *const names[] = {"sub",
                                        "email",
                                        "tenant_id",
                                        "tenant_slug",
                                        "role",
                                        "branch_id",
                                        "business_type",
                                        "business_name",
                                        "subscription_plan",
                                        "exp",
                                        "iat",
                                        "nbf",
                                        "jti",
                                        "iss",
                                        "aud",
                                        "ver",
                                        "subscription_status"};
    char text[TOKEN_MAX + 1] = "";
    const char *first, *last;

    f.claims.tenant_slug = NULL;
    token_sign(f.keys, &f.claims, 0, f.arena, &f.token);
    first = strchr(f.token.p, '.') + 1;
    last = strrchr(f.token.p, '.');
    assert_true(base64url_decode(text, TOKEN_MAX, first, (size_t)(last - first)) > 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_non_null(strstr(text, arena_printf(f.arena, "\"%s\":", names[i])));
    assert_non_null(strstr(text, "\"tenant_slug\":null"));
    assert_null(strstr(text, "impersonat"));
}

static void the_forge_makes_good_tokens(void **state ERP_UNUSED)
{
    assert_int_equal(verify_body(payload("")), ERR_NONE);
    assert_int_equal(verify_body(payload("\"tenant_slug\":null")), ERR_NONE);
    assert_int_equal(verify_body(without("tenant_slug")), ERR_NONE);
    assert_int_equal(verify_header(our_header(KEY_B), KEY_B, false), ERR_NONE);
}

static void other_algorithms(void **state ERP_UNUSED)
{
    const char *kid = kid_of(KEY_A);
    static const char *const forms[] = {
        "{\"alg\":\"none\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
        "{\"alg\":\"hs256\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS384\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS512\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
        "{\"alg\":\"RS256\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
        "{\"kid\":\"%s\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"alg\":\"none\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\", \"kid\":\"%s\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"kid\":\"%s\",\"typ\":\"JWT\",\"crit\":[]}",
    };

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct str header;

        str_init(&header);
        str_add(&header, forms[i], (size_t)(strstr(forms[i], "%s") - forms[i]));
        str_addz(&header, kid);
        str_addz(&header, strstr(forms[i], "%s") + 2);
        assert_int_equal(verify_header(header.p, KEY_A, false), ERR_TOKEN_INVALID);
        assert_int_equal(verify_header(header.p, KEY_A, true), ERR_TOKEN_INVALID);
        str_release(&header);
    }
    assert_int_equal(verify_header(our_header(KEY_A), KEY_A, true), ERR_TOKEN_INVALID);
}

static void none_without_signature(void **state ERP_UNUSED)
{
    static const char header[] = "{\"alg\":\"none\",\"typ\":\"JWT\"}";
    const char *token = forge(header, payload(""), KEY_A, false);

    assert_int_equal(verify(token, (size_t)(strrchr(token, '.') - token) + 1), ERR_TOKEN_INVALID);
    token = forge(our_header(KEY_A), payload(""), KEY_A, false);
    assert_int_equal(verify(token, (size_t)(strrchr(token, '.') - token) + 1), ERR_TOKEN_INVALID);
    assert_int_equal(verify(token, (size_t)(strrchr(token, '.') - token)), ERR_TOKEN_INVALID);
}

static void other_keys(void **state ERP_UNUSED)
{
    static const char unknown[] = "third-key-third-key-third-key-third-key";

    assert_int_equal(verify_header(our_header(unknown), unknown, false), ERR_TOKEN_INVALID);
    assert_int_equal(verify_header(our_header(KEY_B), KEY_A, false), ERR_TOKEN_INVALID);
    assert_int_equal(verify_header(our_header(KEY_A), KEY_B, false), ERR_TOKEN_INVALID);
    assert_int_equal(verify_header(our_header(KEY_A), "", false), ERR_TOKEN_INVALID);
    assert_int_equal(verify_header("{\"alg\":\"HS256\",\"typ\":\"JWT\"}", KEY_A, false),
                     ERR_TOKEN_INVALID);
}

static void rotation(void **state ERP_UNUSED)
{
    struct conf conf = {.n_jwt_keys = 1, .jwt_expiry_s = LIFETIME};
    struct token_keys *old;

    conf.jwt_keys[0] = f.conf.jwt_keys[1];
    old = token_keys_new(&conf);
    token_sign(old, &f.claims, 0, f.arena, &f.token);
    assert_int_equal(verify(f.token.p, f.token.len), ERR_NONE);
    str_clear(&f.token);
    token_sign(f.keys, &f.claims, 0, f.arena, &f.token);
    assert_non_null(strstr(f.token.p, "."));
    err_clear(&f.err);
    assert_false(token_verify(old, f.token.p, f.token.len, f.arena, &f.claims, &f.err));
    token_keys_free(old);
}

static void duplicate_claims(void **state ERP_UNUSED)
{
    static const char *const twice[] = {"\"role\":\"super_admin\"", "\"tenant_id\":\"t-2\"",
                                        "\"sub\":\"u-2\"", "\"exp\":99999999999"};

    for (size_t i = 0; i < ARRAY_LEN(twice); i++) {
        const char *good = payload("");

        assert_int_equal(
            verify_body(arena_printf(f.arena, "%.*s,%s}", (int)strlen(good) - 1, good, twice[i])),
            ERR_TOKEN_INVALID);
    }
}

static void sizes_and_shapes(void **state ERP_UNUSED)
{
    const size_t huge = (size_t)20 << 20;
    const char *good = forge(our_header(KEY_A), payload(""), KEY_A, false);
    size_t len = strlen(good), head = strcspn(good, ".") + 1;
    char *big = malloc(huge);
    static const char *const tails[] = {"=", "==", ".", ".x", " ", "\n", "A", "AAAA", "%41"};
    static const char *const shapes[] = {"", ".", "..", "...", "a.b.c", "a.b", "{}.{}.{}"};

    assert_non_null(big);
    memset(big, 'A', huge);
    memcpy(big, good, head);
    big[huge / 2] = '.';
    assert_int_equal(verify(big, huge), ERR_TOKEN_INVALID);
    memset(big, '.', huge);
    assert_int_equal(verify(big, huge), ERR_TOKEN_INVALID);
    free(big);
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        const char *token = arena_printf(f.arena, "%s%s", good, tails[i]);

        assert_int_equal(verify(token, strlen(token)), ERR_TOKEN_INVALID);
    }
    assert_int_equal(verify(arena_printf(f.arena, "%s%cx", good, 0), len + 2), ERR_TOKEN_INVALID);
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
        assert_int_equal(verify(shapes[i], strlen(shapes[i])), ERR_TOKEN_INVALID);
    for (size_t i = 0; i < len; i++) {
        char *broken = arena_strdup(f.arena, good);

        broken[i] = broken[i] == 'A' ? 'B' : 'A';
        assert_int_equal(verify(broken, len), ERR_TOKEN_INVALID);
        assert_int_equal(verify(good, i), ERR_TOKEN_INVALID);
    }
    /* The longest that is accepted, and one byte more than that. */
    for (int fill = 0; fill < 800; fill++) {
        const char *token =
            forge(our_header(KEY_A),
                  payload(arena_printf(f.arena, "\"x\":\"%*s\"", fill + 900, "")), KEY_A, false);

        len = strlen(token);
        assert_int_equal(verify(token, len), len <= TOKEN_MAX ? ERR_NONE : ERR_TOKEN_INVALID);
        if (len > TOKEN_MAX)
            return;
        arena_reset(f.arena);
    }
    fail();
}

static const char *at(const char *name, long long offset)
{
    return arena_printf(f.arena, "\"%s\":%lld", name, (long long)clock_ms() / 1000 + offset);
}

static const char *times(long long iat, long long exp)
{
    return arena_printf(f.arena, "%s,%s,%s", at("iat", iat), at("nbf", iat), at("exp", exp));
}

static void instants(void **state ERP_UNUSED)
{
    assert_int_equal(verify_body(payload(times(-3600, -TOKEN_LEEWAY + 5))), ERR_NONE);
    assert_int_equal(verify_body(payload(times(-3600, -TOKEN_LEEWAY - 1))), ERR_TOKEN_EXPIRED);
    assert_int_equal(verify_body(payload(at("nbf", TOKEN_LEEWAY - 5))), ERR_NONE);
    assert_int_equal(verify_body(payload(at("nbf", TOKEN_LEEWAY + 5))), ERR_TOKEN_INVALID);
    assert_int_equal(verify_body(payload(at("iat", TOKEN_LEEWAY - 5))), ERR_NONE);
    assert_int_equal(verify_body(payload(at("iat", TOKEN_LEEWAY + 5))), ERR_TOKEN_INVALID);
    assert_int_equal(verify_body(payload(times(0, LIFETIME))), ERR_NONE);
    assert_int_equal(verify_body(payload(times(0, LIFETIME + 1))), ERR_TOKEN_INVALID);
    assert_int_equal(verify_body(payload(times(-10, -10))), ERR_TOKEN_INVALID);
}

static void numbers(void **state ERP_UNUSED)
{
    static const char *const names[] = {"iat", "nbf", "exp", "ver"};
    static const char *const wrong[] = {
        "1.5e9", "1900000000.0",     "\"1900000000\"",      "null", "true", "[]", "{}",
        "-1",    "9007199254740993", "9223372036854775808", "1e400"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(verify_body(without(names[i])), ERR_TOKEN_INVALID);
        for (size_t j = 0; j < ARRAY_LEN(wrong); j++)
            assert_int_equal(
                verify_body(payload(arena_printf(f.arena, "\"%s\":%s", names[i], wrong[j]))),
                ERR_TOKEN_INVALID);
    }
}

static void claims_that_must_be_there(void **state ERP_UNUSED)
{
    static const char *const names[] = {"iss", "aud", "sub", "jti", "email", "role", "tenant_id"};
    static const char *const wrong[] = {
        "\"iss\":\"erpx\"",
        "\"iss\":[\"erpd\"]",
        "\"iss\":null",
        "\"aud\":\"other\"",
        "\"aud\":[\"erpd-api\"]",
        "\"sub\":\"\"",
        "\"sub\":1",
        "\"sub\":null",
        "\"sub\":\"u\\u0000x\"",
        "\"jti\":\"x\"",
        "\"role\":\"owner\"",
        "\"role\":[\"staff\"]",
        "\"tenant_id\":null",
        "\"tenant_id\":7",
        "\"tenant_id\":\"\"",
        "\"tenant_slug\":\"\"",
        "\"tenant_slug\":false",
        "\"impersonated_by\":true",
        "\"impersonated_by\":\"root-1\"",
        "\"impersonated_by\":\"root-1\",\"impersonator_jti\":\"x\",\"impersonator_ver\":0,"
        "\"read_only\":false",
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_int_equal(verify_body(without(names[i])), ERR_TOKEN_INVALID);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(verify_body(payload(wrong[i])), ERR_TOKEN_INVALID);
    assert_int_equal(verify_body("[]"), ERR_TOKEN_INVALID);
    assert_int_equal(verify_body(""), ERR_TOKEN_INVALID);
    assert_int_equal(verify_body(arena_printf(f.arena, "%s{}", payload(""))), ERR_TOKEN_INVALID);
}

static void super_admin_needs_no_tenant(void **state ERP_UNUSED)
{
    static const char super[] = "\"role\":\"super_admin\",\"tenant_id\":null,\"tenant_slug\":null";

    assert_int_equal(verify_body(payload(super)), ERR_NONE);
    assert_int_equal(verify_body(payload("\"role\":\"super_admin\",\"tenant_id\":null")),
                     ERR_TOKEN_INVALID);
}

static void impersonation_is_short(void **state ERP_UNUSED)
{
    struct claims got;

    f.claims.impersonated_by = "root-1";
    f.claims.impersonator_jti = "01890a5d-ac96-774b-bcce-b302099a8057";
    f.claims.impersonator_version = 4;
    f.claims.read_only = true;
    token_sign(f.keys, &f.claims, 0, f.arena, &f.token);
    assert_true(token_verify(f.keys, f.token.p, f.token.len, f.arena, &got, &f.err));
    assert_string_equal(got.impersonated_by, "root-1");
    assert_string_equal(got.impersonator_jti, f.claims.impersonator_jti);
    assert_int_equal(got.impersonator_version, 4);
    assert_true(got.read_only);
    assert_int_equal(got.exp - got.iat, 8 * 3600);
    assert_int_equal(verify_body(payload(arena_printf(f.arena, "\"impersonated_by\":\"root-1\",%s",
                                                      times(0, 8 * 3600 + 1)))),
                     ERR_TOKEN_INVALID);
}

static void long_names_still_fit(void **state ERP_UNUSED)
{
    char name[256];

    memset(name, '\x01', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    f.claims.business_name = name;
    token_sign(f.keys, &f.claims, 0, f.arena, &f.token);
    assert_true(f.token.len <= TOKEN_MAX);
    assert_int_equal(verify(f.token.p, f.token.len), ERR_NONE);
}

/* A token that is remembered is still the whole token, and still ends in time. */
static void remembered_tokens(void **state ERP_UNUSED)
{
    const char *good = forge(our_header(KEY_A), payload(""), KEY_A, false);
    const char *brief =
        forge(our_header(KEY_A), payload(times(-3600, 2 - TOKEN_LEEWAY)), KEY_A, false);
    size_t len = strlen(good);
    struct claims got[2];

    for (size_t i = 0; i < ARRAY_LEN(got); i++) {
        assert_true(token_verify(f.keys, good, len, f.arena, &got[i], &f.err));
        assert_string_equal(got[i].sub, "u-1");
        assert_string_equal(got[i].tenant_slug, "techland");
        assert_null(got[i].branch_id);
        assert_int_equal(got[i].role, ROLE_CASHIER);
        assert_int_equal(got[i].version, 3);
    }
    assert_ptr_not_equal(got[0].sub, got[1].sub);
    for (size_t i = 0; i < len; i++) {
        char *broken = arena_strdup(f.arena, good);

        broken[i] ^= 1;
        assert_int_equal(verify(broken, len), ERR_TOKEN_INVALID);
        assert_int_equal(verify(good, i), ERR_TOKEN_INVALID);
    }
    assert_int_equal(verify(good, len), ERR_NONE);
    assert_int_equal(verify(brief, strlen(brief)), ERR_NONE);
    sleep(2);
    assert_int_equal(verify(brief, strlen(brief)), ERR_TOKEN_EXPIRED);
}

/* More tokens than the cache has places: each comes back as itself. */
static void many_tokens(void **state ERP_UNUSED)
{
    enum { MANY = 3000 };
    char **tokens = calloc(MANY, sizeof(*tokens));

    assert_non_null(tokens);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++) {
            struct claims got;
            const char *sub = arena_printf(f.arena, "user-%d", i);

            if (round == 0) {
                f.claims.sub = sub;
                str_clear(&f.token);
                token_sign(f.keys, &f.claims, 0, f.arena, &f.token);
                tokens[i] = strdup(f.token.p);
            }
            assert_true(token_verify(f.keys, tokens[i], strlen(tokens[i]), f.arena, &got, &f.err));
            assert_string_equal(got.sub, sub);
            arena_reset(f.arena);
        }
    }
    for (int i = 0; i < MANY; i++)
        free(tokens[i]);
    free(tokens);
}

static void the_detail_does_not_tell(void **state ERP_UNUSED)
{
    char first[sizeof(f.err.detail)];

    assert_int_equal(verify("x", 1), ERR_TOKEN_INVALID);
    memcpy(first, f.err.detail, sizeof(first));
    assert_int_equal(verify_body(payload("\"iss\":\"erpx\"")), ERR_TOKEN_INVALID);
    assert_string_equal(first, f.err.detail);
    assert_int_equal(verify_header(our_header(KEY_A), KEY_B, false), ERR_TOKEN_INVALID);
    assert_string_equal(first, f.err.detail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(what_is_signed_comes_back),
        T(names_on_the_wire),
        T(the_forge_makes_good_tokens),
        T(other_algorithms),
        T(none_without_signature),
        T(other_keys),
        T(rotation),
        T(duplicate_claims),
        T(sizes_and_shapes),
        T(instants),
        T(numbers),
        T(claims_that_must_be_there),
        T(super_admin_needs_no_tenant),
        T(impersonation_is_short),
        T(long_names_still_fit),
        T(remembered_tokens),
        T(many_tokens),
        T(the_detail_does_not_tell),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
