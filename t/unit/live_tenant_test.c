/* Registry and resolution against a real server: caching, invalidation, doubt, refusal, and that
 * one tenant's scope never reaches another's database. */
#include "base.h"
#include "core/clock.h"
#include "core/id.h"
#include "live.h"
#include "tenant/resolve.h"

#include <setjmp.h>
#include <cmocka.h>

static struct proxy *proxy;
static struct board *board;
static struct clients *clients;
static struct registry *registry;
static struct arena *arena;
static struct conf conf;
static struct resolver resolver;
static struct err err;
static char admin_db[64], users_db[64], tenant_db[2][64];

static struct scope platform(bool admin)
{
    struct scope scope;
    int64_t deadline_us = clock_mono_us() + 10000000;

    err_clear(&err);
    if (!(admin ? registry_admin_scope : registry_users_scope)(registry, arena, deadline_us, &scope,
                                                               &err))
        fail_msg("no scope: %s", err.detail);
    return scope;
}

static void insert(bool admin, const char *collection, bson_t *doc)
{
    struct scope scope = platform(admin);

    if (!scope_insert(&scope, collection, doc, &err))
        fail_msg("insert: %s", err.detail);
    bson_destroy(doc);
}

static void clear(bool admin, const char *collection)
{
    struct scope scope = platform(admin);
    bson_t *command = BCON_NEW("drop", BCON_UTF8(collection)), reply;

    scope_command(&scope, command, &reply, &err);
    err_clear(&err);
    bson_destroy(command);
    bson_destroy(&reply);
}

static void add_tenant(const char *slug, const char *tenant_id, const char *status, int db)
{
    bson_t *doc = BCON_NEW("slug", BCON_UTF8(slug), "db_uri", BCON_UTF8(live_url()), "db_name",
                           BCON_UTF8(tenant_db[db]), "status", BCON_UTF8(status));

    if (tenant_id)
        BSON_APPEND_UTF8(doc, "tenant_id", tenant_id);
    insert(true, "tenants_registry", doc);
}

static void set_field(const char *slug, const char *field, const char *value)
{
    struct scope scope = platform(true);
    bson_t *filter = BCON_NEW("slug", BCON_UTF8(slug));
    bson_t *update = BCON_NEW("$set", "{", field, BCON_UTF8(value), "}");
    int64_t matched;

    assert_true(scope_update_one(&scope, "tenants_registry", filter, update, NULL, &matched, &err));
    assert_int_equal(matched, 1);
    bson_destroy(filter);
    bson_destroy(update);
}

static void drop_database(const char *name)
{
    struct scope scope;
    bson_t *command = BCON_NEW("dropDatabase", BCON_INT32(1)), reply;

    assert_true(clients_scope(clients, live_url(), name, NULL, arena, clock_mono_us() + 9000000,
                              &scope, &err));
    assert_true(scope_command(&scope, command, &reply, &err));
    bson_destroy(command);
    bson_destroy(&reply);
}

static int start_all(void **state ERP_UNUSED)
{
    static char currency[] = "BDT";
    char suffix[9];

    proxy = proxy_start();
    random_hex(suffix, 4);
    snprintf(admin_db, sizeof admin_db, "live_%s_admin", suffix);
    snprintf(users_db, sizeof users_db, "live_%s_users", suffix);
    snprintf(tenant_db[0], sizeof tenant_db[0], "live_%s_one", suffix);
    snprintf(tenant_db[1], sizeof tenant_db[1], "live_%s_two", suffix);
    board = live_board();
    arena = arena_new(1 << 24);
    err_init(&err);
    conf.admin_mongo_url = conf.mongo_url = conf.default_mongo_url = strdup(live_url());
    conf.admin_db_name = admin_db;
    conf.db_name = users_db;
    conf.currency = currency;
    conf.tenant_ttl_s = 60;
    conf.legacy = true;
    return 0;
}

