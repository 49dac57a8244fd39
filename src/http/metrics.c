/* The board as Prometheus' text format 0.0.4. Every family is written once, with its help and type,
 * and all its series together; there are no more of them than the board has rows. */
#include "base.h"
#include "http/metrics.h"
#include "core/clock.h"

static void family(struct str *out, const char *name, const char *type, const char *help)
{
    str_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value: backslash, quote and line feed are escaped. */
static void value(struct str *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n') {
            str_addz(out, "\\n");
            continue;
        }
        if (*text == '\\' || *text == '"')
            str_addc(out, '\\');
        str_addc(out, *text);
    }
}

static void label(struct str *out, const char *before, const char *name, const char *text)
{
    str_addf(out, "%s%s=\"", before, name);
    value(out, text);
    str_addc(out, '"');
}

static void sums(const uint64_t sum[static BC_COUNT], struct str *out)
{
    family(out, "erpd_requests_total", "counter", "Requests served, refused ones included.");
    str_addf(out, "erpd_requests_total %" PRIu64 "\n", sum[BC_REQUESTS]);
    family(out, "erpd_errors_total", "counter", "Requests answered with an error.");
    str_addf(out,
             "erpd_errors_total{class=\"4xx\"} %" PRIu64 "\n"
             "erpd_errors_total{class=\"5xx\"} %" PRIu64 "\n",
             sum[BC_ERRORS_4XX], sum[BC_ERRORS_5XX]);
    family(out, "erpd_db_commands_total", "counter", "Commands sent to tenants' databases.");
    str_addf(out, "erpd_db_commands_total %" PRIu64 "\n", sum[BC_DB_ROUND_TRIPS]);
    family(out, "erpd_registry_cache_total", "counter", "Look-ups of registry entries.");
    str_addf(out,
             "erpd_registry_cache_total{result=\"hit\"} %" PRIu64 "\n"
             "erpd_registry_cache_total{result=\"miss\"} %" PRIu64 "\n",
             sum[BC_REGISTRY_HIT], sum[BC_REGISTRY_MISS]);
    family(out, "erpd_client_cache_total", "counter", "Look-ups of database clients.");
    str_addf(out,
             "erpd_client_cache_total{result=\"hit\"} %" PRIu64 "\n"
             "erpd_client_cache_total{result=\"miss\"} %" PRIu64 "\n",
             sum[BC_CLIENT_HIT], sum[BC_CLIENT_MISS]);
    family(out, "erpd_client_evictions_total", "counter", "Database clients closed for others.");
    str_addf(out, "erpd_client_evictions_total %" PRIu64 "\n", sum[BC_CLIENT_EVICT]);
}

static void durations(const uint64_t sum[static BC_COUNT], struct str *out)
{
    static const struct {
        const char *le;
        enum board_counter counter;
    } buckets[] = {
        {"0.005", BC_MS_5}, {"0.025", BC_MS_25}, {"0.1", BC_MS_100},
        {"0.5", BC_MS_500}, {"2.5", BC_MS_2500},
    };
    uint64_t so_far = 0, all = sum[BC_REQUESTS];

    family(out, "erpd_request_duration_seconds", "histogram", "Time of requests in the workers.");
    for (size_t i = 0; i < ARRAY_LEN(buckets); i++) {
        so_far += sum[buckets[i].counter];
        str_addf(out, "erpd_request_duration_seconds_bucket{le=\"%s\"} %" PRIu64 "\n",
                 buckets[i].le, so_far);
    }
    /* The counters are read one after the other, while workers add to them. */
    all = all > so_far ? all : so_far;
    str_addf(out,
             "erpd_request_duration_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n"
             "erpd_request_duration_seconds_sum %.6f\n"
             "erpd_request_duration_seconds_count %" PRIu64 "\n",
             all, (double)sum[BC_TIME_US] / 1e6, all);
}

/* ---- workers ---- */

#define POOLS_MAX 16

struct pool {
    char name[16];
    int busy, idle;
};

static struct pool *pool_of(struct pool *pools, size_t *n, const char *name)
{
    size_t i = 0;

    while (i < *n && strcmp(pools[i].name, name) != 0)
        i++;
    if (i == POOLS_MAX)
        return &pools[POOLS_MAX - 1];
    if (i == *n)
        snprintf(pools[(*n)++].name, sizeof pools->name, "%s", name);
    return &pools[i];
}

