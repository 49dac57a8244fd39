/* The operator's first question when something does not work: what is wrong, and what to do. */
#include "base.h"
#include "commands/platform.h"
#include "core/log.h"
#include "tenant/dbuser.h"

static void add_fault(json_t *faults, const char *where, const char *what, const char *remedy)
{
    json_array_append_new(
        faults, json_pack("{s:s, s:s, s:s}", "where", where, "fault", what, "remedy", remedy));
}

/* --- one entry of the registry --------------------------------------------------------------- */

static void check_tenant(struct ctl *ctl, const struct tenant *t, json_t *faults)
{
    struct arena *arena = ctl->arena;

    if (t->status != TENANT_ACTIVE)
        add_fault(faults, t->slug, arena_printf(arena, "is %s", tenant_status_name(t->status)),
                  arena_printf(arena, "erpctl tenant activate %s", t->slug));
    if (t->db_uri == NULL || *t->db_uri == '\0')
        add_fault(faults, t->slug, "has no db_uri: No database URI configured",
                  "set db_uri in the entry, then erpctl cache clear");
    if (!db_name_valid(t->db_name))
        add_fault(faults, t->slug, "has no usable db_name", "set db_name in the entry");
    if (*t->tenant_id == '\0')
        add_fault(faults, t->slug, "has no tenant_id yet",
                  "let its admin (admin_email) sign in once");
}

/* Two entries with one database would show each other's records to nobody, but drop them, restore
 * them and count them together. */
