/* Does any tenant see anything of another? Asks the running service, by every GET route there is,
 * with a token of every tenant, and looks for what can only be another's. */
#include "base.h"
#include "commands/canary.h"
#include "commands/fetch.h"
#include "engine/resource.h"
#include "http/route.h"
#include "platform/entry.h"

#define OTHERS_MAX 3 /* whose ids one tenant tries: all of N tenants would be N squared */

struct check {
    struct ctl *ctl;
    struct fetch *fetch;
    struct token_keys *keys;
    struct route_table *routes;
    struct canary *canaries;
    size_t n;
    json_t *leaks, *open;        /* what was found; what could not be judged */
    json_int_t requests;
    struct str body;
};

/* --- findings --------------------------------------------------------------------------------- */

static void add_leak(struct check *check, const struct canary *who, const char *path,
                     const struct canary *whose, const char *what)
{
    json_array_append_new(check->leaks,
                          json_pack("{s:s, s:s, s:s, s:s}", "tenant", who->tenant->slug, "path",
                                    path, "other", whose ? whose->tenant->slug : "-", "what",
                                    what));
}

/* Another's id or marker in an answer is a leak, whatever its status. */
static void look_for_others(struct check *check, const struct canary *who, const char *path)
{
    for (size_t i = 0; i < check->n; i++) {
        const struct canary *other = &check->canaries[i];

        if (other == who)
            continue;
        if (strstr(check->body.p, other->marker))
            add_leak(check, who, path, other, "shows the other's database");
        else if (strstr(check->body.p, other->tenant->tenant_id))
            add_leak(check, who, path, other, "shows the other's id");
    }
}

/* What stops one tenant from taking part is told, and the others are looked at all the same. */
static void leave_out(struct check *check, const char *slug, const char *path)
{
    struct err *err = &check->ctl->err;

    json_array_append_new(check->open,
                          json_pack("{s:s, s:s, s:i, s:s}", "tenant", slug, "path", path, "status",
                                    0, "why", err->detail));
    err_clear(err);
}

static bool ask(struct check *check, const struct canary *who, const char *path, long *status)
{
    check->requests++;
    if (!fetch_get(check->fetch, path, who->token, &check->body, status, &check->ctl->err))
        return false;
    look_for_others(check, who, path);
    if (*status >= 500 || *status == 401)
        json_array_append_new(check->open, json_pack("{s:s, s:s, s:i}", "tenant",
                                                     who->tenant->slug, "path", path, "status",
                                                     (int)*status));
    return true;
}

/* --- the walk --------------------------------------------------------------------------------- */

/* The path of a row with every parameter replaced by `id`. */
static const char *fill_path(struct ctl *ctl, const char *path, const char *id)
{
    const char *out = "";

    while (*path) {
        size_t len = strcspn(path, "{");

        out = arena_printf(ctl->arena, "%s%.*s%s", out, (int)len, path, path[len] ? id : "");
        path += len;
        path += strcspn(path, "}");
        path += *path == '}';
    }
    return out;
}

/* What the other has that this row could show. */
static bool foreign_id(struct check *check, const struct route *row, const struct canary *other,
                       const char **id)
{
    if (row->resource)
        return canary_sample(check->ctl, other, row->resource->collection, id);
    *id = strstr(row->path, "{tenant_id}") ? other->tenant->tenant_id : other->user_id;
    return true;
}

static bool try_foreign(struct check *check, const struct route *row, const struct canary *who,
                        const struct canary *other)
{
    const char *id, *path;
    long status;

    if (!foreign_id(check, row, other, &id)) {
        leave_out(check, other->tenant->slug, row->path);
        return true;
    }
    if (!id)
        return true;
    path = fill_path(check->ctl, row->path, id);
    if (!ask(check, who, path, &status))
        return false;
    if (status < 400)
        add_leak(check, who, path, other, "answers with a record of the other");
    return true;
}

