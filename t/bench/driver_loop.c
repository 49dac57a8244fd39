/* The bare driver loop that the server is measured against: the same commands on the same
 * database, without HTTP, JSON or tenants.
 *
 * driver_loop MODE SECONDS PROCESSES DB COLLECTION TENANT_ID [ID]   (URI in MONGO_URL)
 * MODE: list (100 records), get (one by id), health (listCollections and the newest audit entry),
 * cold (a new client and its first command). Prints operations a second, p50 and p99 in ms.
 */
#include "base.h"
#include <sys/mman.h>
#include <sys/wait.h>
#include <mongoc/mongoc.h>

#define SAMPLES_MAX 400000

struct setup {
    const char *mode, *uri, *db, *collection, *tenant_id, *id;
    double seconds;
};

struct result {
    size_t n;
    uint32_t us[SAMPLES_MAX];
};

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static mongoc_client_t *connect_to(const char *uri)
{
    mongoc_client_t *client = mongoc_client_new(uri);

    if (client == NULL) {
        fprintf(stderr, "driver_loop: MONGO_URL is not a MongoDB URI\n");
        exit(1);
    }
    return client;
}

/* Reads every document as the server does; returns how many there were. */
static size_t drain(mongoc_cursor_t *cursor)
{
    const bson_t *doc;
    bson_error_t error;
    size_t n = 0;

    while (mongoc_cursor_next(cursor, &doc))
        n++;
    if (mongoc_cursor_error(cursor, &error)) {
        fprintf(stderr, "driver_loop: %s\n", error.message);
        exit(1);
    }
    mongoc_cursor_destroy(cursor);
    return n;
}

static void find(const struct setup *s, mongoc_client_t *client, const char *db,
                 const char *collection, const bson_t *filter, const bson_t *opts)
{
    mongoc_collection_t *c = mongoc_client_get_collection(client, db, collection);

    if (drain(mongoc_collection_find_with_opts(c, filter, opts, NULL)) == 0 &&
        strcmp(s->mode, "health") != 0) {
        fprintf(stderr, "driver_loop: nothing found\n");
        exit(1);
    }
    mongoc_collection_destroy(c);
}

static void health(const struct setup *s, mongoc_client_t *client, const bson_t *filter,
                   const bson_t *opts)
{
    bson_t *command = BCON_NEW("listCollections", BCON_INT32(1), "nameOnly", BCON_BOOL(true),
                               "authorizedCollections", BCON_BOOL(true));
    char beside[80];
    bson_t reply;

    snprintf(beside, sizeof beside, "%s_audit", s->db);
    if (!mongoc_client_read_command_with_opts(client, s->db, command, NULL, NULL, &reply, NULL))
        exit(1);
    bson_destroy(&reply);
    bson_destroy(command);
    find(s, client, beside, "audit_log", filter, opts);
}

static void run_loop(const struct setup *s, struct result *out)
{
    bool cold = strcmp(s->mode, "cold") == 0;
    mongoc_client_t *client = cold ? NULL : connect_to(s->uri);
    bson_t *by_tenant = BCON_NEW("tenant_id", BCON_UTF8(s->tenant_id));
    bson_t *written =
        BCON_NEW("tenant_id", BCON_UTF8(s->tenant_id), "kind", BCON_UTF8("data"));
    bson_t *by_id = BCON_NEW("tenant_id", BCON_UTF8(s->tenant_id), "id", BCON_UTF8(s->id));
    bson_t *page = BCON_NEW("sort", "{", "id", BCON_INT32(1), "}", "limit", BCON_INT64(100));
    bson_t *one = BCON_NEW("limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true));
    bson_t *newest = BCON_NEW("sort", "{", "at", BCON_INT32(-1), "}", "limit", BCON_INT64(1),
                              "singleBatch", BCON_BOOL(true));
    double end = now_s() + s->seconds;

    for (double start = now_s(); start < end; start = now_s()) {
        if (cold)
            client = connect_to(s->uri);
        if (strcmp(s->mode, "list") == 0)
            find(s, client, s->db, s->collection, by_tenant, page);
        else if (strcmp(s->mode, "health") == 0)
            health(s, client, written, newest);
        else
            find(s, client, s->db, s->collection, by_id, one);
        if (cold)
            mongoc_client_destroy(client);
        if (out->n < SAMPLES_MAX)
            out->us[out->n++] = (uint32_t)((now_s() - start) * 1e6);
    }
    if (!cold)
        mongoc_client_destroy(client);
    bson_destroy(by_tenant);
    bson_destroy(written);
    bson_destroy(by_id);
    bson_destroy(page);
    bson_destroy(one);
    bson_destroy(newest);
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void report(struct result *results, int processes, double seconds)
{
    size_t total = 0, n = 0;
    uint32_t *all;

    for (int i = 0; i < processes; i++)
        total += results[i].n;
    all = calloc(total + 1, sizeof(*all));
    if (all == NULL)
        exit(1);
    for (int i = 0; i < processes; i++) {
        memcpy(all + n, results[i].us, results[i].n * sizeof(*all));
        n += results[i].n;
    }
    qsort(all, n, sizeof(*all), by_value);
    printf("%.1f %.3f %.3f\n", (double)n / seconds, n ? all[n / 2] / 1e3 : 0,
           n ? all[n * 99 / 100] / 1e3 : 0);
    free(all);
}

int main(int argc, char **argv)
{
    struct setup s = {.uri = getenv("MONGO_URL")};
    struct result *results;
    int processes, status, failed = 0;

    if (argc < 7 || s.uri == NULL) {
        fprintf(stderr, "usage: MONGO_URL=… driver_loop MODE SECONDS PROCESSES DB COLLECTION "
                        "TENANT_ID [ID]\n");
        return 64;
    }
    s.mode = argv[1];
    s.seconds = strtod(argv[2], NULL);
    processes = (int)strtol(argv[3], NULL, 10);
    s.db = argv[4];
    s.collection = argv[5];
    s.tenant_id = argv[6];
    s.id = argc > 7 ? argv[7] : "";
    results = mmap(NULL, sizeof(*results) * (size_t)processes, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (results == MAP_FAILED)
        return 1;
    for (int i = 0; i < processes; i++) {
        if (fork() == 0) {
            mongoc_init();
            run_loop(&s, &results[i]);
            exit(0);
        }
    }
    for (int i = 0; i < processes; i++)
        if (wait(&status) < 0 || status != 0)
            failed = 1;
    if (!failed)
        report(results, processes, s.seconds);
    return failed;
}
