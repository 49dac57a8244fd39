/* Settings: defaults, sources of secrets, and for every kind what is refused, with one line that
 * names the setting and never shows its value. */
#include "base.h"
#include "core/conf.h"
#include "core/conf_table.h"

#include <setjmp.h>
#include <cmocka.h>

#define URL  "mongodb://erp:hidden@db:27017/?replicaSet=rs0"
#define KEY  "0123456789abcdef0123456789abcdef"
#define KEY2 "fedcba9876543210fedcba9876543210"

static char folder[] = "/tmp/conf_test.XXXXXX";

static int clear_environment(void **state ERP_UNUSED)
{
    char name[80];

    for (size_t i = 0; i < conf_table_rows; i++) {
        unsetenv(conf_table[i].name);
        snprintf(name, sizeof name, "%s_FILE", conf_table[i].name);
        unsetenv(name);
    }
    unsetenv("CREDENTIALS_DIRECTORY");
    return 0;
}

static void set_required(void)
{
    setenv("MONGO_URL", URL, 1);
    setenv("SECRET_KEY", KEY, 1);
    setenv("JWT_SECRET_KEY", KEY2, 1);
}

/* Path of a file of the test's folder with this text; valid until the next call. */
static const char *file_with(const char *name, const char *text, size_t len)
{
    static char path[200];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    return path;
}

/* Loads, with what was printed on standard error in the result; "" means success. */
static const char *load(struct conf *conf, bool need_secrets)
{
    static char said[1024];
    int saved = dup(STDERR_FILENO), fds[2];
    ssize_t n;
    bool good;

    assert_int_equal(pipe(fds), 0);
    fflush(stderr);
    dup2(fds[1], STDERR_FILENO);
    close(fds[1]);
    good = conf_load(conf, need_secrets);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    n = read(fds[0], said, sizeof said - 1);
    close(fds[0]);
    assert_true(n >= 0);
    said[n] = '\0';
    assert_int_equal(good, n == 0);
    return said;
}

static void load_good(struct conf *conf)
{
    assert_string_equal(load(conf, true), "");
}

static void load_refused(const char *name)
{
    struct conf conf;
    const char *said = load(&conf, true);
    char want[100];

    snprintf(want, sizeof want, "setting %s: ", name);
    if (strncmp(said, want, strlen(want)) != 0)
        fail_msg("for %s: \"%s\"", name, said);
    assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
    assert_null(strstr(said, "hidden"));
    assert_null(strstr(said, "0123"));
}

static void defaults(void **state ERP_UNUSED)
{
    struct conf conf;

    set_required();
    load_good(&conf);
    assert_string_equal(conf.mongo_url, URL);
    assert_string_equal(conf.admin_mongo_url, URL);
    assert_string_equal(conf.default_mongo_url, URL);
    assert_string_equal(conf.admin_db_name, "admin_hub");
    assert_string_equal(conf.db_name, "erp_database");
    assert_string_equal(conf.secret_key, KEY);
    assert_int_equal(conf.n_jwt_keys, 1);
    assert_string_equal(conf.jwt_keys[0], KEY2);
    assert_int_equal(conf.n_seal_keys, 0);
    assert_int_equal(conf.jwt_expiry_s, 604800);
    assert_int_equal(conf.bcrypt_cost, 12);
    assert_int_equal(conf.client_cache, 256);
    assert_int_equal(conf.tenant_ttl_s, 60);
    assert_int_equal(conf.tenant_share_pct, 50);
    assert_int_equal(conf.body_limit, 1048576);
    assert_int_equal(conf.recycle_requests, 20000);
    assert_int_equal(conf.recycle_bytes, 268435456);
    assert_int_equal(conf.watchdog_s, 25);
    assert_true(conf.legacy);
    assert_false(conf.server_timing);
    assert_string_equal(conf.log_level, "info");
    assert_string_equal(conf.board_path, "/run/erp/board");
    assert_string_equal(conf.watch_state, "");
    assert_int_equal(conf.audit_delay_s, 15);
    assert_string_equal(conf.cors_origins, "");
    assert_string_equal(conf.public_url, "");
    assert_string_equal(conf.currency, "BDT");
    assert_null(getenv("SECRET_KEY"));
    assert_null(getenv("JWT_SECRET_KEY"));
    assert_null(getenv("MONGO_URL"));
    conf_release(&conf);
    assert_null(conf.secret_key);
}