static int setup(void **state ERP_UNUSED)
{
    clients = clients_new(8, board);
    registry = registry_new(&conf, board, clients);
    resolver = (struct resolver){&conf, board, registry, clients};
    board_heartbeat(board);
    proxy_revive(proxy);
    board_breaker_ok(board, clients_cluster(proxy_url(proxy)));
    clear(true, "tenants_registry");
    clear(false, "users");
    return 0;
}

static int teardown(void **state ERP_UNUSED)
{
    conf.admin_mongo_url = conf.mongo_url;
    conf.tenant_ttl_s = 60;
    conf.legacy = true;
    arena_reset(arena);
    registry_free(registry);
    clients_free(clients);
    return 0;
}

static int end_all(void **state ERP_UNUSED)
{
    clients = clients_new(8, board);
    drop_database(admin_db);
    drop_database(users_db);
    drop_database(tenant_db[0]);
    drop_database(tenant_db[1]);
    arena_free(arena);
    clients_free(clients);
    proxy_stop(proxy);
    live_board_end(board);
    free(conf.mongo_url);
    err_release(&err);
    return 0;
}

/* Looks up a slug; the counters must have moved by this many. */
static bool look_up(const char *slug, const struct tenant **tenant, uint64_t hits, uint64_t misses)
{
    uint64_t before[BC_COUNT], after[BC_COUNT];
    bool ok;

    err_clear(&err);
    board_sum(board, before);
    ok = registry_by_slug(registry, slug, tenant, &err);
    board_sum(board, after);
    assert_int_equal(after[BC_REGISTRY_HIT] - before[BC_REGISTRY_HIT], hits);
    assert_int_equal(after[BC_REGISTRY_MISS] - before[BC_REGISTRY_MISS], misses);
    return ok;
}

static void entries_are_cached_until_the_board_says(void **state ERP_UNUSED)
{
    const struct tenant *tenant;

    add_tenant("one", "id-1", "active", 0);
    assert_true(look_up("one", &tenant, 0, 1));
    assert_string_equal(tenant->tenant_id, "id-1");
    assert_string_equal(tenant->db_name, tenant_db[0]);
    set_field("one", "status", "suspended");
    assert_true(look_up("one", &tenant, 1, 0));
    assert_int_equal(tenant->status, TENANT_ACTIVE);
    board_bump(board, "one");
    assert_true(look_up("one", &tenant, 0, 1));
    assert_int_equal(tenant->status, TENANT_SUSPENDED);
    board_bump_all(board);
    assert_true(look_up("one", &tenant, 0, 1));
    registry_forget(registry, "one");
    assert_true(look_up("one", &tenant, 0, 1));
}

static void absence_is_cached_too(void **state ERP_UNUSED)
{
    const struct tenant *tenant;

    assert_false(look_up("new-one", &tenant, 0, 1));
    assert_int_equal(err.code, ERR_TENANT_NOT_FOUND);
    assert_string_equal(err.detail, "Tenant not found");
    assert_false(look_up("new-one", &tenant, 1, 0));
    add_tenant("new-one", "id-1", "active", 0);
    board_bump(board, "new-one");
    assert_true(look_up("new-one", &tenant, 0, 1));
    assert_false(look_up("No Slug", &tenant, 0, 0));
    assert_int_equal(err.code, ERR_TENANT_NOT_FOUND);
}

static void entries_expire(void **state ERP_UNUSED)
{
    const struct tenant *tenant;

    conf.tenant_ttl_s = 1;
    add_tenant("one", "id-1", "active", 0);
    assert_true(look_up("one", &tenant, 0, 1));
    set_field("one", "status", "inactive");
    usleep(1100000);
    assert_true(look_up("one", &tenant, 0, 1));
    assert_int_equal(tenant->status, TENANT_INACTIVE);
}

