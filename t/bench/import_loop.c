/* The bare loop that imports are measured against: the documents that an import has stored, put
 * into another database with the same indexes, in transactions with majority commit of as many
 * rows, without HTTP, CSV or rules.
 *
 * import_loop FROM TO TENANT_ID SINCE_MS ROWS   (URI in MONGO_URL). FROM, TO: databases, each with
 * its audit log beside it; SINCE_MS: when the import began. Prints the records a second.
 */
#include "base.h"
#include <mongoc/mongoc.h>

struct copied {
    const char *collection, *time;
    bool beside; /* in the database of the audit log */
    bson_t **docs;
    size_t n;
};

static struct copied copied[] = {
    {"products", "created_at", false, NULL, 0}, /* what is counted */
    {"audit_log", "at", true, NULL, 0},
    {"stock_ledger", "created_at", false, NULL, 0},
};

static void fail(const char *what, const bson_error_t *error)
{
    fprintf(stderr, "import_loop: %s: %s\n", what, error->message);
    exit(1);
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static mongoc_collection_t *open_in(mongoc_client_t *client, const char *db,
                                    const struct copied *of)
{
    char name[80];

    snprintf(name, sizeof name, "%s%s", db, of->beside ? "_audit" : "");
    return mongoc_client_get_collection(client, name, of->collection);
}

static void copy_indexes(mongoc_client_t *client, const char *from_db, const char *to_db,
                         const struct copied *of)
{
    mongoc_collection_t *from = open_in(client, from_db, of), *to = open_in(client, to_db, of);
    mongoc_cursor_t *cursor = mongoc_collection_find_indexes_with_opts(from, NULL);
    bson_t command = BSON_INITIALIZER, list;
    bson_error_t error;
    const bson_t *doc;
    char key[16];
    int n = 0;

    BSON_APPEND_UTF8(&command, "createIndexes", of->collection);
    BSON_APPEND_ARRAY_BEGIN(&command, "indexes", &list);
    while (mongoc_cursor_next(cursor, &doc)) {
        snprintf(key, sizeof key, "%d", n++);
        BSON_APPEND_DOCUMENT(&list, key, doc);
    }
    bson_append_array_end(&command, &list);
    if (mongoc_cursor_error(cursor, &error) ||
        !mongoc_collection_write_command_with_opts(to, &command, NULL, NULL, &error))
        fail("indexes", &error);
    bson_destroy(&command);
    mongoc_cursor_destroy(cursor);
    mongoc_collection_destroy(from);
    mongoc_collection_destroy(to);
}

static void read_all(mongoc_client_t *client, const char *db, const char *tenant_id, int64_t since,
                     struct copied *of)
{
    mongoc_collection_t *from = open_in(client, db, of);
    bson_t *filter = BCON_NEW("tenant_id", BCON_UTF8(tenant_id), of->time, "{", "$gte",
                              BCON_DATE_TIME(since), "}");
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(from, filter, NULL, NULL);
    bson_error_t error;
    const bson_t *doc;

    while (mongoc_cursor_next(cursor, &doc)) {
        if (of->n % 1024 == 0)
            of->docs = realloc(of->docs, (of->n + 1024) * sizeof *of->docs);
        if (of->docs == NULL)
            exit(1);
        of->docs[of->n++] = bson_copy(doc);
    }
    if (mongoc_cursor_error(cursor, &error))
        fail(of->collection, &error);
    mongoc_cursor_destroy(cursor);
    mongoc_collection_destroy(from);
    bson_destroy(filter);
}

static void insert_part(mongoc_client_t *client, mongoc_client_session_t *session, const char *db,
                        const struct copied *of, size_t from, size_t rows)
{
    size_t n = from >= of->n ? 0 : of->n - from < rows ? of->n - from : rows;
    mongoc_collection_t *to = open_in(client, db, of);
    bson_t opts = BSON_INITIALIZER;
    bson_error_t error;

    if (!mongoc_client_session_append(session, &opts, &error))
        fail("session", &error);
    if (n > 0 && !mongoc_collection_insert_many(to, (const bson_t **)of->docs + from, n, &opts,
                                                NULL, &error))
        fail(of->collection, &error);
    bson_destroy(&opts);
    mongoc_collection_destroy(to);
}

static void store_all(mongoc_client_t *client, const char *db, size_t rows)
{
    mongoc_write_concern_t *majority = mongoc_write_concern_new();
    mongoc_transaction_opt_t *opts = mongoc_transaction_opts_new();
    mongoc_client_session_t *session;
    bson_error_t error;

    mongoc_write_concern_set_w(majority, MONGOC_WRITE_CONCERN_W_MAJORITY);
    mongoc_transaction_opts_set_write_concern(opts, majority);
    session = mongoc_client_start_session(client, NULL, &error);
    if (session == NULL)
        fail("session", &error);
    for (size_t from = 0; from < copied[0].n; from += rows) {
        if (!mongoc_client_session_start_transaction(session, opts, &error))
            fail("transaction", &error);
        for (size_t i = 0; i < ARRAY_LEN(copied); i++)
            insert_part(client, session, db, &copied[i], from, rows);
        if (!mongoc_client_session_commit_transaction(session, NULL, &error))
            fail("commit", &error);
    }
    mongoc_client_session_destroy(session);
    mongoc_transaction_opts_destroy(opts);
    mongoc_write_concern_destroy(majority);
}

int main(int argc, char **argv)
{
    const char *uri = getenv("MONGO_URL");
    mongoc_client_t *client;
    double began;

    if (argc != 6 || uri == NULL) {
        fprintf(stderr, "usage: MONGO_URL=… import_loop FROM TO TENANT_ID SINCE_MS ROWS\n");
        return 64;
    }
    mongoc_init();
    client = mongoc_client_new(uri);
    if (client == NULL)
        return 1;
    for (size_t i = 0; i < ARRAY_LEN(copied); i++) {
        copy_indexes(client, argv[1], argv[2], &copied[i]);
        read_all(client, argv[1], argv[3], strtoll(argv[4], NULL, 10), &copied[i]);
    }
    began = now_s();
    store_all(client, argv[2], strtoull(argv[5], NULL, 10));
    printf("%.1f\n", (double)copied[0].n / (now_s() - began));
    mongoc_client_destroy(client);
    mongoc_cleanup();
    return copied[0].n == 0;
}
