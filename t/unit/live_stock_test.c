/* Stock against a real server: many lines at once, what is not enough, everybody at the last one,
 * and the ledger that adds up afterwards. */
#include "base.h"
#include "core/clock.h"
#include "core/id.h"
#include "db/txn.h"
#include "live.h"
#include "tenant/clients.h"
#include "trade/stock_ledger.h"

#include <setjmp.h>
#include <cmocka.h>
#include <sys/wait.h>

static struct board *board;
static struct clients *clients;
static struct arena *arena;
static struct err err;
static char db_name[40];

static struct scope open_scope(void)
{
    struct scope scope;

    err_clear(&err);
    if (!clients_scope(clients, live_url(), db_name, "t1", arena, clock_mono_us() + 60000000,
                       &scope, &err))
        fail_msg("no scope: %s", err.detail);
    return scope;
}

static void put(const char *collection, bson_t *doc)
{
    struct scope scope = open_scope();

    assert_true(scope_insert(&scope, collection, doc, &err));
    bson_destroy(doc);
}

/* A product as an earlier system left it, and one that the ledger knows. */
static void put_old(const char *id, int64_t stock)
{
    put(STOCK_PRODUCTS, BCON_NEW("tenant_id", "t1", "id", BCON_UTF8(id), "name", BCON_UTF8(id),
                                 "stock", BCON_INT64(stock)));
}

static void put_assigned(const char *id, const char *branch, int64_t stock)
{
    put(STOCK_ASSIGNMENTS,
        BCON_NEW("tenant_id", "t1", "id", BCON_UTF8(arena_printf(arena, "%s-%s", id, branch)),
                 "product_id", BCON_UTF8(id), "branch_id", BCON_UTF8(branch), "stock_quantity",
                 BCON_INT64(stock)));
}

struct work {
    struct stock_cause cause;
    struct stock_line *lines;
    size_t n;
};

static bool body(struct scope *scope, void *data, struct err *e)
{
    const struct work *w = data;

    return stock_load(scope, w->lines, w->n, e) && stock_move(scope, &w->cause, w->lines, w->n, e);
}

static bool move(struct stock_line *lines, size_t n)
{
    struct scope scope = open_scope();
    struct work w = {{STOCK_SALE, "s1", "SALE-000001"}, lines, n};

    return txn_run(&scope, body, &w, &err);
}

static int64_t count_rows(const char *product, const char *kind)
{
    struct scope scope = open_scope();
    bson_t *filter = BCON_NEW("tenant_id", "t1", "product_id", BCON_UTF8(product));
    int64_t n = -1;

    if (kind)
        BSON_APPEND_UTF8(filter, "kind", kind);
    assert_true(scope_count(&scope, STOCK_LEDGER, filter, 0, &n, &err));
    bson_destroy(filter);
    return n;
}

static struct stock_report report(void)
{
    struct scope scope = open_scope();
    struct stock_report r;

    if (!stock_reconcile(&scope, &r, &err))
        fail_msg("%s", err.detail);
    for (int64_t i = 0; i < r.n_faults; i++)
        printf("# %s %s: stock %" PRId64 ", ledger %" PRId64 "\n", r.faults[i].product_id,
               r.faults[i].branch_id ? r.faults[i].branch_id : "-", r.faults[i].stock,
               r.faults[i].ledger);
    return r;
}

static void lines_move_together(void **state ERP_UNUSED)
{
    struct stock_line lines[] = {
        {.product_id = "b", .delta = -3},
        {.product_id = "a", .delta = -2},
        {.product_id = "a", .branch_id = "north", .delta = -1},
        {.product_id = "b", .delta = -1},
    };
    struct scope scope;

    put_old("a", 10);
    put_old("b", 4);
    put_assigned("a", "north", 1);
    assert_int_equal(report().unopened, 3);
    assert_true(move(lines, ARRAY_LEN(lines)));
    assert_int_equal(lines[0].before, 4);
    assert_int_equal(lines[0].after, 0);
    assert_int_equal(lines[3].after, 0);
    assert_int_equal(lines[1].after, 8);
    assert_int_equal(lines[2].after, 0);
    assert_int_equal(count_rows("a", "opening"), 2);
    assert_int_equal(count_rows("b", "sale"), 1);
    assert_int_equal(report().n_faults, 0);
    assert_int_equal(report().unopened, 0);
    scope = open_scope();
    {
        struct stock_line back[] = {{.product_id = "a", .delta = 5}};
        struct work w = {{STOCK_RETURN, "r1", NULL}, back, 1};

        assert_true(txn_run(&scope, body, &w, &err));
        assert_int_equal(back[0].after, 13);
    }
    assert_int_equal(scope.round_trips, 4); /* read, update, ledger, commit */
    assert_int_equal(count_rows("a", "opening"), 2);
    assert_int_equal(report().n_faults, 0);
}