static void an_absent_registry_refuses(void **state ERP_UNUSED)
{
    const struct tenant *tenant;
    int64_t started_us;

    add_tenant("one", "id-1", "active", 0);
    conf.admin_mongo_url = strdup(proxy_url(proxy));
    assert_true(look_up("one", &tenant, 0, 1));
    proxy_kill(proxy);
    /* While it is fresh it serves; past that nothing does. */
    assert_true(look_up("one", &tenant, 1, 0));
    board_bump(board, "one");
    started_us = clock_mono_us();
    assert_false(look_up("one", &tenant, 0, 1));
    assert_true(clock_mono_us() - started_us < 3700000);
    assert_int_equal(err.code, ERR_REGISTRY_UNAVAILABLE);
    assert_int_equal(err.retry_after, 3);
    started_us = clock_mono_us();
    assert_false(look_up("one", &tenant, 0, 1));
    assert_int_equal(err.code, ERR_REGISTRY_UNAVAILABLE);
    assert_true(clock_mono_us() - started_us < 50000);
    free(conf.admin_mongo_url);
}

static void doubt_refuses(void **state ERP_UNUSED)
{
    const struct tenant *tenant;

    add_tenant("twice", "id-1", "active", 0);
    add_tenant("twice", "id-2", "active", 1);
    assert_false(look_up("twice", &tenant, 0, 1));
    assert_int_equal(err.code, ERR_TENANT_MISMATCH);
    insert(true, "tenants_registry", BCON_NEW("slug", BCON_UTF8("odd"), "status", BCON_INT32(1)));
    assert_false(look_up("odd", &tenant, 0, 1));
    assert_int_equal(err.code, ERR_TENANT_MISMATCH);
    add_tenant("same-a", "id-3", "active", 0);
    add_tenant("same-b", "id-3", "active", 1);
    err_clear(&err);
    assert_false(registry_by_tenant_id(registry, "id-3", &tenant, &err));
    assert_int_equal(err.code, ERR_TENANT_MISMATCH);
}

static void emails_are_case_folded(void **state ERP_UNUSED)
{
    const struct tenant *tenant;

    add_tenant("mail", "id-1", "active", 0);
    set_field("mail", "admin_email", "Boss@Example.com");
    assert_true(registry_by_admin_email(registry, "bOSS@example.COM", &tenant, &err));
    assert_non_null(tenant);
    assert_string_equal(tenant->slug, "mail");
    assert_true(registry_by_admin_email(registry, "other@example.com", &tenant, &err));
    assert_null(tenant);
    assert_true(registry_by_admin_email(registry, "", &tenant, &err));
    assert_null(tenant);
    /* A soft hyphen is nothing to the collation. */
    assert_false(registry_by_admin_email(registry, "bo\xc2\xadss@example.com", &tenant, &err));
    assert_int_equal(err.code, ERR_TENANT_MISMATCH);
    err_clear(&err);
    add_tenant("mail2", "id-2", "active", 0);
    set_field("mail2", "admin_email", "boss@example.com");
    assert_false(registry_by_admin_email(registry, "boss@example.com", &tenant, &err));
    assert_int_equal(err.code, ERR_TENANT_MISMATCH);
}

static void an_entry_takes_its_id_once(void **state ERP_UNUSED)
{
    const struct tenant *tenant;
    bool has;

    add_tenant("bare", NULL, "active", 0);
    add_tenant("other", "id-9", "active", 1);
    assert_true(look_up("bare", &tenant, 0, 1));
    assert_string_equal(tenant->tenant_id, "");
    assert_true(registry_has_tenant_id(registry, "id-7", &has, &err));
    assert_false(has);
    assert_true(registry_claim_tenant_id(registry, "bare", "id-7", &err));
    assert_true(look_up("bare", &tenant, 0, 1));
    assert_string_equal(tenant->tenant_id, "id-7");
    assert_true(registry_has_tenant_id(registry, "id-7", &has, &err));
    assert_true(has);
    assert_true(registry_claim_tenant_id(registry, "bare", "id-7", &err));
    assert_false(registry_claim_tenant_id(registry, "bare", "id-8", &err));
    assert_int_equal(err.code, ERR_TENANT_MISMATCH);
    err_clear(&err);
    set_field("bare", "tenant_id", "");
    assert_false(registry_claim_tenant_id(registry, "bare", "id-9", &err));
    assert_int_equal(err.code, ERR_TENANT_MISMATCH);
    err_clear(&err);
    assert_false(registry_claim_tenant_id(registry, "bare", "", &err));
    err_clear(&err);
    assert_false(registry_claim_tenant_id(registry, "nobody", "id-5", &err));
    assert_int_equal(err.code, ERR_TENANT_NOT_FOUND);
}

