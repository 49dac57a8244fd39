/* The clients of this process, by URI. Decides which clusters may be asked now (breakers); what a
 * connection is like is in clients_uri.c, which database a tenant has in resolve.c. */
#include "base.h"
#include "tenant/clients.h"
#include "core/clock.h"
#include "core/id.h"
#include "core/log.h"

#define SUSPICION_US INT64_C(300000) /* what a probe of a server that is there may take */

struct entry {
    struct board *board;
    char *uri;
    mongoc_client_t *client;
    uint64_t hash;    /* of the URI */
    uint64_t cluster; /* for the breaker */
    uint64_t used;    /* tick of the last use */
    unsigned refs;    /* scopes of requests that still hold cursors or sessions on it */
    bool suspect;     /* its cluster failed it: not to be used again */
    bool detached;    /* no longer in the table: the last scope closes it */
};

struct clients {
    struct board *board;
    pid_t pid;
    uint64_t tick;
    size_t max;
    int32_t patience_ms; /* 0: the usual */
    int32_t command_ms;  /* the same */
    size_t n;
    struct entry *entries[];
};

/* With the first client, so that it happens after a fork of whoever made this process. */
static void init_driver(void)
{
    /* An unreachable name server would cost 10 s by default. */
    setenv("RES_OPTIONS", "timeout:1 attempts:2", 0);
    mongoc_init();
}

struct clients *clients_new(size_t max, struct board *board)
{
    struct clients *clients;

    max = max < 3 ? 3 : max;
    clients = calloc(1, sizeof *clients + max * sizeof(struct entry *));
    if (!clients)
        die("out of memory: clients");
    clients->board = board;
    clients->max = max;
    clients->pid = getpid();
    return clients;
}

static void entry_free(struct entry *entry)
{
    /* A driver's client says goodbye to its server (endSessions), and would wait for one that is
     * away to answer: one that was reset has no sessions to end. */
    if (entry->client && entry->suspect)
        mongoc_client_reset(entry->client);
    if (entry->client)
        mongoc_client_destroy(entry->client);
    if (entry->uri)
        explicit_bzero(entry->uri, strlen(entry->uri));
    free(entry->uri);
    free(entry);
}

/* Closes an entry that has left the table, now or with the last scope on it. */
static void entry_detach(struct entry *entry)
{
    entry->detached = true;
    if (entry->refs == 0)
        entry_free(entry);
}

static void entry_release(void *data)
{
    struct entry *entry = data;

    entry->refs--;
    if (entry->refs == 0 && entry->detached)
        entry_free(entry);
}

void clients_free(struct clients *clients)
{
    if (!clients)
        return;
    for (size_t i = 0; i < clients->n; i++)
        entry_detach(clients->entries[i]);
    free(clients);
}

static void count(struct clients *clients, enum board_counter counter)
{
    if (clients->board)
        board_count(clients->board, counter, 1);
}

static bool connect_entry(struct entry *entry, const struct clients *clients, struct err *err)
{
    mongoc_uri_t *uri = clients_parse_uri(entry->uri);
    bson_error_t error;

    if (!uri) {
        log_event(LOG_LVL_ERROR, "uri_refused", NULL);
        return err_set(err, ERR_DB_NOT_CONFIGURED,
                       "The database address of this tenant is not valid");
    }
    if ((clients->command_ms && !clients_uri_command_time(uri, clients->command_ms)) ||
        (clients->patience_ms && !clients_uri_patient(uri, clients->patience_ms)))
        die("a socket cannot wait for so long");
    entry->client = mongoc_client_new_from_uri_with_error(uri, &error);
    mongoc_uri_destroy(uri);
    if (!entry->client) {
        char code[16];

        snprintf(code, sizeof code, "%u/%u", error.domain, error.code);
        log_event(LOG_LVL_ERROR, "client_failed", "code", code, NULL);
        if (error.domain == MONGOC_ERROR_STREAM)
            return err_set_retry(err, ERR_DB_UNAVAILABLE, 10,
                                 "The address of the database could not be looked up");
        return err_set(err, ERR_DB_NOT_CONFIGURED,
                       "The database address of this tenant is not valid");
    }
    /* Version 2 tells the server's codes from the driver's own: db/errmap.c relies on it. */
    mongoc_client_set_error_api(entry->client, MONGOC_ERROR_API_VERSION_2);
    return true;
}

static struct entry *entry_new(struct clients *clients, const char *uri, uint64_t hash,
                               struct err *err)
{
    struct entry *entry = calloc(1, sizeof *entry);

