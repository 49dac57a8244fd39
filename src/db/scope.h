/* The only door to data: every filter carries the tenant (and branch), every command a deadline.
 *
 * A scope is filled by tenant/resolve.c for one request. Handlers build filters with
 * scope_filter() and add to them; an operation whose filter does not begin with this scope's
 * tenant_id is our bug and aborts. The platform's own databases (registry, users) are opened with
 * a NULL tenant_id by tenant/ and auth/ only.
 */
#ifndef ERP_DB_SCOPE_H
#define ERP_DB_SCOPE_H

#include <mongoc/mongoc.h>
#include "core/arena.h"
#include "core/err.h"

/* The most that one command may ask for, unless its scope says otherwise. */
#define SCOPE_COMMAND_MS 2800

#define SCOPE_SESSION 16 /* bytes of the id of a session */

/* What a scope learns about its cluster. */
enum scope_verdict {
    SCOPE_ANSWERED, /* told once a scope, with its first answer */
    SCOPE_DROPPED,  /* a connection broke */
    SCOPE_LOST      /* nobody answered, for as long as the driver waits */
};

/* On whose behalf something is done, for the audit log; any of them may be NULL. */
struct scope_who {
    const char *email, *role, *remote_addr;
};

struct board;

struct scope {
    mongoc_client_t *client; /* borrowed from the client cache for this request */
    const char *db_name;
    const char *tenant_id;            /* NULL: a platform database */
    const char *branch_id;            /* NULL: all branches */
    const struct board *turns;        /* on which transactions of the tenant wait for each other,
                                         because they change the same documents; NULL: they don't */
    int64_t deadline_us;              /* clock_mono_us() at which the request's time is over */
    int32_t max_time_ms;              /* instead of SCOPE_COMMAND_MS; 0: that */
    struct arena *arena;              /* cursors and documents die with it */
    mongoc_client_session_t *session; /* set by txn_run while inside a transaction */
    bool transient;                   /* the last failure may be retried as a whole transaction */
    bool cluster_down;                /* the last failure was the cluster's */
    bool rule_refused;                /* the last failure: a validator of the collection */
    bool cluster_lost;                /* … and it would be useless to ask it again now */
    unsigned round_trips;             /* commands sent (a cursor counts once), for bench and log */
    int64_t spent_us;                 /* time spent waiting for the database */
    /* How clients and breakers learn. Set by tenant/clients.c; NULL: nobody listens. */
    void (*verdict)(struct scope *scope, enum scope_verdict verdict);
    /* A command goes out at `since_us`; or, with 0, is over. NULL: nobody listens. */
    void (*waits)(struct scope *scope, int64_t since_us);
    /* A transaction of the session with this id of SCOPE_SESSION bytes begins, or is over. */
    void (*in_txn)(struct scope *scope, const uint8_t *session, bool begins);
    /* The id of a session of this client's account whose process died in a transaction; false:
     * none. */
    bool (*left_txn)(struct scope *scope, uint8_t *session);
    void *verdict_data;
    uint64_t cluster;       /* number of its cluster (clients_cluster) */
    const char *op, *about; /* the command under way and its collection, for the log */
    bool answered;
    /* Of scope_read.c: a cursor that was not asked yet; one that failed, and what stands for it. */
    mongoc_cursor_t *unasked, *failed, *instead;
    const struct scope_who *who; /* borrowed; NULL: nobody's */
};

/* Starts `filter` (already initialised, empty) with tenant_id, and with `branch_field` equal to
 * the scope's branch when both are there. `branch_field` may be NULL: not a branch's record. */
void scope_filter(const struct scope *scope, const char *branch_field, bson_t *filter);

/* Starts a document that is to be stored (already initialised, empty) with its id, tenant_id,
 * created_at and updated_at; `id` NULL: a new one. */
void scope_begin_record(const struct scope *scope, const char *id, bson_t *doc);

/* Reads outside of a transaction are tried again once when they fail at once because a connection
 * broke or a primary stepped down, never after a server that hangs. */

/* A cursor that dies with the arena. `opts` may be NULL (find options: sort, limit, projection,
 * batchSize, collation). Never NULL; errors come from scope_next. */
mongoc_cursor_t *scope_find(struct scope *scope, const char *collection, const bson_t *filter,
                            const bson_t *opts);

/* The next document, valid until the next call; *doc NULL at the end. False on error. */
bool scope_next(struct scope *scope, mongoc_cursor_t *cursor, const bson_t **doc, struct err *err);

/* The first match, valid as long as the arena's request; *doc NULL when there is none. */
bool scope_find_one(struct scope *scope, const char *collection, const bson_t *filter,
                    const bson_t *opts, const bson_t **doc, struct err *err);

/* Counts matches, at most `limit` (0 = all). */
bool scope_count(struct scope *scope, const char *collection, const bson_t *filter, int64_t limit,
                 int64_t *count, struct err *err);

/* Inserts one document; it must carry the scope's tenant_id. */
bool scope_insert(struct scope *scope, const char *collection, const bson_t *doc, struct err *err);

/* One conditional update; *matched is 0 or 1 (0 also when an upsert inserted). `opts` may be NULL
 * (upsert, arrayFilters, collation). */
bool scope_update_one(struct scope *scope, const char *collection, const bson_t *filter,
                      const bson_t *update, const bson_t *opts, int64_t *matched, struct err *err);

bool scope_delete_one(struct scope *scope, const char *collection, const bson_t *filter,
                      int64_t *deleted, struct err *err);

/* findAndModify: the document before (`after` false) or after the update, arena-owned; NULL when
 * nothing matched. `projection` may be NULL. */
bool scope_find_and_update(struct scope *scope, const char *collection, const bson_t *filter,
                           const bson_t *update, bool after, bool upsert, const bson_t *projection,
                           const bson_t **doc, struct err *err);

/* An aggregation whose first stage must be a $match that begins with the tenant. */
mongoc_cursor_t *scope_aggregate(struct scope *scope, const char *collection,
                                 const bson_t *pipeline, const bson_t *opts);

/* A database command that touches no tenant's documents (ping, listCollections, createIndexes),
 * never part of a transaction. `reply` is initialised by the call in every case; the caller
 * destroys it. */
bool scope_command(struct scope *scope, const bson_t *command, bson_t *reply, struct err *err);

/* For db/ alone: around each command; the time of the start. */
int64_t scope_waits(struct scope *scope);
void scope_waited(struct scope *scope);
/* For db/scope.c: one line of level debug about the command under way, of a cursor with its first
 * answer. `error` NULL: it went well. */
void scope_log(struct scope *scope, int64_t took_us, const bson_error_t *error);
const char *scope_command_name(const bson_t *command); /* borrowed from it */

/* For db/txn.c: takes note of a failure that took `took_us`, and sets `err`. Always false. */
bool scope_fail(struct scope *scope, const bson_error_t *error, const bson_t *reply,
                int64_t took_us, struct err *err);

/* Takes over what the last failure of `beside` was. To be called after each failure of a second
 * scope that works inside this one's transaction, so that txn_run knows what to do. */
void scope_adopt_failure(struct scope *scope, const struct scope *beside);

/* Milliseconds that a command may take now: the rest of the deadline, at most max_time_ms.
 * 0 when the time is over. */
int32_t scope_time_left_ms(const struct scope *scope);

#endif