/* The index that a query uses, "" when it scans. */
static void index_of(bool admin, const char *collection, const char *field, const char *value,
                     bool fold, char *out, size_t cap)
{
    struct scope scope = platform(admin);
    bson_t command = BSON_INITIALIZER, find, filter, reply;
    char *json, *name;

    BSON_APPEND_DOCUMENT_BEGIN(&command, "explain", &find);
    BSON_APPEND_UTF8(&find, "find", collection);
    BSON_APPEND_DOCUMENT_BEGIN(&find, "filter", &filter);
    bson_append_utf8(&filter, field, -1, value, -1);
    bson_append_document_end(&find, &filter);
    if (fold)
        registry_fold_emails(&find);
    bson_append_document_end(&command, &find);
    assert_true(scope_command(&scope, &command, &reply, &err));
    json = bson_as_relaxed_extended_json(&reply, NULL);
    name = strstr(json, "\"indexName\" : \"");
    snprintf(out, cap, "%.*s", name ? (int)strcspn(name + 15, "\"") : 0, name ? name + 15 : "");
    bson_free(json);
    bson_destroy(&command);
    bson_destroy(&reply);
}

static void the_platform_has_its_indexes(void **state ERP_UNUSED)
{
    static const struct {
        bool admin;
        const char *collection, *field, *want;
        bool fold;
    } rows[] = {
        {true, "tenants_registry", "slug", "registry_slug", false},
        {true, "tenants_registry", "tenant_id", "registry_tenant_id", false},
        {true, "tenants_registry", "admin_email", "registry_admin_email", true},
        {false, "users", "email", "users_email", true},
        {false, "users", "id", "users_id", false},
        {false, "users", "tenant_id", "users_tenant", false},
    };
    char name[64];

    for (int twice = 0; twice < 2; twice++)
        if (!registry_ensure_indexes(registry, &err))
            fail_msg("%s", err.detail);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        index_of(rows[i].admin, rows[i].collection, rows[i].field, "x", rows[i].fold, name,
                 sizeof name);
        assert_string_equal(name, rows[i].want);
    }
    /* Entries without an id do not clash, emails do, in any case. */
    add_tenant("bare-a", NULL, "active", 0);
    add_tenant("bare-b", NULL, "active", 0);
    insert(false, "users", BCON_NEW("email", BCON_UTF8("a@b.c")));
    {
        struct scope scope = platform(false);
        bson_t *doc = BCON_NEW("email", BCON_UTF8("A@B.C"));

        assert_false(scope_insert(&scope, "users", doc, &err));
        assert_int_equal(err.code, ERR_DUPLICATE);
        assert_string_equal(err.detail, "email already exists");
        bson_destroy(doc);
    }
}

static void an_index_that_cannot_be_made_is_named(void **state ERP_UNUSED)
{
    char name[64];

    insert(false, "users", BCON_NEW("email", BCON_UTF8("a@b.c"), "id", BCON_UTF8("1")));
    insert(false, "users", BCON_NEW("email", BCON_UTF8("A@b.c"), "id", BCON_UTF8("2")));
    assert_false(registry_ensure_indexes(registry, &err));
    assert_int_equal(err.code, ERR_DUPLICATE);
    assert_non_null(strstr(err.detail, "users_email"));
    err_clear(&err);
    index_of(false, "users", "id", "x", false, name, sizeof name);
    assert_string_equal(name, "users_id");
}

static bool resolve(const char *slug, const char *tenant_id, struct scope *scope)
{
    const struct tenant *tenant;

    err_clear(&err);
    return resolve_tenant(&resolver, slug, tenant_id, arena, clock_mono_us() + 9000000, &tenant,
                          scope, &err);
}

