/* Driver and server errors become ours here and nowhere else. The driver's text goes to the log;
 * the reply gets a sentence of ours, which at most names the field of an index. Called by
 * db/scope.c and db/txn.c. */
#include "base.h"
#include "db/errmap.h"
#include "core/log.h"

/* What a server code means to a caller. To add one: a row here, with a sentence for people. */
struct meaning {
    int code; /* of the server */
    enum err_code err;
    int retry_after; /* seconds, 0 = none */
    const char *detail;
};

static const char away[] = "Database connection failed. Please try again shortly.";
static const char moved[] = "The database is changing its primary. Please try again shortly.";
static const char busy[] = "Someone else was changing the same records. Please try again.";
static const char slow[] = "The database took too long to answer.";
static const char refused[] = "The database refused the connection. Please contact support.";
static const char full[] = "The database cannot store anything now. Please contact support.";
static const char large[] = "The record is too large to be stored.";
static const char zone[] = "The database knows no such time zone.";
static const char unconfirmed[] =
    "The database did not confirm the change in time. Please try again.";

static const struct meaning meanings[] = {
    {6, ERR_DB_UNAVAILABLE, 3, away},        /* HostUnreachable */
    {7, ERR_DB_UNAVAILABLE, 3, away},        /* HostNotFound */
    {13, ERR_DB_UNAVAILABLE, 30, refused},   /* Unauthorized */
    {18, ERR_DB_UNAVAILABLE, 30, refused},   /* AuthenticationFailed */
    {24, ERR_TRY_AGAIN, 1, busy},            /* LockTimeout */
    {43, ERR_TRY_AGAIN, 1, slow},            /* CursorNotFound */
    {46, ERR_TRY_AGAIN, 1, busy},            /* LockBusy */
    {50, ERR_TIMEOUT, 0, slow},              /* MaxTimeMSExpired */
    {64, ERR_TRY_AGAIN, 3, unconfirmed},     /* WriteConcernFailed */
    {89, ERR_DB_UNAVAILABLE, 3, away},       /* NetworkTimeout */
    {91, ERR_DB_UNAVAILABLE, 3, moved},      /* ShutdownInProgress */
    {100, ERR_DB_UNAVAILABLE, 10, full},     /* UnsatisfiableWriteConcern */
    {112, ERR_TRY_AGAIN, 1, busy},           /* WriteConflict */
    {134, ERR_DB_UNAVAILABLE, 3, moved},     /* ReadConcernMajorityNotAvailableYet */
    {189, ERR_DB_UNAVAILABLE, 3, moved},     /* PrimarySteppedDown */
    {202, ERR_TIMEOUT, 0, slow},             /* NetworkInterfaceExceededTimeLimit */
    {246, ERR_TRY_AGAIN, 1, busy},           /* SnapshotUnavailable */
    {251, ERR_TRY_AGAIN, 1, busy},           /* NoSuchTransaction */
    {262, ERR_TIMEOUT, 0, slow},             /* ExceededTimeLimit */
    {290, ERR_TRY_AGAIN, 1, slow},           /* TransactionExceededLifetimeLimitSeconds */
    {8000, ERR_DB_UNAVAILABLE, 30, refused}, /* a hosted cluster's own refusals */
    {9001, ERR_DB_UNAVAILABLE, 3, away},     /* SocketException */
    {10107, ERR_DB_UNAVAILABLE, 3, moved},   /* NotWritablePrimary */
    {10334, ERR_TOO_LARGE, 0, large},        /* BSONObjectTooLarge */
    {11600, ERR_DB_UNAVAILABLE, 3, moved},   /* InterruptedAtShutdown */
    {11602, ERR_DB_UNAVAILABLE, 3, moved},   /* InterruptedDueToReplStateChange */
    {13435, ERR_DB_UNAVAILABLE, 3, moved},   /* NotPrimaryNoSecondaryOk */
    {13436, ERR_DB_UNAVAILABLE, 3, moved},   /* NotPrimaryOrSecondary */
    {14031, ERR_DB_UNAVAILABLE, 30, full},   /* OutOfDiskSpace */
    {17280, ERR_TOO_LARGE, 0, large},        /* KeyTooLong */
    {40485, ERR_VALIDATION, 0, zone},        /* an unrecognized time zone */
};

/* Codes of other domains are the driver's own numbers and mean something else. */
static bool from_server(const bson_error_t *error)
{
    return error->domain == MONGOC_ERROR_SERVER || error->domain == MONGOC_ERROR_WRITE_CONCERN;
}

