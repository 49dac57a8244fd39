/* What a connection is like: timeouts, concerns, what the driver may say. No URI, and no piece of
 * one, is ever logged here. */
#include "base.h"
#include "tenant/clients.h"
#include "core/id.h"
#include "core/log.h"

#define SELECTION_MS 3000
#define CONNECT_MS   1000
#define MARGIN_MS    400 /* after a command's time a server that works has answered by then */
#define HEARTBEAT_MS 30000
#define WTIMEOUT_LESS_MS 300 /* than a command's time: the server says what it could not confirm */
#define PROBE_MS     1200

#define PATIENT_WTIMEOUT_MS 4000

/* Milliseconds after which the driver asks an idle connection whether it is alive, before it uses
 * it: never. On a server that hangs that would cost the socket's patience and then the selection's,
 * and one that was closed is seen without asking. */
#define IDLE_MS 3600000

/* The part of a URI that begins after user and password. */
static const char *uri_hosts(const char *uri)
{
    const char *start = strstr(uri, "://");
    const char *at;

    start = start ? start + 3 : uri;
    at = memrchr(start, '@', strcspn(start, "/?"));
    return at ? at + 1 : start;
}

uint64_t clients_cluster(const char *uri)
{
    const char *hosts = uri_hosts(uri);
    size_t len = strcspn(hosts, "/?");
    const char *options = strchr(hosts + len, '?');

    /* Hashed apart, so that no separator has to be chosen; order matters in the sum. */
    return hash64(hosts, len) * 31 + (options ? hash64(options, strlen(options)) : 0);
}

static void set_concerns(mongoc_uri_t *uri, int32_t wtimeout_ms)
{
    mongoc_write_concern_t *write = mongoc_write_concern_new();
    mongoc_read_concern_t *read = mongoc_read_concern_new();
    mongoc_read_prefs_t *prefs = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);

    mongoc_write_concern_set_w(write, MONGOC_WRITE_CONCERN_W_MAJORITY);
    mongoc_write_concern_set_wtimeout_int64(write, wtimeout_ms);
    mongoc_uri_set_write_concern(uri, write);
    mongoc_read_concern_set_level(read, MONGOC_READ_CONCERN_LEVEL_MAJORITY);
    mongoc_uri_set_read_concern(uri, read);
    /* A secondary may not have what this user has just stored, and a transaction refuses it. */
    mongoc_uri_set_read_prefs_t(uri, prefs);
    mongoc_write_concern_destroy(write);
    mongoc_read_concern_destroy(read);
    mongoc_read_prefs_destroy(prefs);
}

bool clients_uri_command_time(mongoc_uri_t *uri, int32_t command_ms)
{
    set_concerns(uri, command_ms - WTIMEOUT_LESS_MS);
    return mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, command_ms + MARGIN_MS);
}

static bool set_options(mongoc_uri_t *uri)
{
    static const struct {
        const char *name;
        int32_t value;
    } numbers[] = {
        {MONGOC_URI_SERVERSELECTIONTIMEOUTMS, SELECTION_MS},
        {MONGOC_URI_CONNECTTIMEOUTMS, CONNECT_MS},
        {MONGOC_URI_HEARTBEATFREQUENCYMS, HEARTBEAT_MS},
        {MONGOC_URI_SOCKETCHECKINTERVALMS, IDLE_MS},
    };
    bool ok = mongoc_uri_set_option_as_bool(uri, MONGOC_URI_SERVERSELECTIONTRYONCE, false) &&
              /* db/scope_read.c does it, but never after a server that hangs. */
              mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYREADS, false) &&
              mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, true) &&
              mongoc_uri_set_appname(uri, "erpd");

    for (size_t i = 0; ok && i < ARRAY_LEN(numbers); i++)
        ok = mongoc_uri_set_option_as_int32(uri, numbers[i].name, numbers[i].value);
    return ok && clients_uri_command_time(uri, SCOPE_COMMAND_MS);
}

static void driver_log(mongoc_log_level_t driver_level, const char *domain, const char *text,
                       void *data ERP_UNUSED)
{
    /* After each write conflict: the server has ended the transaction already. */
    static const char usual[] = "Error in abortTransaction";
    enum log_level level = LOG_LVL_ERROR;

    if (driver_level > MONGOC_LOG_LEVEL_WARNING)
        return;
    if (driver_level == MONGOC_LOG_LEVEL_WARNING)
        level = strncmp(text, usual, sizeof usual - 1) == 0 ? LOG_LVL_DEBUG : LOG_LVL_WARN;
    log_event(level, "driver", "domain", domain, "text", text, NULL);
}

mongoc_uri_t *clients_parse_uri(const char *text)
{
    bson_error_t error;
    mongoc_uri_t *uri;

    /* What the driver says about a URI may quote a piece of it, which may be of its password. */
    mongoc_log_set_handler(NULL, NULL);
    uri = mongoc_uri_new_with_error(text, &error);
    if (uri && !set_options(uri)) {
        mongoc_uri_destroy(uri);
        uri = NULL;
    }
    mongoc_log_set_handler(driver_log, NULL);
    return uri;
}

bool clients_uri_impatient(mongoc_uri_t *uri)
{
    return mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, PROBE_MS) &&
           mongoc_uri_set_option_as_int32(uri, MONGOC_URI_CONNECTTIMEOUTMS, CONNECT_MS) &&
           mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, PROBE_MS);
}

bool clients_uri_patient(mongoc_uri_t *uri, int32_t socket_ms)
{
    set_concerns(uri, PATIENT_WTIMEOUT_MS);
    return mongoc_uri_set_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, socket_ms) &&
           mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYREADS, true) &&
           mongoc_uri_set_appname(uri, "erpctl");
}

bool clients_uri_usable(const char *text)
{
    mongoc_uri_t *uri = clients_parse_uri(text);

    mongoc_uri_destroy(uri);
    return uri != NULL;
}