static void given_values(void **state ERP_UNUSED)
{
    struct conf conf;

    set_required();
    setenv("ADMIN_MONGO_URL", "mongodb+srv://admin.example.net/", 1);
    setenv("JWT_SECRET_KEY", "  " KEY "\n\t" KEY2 " \n", 1);
    setenv("ERP_SEAL_KEY", KEY2 "\n" KEY "\n", 1);
    setenv("JWT_EXPIRY", "3600", 1);
    setenv("ERP_LEGACY", "off", 1);
    setenv("ERP_SERVER_TIMING", "TRUE", 1);
    setenv("ERP_LOG_LEVEL", "debug", 1);
    setenv("ERP_CORS_ORIGINS", "https://shop.example http://localhost:5173", 1);
    setenv("ERP_PUBLIC_URL", "https://shop.example/erp", 1);
    setenv("ERP_CURRENCY", "KWD", 1);
    setenv("ERP_BCRYPT_COST", "", 1);
    load_good(&conf);
    assert_string_equal(conf.admin_mongo_url, "mongodb+srv://admin.example.net/");
    assert_string_equal(conf.default_mongo_url, URL);
    assert_int_equal(conf.n_jwt_keys, 2);
    assert_string_equal(conf.jwt_keys[0], KEY);
    assert_string_equal(conf.jwt_keys[1], KEY2);
    assert_int_equal(conf.n_seal_keys, 2);
    assert_string_equal(conf.seal_keys[0], KEY2);
    assert_string_equal(conf.seal_keys[1], KEY);
    assert_null(getenv("ERP_SEAL_KEY"));
    assert_int_equal(conf.jwt_expiry_s, 3600);
    assert_false(conf.legacy);
    assert_true(conf.server_timing);
    assert_string_equal(conf.log_level, "debug");
    assert_string_equal(conf.cors_origins, "https://shop.example http://localhost:5173");
    assert_string_equal(conf.currency, "KWD");
    assert_int_equal(conf.bcrypt_cost, 12);
    conf_release(&conf);
}