static void workers(const struct board *board, struct str *out)
{
    struct pool pools[POOLS_MAX] = {0};
    struct board_slot_info slot;
    int64_t longest = 0, now = clock_ms();
    size_t n = 0;

    for (size_t i = 0; i < BOARD_SLOTS; i++) {
        if (!board_slot(board, i, &slot))
            continue;
        if (slot.state == BOARD_BUSY)
            pool_of(pools, &n, slot.pool)->busy++;
        else
            pool_of(pools, &n, slot.pool)->idle++;
        if (slot.state == BOARD_BUSY && now - slot.started_ms > longest)
            longest = now - slot.started_ms;
    }
    family(out, "erpd_workers", "gauge", "Living workers by pool and state.");
    for (size_t i = 0; i < n; i++) {
        label(out, "erpd_workers{", "pool", pools[i].name);
        str_addf(out, ",state=\"busy\"} %d\n", pools[i].busy);
        label(out, "erpd_workers{", "pool", pools[i].name);
        str_addf(out, ",state=\"idle\"} %d\n", pools[i].idle);
    }
    family(out, "erpd_longest_request_seconds", "gauge", "Age of the oldest request in hand.");
    str_addf(out, "erpd_longest_request_seconds %.3f\n", (double)longest / 1000);
}

static void surroundings(const struct board *board, struct str *out)
{
    struct board_breaker_info breaker;
    int64_t age = board_watcher_age_ms(board);

    family(out, "erpd_watcher_up", "gauge", "1 while the watcher lives.");
    str_addf(out, "erpd_watcher_up %d\n", board_watcher_alive(board));
    family(out, "erpd_watcher_age_seconds", "gauge", "Since its last sign of life; NaN: none yet.");
    if (age >= 0)
        str_addf(out, "erpd_watcher_age_seconds %.3f\n", (double)age / 1000);
    else
        str_addz(out, "erpd_watcher_age_seconds NaN\n");
    family(out, "erpd_breaker_open", "gauge", "1 for each cluster that is not asked now.");
    for (size_t i = 0; i < BOARD_BREAKERS; i++)
        if (board_breaker_row(board, i, &breaker))
            str_addf(out, "erpd_breaker_open{cluster=\"%016" PRIx64 "\"} %d\n", breaker.cluster,
                     breaker.open);
}

/* ---- tenants ---- */

static double seconds(uint64_t us)
{
    return (double)us / 1e6;
}

/* The tenants' rows are read anew for each family: its series have to stand together. */
static void tenants(const struct board *board, struct str *out)
{
    static const struct {
        const char *name, *help, *more; /* more: another label */
        enum board_tenant_counter counter;
        bool time;
    } families[] = {
        {"erpd_tenant_requests_total", "Requests of a tenant.", "", BT_REQUESTS, false},
        {"erpd_tenant_errors_total", "Requests of a tenant answered with an error.",
         ",class=\"4xx\"", BT_ERRORS_4XX, false},
        {NULL, NULL, ",class=\"5xx\"", BT_ERRORS_5XX, false},
        {"erpd_tenant_db_commands_total", "Commands sent to the database of a tenant.", "",
         BT_ROUND_TRIPS, false},
        {"erpd_tenant_seconds_total", "Workers' time spent on a tenant.", "", BT_TIME_US, true},
        {"erpd_tenant_db_seconds_total", "Of which waiting for its database.", "", BT_DB_US, true},
    };
    struct board_tenant_info row;
    const char *name = NULL;

    for (size_t k = 0; k < ARRAY_LEN(families); k++) {
        if (families[k].name)
            family(out, name = families[k].name, "counter", families[k].help);
        for (size_t i = 0; i <= BOARD_TENANTS; i++) {
            if (!board_tenant_row(board, i, &row))
                continue;
            str_addz(out, name);
            /* No slug has an underscore. */
            label(out, "{", "tenant", row.slug[0] ? row.slug : "_other");
            str_addf(out, "%s} ", families[k].more);
            if (families[k].time)
                str_addf(out, "%.6f\n", seconds(row.counters[families[k].counter]));
            else
                str_addf(out, "%" PRIu64 "\n", row.counters[families[k].counter]);
        }
    }
}

void metrics_write(const struct board *board, struct str *out)
{
    uint64_t sum[BC_COUNT];

    board_sum(board, sum);
    family(out, "erpd_build_info", "gauge", "Always 1; the version is a label.");
    label(out, "erpd_build_info{", "version", PACKAGE_VERSION);
    str_addz(out, "} 1\n");
    sums(sum, out);
    durations(sum, out);
    workers(board, out);
    surroundings(board, out);
    tenants(board, out);
}

bool metrics_serve(struct req *req)
{
    if (strcmp(req->path, "/metrics") != 0 ||
        (strcmp(req->method, "GET") != 0 && strcmp(req->method, "HEAD") != 0))
        return false;
    board_busy(req->app->board, "GET /metrics");
    metrics_write(req->app->board, req->resp.body);
    req->resp.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return true;
}
