/* Scopes and transactions against a real server, also one that breaks connections, freezes and
 * dies. */
#include "base.h"
#include "core/clock.h"
#include "core/id.h"
#include "db/errmap.h"
#include "db/txn.h"
#include "live.h"
#include "tenant/clients.h"

#include <setjmp.h>
#include <cmocka.h>

static struct proxy *proxy;
static struct board *board;
static struct clients *clients;
static struct arena *arena;
static struct err err;
static char db_name[40];

static struct scope open_scope(const char *uri)
{
    struct scope scope;

    err_clear(&err);
    if (!clients_scope(clients, uri, db_name, "t1", arena, clock_mono_us() + 10000000, &scope,
                       &err))
        fail_msg("no scope: %s", err.detail);
    return scope;
}

static bson_t *filter_id(const char *id)
{
    return BCON_NEW("tenant_id", BCON_UTF8("t1"), "id", BCON_UTF8(id));
}

static bool insert_id(struct scope *scope, const char *id)
{
    bson_t *doc = BCON_NEW("tenant_id", BCON_UTF8("t1"), "id", BCON_UTF8(id), "n", BCON_INT64(0));
    bool ok = scope_insert(scope, "things", doc, &err);

    bson_destroy(doc);
    return ok;
}

static int64_t count_id(const char *id)
{
    struct scope scope = open_scope(live_url());
    bson_t *filter = filter_id(id);
    int64_t n = -1;

    assert_true(scope_count(&scope, "things", filter, 0, &n, &err));
    bson_destroy(filter);
    return n;
}

static int64_t value_of(const char *id)
{
    struct scope scope = open_scope(live_url());
    bson_t *filter = filter_id(id);
    const bson_t *doc;
    bson_iter_t iter;

    assert_true(scope_find_one(&scope, "things", filter, NULL, &doc, &err));
    bson_destroy(filter);
    assert_non_null(doc);
    assert_true(bson_iter_init_find(&iter, doc, "n"));
    return bson_iter_as_int64(&iter);
}

static bool add_one(struct scope *scope, const char *id, struct err *e)
{
    bson_t *filter = filter_id(id), *update = BCON_NEW("$inc", "{", "n", BCON_INT64(1), "}");
    int64_t matched;
    bool ok = scope_update_one(scope, "things", filter, update, NULL, &matched, e);

    bson_destroy(filter);
    bson_destroy(update);
    return ok && matched == 1;
}

static int start_all(void **state ERP_UNUSED)
{
    char suffix[17];

    proxy = proxy_start();
    random_hex(suffix, 8);
    snprintf(db_name, sizeof db_name, "live_db_%s", suffix);
    board = live_board();
    arena = arena_new(1 << 24);
    err_init(&err);
    return 0;
}

static int end_all(void **state ERP_UNUSED)
{
    proxy_stop(proxy);
    live_board_end(board);
    arena_free(arena);
    err_release(&err);
    return 0;
}

static int setup(void **state ERP_UNUSED)
{
    clients = clients_new(8, board);
    proxy_break(proxy, "", 0, false);
    proxy_revive(proxy);
    board_breaker_ok(board, clients_cluster(proxy_url(proxy)));
    return 0;
}

static int teardown(void **state ERP_UNUSED)
{
    arena_reset(arena);
    clients_free(clients);
    return 0;
}

static void drop_database(void **state ERP_UNUSED)
{
    struct scope scope = open_scope(live_url());
    bson_t *command = BCON_NEW("dropDatabase", BCON_INT32(1)), reply;

    assert_true(scope_command(&scope, command, &reply, &err));
    bson_destroy(command);
    bson_destroy(&reply);
}

/* A pipeline, an upsert, and a replacement. */
static void updates_of_other_forms(struct scope *scope, const bson_t *filter)
{
    bson_t *stages = BCON_NEW("0", "{", "$set", "{", "n", "{", "$add", "[", "$n", BCON_INT32(10),
                              "]", "}", "}", "}");
    bson_t *other = filter_id("ups"), *upsert = BCON_NEW("upsert", BCON_BOOL(true));
    bson_t *set = BCON_NEW("$set", "{", "n", BCON_INT64(7), "}");
    bson_t *whole =
        BCON_NEW("tenant_id", BCON_UTF8("t1"), "id", BCON_UTF8("rw"), "n", BCON_INT64(33));
    const bson_t *doc;
    int64_t n;

    assert_true(scope_update_one(scope, "things", filter, stages, NULL, &n, &err));
    assert_int_equal(n, 1);
    assert_int_equal(value_of("rw"), 16);
    assert_true(scope_update_one(scope, "things", other, set, upsert, &n, &err));
    assert_int_equal(n, 0);
    assert_int_equal(value_of("ups"), 7);
    assert_true(scope_update_one(scope, "things", other, set, upsert, &n, &err));
    assert_int_equal(n, 1);
    assert_true(
        scope_find_and_update(scope, "things", filter, whole, false, false, NULL, &doc, &err));
    assert_non_null(doc);
    assert_int_equal(value_of("rw"), 33);
    bson_destroy(stages);
    bson_destroy(other);
    bson_destroy(upsert);
    bson_destroy(set);
    bson_destroy(whole);
}