static bool is_duplicate(const bson_error_t *error)
{
    return from_server(error) && (error->code == 11000 || error->code == 11001);
}

bool errmap_has_label(const bson_t *reply, const char *label)
{
    return reply && mongoc_error_has_label(reply, label);
}

bool errmap_is_network(const bson_error_t *error)
{
    if (error->domain == MONGOC_ERROR_STREAM || error->domain == MONGOC_ERROR_SERVER_SELECTION)
        return true;
    /* A second try at a frozen server ends in one of these. */
    if (error->domain == MONGOC_ERROR_CLIENT)
        return (error->code >= MONGOC_ERROR_STREAM_NAME_RESOLUTION &&
                error->code <= MONGOC_ERROR_STREAM_NOT_ESTABLISHED) ||
               error->code == MONGOC_ERROR_CLIENT_NOT_READY;
    return error->domain == MONGOC_ERROR_PROTOCOL &&
           error->code == MONGOC_ERROR_PROTOCOL_INVALID_REPLY;
}

/* The index that refused a key: in the reply of a command, or of the first write of a batch. */
static bool find_key_pattern(const bson_t *reply, bson_iter_t *pattern)
{
    bson_iter_t iter;

    if (!reply)
        return false;
    if (bson_iter_init_find(pattern, reply, "keyPattern") && BSON_ITER_HOLDS_DOCUMENT(pattern))
        return true;
    return bson_iter_init(&iter, reply) &&
           bson_iter_find_descendant(&iter, "writeErrors.0.keyPattern", pattern) &&
           BSON_ITER_HOLDS_DOCUMENT(pattern);
}

/* The last field of the index: those before it say in which tenant or branch it is unique. */
static bool duplicate_field(const bson_t *reply, char *out, size_t cap)
{
    bson_iter_t pattern, field;
    const char *name = NULL;

    if (!find_key_pattern(reply, &pattern) || !bson_iter_recurse(&pattern, &field))
        return false;
    while (bson_iter_next(&field))
        name = bson_iter_key(&field);
    if (!name || strlen(name) >= cap)
        return false;
    memcpy(out, name, strlen(name) + 1);
    return true;
}

static void write_log(const bson_error_t *error, enum log_level level)
{
    char domain[16], code[16];

    snprintf(domain, sizeof domain, "%u", error->domain);
    snprintf(code, sizeof code, "%u", error->code);
    log_event(level, "db_error", "domain", domain, "code", code, "text", error->message, NULL);
}

static const struct meaning *find_meaning(const bson_error_t *error)
{
    if (!from_server(error))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
        if (meanings[i].code == (int)error->code)
            return &meanings[i];
    return NULL;
}

bool errmap_is_passing(const bson_error_t *error)
{
    const struct meaning *meaning = find_meaning(error);

    if (meaning)
        return meaning->detail == moved || meaning->detail == away;
    return error->domain != MONGOC_ERROR_SERVER_SELECTION && errmap_is_network(error);
}

bool errmap_set(struct err *err, const bson_error_t *error, const bson_t *reply)
{
    const struct meaning *meaning = find_meaning(error);
    char field[96];

    if (is_duplicate(error)) {
        /* The server's text shows the value, which may be personal. */
        write_log(error, LOG_LVL_DEBUG);
        if (duplicate_field(reply, field, sizeof field))
            return err_set(err, ERR_DUPLICATE, "%s already exists", field);
        return err_set(err, ERR_DUPLICATE, "A record with these values already exists");
    }
    if (errmap_is_network(error)) {
        write_log(error, LOG_LVL_WARN);
        return err_set_retry(err, ERR_DB_UNAVAILABLE, 3, "%s", away);
    }
    if (error->domain == MONGOC_ERROR_CLIENT && error->code == MONGOC_ERROR_CLIENT_AUTHENTICATE) {
        write_log(error, LOG_LVL_ERROR);
        return err_set_retry(err, ERR_DB_UNAVAILABLE, 30, "%s", refused);
    }
    if (meaning) {
        /* A conflict is what the retry loop is for, not news. */
        write_log(error, meaning->err == ERR_TRY_AGAIN ? LOG_LVL_DEBUG : LOG_LVL_WARN);
        return err_set_retry(err, meaning->err, meaning->retry_after, "%s", meaning->detail);
    }
    if (errmap_has_label(reply, "TransientTransactionError")) {
        write_log(error, LOG_LVL_INFO);
        return err_set_retry(err, ERR_TRY_AGAIN, 1, "%s", busy);
    }
    write_log(error, LOG_LVL_ERROR);
    return err_set(err, ERR_INTERNAL, "The database did not accept the operation.");
}
