/* Notifications against a real server: `once`, settling, and two who tell the same at a time. */
#include "base.h"
#include "core/clock.h"
#include "core/id.h"
#include "db/own.h"
#include "db/txn.h"
#include "engine/index.h"
#include "live.h"
#include "tenant/clients.h"
#include "tenant/standing.h"
#include "trade/inbox.h"

#include <setjmp.h>
#include <cmocka.h>

static struct board *board;
static struct clients *clients[2];
static struct index_cache *indexes;
static struct arena *arena;
static struct err err;
static char db_name[40];

static struct scope open_scope(int which)
{
    struct scope scope;

    err_clear(&err);
    if (!clients_scope(clients[which], live_url(), db_name, "t1", arena,
                       clock_mono_us() + 10000000, &scope, &err))
        fail_msg("no scope: %s", err.detail);
    return scope;
}

static bool store_body(struct scope *scope, void *data, struct err *e)
{
    return notices_store(scope, data, e);
}

static void store(int which, const struct notice *notices, size_t n)
{
    struct scope scope = open_scope(which);
    struct notices list;

    notices_init(&list, arena);
    for (size_t i = 0; i < n; i++)
        notices_add(&list, &notices[i]);
    if (!txn_run(&scope, store_body, &list, &err))
        fail_msg("not stored: %s", err.detail);
}

/* How many there are with this type and, when it is not NULL, reference. */
static int64_t count(enum notice_type type, const char *reference, bool unread)
{
    struct scope scope = open_scope(0);
    bson_t *filter = own_bson(arena);
    int64_t n = -1;

    scope_filter(&scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "type", notice_type_names[type]);
    if (reference)
        BSON_APPEND_UTF8(filter, "reference_id", reference);
    if (unread)
        BSON_APPEND_BOOL(filter, "is_read", false);
    assert_true(scope_count(&scope, NOTIFICATIONS, filter, 0, &n, &err));
    return n;
}

static const bson_t *find(const char *key, const char *value)
{
    struct scope scope = open_scope(0);
    bson_t *filter = own_bson(arena);
    const bson_t *doc;

    scope_filter(&scope, NULL, filter);
    bson_append_utf8(filter, key, -1, value, -1);
    assert_true(scope_find_one(&scope, NOTIFICATIONS, filter, NULL, &doc, &err));
    assert_non_null(doc);
    return doc;
}

static bson_iter_t member(const bson_t *doc, const char *key)
{
    bson_iter_t it;

    if (!bson_iter_init_find(&it, doc, key))
        fail_msg("no member %s", key);
    return it;
}

static int start_all(void **state ERP_UNUSED)
{
    struct scope scope;
    char suffix[17];

    random_hex(suffix, 8);
    snprintf(db_name, sizeof db_name, "live_notify_%s", suffix);
    board = live_board();
    arena = arena_new(1 << 24);
    err_init(&err);
    for (int i = 0; i < 2; i++)
        clients[i] = clients_new(8, board);
    indexes = index_cache_new();
    scope = open_scope(0);
    return index_ensure(indexes, &notices_resource, &scope, &err) ? 0 : -1;
}

static int end_all(void **state ERP_UNUSED)
{
    arena_free(arena);
    for (int i = 0; i < 2; i++)
        clients_free(clients[i]);
    index_cache_free(indexes);
    live_board_end(board);
    err_release(&err);
    return 0;
}

static void drop_databases(void **state ERP_UNUSED)
{
    static const char *const ends[] = {"", "_audit"};
    struct scope scope = open_scope(0);
    bson_t *command = own_bson(arena), reply;

    BSON_APPEND_INT32(command, "dropDatabase", 1);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        scope.db_name = arena_printf(arena, "%s%s", db_name, ends[i]);
        assert_true(scope_command(&scope, command, &reply, &err));
        bson_destroy(&reply);
    }
}

static void what_is_stored(void **state ERP_UNUSED)
{
    bson_t *metadata = own_bson(arena);
    struct notice notices[] = {
        {.type = NOTICE_PAYMENT_RECEIVED, .message = "Paid", .sale_id = "s0", .title = "Money",
         .user_id = "u1", .branch_id = "b1", .metadata = metadata},
        {.type = NOTICE_ACTIVITY, .message = "Sold", .user_id = "u2"},
    };
    const bson_t *doc;
    bson_iter_t it;

    BSON_APPEND_UTF8(metadata, "invoice_no", "INV-000001");
    store(0, notices, ARRAY_LEN(notices));
    doc = find("sale_id", "s0");
    it = member(doc, "title");
    assert_string_equal(bson_iter_utf8(&it, NULL), "Money");
    it = member(doc, "is_read");
    assert_false(bson_iter_bool(&it));
    it = member(doc, "metadata");
    assert_true(BSON_ITER_HOLDS_DOCUMENT(&it));
    assert_false(bson_has_field(doc, "expires_at"));
    doc = find("user_id", "u2");
    it = member(doc, "expires_at");
    assert_true(llabs(bson_iter_date_time(&it) - clock_ms() - NOTICE_DAYS * DAY_MS) < 60000);
}

static void an_empty_list_sends_nothing(void **state ERP_UNUSED)
{
    struct scope scope = open_scope(0);
    struct notices list;

    notices_init(&list, arena);
    assert_true(notices_store(&scope, &list, &err));
    assert_int_equal(scope.round_trips, 0);
}