static void reads_and_writes(void **state ERP_UNUSED)
{
    struct scope scope = open_scope(live_url());
    bson_t *filter = filter_id("rw"), *update = BCON_NEW("$inc", "{", "n", BCON_INT64(5), "}");
    bson_t *pipeline = BCON_NEW("pipeline", "[", "{", "$match", "{", "tenant_id", BCON_UTF8("t1"),
                                "id", BCON_UTF8("rw"), "}", "}", "]");
    const bson_t *doc;
    mongoc_cursor_t *cursor;
    int64_t n;

    assert_true(scope_find_one(&scope, "things", filter, NULL, &doc, &err));
    assert_null(doc);
    assert_true(insert_id(&scope, "rw"));
    assert_true(add_one(&scope, "rw", &err));
    assert_true(
        scope_find_and_update(&scope, "things", filter, update, true, false, NULL, &doc, &err));
    assert_non_null(doc);
    assert_int_equal(value_of("rw"), 6);
    updates_of_other_forms(&scope, filter);
    cursor = scope_aggregate(&scope, "things", pipeline, NULL);
    assert_true(scope_next(&scope, cursor, &doc, &err));
    assert_non_null(doc);
    assert_true(scope_next(&scope, cursor, &doc, &err));
    assert_null(doc);
    assert_true(scope_delete_one(&scope, "things", filter, &n, &err));
    assert_int_equal(n, 1);
    assert_true(scope_delete_one(&scope, "things", filter, &n, &err));
    assert_int_equal(n, 0);
    assert_true(scope_update_one(&scope, "things", filter, update, NULL, &n, &err));
    assert_int_equal(n, 0);
    assert_true(
        scope_find_and_update(&scope, "things", filter, update, true, false, NULL, &doc, &err));
    assert_null(doc);
    assert_true(scope.round_trips >= 8);
    assert_true(scope.spent_us > 0);
    bson_destroy(filter);
    bson_destroy(update);
    bson_destroy(pipeline);
}

static void a_duplicate_names_its_field(void **state ERP_UNUSED)
{
    struct scope scope = open_scope(live_url());
    bson_t *command = BCON_NEW("createIndexes", BCON_UTF8("things"), "indexes", "[", "{", "key",
                               "{", "tenant_id", BCON_INT32(1), "id", BCON_INT32(1), "}", "name",
                               BCON_UTF8("u"), "unique", BCON_BOOL(true), "}", "]");
    bson_t *filter = filter_id("d1"), *update = BCON_NEW("$set", "{", "id", BCON_UTF8("d2"), "}");
    const bson_t *doc;
    bson_t reply;

    assert_true(scope_command(&scope, command, &reply, &err));
    bson_destroy(&reply);
    bson_destroy(command);
    assert_true(insert_id(&scope, "d1"));
    assert_true(insert_id(&scope, "d2"));
    assert_false(insert_id(&scope, "d1"));
    assert_int_equal(err.code, ERR_DUPLICATE);
    assert_string_equal(err.detail, "id already exists");
    assert_false(scope.cluster_down);
    err_clear(&err);
    assert_false(
        scope_find_and_update(&scope, "things", filter, update, false, false, NULL, &doc, &err));
    assert_int_equal(err.code, ERR_DUPLICATE);
    assert_string_equal(err.detail, "id already exists");
    bson_destroy(filter);
    bson_destroy(update);
}

/* Every command says how long it may take; in a transaction it also carries the session. */
struct seen {
    int commands;
    int bad;
    bool in_txn;
};

