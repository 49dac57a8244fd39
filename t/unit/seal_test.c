/* Sealed values: what comes back, and everything that must not. */
#include "base.h"
#include "tenant/registry.h"
#include "tenant/seal.h"

#include <setjmp.h>
#include <cmocka.h>

#define URI "mongodb://erp:hidden@db.example:27017/?replicaSet=rs0"

static char old_key[] = "an old key of thirty-two bytes, 01234";
static char new_key[] = "a new key of thirty-two bytes, 012345";
static char root_key[] = "the secret that everything comes from";
static char currency[] = "BDT";

static const struct conf with_old = {.seal_keys = {old_key}, .n_seal_keys = 1};
static const struct conf with_new = {.seal_keys = {new_key}, .n_seal_keys = 1};
static const struct conf with_both = {.seal_keys = {new_key, old_key}, .n_seal_keys = 2};
static const struct conf with_root = {.secret_key = root_key};
static const struct conf with_all = {
    .secret_key = root_key, .seal_keys = {new_key}, .n_seal_keys = 1};
static const struct conf with_none = {.n_seal_keys = 0};

static char *closed(const struct conf *conf)
{
    char *sealed = seal_close(conf, "techland", "db_uri", URI);

    assert_non_null(sealed);
    assert_true(seal_is_sealed(sealed));
    assert_null(strstr(sealed, "hidden"));
    return sealed;
}

/* Whether it opens, and then to what was sealed; a refusal is never anything but a 503. */
static bool opens(const struct conf *conf, const char *slug, const char *field, const char *sealed)
{
    struct err err;
    char *plain;
    bool ok;

    err_init(&err);
    plain = seal_open(conf, slug, field, sealed, &err);
    ok = plain != NULL;
    if (ok)
        assert_string_equal(plain, URI);
    else
        assert_int_equal(err.code, ERR_DB_NOT_CONFIGURED);
    free(plain);
    err_release(&err);
    return ok;
}

static void comes_back(void **state ERP_UNUSED)
{
    char *a = closed(&with_new), *b = closed(&with_new), id[SEAL_ID_SIZE], newest[SEAL_ID_SIZE];

    assert_true(opens(&with_new, "techland", "db_uri", a));
    assert_true(opens(&with_new, "techland", "db_uri", b));
    assert_string_not_equal(a, b);
    assert_true(seal_id_of(a, id));
    assert_true(seal_newest_id(&with_new, newest));
    assert_string_equal(id, newest);
    free(a);
    free(b);
}

static void only_in_its_place(void **state ERP_UNUSED)
{
    char *sealed = closed(&with_new);

    assert_false(opens(&with_new, "techland2", "db_uri", sealed));
    assert_false(opens(&with_new, "techlan", "db_uri", sealed));
    assert_false(opens(&with_new, "", "db_uri", sealed));
    assert_false(opens(&with_new, "techland", "db_uri2", sealed));
    assert_false(opens(&with_old, "techland", "db_uri", sealed));
    assert_false(opens(&with_none, "techland", "db_uri", sealed));
    free(sealed);
}

/* Every bit of every byte: of the form, the key id, the nonce, the text and the tag. */
static void every_flipped_bit(void **state ERP_UNUSED)
{
    char *sealed = closed(&with_new);
    size_t len = strlen(sealed);

    for (size_t i = 0; i < len; i++)
        for (int bit = 0; bit < 8; bit++) {
            sealed[i] = (char)(sealed[i] ^ (1 << bit));
            assert_false(opens(&with_new, "techland", "db_uri", sealed));
            sealed[i] = (char)(sealed[i] ^ (1 << bit));
        }
    assert_true(opens(&with_new, "techland", "db_uri", sealed));
    free(sealed);
}

static void cut_or_longer(void **state ERP_UNUSED)
{
    char *sealed = closed(&with_new), longer[400];
    size_t len = strlen(sealed);

    snprintf(longer, sizeof longer, "%sAAAA", sealed);
    assert_false(opens(&with_new, "techland", "db_uri", longer));
    snprintf(longer, sizeof longer, "%s==", sealed);
    assert_false(opens(&with_new, "techland", "db_uri", longer));
    for (; len > 0; len--) {
        sealed[len - 1] = '\0';
        assert_false(opens(&with_new, "techland", "db_uri", sealed));
    }
    free(sealed);
    assert_false(opens(&with_new, "techland", "db_uri", "sealed:2:00000000:AAAA"));
    assert_false(opens(&with_new, "techland", "db_uri", URI));
}

static void keys_change(void **state ERP_UNUSED)
{
    char *older = closed(&with_old), *newer = closed(&with_both), *root = closed(&with_root);
    char id[SEAL_ID_SIZE], id_new[SEAL_ID_SIZE];

    assert_true(opens(&with_both, "techland", "db_uri", older));
    assert_true(opens(&with_both, "techland", "db_uri", newer));
    assert_true(opens(&with_new, "techland", "db_uri", newer));
    assert_false(opens(&with_old, "techland", "db_uri", newer));
    assert_false(opens(&with_new, "techland", "db_uri", older));
    assert_true(opens(&with_root, "techland", "db_uri", root));
    assert_true(opens(&with_all, "techland", "db_uri", root));
    assert_false(opens(&with_new, "techland", "db_uri", root));
    assert_true(seal_newest_id(&with_all, id) && seal_newest_id(&with_new, id_new));
    assert_string_equal(id, id_new);
    free(older);
    free(newer);
    free(root);
}

static void without_keys(void **state ERP_UNUSED)
{
    char id[SEAL_ID_SIZE];

    assert_null(seal_close(&with_none, "techland", "db_uri", URI));
    assert_false(seal_newest_id(&with_none, id));
}

static bool entry_reads(const char *slug, const char *uri, struct tenant *tenant)
{
    struct conf conf = {.seal_keys = {new_key}, .n_seal_keys = 1, .currency = currency};
    bson_t *doc = BCON_NEW("slug", BCON_UTF8(slug), "db_uri", BCON_UTF8(uri));
    struct err err;
    bool ok;

    err_init(&err);
    ok = tenant_from_bson(doc, &conf, tenant, &err);
    if (!ok) {
        assert_int_equal(err.code, ERR_DB_NOT_CONFIGURED);
        assert_null(tenant->db_uri);
    }
    bson_destroy(doc);
    err_release(&err);
    return ok;
}

static void in_an_entry(void **state ERP_UNUSED)
{
    char *sealed = closed(&with_new), *other = closed(&with_old);
    struct tenant tenant;

    assert_true(entry_reads("techland", sealed, &tenant));
    assert_string_equal(tenant.db_uri, URI);
    tenant_release(&tenant);
    assert_true(entry_reads("salon", URI, &tenant));
    tenant_release(&tenant);
    assert_false(entry_reads("salon", sealed, &tenant));
    assert_false(entry_reads("techland", other, &tenant));
    assert_false(entry_reads("techland", "sealed:", &tenant));
    free(sealed);
    free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),        cmocka_unit_test(only_in_its_place),
        cmocka_unit_test(every_flipped_bit), cmocka_unit_test(cut_or_longer),
        cmocka_unit_test(keys_change),       cmocka_unit_test(without_keys),
        cmocka_unit_test(in_an_entry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
