/* Transactions: our own loop, because the driver's convenient one spins without a pause on a held
 * row. Every exit ends the transaction; nothing is reported as done that may not be. Called by
 * whatever writes more than one document. */
#include "base.h"
#include "db/txn.h"
#include "core/board.h"
#include "core/clock.h"
#include "core/id.h"
#include "core/log.h"
#include "db/errmap.h"

#define ATTEMPTS     5
#define BUDGET_US    INT64_C(5000000)
#define PAUSE_MIN_US 20000
#define PAUSE_MAX_US 200000
#define COMMIT_MS    SCOPE_COMMAND_MS
#define TURN_US      INT64_C(2000000)
#define RETRY_US     INT64_C(300000) /* what one more attempt may need */
#define LEFT_MAX     16              /* transactions of dead workers, ended at a time */
#define LEFT_MS      1000

enum outcome { DONE, AGAIN, FAILED, UNKNOWN };

static void destroy_session(void *session)
{
    mongoc_client_session_destroy(session);
}

/* Lives until the arena is reset: cursors opened inside refer to it until they are destroyed, and
 * being younger they go first. */
static mongoc_client_session_t *open_session(struct scope *scope, struct err *err)
{
    mongoc_session_opt_t *opts = mongoc_session_opts_new();
    mongoc_client_session_t *session;
    bson_error_t error;

    /* All reads go to the primary, so nothing is gained by waiting for an operation time. */
    mongoc_session_opts_set_causal_consistency(opts, false);
    session = mongoc_client_start_session(scope->client, opts, &error);
    mongoc_session_opts_destroy(opts);
    if (!session) {
        errmap_set(err, &error, NULL);
        return NULL;
    }
    arena_defer(scope->arena, destroy_session, session);
    return session;
}

static bool start(mongoc_client_session_t *session, struct err *err)
{
    mongoc_transaction_opt_t *opts = mongoc_transaction_opts_new();
    mongoc_write_concern_t *write = mongoc_write_concern_new();
    mongoc_read_concern_t *read = mongoc_read_concern_new();
    bson_error_t error;
    bool ok;

    /* Snapshot: with a majority commit it means one moment for all reads, also on a sharded
     * cluster, where "majority" would not; on a replica set both cost the same. */
    mongoc_read_concern_set_level(read, MONGOC_READ_CONCERN_LEVEL_SNAPSHOT);
    mongoc_write_concern_set_w(write, MONGOC_WRITE_CONCERN_W_MAJORITY);
    mongoc_transaction_opts_set_read_concern(opts, read);
    mongoc_transaction_opts_set_write_concern(opts, write);
    mongoc_transaction_opts_set_max_commit_time_ms(opts, COMMIT_MS);
    ok = mongoc_client_session_start_transaction(session, opts, &error);
    mongoc_transaction_opts_destroy(opts);
    mongoc_write_concern_destroy(write);
    mongoc_read_concern_destroy(read);
    return ok || errmap_set(err, &error, NULL);
}

/* Is there time for one more attempt, and someone to ask? */
static bool worth_retrying(const struct scope *scope)
{
    return !scope->cluster_lost && clock_mono_us() + RETRY_US <= scope->deadline_us;
}

/* The id of a session, SCOPE_SESSION bytes; borrowed from it. */
static const uint8_t *session_id(const mongoc_client_session_t *session)
{
    const uint8_t *bytes = NULL;
    bson_subtype_t subtype;
    uint32_t len = 0;
    bson_iter_t it;

    if (bson_iter_init_find(&it, mongoc_client_session_get_lsid(session), "id") &&
        BSON_ITER_HOLDS_BINARY(&it))
        bson_iter_binary(&it, &subtype, &len, &bytes);
    if (len != SCOPE_SESSION)
        die("a session has no id");
    return bytes;
}

static void tell(struct scope *scope, const mongoc_client_session_t *session, bool begins)
{
    if (scope->in_txn)
        scope->in_txn(scope, session_id(session), begins);
}

/* What was locked may be so by workers that were killed: their transactions would live on until the
 * server's limit (transactionLifetimeLimitSeconds), so they are ended. True when there were any. */
static bool end_left(struct scope *scope)
{
    bson_t command = BSON_INITIALIZER, list, one, reply;
    uint8_t id[SCOPE_SESSION];
    bson_error_t error;
    char key[24];
    size_t n = 0;
    bool ok;

    if (scope->cluster_down || !scope->left_txn)
        return false;
    BSON_APPEND_ARRAY_BEGIN(&command, "killSessions", &list);
    for (; n < LEFT_MAX && scope->left_txn(scope, id); n++) {
        snprintf(key, sizeof key, "%zu", n);
        BSON_APPEND_DOCUMENT_BEGIN(&list, key, &one);
        BSON_APPEND_BINARY(&one, "id", BSON_SUBTYPE_UUID, id, sizeof id);
        bson_append_document_end(&list, &one);
    }
    bson_append_array_end(&command, &list);
    BSON_APPEND_INT32(&command, "maxTimeMS", LEFT_MS);
    if (n > 0) {
        scope_waits(scope);
        ok = mongoc_client_command_simple(scope->client, "admin", &command, NULL, &reply, &error);
        scope_waited(scope);
        scope->round_trips++;
        log_event(ok ? LOG_LVL_INFO : LOG_LVL_WARN, "txn_left", "ended", ok ? "yes" : "no", "text",
                  ok ? NULL : error.message, NULL);
        bson_destroy(&reply);
    }
    bson_destroy(&command);
    return n > 0;
}