static void on_started(const mongoc_apm_command_started_t *event)
{
    struct seen *seen = mongoc_apm_command_started_get_context(event);
    const bson_t *command = mongoc_apm_command_started_get_command(event);
    const char *name = mongoc_apm_command_started_get_command_name(event);
    bson_iter_t iter;

    if (strcmp(name, "abortTransaction") == 0 || strcmp(name, "endSessions") == 0 ||
        strcmp(name, "killCursors") == 0)
        return;
    seen->commands++;
    if (!bson_iter_init_find(&iter, command, "maxTimeMS") || bson_iter_as_int64(&iter) < 1 ||
        bson_iter_as_int64(&iter) > 3000 ||
        (seen->in_txn && !bson_iter_init_find(&iter, command, "txnNumber"))) {
        printf("# %s: %s\n", name, bson_as_json(command, NULL));
        seen->bad++;
    }
}

static bool all_operations(struct scope *scope, void *data ERP_UNUSED, struct err *e)
{
    bson_t *filter = filter_id("all"), *update = BCON_NEW("$inc", "{", "n", BCON_INT64(1), "}");
    bson_t *pipeline =
        BCON_NEW("pipeline", "[", "{", "$match", "{", "tenant_id", BCON_UTF8("t1"), "}", "}", "]");
    const bson_t *doc;
    int64_t n;
    bool ok = insert_id(scope, "all") && add_one(scope, "all", e) &&
              scope_find_one(scope, "things", filter, NULL, &doc, e) &&
              scope_find_and_update(scope, "things", filter, update, true, false, NULL, &doc, e) &&
              scope_count(scope, "things", filter, 10, &n, e) &&
              scope_next(scope, scope_aggregate(scope, "things", pipeline, NULL), &doc, e) &&
              scope_delete_one(scope, "things", filter, &n, e);

    bson_destroy(filter);
    bson_destroy(update);
    bson_destroy(pipeline);
    return ok;
}

static void every_command_has_a_time_limit(void **state ERP_UNUSED)
{
    mongoc_apm_callbacks_t *callbacks = mongoc_apm_callbacks_new();
    struct scope scope = open_scope(live_url());
    struct seen seen = {0};

    mongoc_apm_set_command_started_cb(callbacks, on_started);
    mongoc_client_set_apm_callbacks(scope.client, callbacks, &seen);
    assert_true(all_operations(&scope, NULL, &err));
    assert_int_equal(seen.commands, 7);
    seen.in_txn = true;
    assert_true(txn_run(&scope, all_operations, NULL, &err));
    assert_int_equal(seen.commands, 7 + 8);
    assert_int_equal(seen.bad, 0);
    mongoc_apm_callbacks_destroy(callbacks);
}

static void no_time_left_sends_nothing(void **state ERP_UNUSED)
{
    struct scope scope = open_scope(live_url());
    bson_t *filter = filter_id("x");
    const bson_t *doc;

    scope.deadline_us = clock_mono_us() - 1;
    assert_int_equal(scope_time_left_ms(&scope), 0);
    assert_false(scope_find_one(&scope, "things", filter, NULL, &doc, &err));
    assert_int_equal(err.code, ERR_TIMEOUT);
    err_clear(&err);
    assert_false(insert_id(&scope, "late"));
    assert_int_equal(err.code, ERR_TIMEOUT);
    bson_destroy(filter);
    assert_int_equal(count_id("late"), 0);
}

/* Transactions. */
struct work {
    const char *id;
    int runs;
    bool refuse;
    mongoc_client_session_t *rival; /* holds the row; ended in run `release_in` */
    int release_in;
};

static bool two_inserts(struct scope *scope, void *data, struct err *e)
{
    struct work *work = data;

    work->runs++;
    if (!insert_id(scope, work->id) || !add_one(scope, work->id, e))
        return false;
    return work->refuse ? err_set(e, ERR_IN_USE, "refused by the body") : true;
}

static void a_transaction_is_all_or_nothing(void **state ERP_UNUSED)
{
    struct scope scope = open_scope(live_url());
    struct work work = {.id = "txn-ok"};

    assert_true(txn_run(&scope, two_inserts, &work, &err));
    assert_int_equal(work.runs, 1);
    assert_null(scope.session);
    assert_int_equal(value_of("txn-ok"), 1);
    work = (struct work){.id = "txn-no", .refuse = true};
    assert_false(txn_run(&scope, two_inserts, &work, &err));
    assert_int_equal(err.code, ERR_IN_USE);
    assert_int_equal(work.runs, 1);
    assert_null(scope.session);
    assert_int_equal(count_id("txn-no"), 0);
}