static void refused_values(void **state ERP_UNUSED)
{
    static const char *const rows[][2] = {
        {"MONGO_URL", ""},
        {"MONGO_URL", "http://hidden"},
        {"MONGO_URL", "mongodb://hidden\n@db"},
        {"ADMIN_MONGO_URL", "hidden"},
        {"SECRET_KEY", ""},
        {"SECRET_KEY", "0123456789abcdef0123456789abcde"},
        {"SECRET_KEY", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
        {"JWT_SECRET_KEY", " \n "},
        {"JWT_SECRET_KEY", KEY " 0123456789"},
        {"JWT_SECRET_KEY", KEY " zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"},
        {"JWT_SECRET_KEY", KEY " " KEY " " KEY " " KEY " " KEY " " KEY " " KEY " " KEY " " KEY},
        {"ERP_SEAL_KEY", "0123456789abcdef"},
        {"ERP_SEAL_KEY", KEY " 0123456789"},
        {"ERP_SEAL_KEY", " \n "},
        {"DB_NAME", "a.b"},
        {"DB_NAME", "$x"},
        {"ADMIN_DB_NAME", "0123456789012345678901234567890123456789012345678901234567890123"},
        {"JWT_EXPIRY", "59"},
        {"JWT_EXPIRY", "2592001"},
        {"JWT_EXPIRY", "7d"},
        {"JWT_EXPIRY", "-60"},
        {"JWT_EXPIRY", " 600"},
        {"JWT_EXPIRY", "99999999999999999999"},
        {"ERP_BCRYPT_COST", "9"},
        {"ERP_BCRYPT_COST", "15"},
        {"ERP_DELETE_GRACE", "-1"},
        {"ERP_CLIENT_CACHE", "0"},
        {"ERP_CLIENT_CACHE", "4097"},
        {"ERP_TENANT_SHARE", "101"},
        {"ERP_LEGACY", "maybe"},
        {"ERP_LOG_LEVEL", "verbose"},
        {"ERP_LOG_LEVEL", "info warn"},
        {"ERP_CURRENCY", "XYZ"},
        {"ERP_CORS_ORIGINS", "*"},
        {"ERP_CORS_ORIGINS", "https://a.example/"},
        {"ERP_CORS_ORIGINS", "https://*.example"},
        {"ERP_CORS_ORIGINS", "https://a.example https://"},
        {"ERP_CORS_ORIGINS", "https://A.example"},
        {"ERP_PUBLIC_URL", "shop.example"},
        {"ERP_BOARD", "/run/erp\nboard"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        clear_environment(NULL);
        set_required();
        setenv(rows[i][0], rows[i][1], 1);
        load_refused(rows[i][0]);
    }
}

static void every_limit_is_enforced(void **state ERP_UNUSED)
{
    for (size_t i = 0; i < conf_table_rows; i++) {
        const struct conf_row *row = &conf_table[i];
        struct conf conf;
        char text[32];

        if (row->kind < CONF_INT)
            continue;
        for (int side = 0; side < 2; side++) {
            int64_t edge = side ? row->max : row->min;

            clear_environment(NULL);
            set_required();
            snprintf(text, sizeof text, "%" PRId64, edge);
            setenv(row->name, text, 1);
            load_good(&conf);
            conf_release(&conf);
            set_required();
            snprintf(text, sizeof text, "%" PRId64, side ? edge + 1 : edge - 1);
            setenv(row->name, text, 1);
            load_refused(row->name);
        }
    }
}

static void secrets_from_files(void **state ERP_UNUSED)
{
    struct conf conf;

    set_required();
    unsetenv("SECRET_KEY");
    setenv("SECRET_KEY_FILE", file_with("secret", KEY "\r\n", sizeof KEY + 1), 1);
    load_good(&conf);
    assert_string_equal(conf.secret_key, KEY);
    conf_release(&conf);

    set_required();
    load_refused("SECRET_KEY"); /* and its file */

    set_required();
    unsetenv("SECRET_KEY");
    setenv("SECRET_KEY_FILE", file_with("secret", KEY "\0more", sizeof KEY + 4), 1);
    load_refused("SECRET_KEY");
    setenv("SECRET_KEY_FILE", "/nonexistent/secret", 1);
    load_refused("SECRET_KEY");
    setenv("SECRET_KEY_FILE", folder, 1);
    load_refused("SECRET_KEY");
    setenv("SECRET_KEY_FILE", file_with("secret", "\n", 1), 1);
    load_refused("SECRET_KEY");
    setenv("SECRET_KEY_FILE", "/dev/zero", 1);
    load_refused("SECRET_KEY");
}

static void secrets_from_credentials(void **state ERP_UNUSED)
{
    struct conf conf;

    setenv("MONGO_URL", URL, 1);
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    file_with("SECRET_KEY", KEY, sizeof KEY - 1);
    file_with("JWT_SECRET_KEY", KEY2 "\n" KEY "\n", 2 * sizeof KEY);
    load_good(&conf);
    assert_string_equal(conf.secret_key, KEY);
    assert_int_equal(conf.n_jwt_keys, 2);
    assert_string_equal(conf.mongo_url, URL);
    conf_release(&conf);

    /* The environment is nearer than the credential. */
    setenv("MONGO_URL", URL, 1);
    setenv("SECRET_KEY", KEY2, 1);
    load_good(&conf);
    assert_string_equal(conf.secret_key, KEY2);
    conf_release(&conf);
}

static void nothing_needed(void **state ERP_UNUSED)
{
    struct conf conf;

    assert_string_equal(load(&conf, false), "");
    assert_null(conf.mongo_url);
    assert_null(conf.admin_mongo_url);
    assert_null(conf.secret_key);
    assert_int_equal(conf.n_jwt_keys, 0);
    conf_release(&conf);
    load_refused("MONGO_URL");
}

static void derived_keys(void **state ERP_UNUSED)
{
    struct conf conf;
    uint8_t a[32], b[32];
    /* HMAC-SHA-256 of "cursor" under KEY, computed elsewhere. */
    static const uint8_t want[32] = {0x89, 0x35, 0x31, 0xcf, 0xbe, 0x6e, 0xd5, 0xa3,
                                     0xf0, 0xfb, 0xad, 0xaa, 0x07, 0x04, 0x52, 0x1d,
                                     0x21, 0x4f, 0xf0, 0x17, 0x19, 0xf3, 0x19, 0x79,
                                     0x60, 0xdd, 0x49, 0x42, 0x85, 0x5e, 0x24, 0x06};

    set_required();
    load_good(&conf);
    conf_derive_key(&conf, "cursor", a);
    conf_derive_key(&conf, "seal", b);
    assert_memory_equal(a, want, sizeof want);
    assert_memory_not_equal(a, b, sizeof a);
    conf_release(&conf);
}

static void printed_text_names_every_setting(void **state ERP_UNUSED)
{
    void (*const printers[])(FILE *) = {conf_print_help, conf_print_man};

    for (size_t k = 0; k < ARRAY_LEN(printers); k++) {
        char *text = NULL;
        size_t len = 0;
        FILE *f = open_memstream(&text, &len);

        printers[k](f);
        fclose(f);
        for (size_t i = 0; i < conf_table_rows; i++) {
            assert_non_null(strstr(text, conf_table[i].name));
            assert_non_null(conf_table[i].help);
        }
        for (const char *line = text; k == 0 && *line; line += strcspn(line, "\n") + 1)
            assert_true(strcspn(line, "\n") <= 100);
        free(text);
    }
}

static int make_folder(void **state ERP_UNUSED)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state ERP_UNUSED)
{
    static const char *const names[] = {"secret", "SECRET_KEY", "JWT_SECRET_KEY"};
    char path[200];

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

#define CLEAN(test) cmocka_unit_test_setup(test, clear_environment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLEAN(defaults),
        CLEAN(given_values),
        CLEAN(refused_values),
        CLEAN(every_limit_is_enforced),
        CLEAN(secrets_from_files),
        CLEAN(secrets_from_credentials),
        CLEAN(nothing_needed),
        CLEAN(derived_keys),
        CLEAN(printed_text_names_every_setting),
    };
    return cmocka_run_group_tests_name("conf", tests, make_folder, remove_folder);
}
