/* Which database addresses are taken, and which lead to the same servers. */
#include "base.h"
#include <setjmp.h>
#include <cmocka.h>
#include "tenant/dbuser.h"
#include "tenant/uri.h"

static void test_allowed(void **state ERP_UNUSED)
{
    static const char *const uris[] = {
        "mongodb://db.example",
        "mongodb://u:p%40ss@a.example:27017,b.example:27018/x?replicaSet=rs0&authSource=admin",
        "mongodb://u:p@a.example/?tls=true&w=majority&retryWrites=true&authMechanism=SCRAM-SHA-256",
        "mongodb://127.0.0.1:27017/?appName=shop&readPreference=primary",
        "mongodb://[2001:db8::1]:27017",
    };
    struct err err;

    err_init(&err);
    for (size_t i = 0; i < ARRAY_LEN(uris); i++) {
        if (!uri_allowed(uris[i], &err))
            print_error("%s: %s\n", uris[i], err.detail);
        assert_false(err_is_set(&err));
    }
    err_release(&err);
}

static void test_refused(void **state ERP_UNUSED)
{
    static const char *const uris[] = {
        "",
        "http://db.example",
        "mongodb://",
        "mongodb://a.example/?tlsInsecure=true",
        "mongodb://a.example/?tls=true&tlsAllowInvalidCertificates=true",
        "mongodb://a.example/?tlsCAFile=/etc/passwd",
        "mongodb://a.example/?tls=false",
        "mongodb://a.example/?w=0",
        "mongodb://a.example/?w=1",
        "mongodb://a.example/x?readPreference=secondary",
        "mongodb://a.example/?authMechanism=GSSAPI",
        "mongodb://a.example/?socketTimeoutMS=100000",
        "mongodb://%2Frun%2Fmongodb.sock/?w=majority",
        "mongodb://169.254.169.254",
        "mongodb://u:secret@a.example,169.254.169.254:80/?w=majority",
        "mongodb://[fe80::1]:27017",
        "mongodb://[fd00:ec2::254]",
        "mongodb://[::ffff:169.254.169.254]",
    };
    struct err err;

    err_init(&err);
    for (size_t i = 0; i < ARRAY_LEN(uris); i++) {
        err_clear(&err);
        if (uri_allowed(uris[i], &err))
            print_error("%s was taken\n", uris[i]);
        assert_int_equal(err.code, ERR_VALIDATION);
        assert_null(strstr(err.detail, "secret"));
    }
    err_release(&err);
}

static void test_same_hosts(void **state ERP_UNUSED)
{
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"mongodb://a.example", "mongodb://u:p%40s@A.example:27017/x?tls=true", true},
        {"mongodb://a.example,b.example", "mongodb://b.example,a.example", true},
        {"mongodb://a.example:27018,b.example", "mongodb://b.example:27017/", true},
        {"mongodb+srv://u:a.example@c.example/", "mongodb+srv://c.example", true},
        {"mongodb://a.example:27018", "mongodb://a.example", false},
        {"mongodb://a.example:127017", "mongodb://a.example:1", false},
        {"mongodb://u:b.example@a.example", "mongodb://b.example", false},
        {"mongodb://a.example/b.example", "mongodb://b.example", false},
        {"mongodb://[::1]:27017", "mongodb://[::1]", true},
        {"", "", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (dbuser_same_hosts(rows[i].a, rows[i].b) != rows[i].same ||
            dbuser_same_hosts(rows[i].b, rows[i].a) != rows[i].same)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_same_hosts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