    if (!entry)
        die("out of memory: a client");
    entry->board = clients->board;
    entry->uri = strdup(uri);
    if (!entry->uri)
        die("out of memory: a client");
    entry->hash = hash;
    entry->cluster = clients_cluster(uri);
    if (connect_entry(entry, clients, err))
        return entry;
    entry_free(entry);
    return NULL;
}

static size_t find(const struct clients *clients, const char *uri, uint64_t hash)
{
    size_t i;

    for (i = 0; i < clients->n; i++)
        if (clients->entries[i]->hash == hash && strcmp(clients->entries[i]->uri, uri) == 0)
            break;
    return i;
}

static void remove_at(struct clients *clients, size_t i)
{
    entry_detach(clients->entries[i]);
    clients->entries[i] = clients->entries[--clients->n];
}

static void evict_one(struct clients *clients)
{
    size_t oldest = 0;

    for (size_t i = 1; i < clients->n; i++)
        if (clients->entries[i]->used < clients->entries[oldest]->used)
            oldest = i;
    remove_at(clients, oldest);
    count(clients, BC_CLIENT_EVICT);
    log_event(LOG_LVL_DEBUG, "client_cache", "result", "eviction", NULL);
}

static struct entry *get(struct clients *clients, const char *uri, struct err *err)
{
    uint64_t hash = hash64(uri, strlen(uri));
    size_t i;

    if (clients->pid != getpid())
        die("clients made by process %ld are used by another", (long)clients->pid);
    i = find(clients, uri, hash);
    if (i < clients->n && clients->entries[i]->suspect)
        remove_at(clients, i);
    else if (i < clients->n) {
        clients->entries[i]->used = ++clients->tick;
        count(clients, BC_CLIENT_HIT);
        log_event(LOG_LVL_DEBUG, "client_cache", "result", "hit", NULL);
        return clients->entries[i];
    }
    count(clients, BC_CLIENT_MISS);
    log_event(LOG_LVL_DEBUG, "client_cache", "result", "miss", NULL);
    if (clients->tick == 0)
        init_driver();
    if (clients->n == clients->max)
        evict_one(clients);
    clients->entries[clients->n] = entry_new(clients, uri, hash, err);
    if (!clients->entries[clients->n])
        return NULL;
    clients->entries[clients->n]->used = ++clients->tick;
    return clients->entries[clients->n++];
}

mongoc_client_t *clients_get(struct clients *clients, const char *uri, struct err *err)
{
    struct entry *entry = get(clients, uri, err);

    return entry ? entry->client : NULL;
}

/* A scope's experience with its cluster. A client that saw its servers fail keeps away from them
 * for seconds, even when they are back, so a fresh one takes its place. */
static void learn(struct scope *scope, enum scope_verdict verdict)
{
    struct entry *entry = scope->verdict_data;
    struct board *board = entry->board;

    if (verdict != SCOPE_ANSWERED)
        entry->suspect = true;
    if (!board)
        return;
    if (verdict == SCOPE_ANSWERED) {
        board_answered(board, entry->cluster);
        board_breaker_ok(board, entry->cluster);
    }
    if (verdict == SCOPE_DROPPED)
        board_breaker_fail(board, entry->cluster);
    if (verdict == SCOPE_LOST)
        board_breaker_trip(board, entry->cluster);
}

static void waits(struct scope *scope, int64_t since_us)
{
    struct entry *entry = scope->verdict_data;

    if (entry->board)
        board_waits(entry->board, since_us ? entry->cluster : 0, since_us);
}

static void in_txn(struct scope *scope, const uint8_t *session, bool begins)
{
    struct entry *entry = scope->verdict_data;

    if (entry->board && begins)
        board_txn_begin(entry->board, entry->hash | 1, session);
    else if (entry->board)
        board_txn_end(entry->board, session);
}

static bool left_txn(struct scope *scope, uint8_t *session)
{
    struct entry *entry = scope->verdict_data;

    return entry->board && board_txn_left(entry->board, entry->hash | 1, session);
}

static_assert(SCOPE_SESSION == BOARD_SESSION, "the board keeps ids of sessions");

static bool cluster_away(const char *tenant_id, int retry_after, struct err *err)
{
    return err_set_retry(err, ERR_DB_UNAVAILABLE, retry_after,
                         "Database connection failed%s. Please try again shortly.",
                         tenant_id ? " for this tenant" : "");
}

