/* Passwords: what bcrypt would let through is refused, and refusing costs what checking costs. */
#include "base.h"
#include "auth/password.h"
#include "auth/password_common.h"

#include <setjmp.h>
#include <cmocka.h>

#define COST 10

static void right_and_wrong(void **state ERP_UNUSED)
{
    char hash[PASSWORD_HASH_SIZE], again[PASSWORD_HASH_SIZE];

    password_hash(hash, "computershop123", 15, COST);
    password_hash(again, "computershop123", 15, COST);
    assert_memory_equal(hash, "$2b$10$", 7);
    assert_string_not_equal(hash, again);
    assert_true(password_verify(hash, "computershop123", 15, COST));
    assert_true(password_verify(again, "computershop123", 15, COST));
    assert_false(password_verify(hash, "computershop124", 15, COST));
    assert_false(password_verify(hash, "computershop123", 14, COST));
    assert_false(password_verify(hash, "", 0, COST));
}

static void hashes_of_other_systems(void **state ERP_UNUSED)
{
    char hash[PASSWORD_HASH_SIZE];

    password_hash(hash, "pharmacy123", 11, COST);
    for (const char *form = "aby"; *form; form++) {
        hash[2] = *form;
        assert_true(password_verify(hash, "pharmacy123", 11, COST));
    }
    hash[2] = 'x';
    assert_false(password_verify(hash, "pharmacy123", 11, COST));
}

/* bcrypt by itself ignores what follows byte 72 and NUL. */
static void long_and_nul(void **state ERP_UNUSED)
{
    char hash[PASSWORD_HASH_SIZE], text[PASSWORD_MAX + 2];

    memset(text, 'x', sizeof(text));
    password_hash(hash, text, PASSWORD_MAX, COST);
    assert_true(password_verify(hash, text, PASSWORD_MAX, COST));
    assert_false(password_verify(hash, text, PASSWORD_MAX + 1, COST));
    password_hash(hash, "short", 5, COST);
    assert_false(password_verify(hash, "short\0more", 10, COST));
    assert_false(password_verify(hash, "short\0", 6, COST));
}

static void malformed_hashes(void **state ERP_UNUSED)
{
    static const char *const wrong[] = {
        "",
        "x",
        "plain",
        "ab1Yz.K8kL0vI", /* DES */
        "$1$abcdefgh$irWbblnpmw.5z7wgBnprh0",
        "$2b$09$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK",
        "$2b$15$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK",
        "$2b$31$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK",
        "$2b$10$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7db",
        "$2b$10$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbKK",
        "$2b$10$abcdefghijklmnopqrst:u5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK",
        "$2$10$$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK",
    };

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_false(password_verify(wrong[i], "plain", 5, COST));
        assert_false(password_outdated(wrong[i], 14));
    }
    assert_false(password_verify(NULL, "plain", 5, COST));
}

static void outdated(void **state ERP_UNUSED)
{
    char hash[PASSWORD_HASH_SIZE];

    password_hash(hash, "password", 8, COST);
    assert_false(password_outdated(hash, COST));
    assert_true(password_outdated(hash, COST + 1));
    assert_false(password_outdated(NULL, COST));
}

/* The processor's time, which other programs on the machine do not lengthen. */
static int64_t cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t best_of(const char *hash, const char *password, size_t len, int cost)
{
    int64_t best = INT64_MAX;

    for (int i = 0; i < 3; i++) {
        int64_t start = cpu_us(), took;

        password_verify(hash, password, len, cost);
        took = cpu_us() - start;
        best = took < best ? took : best;
    }
    return best;
}

static void refusals_cost_the_same(void **state ERP_UNUSED)
{
    char hash[PASSWORD_HASH_SIZE], text[200];
    int64_t wrong, others[5];

    memset(text, 'x', sizeof(text));
    password_hash(hash, "right password", 14, COST);
    wrong = best_of(hash, "wrong password", 14, COST + 1); /* an older, cheaper hash */
    others[0] = best_of(NULL, "wrong password", 14, COST + 1);
    others[1] = best_of("plain", "plain", 5, COST + 1);
    others[2] = best_of("ab1Yz.K8kL0vI", "plain", 5, COST + 1);
    others[3] = best_of(hash, text, sizeof(text), COST + 1);
    others[4] = best_of(hash, "right\0password", 14, COST + 1);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_true(others[i] * 10 > wrong * 6);
        assert_true(others[i] * 6 < wrong * 10);
    }
}