static void check_shared(struct ctl *ctl, const struct tenant *t, json_t *places, json_t *faults)
{
    char name[sizeof t->db_name];
    json_t *there, *one;
    size_t i;

    if (!*t->db_uri || !*t->db_name)
        return;
    /* Names that differ in case alone cannot stand side by side on a server. */
    memcpy(name, t->db_name, sizeof name);
    for (char *p = name; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    if (!(there = json_object_get(places, name)))
        json_object_set_new(places, name, there = json_array());
    json_array_foreach(there, i, one)
        if (dbuser_same_hosts(json_string_value(json_array_get(one, 1)), t->db_uri)) {
            add_fault(faults, t->slug,
                      arena_printf(ctl->arena, "has the database of %s",
                                   json_string_value(json_array_get(one, 0))),
                      "give one of them another db_name");
            return;
        }
    json_array_append_new(there, json_pack("[s, s]", t->slug, t->db_uri));
}

static void check_entry(struct ctl *ctl, const bson_t *doc, json_t *places, json_t *faults)
{
    struct tenant *tenant = arena_alloc(ctl->arena, sizeof(*tenant));
    const char *slug = doc_text(doc, "slug");

    if (tenant_from_bson(doc, &ctl->conf, tenant, &ctl->err)) {
        check_tenant(ctl, tenant, faults);
        check_shared(ctl, tenant, places, faults);
        tenant_release(tenant);
    } else {
        add_fault(faults, slug != NULL ? arena_strdup(ctl->arena, slug) : "?",
                  arena_strdup(ctl->arena, ctl->err.detail), "correct the entry");
        err_clear(&ctl->err);
    }
}

static bool check_entries(struct ctl *ctl, json_t *faults, json_int_t *count)
{
    bson_t *opts = BCON_NEW("sort", "{", "slug", BCON_INT32(1), "}");
    json_auto_t *places = json_object();
    bson_t filter = BSON_INITIALIZER;
    struct scope scope;
    mongoc_cursor_t *cursor;
    const bson_t *doc = NULL;
    bool ok = platform_registry(ctl, &scope);

    cursor = ok ? scope_find(&scope, ENTRIES, &filter, opts) : NULL;
    while (ok && (ok = scope_next(&scope, cursor, &doc, &ctl->err)) && doc != NULL) {
        ++*count;
        check_entry(ctl, doc, places, faults);
    }
    bson_destroy(opts);
    bson_destroy(&filter);
    return ok;
}

/* --- the platform ---------------------------------------------------------------------------- */

/* A database that is away is a fault like others: the rest is looked at all the same. */
static void add_away(struct ctl *ctl, json_t *faults, const char *setting)
{
    add_fault(faults, setting, arena_strdup(ctl->arena, ctl->err.detail),
              "is the server up, does its firewall or network access list let this host in, are "
              "user and password right?");
    err_clear(&ctl->err);
}

static bool ping_shared(struct ctl *ctl)
{
    bson_t *command = BCON_NEW("ping", BCON_INT32(1));
    struct scope scope;
    bson_t reply;
    bool ok = clients_scope(ctl->clients, ctl->conf.default_mongo_url, ctl->conf.db_name, NULL,
                            ctl->arena, ctl_deadline(), &scope, &ctl->err);

    if (ok) {
        ok = scope_command(&scope, command, &reply, &ctl->err);
        bson_destroy(&reply);
    }
    bson_destroy(command);
    return ok;
}

static bool reach_users(struct ctl *ctl)
{
    struct user *user = arena_alloc(ctl->arena, sizeof(*user));
    bool found;

    return users_by_email(ctl->users, "nobody@invalid", user, &found, &ctl->err);
}

/* erpctl does without the keys, the workers do not; they may be kept from whoever runs this. */
static void note_keys(const struct ctl *ctl)
{
    if (ctl->conf.secret_key == NULL || ctl->conf.jwt_secret_key == NULL)
        ctl_progress(ctl, "SECRET_KEY or JWT_SECRET_KEY is not set here; workers need both, and "
                          "erpd --check tests them");
}

static int check_platform(struct ctl *ctl)
{
    static const struct print_column columns[] = {
        {"where", "WHERE"}, {"fault", "FAULT"}, {"remedy", "WHAT TO DO"}, {NULL, NULL}};
    json_auto_t *faults = json_array();
    json_int_t count = 0;
    size_t away;

    note_keys(ctl);
    if (!reach_users(ctl))
        add_away(ctl, faults, "MONGO_URL");
    if (ctl->conf.legacy && !ping_shared(ctl))
        add_away(ctl, faults, "DEFAULT_MONGO_URL");
    away = json_array_size(faults);
    if (!check_entries(ctl, faults, &count)) {
        add_away(ctl, faults, "ADMIN_MONGO_URL");
        away++;
    }
    if (json_array_size(faults) > 0 || ctl->json)
        print_rows(ctl, faults, columns);
    else
        printf("The databases answer, and all %" JSON_INTEGER_FORMAT " tenants are usable.\n",
               count);
    if (away > 0)
        return EXIT_UNAVAILABLE;
    return json_array_size(faults) > 0 ? EXIT_FAILED : EXIT_OK;
}

/* --- one tenant's database ------------------------------------------------------------------- */

static json_t *collection_names(const bson_t *reply)
{
    json_t *names = json_array();
    bson_iter_t it, batch, item, name;

    if (!bson_iter_init(&it, reply) ||
        !bson_iter_find_descendant(&it, "cursor.firstBatch", &batch) ||
        !bson_iter_recurse(&batch, &item))
        return names;
    while (bson_iter_next(&item))
        if (bson_iter_recurse(&item, &name) && bson_iter_find(&name, "name"))
            json_array_append_new(names, json_string(bson_iter_utf8(&name, NULL)));
    return names;
}

/* As a worker would: the same rules, the same client, the same database. */
static bool join_database(struct ctl *ctl, const struct tenant *tenant, struct scope *scope)
{
    const struct tenant *resolved;

    /* The first sign-in of its admin gives an entry made by hand its id. */
    if (*tenant->tenant_id == '\0')
        return tenant_usable(tenant, &ctl->err) && platform_tenant_scope(ctl, tenant, scope);
    return resolve_tenant(&ctl->resolver, tenant->slug, tenant->tenant_id, ctl->arena,
                          ctl_deadline(), &resolved, scope, &ctl->err);
}

static int check_connection(struct ctl *ctl)
{
    bson_t *command = BCON_NEW("listCollections", BCON_INT32(1), "nameOnly", BCON_BOOL(true),
                               "authorizedCollections", BCON_BOOL(true));
    json_auto_t *record = NULL;
    struct tenant *tenant;
    struct scope scope;
    char host[256];
    bson_t reply;
    bool ok;

    ok = platform_tenant(ctl, ctl->args[0], &tenant) && join_database(ctl, tenant, &scope);
    if (ok) {
        ok = scope_command(&scope, command, &reply, &ctl->err);
        log_uri_host(host, sizeof(host), tenant->db_uri);
        if (ok)
            record =
                json_pack("{s:s, s:s, s:s, s:o}", "slug", tenant->slug, "db_name", tenant->db_name,
                          "db_host", host, "collections", collection_names(&reply));
        bson_destroy(&reply);
    }
    bson_destroy(command);
    if (!ok)
        return ctl_fail(ctl);
    print_record(ctl, record);
    return EXIT_OK;
}

static int run_check(struct ctl *ctl)
{
    return ctl->n_args > 0 ? check_connection(ctl) : check_platform(ctl);
}

const struct command cmd_check = {
    .name = "check",
    .args = "[SLUG]",
    .max_args = 1,
    .summary = "test settings, databases and registry entries, or connect to one tenant's "
               "database as a worker would",
    .needs = NEEDS_PLATFORM,
    .run = run_check,
};