static bool walk_row(struct check *check, const struct route *row, size_t i)
{
    const struct canary *who = &check->canaries[i];
    long status;

    if (strchr(row->path, '{')) {
        for (size_t k = 1; k < check->n && k <= OTHERS_MAX; k++)
            if (!try_foreign(check, row, who, &check->canaries[(i + k) % check->n]))
                return false;
        return true;
    }
    if (!ask(check, who, row->path, &status))
        return false;
    if (status < 300 && !(route_roles(row) & R(ROLE_TENANT_ADMIN)))
        add_leak(check, who, row->path, NULL, "answers a tenant, but is the platform's own");
    return true;
}

static bool walk(struct check *check)
{
    for (size_t i = 0; i < check->n; i++) {
        ctl_progress(check->ctl, "%s …", check->canaries[i].tenant->slug);
        for (size_t r = 0; r < route_count(check->routes); r++) {
            const struct route *row = route_at(check->routes, r);

            if (strcmp(row->method, "GET") == 0 && row->auth != AUTH_PUBLIC &&
                !walk_row(check, row, i))
                return false;
        }
    }
    return true;
}

/* --- who takes part --------------------------------------------------------------------------- */

static bool named(const struct ctl *ctl, const char *slug)
{
    for (size_t i = 0; i < ctl->n_args; i++)
        if (strcmp(ctl->args[i], slug) == 0)
            return true;
    return ctl->n_args == 0;
}

static bool is_active(const bson_t *doc)
{
    const char *status = doc_text(doc, "status");

    return status && strcmp(status, tenant_status_name(TENANT_ACTIVE)) == 0;
}

/* Tenants that serve somebody; nobody can have a token of the others. All are read before the first
 * is planted: that may take longer than one answer of the registry. */
static bool find_all(struct check *check, struct tenant **tenants, size_t max, size_t *n)
{
    struct ctl *ctl = check->ctl;
    struct job job = ctl_job(ctl);
    bson_t filter = BSON_INITIALIZER;
    const bson_t *doc = NULL;
    mongoc_cursor_t *cursor;
    struct scope scope;
    bool ok = platform_registry(ctl, &scope);

    cursor = ok ? scope_find(&scope, ENTRIES, &filter, NULL) : NULL;
    while (ok && *n < max && (ok = scope_next(&scope, cursor, &doc, &ctl->err)) && doc) {
        const char *slug = doc_text(doc, "slug");

        if (!is_active(doc) || !named(ctl, slug ? slug : "?"))
            continue;
        if (!entry_read(&job, doc, &tenants[*n]))
            leave_out(check, slug ? slug : "?", "-");
        else if (*tenants[*n]->tenant_id)
            ++*n;
    }
    bson_destroy(&filter);
    return ok;
}

/* Who was named and takes no part is told. */
static void tell_missing(struct check *check, struct tenant *const *tenants, size_t n)
{
    struct ctl *ctl = check->ctl;
    const json_t *one;
    size_t k;

    for (size_t i = 0; i < ctl->n_args; i++) {
        bool told = false;

        for (k = 0; k < n && !told; k++)
            told = strcmp(tenants[k]->slug, ctl->args[i]) == 0;
        json_array_foreach(check->open, k, one)
            told = told || strcmp(json_string_value(json_object_get(one, "tenant")),
                                  ctl->args[i]) == 0;
        if (told)
            continue;
        err_set(&ctl->err, ERR_TENANT_NOT_FOUND, "There is no active tenant of this slug");
        leave_out(check, ctl->args[i], "-");
    }
}

static bool plant_all(struct check *check)
{
    struct ctl *ctl = check->ctl;
    bson_t filter = BSON_INITIALIZER;
    struct tenant **tenants;
    struct scope scope;
    int64_t count = 0;
    size_t n = 0;

    if (!platform_registry(ctl, &scope) ||
        !scope_count(&scope, ENTRIES, &filter, 0, &count, &ctl->err))
        return false;
    tenants = arena_alloc(ctl->arena, (size_t)(count + 1) * sizeof *tenants);
    check->canaries = arena_alloc(ctl->arena, (size_t)(count + 1) * sizeof *check->canaries);
    if (!find_all(check, tenants, (size_t)count, &n))
        return false;
    tell_missing(check, tenants, n);
    for (size_t i = 0; i < n; i++) {
        struct canary *canary = &check->canaries[check->n];

        if (canary_plant(ctl, check->keys, tenants[i], canary)) {
            check->n++;
            continue;
        }
        leave_out(check, tenants[i]->slug, "-");
        canary_remove(ctl, canary);
    }
    return check->n > 1 || err_set(&ctl->err, ERR_VALIDATION,
                                   "There are fewer than two active tenants to compare");
}

