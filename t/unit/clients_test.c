/* The client cache: our options win, the oldest goes, and no client crosses a fork. No server is
 * needed: a client connects with its first command. */
#include "base.h"
#include "tenant/clients.h"

#include <setjmp.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <cmocka.h>

#define HOST "127.0.0.1:9"

static struct board *board;
static char board_path[] = "/tmp/clients_test.XXXXXX";

static int setup(void **state ERP_UNUSED)
{
    int fd = mkstemp(board_path);

    if (fd < 0 || close(fd) != 0 || unlink(board_path) != 0)
        return -1;
    board = board_open(board_path);
    return board && board_claim(board) ? 0 : -1;
}

static int teardown(void **state ERP_UNUSED)
{
    board_close(board);
    return unlink(board_path);
}

static void our_options_win(void **state ERP_UNUSED)
{
    mongoc_uri_t *uri = clients_parse_uri(
        "mongodb://u:p@" HOST "/erp?socketTimeoutMS=900000&connectTimeoutMS=1&w=0&tls=true"
        "&serverSelectionTimeoutMS=77&serverSelectionTryOnce=true&heartbeatFrequencyMS=1000"
        "&retryWrites=false&retryReads=true&readConcernLevel=local&readPreference=secondary"
        "&authSource=people&replicaSet=rs7&appName=other");

    assert_non_null(uri);
    assert_int_equal(mongoc_uri_get_option_as_int32(uri, "sockettimeoutms", 0),
                     SCOPE_COMMAND_MS + 400);
    assert_int_equal(mongoc_uri_get_option_as_int32(uri, "connecttimeoutms", 0), 1000);
    assert_int_equal(mongoc_uri_get_option_as_int32(uri, "serverselectiontimeoutms", 0), 3000);
    assert_int_equal(mongoc_uri_get_option_as_int32(uri, "heartbeatfrequencyms", 0), 30000);
    assert_false(mongoc_uri_get_option_as_bool(uri, "serverselectiontryonce", true));
    assert_true(mongoc_uri_get_option_as_bool(uri, "retrywrites", false));
    assert_false(mongoc_uri_get_option_as_bool(uri, "retryreads", true));
    assert_true(mongoc_write_concern_get_wmajority(mongoc_uri_get_write_concern(uri)));
    assert_int_equal(mongoc_write_concern_get_wtimeout_int64(mongoc_uri_get_write_concern(uri)),
                     2500);
    assert_string_equal(mongoc_read_concern_get_level(mongoc_uri_get_read_concern(uri)),
                        "majority");
    assert_int_equal(mongoc_read_prefs_get_mode(mongoc_uri_get_read_prefs_t(uri)),
                     MONGOC_READ_PRIMARY);
    assert_string_equal(mongoc_uri_get_appname(uri), "erpd");
    /* What the operator decides stays. */
    assert_true(mongoc_uri_get_tls(uri));
    assert_string_equal(mongoc_uri_get_auth_source(uri), "people");
    assert_string_equal(mongoc_uri_get_replica_set(uri), "rs7");
    assert_string_equal(mongoc_uri_get_database(uri), "erp");
    mongoc_uri_destroy(uri);
}

static void patience(void **state ERP_UNUSED)
{
    mongoc_uri_t *uri = clients_parse_uri("mongodb://" HOST "/");

    assert_true(clients_uri_patient(uri, 77000));
    assert_int_equal(mongoc_uri_get_option_as_int32(uri, "sockettimeoutms", 0), 77000);
    assert_true(mongoc_uri_get_option_as_bool(uri, "retryreads", false));
    assert_true(mongoc_write_concern_get_wmajority(mongoc_uri_get_write_concern(uri)));
    assert_string_equal(mongoc_uri_get_appname(uri), "erpctl");
    mongoc_uri_destroy(uri);
}

