/* The bare loop that sales are measured against: the commands of one sale, in one transaction with
 * majority commit, without HTTP, rules or tenants.
 *
 * sale_loop SECONDS PROCESSES DB TENANT_ID PRODUCT_ID [DB TENANT_ID PRODUCT_ID …]
 * (URI in MONGO_URL). Process i sells for business i, in turn. Prints sales a second, p50 and p99
 * in ms, and how many attempts began again.
 */
#include "base.h"
#include <sys/mman.h>
#include <sys/wait.h>
#include <mongoc/mongoc.h>

#define SAMPLES_MAX 100000
#define TEXT_OF_SALE "A sale has about as many bytes as this, and an item of it half as many again."

struct shop {
    const char *db, *tenant_id, *product_id;
};

struct result {
    size_t n, again;
    uint32_t us[SAMPLES_MAX];
};

struct seller {
    mongoc_client_t *client;
    mongoc_client_session_t *session;
    const struct shop *shop;
    char beside[80];
    unsigned serial;
};

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what, const bson_error_t *error)
{
    fprintf(stderr, "sale_loop: %s: %s\n", what, error->message);
    exit(1);
}

/* One command in the transaction; false when all is to begin again. */
static bool run_in(struct seller *s, const char *db, const bson_t *command, bool read)
{
    bson_t opts = BSON_INITIALIZER, reply;
    bson_error_t error;
    bool ok;

    if (!mongoc_client_session_append(s->session, &opts, &error))
        fail("session", &error);
    if (read)
        ok = mongoc_client_read_command_with_opts(s->client, db, command, NULL, &opts, &reply,
                                                  &error);
    else
        ok = mongoc_client_write_command_with_opts(s->client, db, command, &opts, &reply, &error);
    if (!ok && !mongoc_error_has_label(&reply, "TransientTransactionError"))
        fail("command", &error);
    bson_destroy(&opts);
    bson_destroy(&reply);
    return ok;
}

static bool run_own(struct seller *s, bson_t *command, bool read)
{
    bool ok = run_in(s, s->shop->db, command, read);

    bson_destroy(command);
    return ok;
}

static bson_t *read_command(const struct seller *s)
{
    return BCON_NEW("aggregate", "products", "pipeline", "[", "{", "$match", "{", "tenant_id",
                    BCON_UTF8(s->shop->tenant_id), "id", "{", "$in", "[",
                    BCON_UTF8(s->shop->product_id), "]", "}", "}", "}", "{", "$lookup", "{", "from",
                    "settings", "pipeline", "[", "{", "$match", "{", "tenant_id",
                    BCON_UTF8(s->shop->tenant_id), "}", "}", "{", "$sort", "{", "id", BCON_INT32(1),
                    "}", "}", "{", "$limit", BCON_INT32(1), "}", "]", "as", "_settings", "}", "}",
                    "{", "$lookup", "{", "from", "shifts", "pipeline", "[", "{", "$match", "{",
                    "tenant_id", BCON_UTF8(s->shop->tenant_id), "user_id", BCON_UTF8("nobody"),
                    "status", BCON_UTF8("open"), "}", "}", "{", "$project", "{", "id",
                    BCON_INT32(1), "}", "}", "{", "$limit", BCON_INT32(1), "}", "]", "as",
                    "_shift", "}", "}", "]", "cursor", "{", "}");
}

static bson_t *count_command(const struct seller *s, const char *name)
{
    return BCON_NEW("findAndModify", "bench_counters", "query", "{", "tenant_id",
                    BCON_UTF8(s->shop->tenant_id), "_id", BCON_UTF8(name), "}", "update", "{",
                    "$inc", "{", "value", BCON_INT64(1), "}", "}", "upsert", BCON_BOOL(true), "new",
                    BCON_BOOL(true));
}

static bson_t *stock_command(const struct seller *s)
{
    return BCON_NEW("update", "products", "updates", "[", "{", "q", "{", "tenant_id",
                    BCON_UTF8(s->shop->tenant_id), "id", BCON_UTF8(s->shop->product_id), "stock",
                    "{", "$gte", BCON_INT64(1), "}", "}", "u", "{", "$inc", "{", "stock",
                    BCON_INT64(-1), "_rev", BCON_INT64(1), "}", "}", "}", "]");
}

/* A document of about the size; into a collection with the indexes of its like. */
static bson_t *insert_command(struct seller *s, const char *collection, int texts)
{
    bson_t *doc = BCON_NEW("tenant_id", BCON_UTF8(s->shop->tenant_id)), *command;
    char id[64], key[16];

    snprintf(id, sizeof id, "bench-%d-%u", (int)getpid(), s->serial++);
    BSON_APPEND_UTF8(doc, "id", id);
    bson_append_now_utc(doc, "created_at", -1);
    for (int i = 0; i < texts; i++) {
        snprintf(key, sizeof key, "text_%d", i);
        BSON_APPEND_UTF8(doc, key, TEXT_OF_SALE);
    }
    command = BCON_NEW("insert", BCON_UTF8(collection), "documents", "[", BCON_DOCUMENT(doc), "]");
    bson_destroy(doc);
    return command;
}