static bool nested(struct scope *scope, void *data, struct err *e)
{
    return txn_run(scope, two_inserts, data, e) && err_set(e, ERR_IN_USE, "the outer one refuses");
}

static void an_inner_run_belongs_to_the_outer(void **state ERP_UNUSED)
{
    struct scope scope = open_scope(live_url());
    struct work work = {.id = "nested"};

    assert_false(txn_run(&scope, nested, &work, &err));
    assert_int_equal(work.runs, 1);
    assert_int_equal(count_id("nested"), 0);
}

/* A second client in a transaction that has changed the row and keeps it. */
static mongoc_client_session_t *hold_row(struct scope *rival, const char *id)
{
    mongoc_client_session_t *session = mongoc_client_start_session(rival->client, NULL, NULL);

    assert_true(mongoc_client_session_start_transaction(session, NULL, NULL));
    rival->session = session;
    assert_true(add_one(rival, id, &err));
    return session;
}

static bool add_against_rival(struct scope *scope, void *data, struct err *e)
{
    struct work *work = data;

    work->runs++;
    if (work->runs == work->release_in)
        assert_true(mongoc_client_session_commit_transaction(work->rival, NULL, NULL));
    return add_one(scope, work->id, e);
}

static void a_conflict_restarts_the_whole(void **state ERP_UNUSED)
{
    struct scope scope = open_scope(live_url()), rival = open_scope(proxy_url(proxy));
    struct work work = {.id = "conflict", .release_in = 3};

    assert_true(insert_id(&scope, "conflict"));
    work.rival = hold_row(&rival, "conflict");
    assert_true(txn_run(&scope, add_against_rival, &work, &err));
    assert_int_equal(work.runs, 3);
    assert_int_equal(value_of("conflict"), 2);
    mongoc_client_session_destroy(work.rival);
}

static void a_held_row_ends_in_try_again(void **state ERP_UNUSED)
{
    struct scope scope = open_scope(live_url()), rival = open_scope(proxy_url(proxy));
    struct work work = {.id = "held"};
    int64_t started_us;

    assert_true(insert_id(&scope, "held"));
    work.rival = hold_row(&rival, "held");
    started_us = clock_mono_us();
    assert_false(txn_run(&scope, add_against_rival, &work, &err));
    assert_in_range(clock_mono_us() - started_us, 4 * 20000, 5000000);
    assert_int_equal(work.runs, 5);
    assert_int_equal(err.code, ERR_TRY_AGAIN);
    assert_true(err.retry_after >= 1);
    mongoc_client_session_destroy(work.rival);
    assert_int_equal(value_of("held"), 0);
}

/* The rival's session, once: as if its process had died. */
static mongoc_client_session_t *left_behind;

static bool left_once(struct scope *scope ERP_UNUSED, uint8_t *session)
{
    const uint8_t *bytes;
    bson_iter_t it;
    uint32_t len;

    if (!left_behind)
        return false;
    assert_true(bson_iter_init_find(&it, mongoc_client_session_get_lsid(left_behind), "id"));
    bson_iter_binary(&it, &(bson_subtype_t){0}, &len, &bytes);
    assert_int_equal(len, SCOPE_SESSION);
    memcpy(session, bytes, len);
    left_behind = NULL;
    return true;
}

static void what_the_dead_hold_is_ended(void **state ERP_UNUSED)
{
    struct scope scope = open_scope(live_url()), rival = open_scope(proxy_url(proxy));
    struct work work = {.id = "left"};

    assert_true(insert_id(&scope, "left"));
    work.rival = left_behind = hold_row(&rival, "left");
    scope.left_txn = left_once;
    assert_true(txn_run(&scope, add_against_rival, &work, &err));
    assert_int_equal(work.runs, 2);
    assert_int_equal(value_of("left"), 1); /* the rival's is undone */
    mongoc_client_session_destroy(work.rival);
}

/* What is told of transactions, in order: b for one that begins, e for its end. */
static char told[16];
static uint8_t told_of[SCOPE_SESSION];

static void tell(struct scope *scope ERP_UNUSED, const uint8_t *session, bool begins)
{
    size_t n = strlen(told);

    told[n] = begins ? 'b' : 'e';
    if (begins)
        memcpy(told_of, session, sizeof told_of);
    else
        assert_memory_equal(session, told_of, sizeof told_of);
}