/* However many there are, two round trips. */
static void once_while_unread(void **state ERP_UNUSED)
{
    struct notice low[] = {
        {.type = NOTICE_LOW_STOCK, .message = "Rice is low", .reference_id = "p1", .once = true},
        {.type = NOTICE_LOW_STOCK, .message = "Rice is lower", .reference_id = "p1", .once = true},
        {.type = NOTICE_LOW_STOCK, .message = "Salt is low", .reference_id = "p2", .once = true},
        {.type = NOTICE_DUE_REQUEST, .message = "Asks", .reference_id = "p1", .once = true},
    };
    struct scope scope = open_scope(0);
    struct notices list;

    store(0, low, 1);
    store(0, low, ARRAY_LEN(low));
    assert_int_equal(count(NOTICE_LOW_STOCK, "p1", false), 1);
    assert_int_equal(count(NOTICE_LOW_STOCK, "p2", false), 1);
    assert_int_equal(count(NOTICE_DUE_REQUEST, "p1", false), 1);
    notices_init(&list, arena);
    for (size_t i = 0; i < 100; i++)
        notices_add(&list, &(struct notice){.type = NOTICE_LOW_STOCK, .message = "Low",
                                            .reference_id = arena_printf(arena, "many-%zu", i),
                                            .once = true});
    assert_true(txn_run(&scope, store_body, &list, &err));
    assert_int_equal(scope.round_trips, 3); /* … and the commit */
}

struct settling {
    enum notice_type type;
    const char *sale_id, *reference_id;
};

static bool settle_body(struct scope *scope, void *data, struct err *e)
{
    const struct settling *s = data;

    return notices_settle(scope, s->type, s->sale_id, s->reference_id, e);
}

static void settle(enum notice_type type, const char *sale_id, const char *reference_id)
{
    struct settling s = {type, sale_id, reference_id};
    struct scope scope = open_scope(0);

    if (!txn_run(&scope, settle_body, &s, &err))
        fail_msg("not settled: %s", err.detail);
}

static void settled_ones_may_come_again(void **state ERP_UNUSED)
{
    struct notice low = {.type = NOTICE_LOW_STOCK, .message = "Tea", .reference_id = "tea",
                         .once = true};
    struct notice due[] = {
        {.type = NOTICE_UNPAID_INVOICE, .message = "Owes", .sale_id = "s1", .sticky = true},
        {.type = NOTICE_UNPAID_INVOICE, .message = "Still", .sale_id = "s1", .sticky = true},
        {.type = NOTICE_SALE_CANCELLED, .message = "Gone", .sale_id = "s1"},
        {.type = NOTICE_UNPAID_INVOICE, .message = "Owes", .sale_id = "s2", .sticky = true},
    };
    bson_iter_t it;

    store(0, &low, 1);
    settle(NOTICE_LOW_STOCK, NULL, "tea");
    assert_int_equal(count(NOTICE_LOW_STOCK, "tea", true), 0);
    store(0, &low, 1);
    assert_int_equal(count(NOTICE_LOW_STOCK, "tea", true), 1);
    assert_int_equal(count(NOTICE_LOW_STOCK, "tea", false), 2);
    store(0, due, ARRAY_LEN(due));
    settle(NOTICE_UNPAID_INVOICE, "s1", NULL);
    assert_int_equal(count(NOTICE_UNPAID_INVOICE, NULL, true), 1);
    assert_int_equal(count(NOTICE_SALE_CANCELLED, NULL, true), 1);
    it = member(find("sale_id", "s2"), "is_sticky");
    assert_true(bson_iter_bool(&it));
    it = member(find("sale_id", "s1"), "is_sticky");
    assert_false(bson_iter_bool(&it));
}

/* The first attempt has its view of the data before somebody else tells the same. */
struct race {
    struct notice notice;
    int attempts;
};

static bool race_body(struct scope *scope, void *data, struct err *e)
{
    bson_t *filter = own_bson(arena);
    struct race *race = data;
    struct notices list;
    const bson_t *doc;

    scope_filter(scope, NULL, filter);
    if (!scope_find_one(scope, NOTIFICATIONS, filter, NULL, &doc, e))
        return false;
    if (race->attempts++ == 0)
        store(1, &race->notice, 1);
    notices_init(&list, arena);
    notices_add(&list, &race->notice);
    return notices_store(scope, &list, e);
}

static void two_at_the_same_time(void **state ERP_UNUSED)
{
    struct race race = {.notice = {.type = NOTICE_LOW_STOCK, .message = "Oil",
                                   .reference_id = "oil", .once = true}};
    struct scope scope = open_scope(0);

    if (!txn_run(&scope, race_body, &race, &err))
        fail_msg("%s", err.detail);
    assert_int_equal(race.attempts, 2);
    assert_int_equal(count(NOTICE_LOW_STOCK, "oil", false), 1);
}

static void long_texts_are_cut_between_characters(void **state ERP_UNUSED)
{
    struct notice notice = {.type = NOTICE_DUE_REQUEST_REJECTED, .reference_id = "cut"};
    char text[NOTICE_TEXT_MAX + 8];
    bson_iter_t it;
    uint32_t len;

    memset(text, 'x', NOTICE_TEXT_MAX - 1);
    memcpy(text + NOTICE_TEXT_MAX - 1, "\u09f3!", 5);
    notice.message = text;
    store(0, &notice, 1);
    it = member(find("reference_id", "cut"), "message");
    bson_iter_utf8(&it, &len);
    assert_int_equal(len, NOTICE_TEXT_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_stored),
        cmocka_unit_test(an_empty_list_sends_nothing),
        cmocka_unit_test(once_while_unread),
        cmocka_unit_test(settled_ones_may_come_again),
        cmocka_unit_test(two_at_the_same_time),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(drop_databases),
    };
    int missing = live_missing();

    return missing >= 0 ? missing : cmocka_run_group_tests(tests, start_all, end_all);
}