static void refuses(const char *slug, const char *tenant_id, enum err_code code, const char *detail)
{
    struct scope scope;

    assert_false(resolve(slug, tenant_id, &scope));
    assert_int_equal(err.code, code);
    if (detail)
        assert_string_equal(err.detail, detail);
}

static void what_does_not_fit_is_refused(void **state ERP_UNUSED)
{
    struct scope scope;

    add_tenant("good", "id-1", "active", 0);
    add_tenant("sus", "id-2", "suspended", 0);
    add_tenant("off", "id-3", "inactive", 0);
    add_tenant("gone", "id-4", "deleted", 0);
    add_tenant("bare", NULL, "active", 0);
    add_tenant("no-uri", "id-5", "active", 0);
    set_field("no-uri", "db_uri", "");
    add_tenant("bad-uri", "id-6", "active", 0);
    set_field("bad-uri", "db_uri", "not a uri");
    add_tenant("users", "id-7", "active", 0);
    set_field("users", "db_name", users_db);
    add_tenant("hub", "id-8", "active", 0);
    set_field("hub", "db_name", admin_db);
    assert_true(resolve("good", "id-1", &scope));
    refuses("good", "id-2", ERR_TENANT_MISMATCH, NULL);
    refuses("good", "", ERR_TENANT_MISMATCH, NULL);
    refuses("good", NULL, ERR_TENANT_MISMATCH, NULL);
    refuses("bare", "", ERR_TENANT_MISMATCH, NULL);
    refuses("nobody", "id-1", ERR_TENANT_NOT_FOUND, "Tenant not found");
    refuses("", "id-1", ERR_TENANT_NOT_FOUND, "Tenant not found");
    refuses(NULL, "id-1", ERR_TENANT_NOT_FOUND, "Tenant not found");
    refuses("sus", "id-2", ERR_TENANT_INACTIVE,
            "This tenant is suspended. Please contact support.");
    refuses("sus", "id-1", ERR_TENANT_MISMATCH, NULL);
    refuses("off", "id-3", ERR_TENANT_INACTIVE, NULL);
    refuses("gone", "id-4", ERR_TENANT_INACTIVE, NULL);
    refuses("no-uri", "id-5", ERR_DB_NOT_CONFIGURED, "No database URI configured for this tenant");
    refuses("bad-uri", "id-6", ERR_DB_NOT_CONFIGURED, NULL);
    refuses("users", "id-7", ERR_DB_NOT_CONFIGURED, NULL);
    refuses("hub", "id-8", ERR_DB_NOT_CONFIGURED, NULL);
}

static void a_scope_reaches_its_own_database_only(void **state ERP_UNUSED)
{
    struct scope one, two;
    bson_t *doc, filter = BSON_INITIALIZER;
    const bson_t *found;

    add_tenant("one", "id-1", "active", 0);
    add_tenant("two", "id-2", "active", 1);
    assert_true(resolve("one", "id-1", &one));
    assert_true(resolve("two", "id-2", &two));
    assert_string_equal(one.db_name, tenant_db[0]);
    assert_string_equal(two.db_name, tenant_db[1]);
    assert_null(one.branch_id);
    assert_ptr_equal(one.client, two.client); /* one URI, one client */
    doc = BCON_NEW("tenant_id", BCON_UTF8("id-1"), "id", BCON_UTF8("x"));
    assert_true(scope_insert(&one, "things", doc, &err));
    scope_filter(&two, NULL, &filter);
    assert_true(scope_find_one(&two, "things", &filter, NULL, &found, &err));
    assert_null(found);
    bson_reinit(&filter);
    scope_filter(&one, NULL, &filter);
    assert_true(scope_find_one(&one, "things", &filter, NULL, &found, &err));
    assert_non_null(found);
    bson_destroy(doc);
    bson_destroy(&filter);
}