static const char *refused(const char *password, size_t len, const char *email)
{
    static char code[24];
    struct err err;

    err_init(&err);
    if (password_check_new(password, len, email, "new_password", &err)) {
        assert_false(err_is_set(&err));
        snprintf(code, sizeof(code), "ok");
    } else {
        assert_int_equal(err.code, ERR_VALIDATION);
        assert_int_equal(err.n_fields, 1);
        assert_string_equal(err.fields[0].path, "new_password");
        snprintf(code, sizeof(code), "%s", err.fields[0].code);
    }
    err_release(&err);
    return code;
}

static void new_ones(void **state ERP_UNUSED)
{
    static const struct {
        const char *password;
        const char *code;
    } rows[] = {
        {"", "too_short"},
        {"elevenchars", "too_short"},
        {"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa9\xc3\xa8", "too_short"}, /* 6 characters */
        {"gopher tulip 8", "ok"},
        {"vexing-lamp-orbit", "ok"},
        {"\xd0\xba\xd0\xb0\xd1\x80\xd1\x82\xd0\xbe\xd1\x84\xd0\xb5\xd0\xbb\xd1\x8c\xd0\xbd"
         "\xd0\xb8\xd0\xba",
         "ok"},
        {"not utf-8 \xff\xfe..", "invalid"},
        {"Password2024!", "too_common"},
        {"P@ssw0rd12345", "too_common"},
        {"Welc0me!!!!!!!", "too_common"},
        {"adminadmin123", "too_common"},
        {"$uperAdm1n1234", "too_common"},
        {"aaaaaaaaaaaa", "too_common"},
        {"abcabcabcabc", "too_common"},
        {"abcdefghijkl", "too_common"},
        {"zyxwvutsrqponm", "too_common"},
        {"123456789012", "too_common"},
        {"qwertyuiop12", "too_common"},
        {"1qaz2wsx3edc", "too_common"},
        {"qwerty123456", "too_common"},
        {"asdfghjkl;'zxc", "too_common"},
        {"111222333444", "too_common"},
    };
    char text[PASSWORD_MAX + 1];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(refused(rows[i].password, strlen(rows[i].password), "a@b.example"),
                            rows[i].code);
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)('a' + (i * i * 7 + i) % 26);
    assert_string_equal(refused(text, PASSWORD_MAX, NULL), "ok");
    assert_string_equal(refused(text, PASSWORD_MAX + 1, NULL), "too_long");
    assert_string_equal(refused("gopher\0tulip 8", 14, NULL), "invalid");
}

static void the_email_is_no_password(void **state ERP_UNUSED)
{
    static const char email[] = "Rahim.Uddin@techland.example";

    assert_string_equal(refused("rahim.uddin@techland.example", 28, email), "too_common");
    assert_string_equal(refused("RahimUddin2024", 14, email), "too_common");
    assert_string_equal(refused("techland-rahim", 14, email), "too_common");
    assert_string_equal(refused("rahim likes 9 green teas", 24, email), "ok");
}

static void every_listed_word(void **state ERP_UNUSED)
{
    const char *word;

    for (size_t i = 0; (word = password_common_word(i)); i++) {
        char text[PASSWORD_MAX + 1];
        int n = snprintf(text, sizeof(text), "%s1987654!", word);

        assert_int_equal(strspn(word, "abcdefghijklmnopqrstuvwxyz"), strlen(word));
        assert_true(password_common(text, (size_t)n));
        text[0] = (char)toupper((unsigned char)text[0]);
        assert_true(password_common(text, (size_t)n));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_and_wrong),   cmocka_unit_test(hashes_of_other_systems),
        cmocka_unit_test(long_and_nul),      cmocka_unit_test(malformed_hashes),
        cmocka_unit_test(outdated),          cmocka_unit_test(refusals_cost_the_same),
        cmocka_unit_test(new_ones),          cmocka_unit_test(the_email_is_no_password),
        cmocka_unit_test(every_listed_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
