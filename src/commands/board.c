/* What is written to the board: clearing caches, and whose requests are logged in detail. */
#include "base.h"
#include "commands/platform.h"
#include "core/clock.h"
#include "core/log.h"

static int run_clear(struct ctl *ctl)
{
    const char *slug = ctl->n_args > 0 ? ctl->args[0] : NULL;

    if (slug != NULL)
        board_bump(ctl->board, slug);
    else
        board_bump_all(ctl->board);
    print_result(ctl, json_pack("{s:s?, s:i}", "slug", slug, "workers", board_workers(ctl->board)),
                 "%s: forgotten by all %d workers of this host at their next request",
                 slug != NULL ? slug : "every tenant and user", board_workers(ctl->board));
    return EXIT_OK;
}

const struct command cmd_cache_clear = {
    .name = "cache clear",
    .args = "[SLUG]",
    .max_args = 1,
    .summary = "make every worker of this host read the registry entry of a tenant anew, or "
               "everything that is cached",
    .needs = NEEDS_BOARD,
    .run = run_clear,
};

/* --- log -------------------------------------------------------------------------------------- */

#define SHARED          "default" /* the slug of those without a tenant */
#define MINUTES_DEFAULT 15
#define MINUTES_MAX     1440

static int list_debugs(struct ctl *ctl)
{
    static const struct print_column columns[] = {
        {"slug", "TENANT"}, {"until", "UNTIL"}, {NULL, NULL}};
    json_auto_t *rows = json_array();
    struct board_debug_info row;
    char until[CLOCK_TEXT_SIZE];

    for (size_t i = 0; i < BOARD_DEBUGS; i++) {
        if (!board_debug_row(ctl->board, i, &row))
            continue;
        clock_format(until, row.until_ms);
        json_array_append_new(rows, json_pack("{s:s, s:s}", "slug", row.slug, "until", until));
    }
    print_rows(ctl, rows, columns);
    return EXIT_OK;
}

/* A slug nobody has would take one of the few places on the board. When the registry does not
 * answer, which is what one may want to look into, it is taken as it is. */
static bool known(struct ctl *ctl, const char *slug)
{
    const bson_t *doc;

    if (strcmp(slug, SHARED) == 0)
        return true;
    if (!platform_find(ctl, slug, &doc)) {
        ctl_warn(ctl, "whether there is a tenant %s is not known: %s", slug, ctl->err.detail);
        err_clear(&ctl->err);
        return true;
    }
    return doc || err_set(&ctl->err, ERR_TENANT_NOT_FOUND, "There is no tenant %s", slug);
}

static int set_debug(struct ctl *ctl, const char *slug, bool on, int64_t minutes)
{
    int64_t until_ms = on ? clock_ms() + minutes * 60000 : 0;
    char until[CLOCK_TEXT_SIZE];

    if (on && !known(ctl, slug))
        return ctl_fail(ctl);
    if (!board_debug_set(ctl->board, slug, until_ms)) {
        err_set(&ctl->err, ERR_CONFLICT, "%d tenants are logged in detail already", BOARD_DEBUGS);
        return ctl_fail(ctl);
    }
    log_event(LOG_LVL_INFO, "log_level", "tenant", slug, "level", on ? "debug" : "off", NULL);
    platform_audit(ctl, NULL, on ? "log_debug" : "log_off", ENTRIES, slug);
    clock_format(until, until_ms);
    if (on)
        print_result(ctl,
                     json_pack("{s:s, s:s, s:s}", "slug", slug, "level", "debug", "until", until),
                     "%s: logged in detail by the workers of this host until %s", slug, until);
    else
        print_result(ctl, json_pack("{s:s, s:s, s:n}", "slug", slug, "level", "off", "until"),
                     "%s: logged as usual", slug);
    return ctl_done(ctl);
}

static int run_log(struct ctl *ctl)
{
    const char *slug = ctl->n_args > 0 ? ctl->args[0] : NULL;
    const char *level = ctl->n_args > 1 ? ctl->args[1] : NULL;
    int64_t minutes = MINUTES_DEFAULT;
    bool on = level != NULL && strcmp(level, "debug") == 0;

    if (!ctl_option_int(ctl, "for", 1, MINUTES_MAX, &minutes))
        return EXIT_USAGE;
    if (slug == NULL)
        return list_debugs(ctl);
    if (!slug_valid(slug))
        return ctl_usage(ctl, "this is no slug");
    if (level == NULL || (!on && strcmp(level, "off") != 0))
        return ctl_usage(ctl, "after the tenant comes debug or off");
    if (!on && ctl_option(ctl, "for") != NULL)
        return ctl_usage(ctl, "--for goes with debug");
    return set_debug(ctl, slug, on, minutes);
}

static const struct command_option log_options[] = {
    {"for", "MINUTES", "how long, 1 to 1440; 15 when not given", false},
    {NULL},
};

const struct command cmd_log = {
    .name = "log",
    .args = "[SLUG debug|off]",
    .max_args = 2,
    .summary = "log the requests of one tenant in detail for a while; without arguments, list "
               "those that are",
    .details = "From their next request on, all workers of this host log which database, which "
               "commands, how long each took and what was found in the caches; never values, "
               "passwords or addresses with passwords. The slug \"default\" stands for the shared "
               "database. Ends by itself; nothing is restarted. The platform's audit log tells who "
               "asked for it.",
    .options = log_options,
    .needs = NEEDS_PLATFORM,
    .run = run_log,
};