/* --- the command ------------------------------------------------------------------------------ */

static void print_open(const struct ctl *ctl, const json_t *one)
{
    const char *why = json_string_value(json_object_get(one, "why"));
    int status = (int)json_integer_value(json_object_get(one, "status"));

    printf("not judged: %s: %s %s\n", json_string_value(json_object_get(one, "tenant")),
           json_string_value(json_object_get(one, "path")),
           why ? print_clean(ctl, why) : arena_printf(ctl->arena, "answered %d", status));
}

static int report(struct check *check)
{
    struct ctl *ctl = check->ctl;
    size_t leaks = json_array_size(check->leaks), open = json_array_size(check->open), i;
    json_t *one;

    if (!ctl->json) {
        json_array_foreach (check->leaks, i, one)
            printf("LEAK %s: %s %s (%s)\n", json_string_value(json_object_get(one, "tenant")),
                   json_string_value(json_object_get(one, "path")),
                   json_string_value(json_object_get(one, "what")),
                   json_string_value(json_object_get(one, "other")));
        json_array_foreach (check->open, i, one)
            print_open(ctl, one);
    }
    print_result(ctl,
                 json_pack("{s:I, s:I, s:O, s:O}", "tenants", (json_int_t)check->n, "requests",
                           check->requests, "leaks", check->leaks, "not_judged", check->open),
                 "%zu tenants, %lld requests: %zu leaks, %zu not judged", check->n,
                 (long long)check->requests, leaks, open);
    if (leaks > 0)
        return EXIT_FAILED;
    return open > 0 ? EXIT_PARTLY : ctl_done(ctl);
}

static int run_check(struct check *check)
{
    struct ctl *ctl = check->ctl;
    bool ok = plant_all(check) && walk(check);
    int code = ok ? EXIT_OK : ctl_fail(ctl);

    for (size_t i = 0; i < check->n; i++)
        canary_remove(ctl, &check->canaries[i]);
    return ok ? report(check) : code;
}

static int run(struct ctl *ctl)
{
    const char *url = ctl_option(ctl, "url");
    struct check check = {.ctl = ctl};
    int code;

    if (!url)
        url = ctl->conf.public_url;
    if (!url || !*url)
        return ctl_usage(ctl, "--url is needed: ERP_PUBLIC_URL is not set");
    if (ctl->conf.n_jwt_keys == 0) {
        err_set(&ctl->err, ERR_DB_NOT_CONFIGURED, "JWT_SECRET_KEY is needed to sign tokens");
        return ctl_fail(ctl);
    }
    str_init(&check.body);
    check.fetch = fetch_new(url, ctl_option(ctl, "cacert"));
    check.keys = token_keys_new(&ctl->conf);
    check.routes = ctl->routes();
    check.leaks = json_array();
    check.open = json_array();
    code = run_check(&check);
    json_decref(check.leaks);
    json_decref(check.open);
    route_table_free(check.routes);
    token_keys_free(check.keys);
    fetch_free(check.fetch);
    str_release(&check.body);
    return code;
}

static const struct command_option options[] = {
    {"url", "URL", "the service (default: ERP_PUBLIC_URL)", false},
    {"cacert", "FILE", "certificates to trust (default: the system's)", false},
    {NULL},
};

const struct command cmd_tenant_verify_isolation = {
    .name = "tenant verify-isolation",
    .args = "[SLUG...]",
    .max_args = 1000,
    .summary = "ask the running service whether a tenant sees anything of another",
    .details = "Plants a canary in every active tenant (or those named): an empty collection and a "
               "user that lives for minutes. Walks every GET route with a token of each, also with "
               "ids of others, and takes the canaries away. Business data is only read. Exits with "
               "1 when there is a leak, with 2 when some answers could not be judged, or a tenant "
               "whose entry or database is not usable took no part.",
    .options = options,
    .needs = NEEDS_PLATFORM,
    .run = run,
};