static void what_is_refused_changes_nothing(void **state ERP_UNUSED)
{
    struct stock_line much[] = {{.product_id = "c", .delta = -1}, {.product_id = "d", .delta = -3},
                                {.product_id = "d", .delta = -3}};
    struct stock_line none[] = {{.product_id = "c", .delta = -1},
                                {.product_id = "nothing", .delta = -1, .path = "items[1]"}};
    struct stock_line away[] = {{.product_id = "c", .branch_id = "south", .delta = -1}};
    struct stock_line full[] = {{.product_id = "c", .delta = STOCK_MAX}};

    put_old("c", 5);
    put_old("d", 5);
    assert_false(move(much, ARRAY_LEN(much)));
    assert_int_equal(err.code, ERR_STOCK);
    assert_string_equal(err.detail, "Insufficient stock for d. Available: 5, Requested: 6");
    assert_false(move(none, ARRAY_LEN(none)));
    assert_int_equal(err.code, ERR_VALIDATION);
    assert_string_equal(err.fields[0].path, "items[1]");
    assert_false(move(away, 1));
    assert_string_equal(err.fields[0].code, "branch");
    assert_false(move(full, 1));
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_int_equal(count_rows("c", NULL) + count_rows("d", NULL), 0);
    err_clear(&err);
    assert_int_equal(report().n_faults, 0);
    assert_int_equal(report().unopened, 2);
}

#define BUYERS 6
#define EACH   12

/* In a process of its own: how many were had of what there is too little of, in two orders. */
static int buy(int buyer)
{
    int had = 0;

    arena = arena_new(64 << 20);
    clients = clients_new(4, NULL);
    for (int i = 0; i < EACH;) {
        struct stock_line lines[] = {{.product_id = buyer % 2 ? "x" : "y", .delta = -1},
                                     {.product_id = buyer % 2 ? "y" : "x", .delta = -1}};

        if (move(lines, 2))
            had++;
        else if (err.code == ERR_TRY_AGAIN)
            continue; /* as a client does */
        else if (err.code != ERR_STOCK)
            return 200;
        i++;
        arena_reset(arena);
    }
    clients_free(clients);
    arena_free(arena);
    return had;
}

static void everybody_at_the_last_ones(void **state ERP_UNUSED)
{
    struct scope scope;
    pid_t pids[BUYERS];
    int had = 0, status;

    put_old("x", 40);
    put_old("y", 50);
    fflush(stdout);
    for (int i = 0; i < BUYERS; i++)
        if ((pids[i] = fork()) == 0)
            _exit(buy(i));
    for (int i = 0; i < BUYERS; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= EACH);
        had += WEXITSTATUS(status);
    }
    assert_int_equal(had, 40);
    assert_int_equal(count_rows("x", "sale"), 40);
    assert_int_equal(report().n_faults, 0);
    scope = open_scope();
    {
        struct stock_place *places;
        int64_t since;
        size_t n;

        assert_true(stock_as_of(&scope, "y", clock_ms(), &places, &n, &since, &err));
        assert_int_equal(n, 1);
        assert_true(places[0].known);
        assert_int_equal(places[0].stock, 10);
        assert_true(stock_as_of(&scope, "y", since - 1, &places, &n, &since, &err));
        assert_false(places[0].known);
    }
}

/* Stock that was changed behind the ledger's back, and rows without a record. */
static void what_does_not_add_up_is_found(void **state ERP_UNUSED)
{
    struct scope scope = open_scope();
    bson_t *filter = BCON_NEW("tenant_id", "t1", "id", "y");
    bson_t *update = BCON_NEW("$set", "{", "stock", BCON_INT64(11), "}");
    int64_t n;
    struct stock_report r;

    assert_true(scope_update_one(&scope, STOCK_PRODUCTS, filter, update, NULL, &n, &err));
    bson_destroy(filter);
    filter = BCON_NEW("tenant_id", "t1", "id", "a");
    assert_true(scope_delete_one(&scope, STOCK_PRODUCTS, filter, &n, &err));
    bson_destroy(filter);
    bson_destroy(update);
    r = report();
    assert_int_equal(r.n_faults, 2);
    assert_string_equal(r.faults[0].product_id, "a");
    assert_true(r.faults[0].gone);
    assert_string_equal(r.faults[1].product_id, "y");
    assert_int_equal(r.faults[1].stock, 11);
    assert_int_equal(r.faults[1].ledger, 10);
}

static void drop_database(void **state ERP_UNUSED)
{
    struct scope scope = open_scope();
    bson_t *command = BCON_NEW("dropDatabase", BCON_INT32(1)), reply;

    assert_true(scope_command(&scope, command, &reply, &err));
    bson_destroy(&reply);
    bson_destroy(command);
}

static int setup(void **state ERP_UNUSED)
{
    clients = clients_new(4, board);
    return 0;
}

static int teardown(void **state ERP_UNUSED)
{
    arena_reset(arena);
    clients_free(clients);
    return 0;
}

static int start_all(void **state ERP_UNUSED)
{
    char suffix[17];

    random_hex(suffix, 8);
    snprintf(db_name, sizeof db_name, "live_stock_%s", suffix);
    board = live_board();
    arena = arena_new(64 << 20);
    err_init(&err);
    return 0;
}

static int end_all(void **state ERP_UNUSED)
{
    arena_free(arena);
    err_release(&err);
    live_board_end(board);
    return 0;
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIVE(lines_move_together),        LIVE(what_is_refused_changes_nothing),
        LIVE(everybody_at_the_last_ones), LIVE(what_does_not_add_up_is_found),
        LIVE(drop_database),
    };
    int missing = live_missing();

    return missing >= 0 ? missing : cmocka_run_group_tests(tests, start_all, end_all);
}