/* Is a cluster back? By a client of its own, which gives up sooner than those that serve. */
static bool probe_cluster(struct clients *clients, const char *uri_text, uint64_t cluster)
{
    mongoc_uri_t *uri = clients_parse_uri(uri_text);
    bson_t command = BSON_INITIALIZER;
    mongoc_client_t *client = NULL;
    bson_error_t error;
    bool ok;

    if (uri && clients_uri_impatient(uri))
        client = mongoc_client_new_from_uri_with_error(uri, &error);
    BSON_APPEND_INT32(&command, "ping", 1);
    board_waits(clients->board, cluster, clock_mono_us());
    ok = client && mongoc_client_command_simple(client, "admin", &command, NULL, NULL, &error);
    board_waits(clients->board, 0, 0);
    log_event(LOG_LVL_INFO, "breaker_probe", "answered", ok ? "yes" : "no", NULL);
    if (ok)
        board_answered(clients->board, cluster);
    if (ok)
        board_breaker_ok(clients->board, cluster);
    else
        board_breaker_trip(clients->board, cluster);
    if (client && !ok)
        mongoc_client_reset(client); /* no goodbye to who is away */
    mongoc_client_destroy(client);
    mongoc_uri_destroy(uri);
    bson_destroy(&command);
    return ok;
}

/* A cluster that is only suspected may be slow, not silent: its probe is over in a moment then, and
 * nobody has to be refused for it. Returns after that, or after as long as one may wait. */
static void await_suspicion(const struct board *board, uint64_t cluster)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    int64_t until_us = clock_mono_us() + SUSPICION_US;

    while (board_breaker_suspected(board, cluster) && clock_mono_us() < until_us)
        nanosleep(&pause, NULL);
}

/* Asks the breaker; *probe when this process is the one to try whether the cluster is back. */
static bool breaker_allows(struct board *board, uint64_t cluster, bool *probe, int *retry_after)
{
    if (!board_breaker_allow(board, cluster, retry_after))
        return false;
    /* A closed breaker says yes twice, one that is being probed only once. */
    *probe = !board_breaker_allow(board, cluster, retry_after);
    if (*probe || !board_cluster_hangs(board, cluster))
        return true;
    *retry_after = 1;
    *probe = board_breaker_suspect(board, cluster);
    return *probe;
}

static bool may_ask(struct board *board, uint64_t cluster, const char *tenant_id, bool *probe,
                    struct err *err)
{
    int retry_after = 1;

    *probe = false;
    if (!board || breaker_allows(board, cluster, probe, &retry_after))
        return true;
    await_suspicion(board, cluster);
    return breaker_allows(board, cluster, probe, &retry_after) ||
           cluster_away(tenant_id, retry_after, err);
}

bool clients_scope(struct clients *clients, const char *uri, const char *db_name,
                   const char *tenant_id, struct arena *arena, int64_t deadline_us,
                   struct scope *scope, struct err *err)
{
    uint64_t cluster = clients_cluster(uri);
    struct entry *entry;
    bool probe;

    scope->cluster = cluster;
    if (!may_ask(clients->board, cluster, tenant_id, &probe, err))
        return false;
    if (clients->tick == 0)
        init_driver();
    if (probe && !probe_cluster(clients, uri, cluster))
        return cluster_away(tenant_id, 1, err);
    entry = get(clients, uri, err);
    if (!entry) {
        if (clients->board && err->code == ERR_DB_UNAVAILABLE)
            board_breaker_trip(clients->board, cluster);
        return false;
    }
    /* Deferred before the scope's cursors are, so it runs after they are gone. */
    entry->refs++;
    arena_defer(arena, entry_release, entry);
    *scope = (struct scope){
        .client = entry->client,
        .db_name = arena_strdup(arena, db_name),
        .tenant_id = arena_strdup(arena, tenant_id),
        .deadline_us = deadline_us,
        .max_time_ms = clients->command_ms,
        .arena = arena,
        .verdict = learn,
        .waits = waits,
        .in_txn = in_txn,
        .left_txn = left_txn,
        .cluster = cluster,
        .verdict_data = entry,
    };
    return true;
}

void clients_set_patience(struct clients *clients, int32_t socket_ms)
{
    clients->patience_ms = socket_ms;
}

void clients_set_command_time(struct clients *clients, int32_t ms)
{
    clients->command_ms = ms;
}

void clients_drop(struct clients *clients, const char *uri)
{
    size_t i = find(clients, uri, hash64(uri, strlen(uri)));

    if (i < clients->n)
        clients->entries[i]->suspect = true;
}
