/* Reads the text of the URI itself: once the driver has parsed it, its options and ours are one. */
#include "base.h"
#include "tenant/uri.h"
#include "tenant/clients.h"

#define OPTION_MAX 40

/* To add one: a row, and a case in t/unit/uri_test.c. Names and values compare without case. */
static const struct {
    const char *name;
    const char *values; /* separated by spaces; NULL: any */
} options[] = {
    {"appname", NULL},
    {"authmechanism", "scram-sha-1 scram-sha-256"},
    {"authsource", NULL},
    {"compressors", "zstd snappy"},
    {"directconnection", NULL},
    {"journal", "true"},
    {"loadbalanced", NULL},
    {"maxpoolsize", NULL},
    {"minpoolsize", NULL},
    {"readpreference", "primary"},
    {"replicaset", NULL},
    {"retryreads", NULL},
    {"retrywrites", NULL},
    {"srvmaxhosts", NULL},
    {"ssl", "true"},
    {"tls", "true"},
    {"w", "majority"},
};

static bool same(const char *text, size_t len, const char *word, size_t word_len)
{
    return len == word_len && strncasecmp(text, word, len) == 0;
}

static bool value_listed(const char *values, const char *text, size_t len)
{
    while (*values) {
        size_t n = strcspn(values, " ");

        if (same(text, len, values, n))
            return true;
        values += n + (values[n] == ' ');
    }
    return false;
}

/* One "name=value". */
static bool option_allowed(const char *text, size_t len, struct err *err)
{
    const char *equals = memchr(text, '=', len);
    size_t name_len = equals ? (size_t)(equals - text) : len;
    const char *value = equals ? equals + 1 : text + len;
    size_t value_len = (size_t)(text + len - value);

    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        const char *name = options[i].name;

        if (!same(text, name_len, name, strlen(name)))
            continue;
        if (!options[i].values || value_listed(options[i].values, value, value_len))
            return true;
        return err_set(err, ERR_VALIDATION, "The database address may set %s only to: %s", name,
                       options[i].values);
    }
    if (name_len > OPTION_MAX || strspn(text, "abcdefghijklmnopqrstuvwxyz"
                                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ") < name_len)
        return err_set(err, ERR_VALIDATION, "The database address has an option of no known name");
    return err_set(err, ERR_VALIDATION, "The database address may not set %.*s", (int)name_len,
                   text);
}

static bool options_allowed(const char *text, struct err *err)
{
    while (*text) {
        size_t len = strcspn(text, "&;");

        if (len > 0 && !option_allowed(text, len, err))
            return false;
        text += len + (text[len] != '\0');
    }
    return true;
}

/* Link-local addresses are those at which clouds answer machines with their credentials. */
static bool host_allowed(const char *host, size_t len, struct err *err)
{
    static const char *const local[] = {
        "169.254.",         "[fe8",         "[fe9", "[fea", "[feb", "[fd00:ec2:",
        "[::ffff:169.254.", "[::ffff:a9fe:"};

    if (memchr(host, '%', len) || memchr(host, '/', len))
        return err_set(err, ERR_VALIDATION, "The database address may not name a local socket");
    for (size_t i = 0; i < ARRAY_LEN(local); i++)
        if (len >= strlen(local[i]) && strncasecmp(host, local[i], strlen(local[i])) == 0)
            return err_set(err, ERR_VALIDATION,
                           "The database address may not name a link-local host");
    return true;
}

static bool hosts_allowed(const char *text, size_t len, struct err *err)
{
    while (len > 0) {
        const char *comma = memchr(text, ',', len);
        size_t n = comma ? (size_t)(comma - text) : len;

        if (!host_allowed(text, n, err))
            return false;
        n += comma != NULL;
        text += n;
        len -= n;
    }
    return true;
}

bool uri_allowed(const char *text, struct err *err)
{
    mongoc_uri_t *uri = clients_parse_uri(text);
    const char *start, *at, *query;
    size_t len;

    if (!uri)
        return err_set(err, ERR_VALIDATION, "The database address is no valid MongoDB URI");
    mongoc_uri_destroy(uri);
    start = strstr(text, "://") + 3;
    len = strcspn(start, "/?");
    at = memrchr(start, '@', len);
    if (at) {
        len -= (size_t)(at + 1 - start);
        start = at + 1;
    }
    query = strchr(start + len, '?');
    return hosts_allowed(start, len, err) && options_allowed(query ? query + 1 : "", err);
}