static void a_scope_outlives_its_entry(void **state ERP_UNUSED)
{
    const struct tenant *tenant;
    struct scope scope;
    bson_t filter = BSON_INITIALIZER;
    const bson_t *found;

    add_tenant("one", "id-1", "active", 0);
    assert_true(resolve_tenant(&resolver, "one", "id-1", arena, clock_mono_us() + 9000000, &tenant,
                               &scope, &err));
    registry_forget(registry, NULL);
    assert_string_equal(tenant->slug, "one");
    assert_string_equal(tenant->db_uri, "");
    assert_string_equal(scope.tenant_id, "id-1");
    scope_filter(&scope, NULL, &filter);
    assert_true(scope_find_one(&scope, "nothing", &filter, NULL, &found, &err));
    bson_destroy(&filter);
}

static void one_dead_cluster_costs_the_others_nothing(void **state ERP_UNUSED)
{
    struct scope dead, good;
    bson_t *filter = BCON_NEW("tenant_id", BCON_UTF8("id-1"));
    const bson_t *found;
    int64_t started_us;

    add_tenant("dead", "id-1", "active", 0);
    set_field("dead", "db_uri", proxy_url(proxy));
    add_tenant("good", "id-2", "active", 1);
    proxy_kill(proxy);
    assert_true(resolve("dead", "id-1", &dead));
    assert_false(scope_find_one(&dead, "things", filter, NULL, &found, &err));
    assert_int_equal(err.code, ERR_DB_UNAVAILABLE);
    assert_string_equal(err.detail, "Database connection failed for this tenant. "
                                    "Please try again shortly.");
    started_us = clock_mono_us();
    for (int i = 0; i < 20; i++) {
        refuses("dead", "id-1", ERR_DB_UNAVAILABLE, NULL);
        assert_true(err.retry_after >= 1);
        assert_true(resolve("good", "id-2", &good));
    }
    assert_true(clock_mono_us() - started_us < 500000);
    bson_destroy(filter);
}

static void legacy_users_share_one_database(void **state ERP_UNUSED)
{
    struct tenant tenant;
    struct scope scope;
    int64_t deadline_us = clock_mono_us() + 9000000;

    assert_true(resolve_legacy(&resolver, "old-1", arena, deadline_us, &tenant, &scope, &err));
    assert_string_equal(tenant.slug, "default");
    assert_string_equal(tenant.tenant_id, "old-1");
    assert_string_equal(scope.db_name, users_db);
    assert_string_equal(scope.tenant_id, "old-1");
    assert_int_equal(tenant.decimals, 2);
    assert_false(resolve_legacy(&resolver, "", arena, deadline_us, &tenant, &scope, &err));
    assert_int_equal(err.code, ERR_TENANT_REQUIRED);
    err_clear(&err);
    assert_false(resolve_legacy(&resolver, NULL, arena, deadline_us, &tenant, &scope, &err));
    assert_int_equal(err.code, ERR_TENANT_REQUIRED);
    err_clear(&err);
    /* Once the tenant is registered its users are to be found there. */
    add_tenant("moved", "old-1", "active", 0);
    board_bump(board, "id:old-1");
    assert_false(resolve_legacy(&resolver, "old-1", arena, deadline_us, &tenant, &scope, &err));
    assert_int_equal(err.code, ERR_TENANT_MISMATCH);
    err_clear(&err);
    conf.legacy = false;
    assert_false(resolve_legacy(&resolver, "old-2", arena, deadline_us, &tenant, &scope, &err));
    assert_int_equal(err.code, ERR_LEGACY_OFF);
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIVE(entries_are_cached_until_the_board_says),
        LIVE(absence_is_cached_too),
        LIVE(entries_expire),
        LIVE(an_absent_registry_refuses),
        LIVE(doubt_refuses),
        LIVE(emails_are_case_folded),
        LIVE(an_entry_takes_its_id_once),
        LIVE(the_platform_has_its_indexes),
        LIVE(an_index_that_cannot_be_made_is_named),
        LIVE(what_does_not_fit_is_refused),
        LIVE(a_scope_reaches_its_own_database_only),
        LIVE(a_scope_outlives_its_entry),
        LIVE(one_dead_cluster_costs_the_others_nothing),
        LIVE(legacy_users_share_one_database),
    };
    int missing = live_missing();

    return missing >= 0 ? missing : cmocka_run_group_tests(tests, start_all, end_all);
}
