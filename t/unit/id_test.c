/* Identifiers: form and order of UUIDs, published vectors of the hashes. */
#include "base.h"
#include "core/clock.h"
#include "core/id.h"

#include <setjmp.h>
#include <cmocka.h>

static void ids_are_version_7_and_sort(void **state ERP_UNUSED)
{
    char before[ID_SIZE] = "", id[ID_SIZE], stamp[14];
    int64_t now = clock_ms();

    for (int i = 0; i < 100000; i++) {
        id_new(id);
        assert_true(id_valid(id, strlen(id)));
        assert_int_equal(id[14], '7');
        assert_non_null(strchr("89ab", id[19]));
        assert_true(strcmp(before, id) < 0);
        memcpy(before, id, sizeof before);
        if (i == 0) {
            snprintf(stamp, sizeof stamp, "%.8s%.4s", id, id + 9);
            assert_in_range(strtoll(stamp, NULL, 16), now, now + 5000);
        }
    }
}

static void id_forms(void **state ERP_UNUSED)
{
    static const char *const bad[] = {"",
                                      "0190163d-8694-739b-aea5-966c26f8ad9",
                                      "0190163d-8694-739b-aea5-966c26f8ad911",
                                      "0190163d08694-739b-aea5-966c26f8ad91",
                                      "0190163d-8694-739b-aea5-966c26f8adg1",
                                      "{190163d-8694-739b-aea5-966c26f8ad91",
                                      "0190163d-8694-739b-aea5_966c26f8ad91",
                                      "0190163d-8694-739b-aea5-966c26f8ad9\n"};

    assert_true(id_valid("0190163d-8694-739b-aea5-966c26f8ad91", 36));
    assert_true(id_valid("0190163D-8694-439B-AEA5-966C26F8AD91", 36));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(id_valid(bad[i], strlen(bad[i])));
}

static void random_is_not_constant(void **state ERP_UNUSED)
{
    char a[101], b[101];

    random_hex(a, 50);
    random_hex(b, 50);
    assert_int_equal(strlen(a), 100);
    assert_int_equal(strspn(a, "0123456789abcdef"), 100);
    assert_string_not_equal(a, b);
    random_hex(a, 0);
    assert_string_equal(a, "");
}

static void hashes(void **state ERP_UNUSED)
{
    uint8_t key[32], out[32];
    char hex[SHA256_HEX_SIZE];
    static const uint8_t want[32] = {0x19, 0x8a, 0x60, 0x7e, 0xb4, 0x4b, 0xfb, 0xc6,
                                     0x99, 0x03, 0xa0, 0xf1, 0xcf, 0x2b, 0xbd, 0xc5,
                                     0xba, 0x0a, 0xa3, 0xf3, 0xd9, 0xae, 0x3c, 0x1c,
                                     0x7a, 0x3b, 0x16, 0x96, 0xa0, 0xb6, 0x8c, 0xf7};

    sha256_hex(hex, "abc", 3);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    /* RFC 4231, case 1; a key padded with zeros is the same key to HMAC. */
    memset(key, 0, sizeof key);
    memset(key, 0x0b, 20);
    hmac_sha256(out, key, "Hi There", 8);
    assert_int_equal(out[0], 0xb0);
    assert_int_equal(out[31], 0xf7);
    /* The key "key of 32 bytes" is all 0x0b here. */
    memset(key, 0x0b, sizeof key);
    hmac_sha256(out, key, "Hi There", 8);
    assert_memory_equal(out, want, sizeof want);

    assert_true(hash64("techland", 8) == hash64("techland", 8));
    assert_false(hash64("techland", 8) == hash64("techlane", 8));
    assert_false(hash64("", 0) == hash64("\0", 1));
    assert_true(same_bytes("abc", "abc", 3));
    assert_false(same_bytes("abc", "abd", 3));
    assert_true(same_bytes("", "", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_version_7_and_sort),
        cmocka_unit_test(id_forms),
        cmocka_unit_test(random_is_not_constant),
        cmocka_unit_test(hashes),
    };
    return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}