/* The client itself carries them too, not only the URI. */
static void the_client_carries_them(void **state ERP_UNUSED)
{
    struct clients *clients = clients_new(3, NULL);
    struct err err;
    mongoc_client_t *client;
    const mongoc_uri_t *uri;

    err_init(&err);
    client = clients_get(clients, "mongodb://" HOST "/?w=1&socketTimeoutMS=1", &err);
    assert_non_null(client);
    uri = mongoc_client_get_uri(client);
    assert_int_equal(mongoc_uri_get_option_as_int32(uri, "sockettimeoutms", 0),
                     SCOPE_COMMAND_MS + 400);
    assert_true(mongoc_write_concern_get_wmajority(mongoc_client_get_write_concern(client)));
    assert_string_equal(mongoc_read_concern_get_level(mongoc_client_get_read_concern(client)),
                        "majority");
    clients_free(clients);
    err_release(&err);
}

static void bad_uris_are_refused(void **state ERP_UNUSED)
{
    static const char *const bad[] = {
        "",
        "http://x",
        "mongodb://",
        "mongodb://user:sec%secret@" HOST,
        "mongodb://" HOST "/?directConnection=true&tlsInsecure=true&tlsAllowInvalidHostnames=true",
        "mongodb+srv://host:27017/",
    };
    struct clients *clients = clients_new(3, NULL);
    struct err err;

    err_init(&err);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_null(clients_get(clients, bad[i], &err));
        assert_int_equal(err.code, ERR_DB_NOT_CONFIGURED);
        assert_null(strstr(err.detail, "secret"));
        err_clear(&err);
    }
    assert_non_null(clients_get(clients, "mongodb://" HOST, &err));
    clients_free(clients);
    err_release(&err);
}

static void must_get(struct clients *clients, const char *uri, uint64_t hits, uint64_t misses,
                     uint64_t evicted)
{
    uint64_t before[BC_COUNT], after[BC_COUNT];
    struct err err;

    err_init(&err);
    board_sum(board, before);
    assert_non_null(clients_get(clients, uri, &err));
    board_sum(board, after);
    assert_int_equal(after[BC_CLIENT_HIT] - before[BC_CLIENT_HIT], hits);
    assert_int_equal(after[BC_CLIENT_MISS] - before[BC_CLIENT_MISS], misses);
    assert_int_equal(after[BC_CLIENT_EVICT] - before[BC_CLIENT_EVICT], evicted);
    err_release(&err);
}

#define A "mongodb://" HOST "/a"
#define B "mongodb://" HOST "/b"
#define C "mongodb://" HOST "/c"
#define D "mongodb://" HOST "/d"

static void the_oldest_goes(void **state ERP_UNUSED)
{
    struct clients *clients = clients_new(3, board);

    must_get(clients, A, 0, 1, 0);
    must_get(clients, B, 0, 1, 0);
    must_get(clients, C, 0, 1, 0);
    must_get(clients, A, 1, 0, 0);
    must_get(clients, D, 0, 1, 1); /* B was unused longest */
    must_get(clients, A, 1, 0, 0);
    must_get(clients, C, 1, 0, 0);
    must_get(clients, B, 0, 1, 1); /* D goes */
    must_get(clients, A, 1, 0, 0);
    must_get(clients, C, 1, 0, 0);
    clients_free(clients);
}

static void the_two_used_last_stay(void **state ERP_UNUSED)
{
    struct clients *clients = clients_new(1, board);

    must_get(clients, A, 0, 1, 0);
    must_get(clients, B, 0, 1, 0);
    must_get(clients, C, 0, 1, 0);
    must_get(clients, B, 1, 0, 0);
    must_get(clients, C, 1, 0, 0);
    clients_free(clients);
}

static void a_dropped_client_is_made_anew(void **state ERP_UNUSED)
{
    struct clients *clients = clients_new(3, board);

    must_get(clients, A, 0, 1, 0);
    clients_drop(clients, A);
    clients_drop(clients, D);
    must_get(clients, A, 0, 1, 0);
    must_get(clients, A, 1, 0, 0);
    clients_free(clients);
}

