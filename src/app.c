/* Builds the process handle in the order in which its parts need each other. */
#include "base.h"
#include "app.h"
#include "core/log.h"
#include "engine/index.h"
#include "engine/resource.h"
#include "routes.h"

/* A tree without one of its nodes is a wrong answer; no answer is better. */
static void *json_malloc(size_t size)
{
    void *p = malloc(size ? size : 1);

    if (!p)
        die("out of memory: %zu bytes for JSON", size);
    return p;
}

/* The driver's own reading of the URLs; core/conf.c knows their schemes only. */
static bool check_urls(const struct conf *conf)
{
    const struct {
        const char *name, *url;
    } urls[] = {{"MONGO_URL", conf->mongo_url},
                {"ADMIN_MONGO_URL", conf->admin_mongo_url},
                {"DEFAULT_MONGO_URL", conf->default_mongo_url}};

    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        if (clients_uri_usable(urls[i].url))
            continue;
        fprintf(stderr, "setting %s: is not a usable MongoDB URI\n", urls[i].name);
        return false;
    }
    return true;
}

static bool build_caches(struct app *app)
{
    const struct conf *conf = &app->conf;

    if (!check_urls(conf))
        return false;
    app->board = board_open(conf->board_path);
    if (!app->board) {
        fprintf(stderr, "setting ERP_BOARD: cannot be opened: %s\n", strerror(errno));
        return false;
    }
    conf_derive_key(conf, "cursor", app->cursor_key);
    app->clients = clients_new((size_t)conf->client_cache, app->board);
    clients_set_command_time(app->clients, (int32_t)conf->db_patience_ms);
    app->registry = registry_new(conf, app->board, app->clients);
    app->resolver = (struct resolver){conf, app->board, app->registry, app->clients};
    app->users = users_new(conf, app->board, app->registry);
    app->keys = token_keys_new(conf);
    app->indexes = index_cache_new();
    app->login = (struct login){conf, app->users, app->keys, &app->resolver};
    return true;
}

bool app_init(struct app *app, bool need_secrets)
{
    enum log_level level;

    *app = (struct app){0};
    json_set_alloc_funcs(json_malloc, free);
    str_init(&app->openapi);
    if (!conf_load(&app->conf, need_secrets)) {
        str_release(&app->openapi);
        return false;
    }
    if (log_level_parse(app->conf.log_level, &level))
        log_set_level(level);
    if (resource_lint(stderr) != 0)
        die("a resource descriptor is not sound");
    app->routes = routes_build();
    if (!need_secrets || build_caches(app))
        return true;
    app_release(app);
    return false;
}

void app_release(struct app *app)
{
    index_cache_free(app->indexes);
    token_keys_free(app->keys);
    users_free(app->users);
    registry_free(app->registry);
    clients_free(app->clients);
    board_close(app->board);
    route_table_free((struct route_table *)(uintptr_t)app->routes);
    str_release(&app->openapi);
    conf_release(&app->conf);
}