static void each_attempt_is_told(void **state ERP_UNUSED)
{
    struct scope scope = open_scope(live_url()), rival = open_scope(proxy_url(proxy));
    struct work work = {.id = "told", .release_in = 2}, refused = {.id = "told-no", .refuse = true};

    assert_true(insert_id(&scope, "told"));
    work.rival = hold_row(&rival, "told");
    scope.in_txn = tell;
    assert_true(txn_run(&scope, add_against_rival, &work, &err));
    assert_string_equal(told, "bebe");
    assert_false(txn_run(&scope, nested, &refused, &err));
    assert_string_equal(told, "bebebe");
    mongoc_client_session_destroy(work.rival);
}

static void a_lost_commit_repeats_the_commit(bool after, const char *id)
{
    struct scope scope = open_scope(proxy_url(proxy));
    struct work work = {.id = id};

    assert_int_equal(count_id(id), 0);
    /* Twice: the driver itself tries a commit once more. */
    proxy_break(proxy, "commitTransaction", 2, after);
    if (!txn_run(&scope, two_inserts, &work, &err))
        fail_msg("%s", err.detail);
    assert_false(err_is_set(&err));
    assert_int_equal(count_id(id), 1);
    assert_int_equal(value_of(id), 1);
    if (after)
        assert_int_equal(work.runs, 1);
}

static void a_commit_whose_reply_is_lost(void **state ERP_UNUSED)
{
    a_lost_commit_repeats_the_commit(true, "reply-lost");
}

static void a_commit_that_never_arrived(void **state ERP_UNUSED)
{
    a_lost_commit_repeats_the_commit(false, "commit-lost");
}

static void a_commit_that_stays_unknown(void **state ERP_UNUSED)
{
    struct scope scope = open_scope(proxy_url(proxy));
    struct work work = {.id = "unknown"};
    int64_t started_us = clock_mono_us();

    proxy_break(proxy, "commitTransaction", 100, true);
    assert_false(txn_run(&scope, two_inserts, &work, &err));
    assert_true(clock_mono_us() - started_us < 6000000);
    assert_int_equal(err.code, ERR_TRY_AGAIN);
    assert_int_equal(err.retry_after, 3);
    assert_int_equal(work.runs, 1);
    assert_int_equal(count_id("unknown"), 1);
}

static void a_connection_lost_inside_restarts_the_whole(void **state ERP_UNUSED)
{
    struct scope scope = open_scope(proxy_url(proxy));
    struct work work = {.id = "inside"};

    for (int after = 0; after < 2; after++) {
        work = (struct work){.id = after ? "inside-after" : "inside-before"};
        proxy_break(proxy, work.id, 1, after);
        if (!txn_run(&scope, two_inserts, &work, &err))
            fail_msg("%s", err.detail);
        assert_int_equal(work.runs, 2);
        assert_int_equal(count_id(work.id), 1);
        assert_int_equal(value_of(work.id), 1);
    }
}

static bool leaves_a_cursor_open(struct scope *scope, void *data ERP_UNUSED, struct err *e)
{
    bson_t *filter = BCON_NEW("tenant_id", BCON_UTF8("t1"));
    bson_t *opts = BCON_NEW("batchSize", BCON_INT32(1));
    mongoc_cursor_t *cursor = scope_find(scope, "things", filter, opts);
    const bson_t *doc;

    bson_destroy(filter);
    bson_destroy(opts);
    return scope_next(scope, cursor, &doc, e) && doc != NULL;
}

static void a_cursor_may_outlive_its_transaction(void **state ERP_UNUSED)
{
    struct scope scope = open_scope(live_url());

    assert_true(insert_id(&scope, "c1") && insert_id(&scope, "c2"));
    assert_true(txn_run(&scope, leaves_a_cursor_open, NULL, &err));
    arena_reset(arena);
}

/* A cluster that goes away. */
static bool find_something(struct scope *scope)
{
    bson_t *filter = filter_id("x");
    const bson_t *doc;
    bool ok;

    err_clear(&err);
    ok = scope_find_one(scope, "things", filter, NULL, &doc, &err);
    bson_destroy(filter);
    return ok;
}

static bool try_scope(struct scope *scope)
{
    err_clear(&err);
    return clients_scope(clients, proxy_url(proxy), db_name, "t1", arena,
                         clock_mono_us() + 10000000, scope, &err);
}