static bool sell(struct seller *s)
{
    bson_t *audit = insert_command(s, "audit_log", 4);
    bool ok = run_own(s, read_command(s), true) &&
              run_own(s, count_command(s, "sales"), false) &&
              run_own(s, stock_command(s), false) &&
              run_own(s, insert_command(s, "stock_ledger", 2), false) &&
              run_own(s, insert_command(s, "sales", 10), false) &&
              run_own(s, insert_command(s, "payments", 3), false) &&
              run_in(s, s->beside, audit, false);

    bson_destroy(audit);
    return ok;
}

/* False when it is to begin again. */
static bool attempt(struct seller *s)
{
    mongoc_transaction_opt_t *opts = mongoc_transaction_opts_new();
    mongoc_write_concern_t *write = mongoc_write_concern_new();
    mongoc_read_concern_t *read = mongoc_read_concern_new();
    bson_error_t error;
    bson_t reply;
    bool ok;

    mongoc_read_concern_set_level(read, MONGOC_READ_CONCERN_LEVEL_SNAPSHOT);
    mongoc_write_concern_set_w(write, MONGOC_WRITE_CONCERN_W_MAJORITY);
    mongoc_transaction_opts_set_read_concern(opts, read);
    mongoc_transaction_opts_set_write_concern(opts, write);
    if (!mongoc_client_session_start_transaction(s->session, opts, &error))
        fail("start", &error);
    ok = sell(s);
    if (!ok)
        mongoc_client_session_abort_transaction(s->session, &error);
    else if (!(ok = mongoc_client_session_commit_transaction(s->session, &reply, &error)) &&
             !mongoc_error_has_label(&reply, "TransientTransactionError"))
        fail("commit", &error);
    if (ok)
        bson_destroy(&reply);
    mongoc_transaction_opts_destroy(opts);
    mongoc_write_concern_destroy(write);
    mongoc_read_concern_destroy(read);
    return ok;
}

static void pause_a_while(void)
{
    struct timespec pause = {.tv_nsec = 20000000L + random() % 180000001L};

    nanosleep(&pause, NULL);
}

static void run_loop(const char *uri, const struct shop *shop, double seconds, struct result *out)
{
    struct seller s = {.client = mongoc_client_new(uri), .shop = shop};
    mongoc_session_opt_t *opts = mongoc_session_opts_new();
    double end = now_s() + seconds;
    bson_error_t error;

    srandom((unsigned)getpid());
    snprintf(s.beside, sizeof s.beside, "%s_audit", shop->db);
    mongoc_session_opts_set_causal_consistency(opts, false);
    s.session = s.client ? mongoc_client_start_session(s.client, opts, &error) : NULL;
    mongoc_session_opts_destroy(opts);
    if (!s.session)
        exit(1);
    for (double start = now_s(); start < end; start = now_s()) {
        while (!attempt(&s)) {
            out->again++;
            pause_a_while();
        }
        if (out->n < SAMPLES_MAX)
            out->us[out->n++] = (uint32_t)((now_s() - start) * 1e6);
    }
    mongoc_client_session_destroy(s.session);
    mongoc_client_destroy(s.client);
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void report(const struct result *results, int processes, double seconds)
{
    size_t n = 0, again = 0;
    uint32_t *all;

    for (int i = 0; i < processes; i++) {
        n += results[i].n;
        again += results[i].again;
    }
    all = calloc(n + 1, sizeof *all);
    n = 0;
    for (int i = 0; all && i < processes; i++)
        for (size_t k = 0; k < results[i].n; k++)
            all[n++] = results[i].us[k];
    if (n == 0)
        exit(1);
    qsort(all, n, sizeof *all, by_value);
    printf("%.1f %.2f %.2f %zu\n", (double)n / seconds, all[n / 2] / 1e3, all[n * 99 / 100] / 1e3,
           again);
    free(all);
}

int main(int argc, char **argv)
{
    const char *uri = getenv("MONGO_URL");
    int processes = argc > 5 ? (int)strtol(argv[2], NULL, 10) : 0;
    double seconds = argc > 5 ? strtod(argv[1], NULL) : 0;
    int shops = (argc - 3) / 3;
    struct result *results;

    if (!uri || processes < 1 || seconds <= 0 || (argc - 3) % 3 != 0) {
        fprintf(stderr, "Usage: sale_loop SECONDS PROCESSES DB TENANT_ID PRODUCT_ID ...\n");
        return 64;
    }
    results = mmap(NULL, (size_t)processes * sizeof *results, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (results == MAP_FAILED)
        return 1;
    for (int i = 0; i < processes; i++) {
        char **at = argv + 3 + 3 * (i % shops);
        const struct shop shop = {at[0], at[1], at[2]};

        if (fork() == 0) {
            mongoc_init();
            mongoc_log_set_handler(NULL, NULL); /* tells of what the server ended itself */
            run_loop(uri, &shop, seconds, &results[i]);
            _exit(0);
        }
    }
    for (int status, failed = 0; wait(&status) > 0; failed |= status)
        if (status != 0)
            return 1;
    report(results, processes, seconds);
    return 0;
}