static void pause_a_while(void)
{
    uint32_t random;
    struct timespec pause = {0};

    random_bytes(&random, sizeof random);
    pause.tv_nsec = (PAUSE_MIN_US + random % (PAUSE_MAX_US - PAUSE_MIN_US + 1)) * 1000L;
    nanosleep(&pause, NULL);
}

/* After a connection broke: is the server there? An abort that nobody answers would cost the
 * driver's patience twice. */
static bool server_is_there(struct scope *scope, struct err *err)
{
    bson_t ping = BSON_INITIALIZER, reply;
    int64_t started_us = scope_waits(scope);
    bson_error_t error;
    bool ok;

    BSON_APPEND_INT32(&ping, "ping", 1);
    BSON_APPEND_INT32(&ping, "maxTimeMS", 1000);
    ok = mongoc_client_command_simple(scope->client, "admin", &ping, NULL, &reply, &error);
    scope_waited(scope);
    if (!ok)
        scope_fail(scope, &error, &reply, clock_mono_us() - started_us, err);
    bson_destroy(&ping);
    bson_destroy(&reply);
    return ok;
}

/* Undoes what the attempt did. Where nobody answers the server is left to end the transaction by
 * itself; the client then forgets its sessions, because one that is destroyed in a transaction
 * sends the abort all the same. */
static void undo(struct scope *scope, mongoc_client_session_t *session, struct err *err)
{
    bson_error_t error;

    if (scope->cluster_lost || (scope->cluster_down && !server_is_there(scope, err)))
        mongoc_client_reset(scope->client);
    else if (!mongoc_client_session_abort_transaction(session, &error))
        log_event(LOG_LVL_INFO, "txn_abort_failed", "text", error.message, NULL);
}

/* Commits; while nobody knows whether the commit happened, only the commit is repeated. */
static enum outcome commit(struct scope *scope, mongoc_client_session_t *session, struct err *err)
{
    enum outcome outcome = UNKNOWN;

    for (int attempt = 1; outcome == UNKNOWN; attempt++) {
        int64_t started_us = scope_waits(scope);
        int64_t took_us;
        bson_error_t error;
        bson_t reply;

        if (mongoc_client_session_commit_transaction(session, &reply, &error))
            outcome = DONE;
        else if (errmap_has_label(&reply, "TransientTransactionError"))
            outcome = AGAIN;
        else if (!errmap_has_label(&reply, "UnknownTransactionCommitResult"))
            outcome = FAILED;
        took_us = clock_mono_us() - started_us;
        scope_waited(scope);
        scope->round_trips++;
        scope->spent_us += took_us;
        if (outcome != DONE)
            scope_fail(scope, &error, &reply, took_us, err);
        bson_destroy(&reply);
        if (outcome == UNKNOWN && (attempt == ATTEMPTS || !worth_retrying(scope)))
            break;
        if (outcome == UNKNOWN)
            pause_a_while();
        if (outcome == UNKNOWN || outcome == DONE)
            err_clear(err);
    }
    return outcome;
}

static enum outcome attempt_once(struct scope *scope, mongoc_client_session_t *session,
                                 txn_body *body, void *data, struct err *err)
{
    enum outcome outcome = FAILED;
    bool ok;

    if (!start(session, err))
        return FAILED;
    tell(scope, session, true);
    scope->session = session;
    scope->transient = scope->cluster_down = scope->cluster_lost = false;
    ok = body(scope, data, err);
    scope->session = NULL;
    if (ok)
        outcome = commit(scope, session, err);
    else
        undo(scope, session, err);
    tell(scope, session, false);
    if (ok)
        return outcome;
    return scope->transient ? AGAIN : FAILED;
}

static bool give_up(const struct scope *scope, struct err *err)
{
    if (scope->cluster_down)
        return false; /* the error says so already */
    err_clear(err);
    return err_set_retry(err, ERR_TRY_AGAIN, 1,
                         "Others are changing the same records. Please try again.");
}

static bool fate_unknown(struct err *err)
{
    err_clear(err);
    return err_set_retry(err, ERR_TRY_AGAIN, 3,
                         "It is not known whether the change was stored. Please look before you "
                         "try again.");
}

static bool run_attempts(struct scope *scope, txn_body *body, void *data, struct err *err)
{
    mongoc_client_session_t *session = open_session(scope, err);

    for (int attempt = 1; session; attempt++) {
        switch (attempt_once(scope, session, body, data, err)) {
        case DONE:
            return true;
        case FAILED:
            return false;
        case UNKNOWN:
            return fate_unknown(err);
        case AGAIN:
            break;
        }
        if (attempt == ATTEMPTS || !worth_retrying(scope))
            return give_up(scope, err);
        err_clear(err);
        if (!end_left(scope))
            pause_a_while();
    }
    return false;
}

/* Who gets no turn in time goes on without: the transaction is right in any case. */
static bool run_in_turn(struct scope *scope, txn_body *body, void *data, struct err *err)
{
    const struct board *turns = scope->tenant_id ? scope->turns : NULL;
    uint64_t key = turns ? hash64(scope->tenant_id, strlen(scope->tenant_id)) : 0;
    bool turn = turns && board_turn(turns, key, TURN_US);
    bool ok = run_attempts(scope, body, data, err);

    if (turn)
        board_turn_end(turns, key);
    return ok;
}

bool txn_run(struct scope *scope, txn_body *body, void *data, struct err *err)
{
    int64_t deadline_us = scope->deadline_us;
    int64_t budget_us = clock_mono_us() + BUDGET_US;
    bool ok;

    if (scope->session)
        return body(scope, data, err);
    if (budget_us < deadline_us)
        scope->deadline_us = budget_us;
    ok = run_in_turn(scope, body, data, err);
    scope->deadline_us = deadline_us;
    return ok;
}