/* After a failure: refused at once, until the server is back and a second or two have passed. */
static void open_then_closed_again(void (*bring_back)(struct proxy *))
{
    struct scope scope;
    int64_t started_us = clock_mono_us();
    bool ok = false;

    assert_false(try_scope(&scope));
    assert_true(clock_mono_us() - started_us < 50000);
    assert_int_equal(err.code, ERR_DB_UNAVAILABLE);
    assert_true(err.retry_after >= 1);
    bring_back(proxy);
    for (int i = 0; !ok && i < 40; i++) {
        usleep(100000);
        arena_reset(arena);
        ok = try_scope(&scope) && find_something(&scope);
    }
    assert_true(ok);
    assert_true(clock_mono_us() - started_us < 3000000);
    assert_true(try_scope(&scope));
}

static void a_killed_server_costs_its_patience_once(void **state ERP_UNUSED)
{
    struct scope scope = open_scope(proxy_url(proxy));
    int64_t started_us;

    assert_true(find_something(&scope));
    proxy_kill(proxy);
    started_us = clock_mono_us();
    assert_false(find_something(&scope));
    assert_true(clock_mono_us() - started_us < 3700000);
    assert_int_equal(err.code, ERR_DB_UNAVAILABLE);
    assert_true(err.retry_after >= 1);
    assert_true(scope.cluster_down);
    open_then_closed_again(proxy_revive);
}

static void so_it_does_in_a_transaction(void **state ERP_UNUSED)
{
    struct scope scope = open_scope(proxy_url(proxy));
    struct work work = {.id = "dead"};
    int64_t started_us;

    assert_true(find_something(&scope));
    proxy_kill(proxy);
    started_us = clock_mono_us();
    assert_false(txn_run(&scope, two_inserts, &work, &err));
    assert_true(clock_mono_us() - started_us < 3900000);
    assert_int_equal(err.code, ERR_DB_UNAVAILABLE);
    arena_reset(arena);
    open_then_closed_again(proxy_revive);
    assert_int_equal(count_id("dead"), 0);
}

static void a_server_that_was_never_there(void **state ERP_UNUSED)
{
    struct scope scope;
    int64_t started_us = clock_mono_us();

    proxy_kill(proxy);
    assert_true(try_scope(&scope));
    assert_false(find_something(&scope));
    assert_true(clock_mono_us() - started_us < 3700000);
    open_then_closed_again(proxy_revive);
}

static void a_frozen_server_costs_a_bounded_time(void **state ERP_UNUSED)
{
    struct scope scope = open_scope(proxy_url(proxy));
    int64_t started_us;

    assert_true(find_something(&scope));
    proxy_freeze(proxy);
    started_us = clock_mono_us();
    assert_false(find_something(&scope));
    assert_true(clock_mono_us() - started_us < 3700000);
    assert_int_equal(err.code, ERR_DB_UNAVAILABLE);
    open_then_closed_again(proxy_thaw);
}

/* One broken connection is repaired without anyone noticing, and opens no breaker. */
static void a_broken_connection_is_retried(void **state ERP_UNUSED)
{
    struct scope scope = open_scope(proxy_url(proxy));

    assert_true(find_something(&scope));
    proxy_kill(proxy);
    proxy_revive(proxy);
    assert_true(find_something(&scope));
    proxy_kill(proxy);
    proxy_revive(proxy);
    assert_true(insert_id(&scope, "retried"));
    assert_int_equal(count_id("retried"), 1);
    assert_true(try_scope(&scope));
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIVE(reads_and_writes),
        LIVE(a_duplicate_names_its_field),
        LIVE(every_command_has_a_time_limit),
        LIVE(no_time_left_sends_nothing),
        LIVE(a_transaction_is_all_or_nothing),
        LIVE(an_inner_run_belongs_to_the_outer),
        LIVE(a_conflict_restarts_the_whole),
        LIVE(a_held_row_ends_in_try_again),
        LIVE(what_the_dead_hold_is_ended),
        LIVE(each_attempt_is_told),
        LIVE(a_commit_whose_reply_is_lost),
        LIVE(a_commit_that_never_arrived),
        LIVE(a_commit_that_stays_unknown),
        LIVE(a_connection_lost_inside_restarts_the_whole),
        LIVE(a_cursor_may_outlive_its_transaction),
        LIVE(a_broken_connection_is_retried),
        LIVE(a_killed_server_costs_its_patience_once),
        LIVE(so_it_does_in_a_transaction),
        LIVE(a_server_that_was_never_there),
        LIVE(a_frozen_server_costs_a_bounded_time),
        LIVE(drop_database),
    };
    int missing = live_missing();

    return missing >= 0 ? missing : cmocka_run_group_tests(tests, start_all, end_all);
}