/* Cursors of a request keep their client open, whatever the cache does meanwhile. */
static void a_scope_holds_its_client(void **state ERP_UNUSED)
{
    struct clients *clients = clients_new(3, board);
    struct arena *arena = arena_new(65536);
    bson_t filter = BSON_INITIALIZER;
    struct scope scope;
    struct err err;

    err_init(&err);
    assert_true(clients_scope(clients, A, "db", "t", arena, INT64_MAX, &scope, &err));
    assert_string_equal(scope.db_name, "db");
    assert_string_equal(scope.tenant_id, "t");
    scope_filter(&scope, NULL, &filter);
    assert_non_null(scope_find(&scope, "c", &filter, NULL));
    must_get(clients, B, 0, 1, 0);
    must_get(clients, C, 0, 1, 0);
    must_get(clients, D, 0, 1, 1);
    must_get(clients, A, 0, 1, 1);
    clients_free(clients);
    arena_free(arena);
    bson_destroy(&filter);
    err_release(&err);
}

static void clusters_are_hosts_and_options(void **state ERP_UNUSED)
{
    uint64_t one = clients_cluster("mongodb://ann:x@h1,h2/a?replicaSet=r");

    assert_int_equal(one, clients_cluster("mongodb://bob:y%40@h1,h2/b?replicaSet=r"));
    assert_int_equal(one, clients_cluster("mongodb://h1,h2/?replicaSet=r"));
    assert_int_not_equal(one, clients_cluster("mongodb://h1,h2/?replicaSet=s"));
    assert_int_not_equal(one, clients_cluster("mongodb://h1/?replicaSet=r"));
    assert_int_equal(clients_cluster("mongodb://h1"), clients_cluster("mongodb://u:p@h1/db"));
    assert_int_equal(clients_cluster("mongodb://h1/?x=a@b"),
                     clients_cluster("mongodb://u@h1/?x=a@b"));
    (void)clients_cluster("");
    (void)clients_cluster("mongodb://");
    (void)clients_cluster("@");
}

static void no_client_crosses_a_fork(void **state ERP_UNUSED)
{
    struct clients *clients = clients_new(3, NULL);
    struct err err;
    int status;
    pid_t child;

    err_init(&err);
    assert_non_null(clients_get(clients, A, &err));
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int quiet = open("/dev/null", O_WRONLY);

        signal(SIGABRT, SIG_DFL);
        dup2(quiet, 2);
        clients_get(clients, A, &err);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(clients_get(clients, A, &err));
    clients_free(clients);
    err_release(&err);
}

static void an_open_breaker_refuses_at_once(void **state ERP_UNUSED)
{
    struct clients *clients = clients_new(3, board);
    struct arena *arena = arena_new(65536);
    struct scope scope;
    struct err err;

    err_init(&err);
    board_breaker_trip(board, clients_cluster(A));
    assert_false(clients_scope(clients, A, "db", "t", arena, INT64_MAX, &scope, &err));
    assert_int_equal(err.code, ERR_DB_UNAVAILABLE);
    assert_true(err.retry_after >= 1);
    board_breaker_ok(board, clients_cluster(A));
    err_clear(&err);
    assert_true(clients_scope(clients, A, "db", "t", arena, INT64_MAX, &scope, &err));
    arena_free(arena);
    clients_free(clients);
    err_release(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_options_win),
        cmocka_unit_test(patience),
        cmocka_unit_test(the_client_carries_them),
        cmocka_unit_test(bad_uris_are_refused),
        cmocka_unit_test(the_oldest_goes),
        cmocka_unit_test(the_two_used_last_stay),
        cmocka_unit_test(a_dropped_client_is_made_anew),
        cmocka_unit_test(a_scope_holds_its_client),
        cmocka_unit_test(clusters_are_hosts_and_options),
        cmocka_unit_test(no_client_crosses_a_fork),
        cmocka_unit_test(an_open_breaker_refuses_at_once),
    };
    struct rlimit no_core = {0, 0};

    setrlimit(RLIMIT_CORE, &no_core);
    return cmocka_run_group_tests(tests, setup, teardown);
}
