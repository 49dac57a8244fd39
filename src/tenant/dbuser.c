/* Roles and users of MongoDB, by its own commands. A password appears in none of our messages, and
 * the server leaves it out of its own. */
#include "base.h"
#include "tenant/dbuser.h"
#include "core/id.h"
#include "core/str.h"
#include "tenant/audit.h"

#define USER_NOT_FOUND   11
#define UNAUTHORIZED     13
#define ROLE_NOT_FOUND   31
#define COMMAND_UNKNOWN  59
#define HOSTED_REFUSAL   8000
#define ROLE_EXISTS      51002
#define USER_EXISTS      51003

void dbuser_name(const char *db_name, char out[static DBUSER_SIZE])
{
    snprintf(out, DBUSER_SIZE, "erpd_%s", db_name);
}

void dbuser_new_password(char out[static DBUSER_PASSWORD_SIZE])
{
    random_hex(out, (DBUSER_PASSWORD_SIZE - 1) / 2);
}

/* --- addresses ------------------------------------------------------------------------------- */

/* Hosts of an address: where they begin (behind any account), and how long they are. */
static const char *hosts_of(const char *uri, size_t *len)
{
    const char *start = strstr(uri, "://"), *at;

    start = start ? start + 3 : uri;
    *len = strcspn(start, "/?");
    at = memrchr(start, '@', *len);
    if (at) {
        *len -= (size_t)(at + 1 - start);
        start = at + 1;
    }
    return start;
}

/* Takes the first of `*left` bytes of hosts; its length without the usual port. */
static size_t take_host(const char **hosts, size_t *left, const char **host)
{
    static const char usual[] = ":27017";
    const char *comma = memchr(*hosts, ',', *left);
    size_t n = comma ? (size_t)(comma - *hosts) : *left, len = n, more = sizeof usual - 1;

    *host = *hosts;
    n += comma != NULL;
    *hosts += n;
    *left -= n;
    return len > more && memcmp(*host + len - more, usual, more) == 0 ? len - more : len;
}

static bool has_host(const char *uri, const char *host, size_t len)
{
    size_t left, n;
    const char *hosts = hosts_of(uri, &left), *other;

    while (left > 0) {
        n = take_host(&hosts, &left, &other);
        if (n == len && strncasecmp(other, host, len) == 0)
            return true;
    }
    return false;
}

bool dbuser_same_hosts(const char *a, const char *b)
{
    size_t left, len;
    const char *hosts = hosts_of(a, &left), *host;

    while (left > 0) {
        len = take_host(&hosts, &left, &host);
        if (len > 0 && has_host(b, host, len))
            return true;
    }
    return false;
}

static bool names(const char *option, const char *name)
{
    size_t len = strlen(name);

    return strncasecmp(option, name, len) == 0 && option[len] == '=';
}

/* The options that say who signs in are ours now. */
static const char *other_options(struct arena *arena, const char *query)
{
    const char *kept = "";

    while (*query) {
        size_t len = strcspn(query, "&;");

        if (len > 0 && !names(query, "authSource") && !names(query, "authMechanism") &&
            !names(query, "authMechanismProperties"))
            kept = arena_printf(arena, "%s&%.*s", kept, (int)len, query);
        query += len + (query[len] != '\0');
    }
    return kept;
}

const char *dbuser_uri(struct arena *arena, const char *base, const char *db_name,
                       const char *password)
{
    const char *scheme = strstr(base, "://");
    int scheme_len = scheme ? (int)(scheme - base) : 0;
    size_t len;
    const char *hosts = hosts_of(base, &len);
    const char *query = strchr(hosts + len, '?');

    return arena_printf(arena, "%.*s://erpd_%s:%s@%.*s/?authSource=admin%s", scheme_len, base,
                        db_name, password, (int)len, hosts,
                        other_options(arena, query ? query + 1 : ""));
}

const char *dbuser_password(struct arena *arena, const char *uri, const char *db_name)
{
    const char *start = strstr(uri, "://");
    char name[DBUSER_SIZE];
    size_t len;

    dbuser_name(db_name, name);
    len = strlen(name);
    if (!start || strncmp(start + 3, name, len) != 0 || start[3 + len] != ':')
        return NULL;
    start += 3 + len + 1;
    return arena_strndup(arena, start, strcspn(start, "@/?"));
}

/* --- commands -------------------------------------------------------------------------------- */

/* Runs a command. *code is the server's number of a failure, 0 when it worked. */
static bool run(struct scope *admin, const bson_t *command, int *code, struct err *err)
{
    bson_t reply;
    bson_iter_t it;
    bool ok = scope_command(admin, command, &reply, err);

    *code = !ok && bson_iter_init_find(&it, &reply, "code") ? (int)bson_iter_as_int64(&it) : 0;
    bson_destroy(&reply);
    return ok;
}

static void add_right(bson_t *rights, const char *key, const char *db_name,
                      const char *const *actions)
{
    bson_t right, resource, list;
    char index[16];

    bson_append_document_begin(rights, key, -1, &right);
    BSON_APPEND_DOCUMENT_BEGIN(&right, "resource", &resource);
    BSON_APPEND_UTF8(&resource, "db", db_name);
    BSON_APPEND_UTF8(&resource, "collection", "");
    bson_append_document_end(&right, &resource);
    BSON_APPEND_ARRAY_BEGIN(&right, "actions", &list);
    for (int i = 0; actions[i]; i++) {
        snprintf(index, sizeof index, "%d", i);
        bson_append_utf8(&list, index, -1, actions[i], -1);
    }
    bson_append_array_end(&right, &list);
    bson_append_document_end(rights, &right);
}

static bool role_command(struct scope *admin, const char *verb, const char *db_name, int *code,
                         struct err *err)
{
    static const char *const own[] = {
        "find",        "insert",      "update",    "remove",     "createCollection",
        "createIndex", "dropIndex",   "listCollections", "listIndexes", "dropCollection",
        "collStats",   "dbStats",     "dbHash",    "changeStream", NULL};
    static const char *const audit[] = {"find",        "insert",       "createCollection",
                                        "createIndex", "listCollections", "listIndexes",
                                        "changeStream", NULL};
    char name[DBUSER_SIZE], audit_name[AUDIT_DB_SIZE];
    bson_t command = BSON_INITIALIZER, rights, none;
    bool ok;

    dbuser_name(db_name, name);
    audit_db_name(db_name, audit_name);
    bson_append_utf8(&command, verb, -1, name, -1);
    BSON_APPEND_ARRAY_BEGIN(&command, "privileges", &rights);
    add_right(&rights, "0", db_name, own);
    add_right(&rights, "1", audit_name, audit);
    bson_append_array_end(&command, &rights);
    BSON_APPEND_ARRAY_BEGIN(&command, "roles", &none);
    bson_append_array_end(&command, &none);
    ok = run(admin, &command, code, err);
    bson_destroy(&command);
    return ok;
}

static bool user_command(struct scope *admin, const char *verb, const char *db_name,
                         const char *password, int *code, struct err *err)
{
    char name[DBUSER_SIZE];
    bson_t *command;
    bool ok;

    dbuser_name(db_name, name);
    command = BCON_NEW(verb, BCON_UTF8(name), "pwd", BCON_UTF8(password), "roles", "[", "{", "role",
                       BCON_UTF8(name), "db", BCON_UTF8("admin"), "}", "]");
    ok = run(admin, command, code, err);
    bson_destroy(command);
    return ok;
}

static bool is_refusal(int code)
{
    return code == UNAUTHORIZED || code == COMMAND_UNKNOWN || code == HOSTED_REFUSAL;
}

bool dbuser_ensure(struct scope *admin, const char *db_name, const char *password, bool *refused,
                   struct err *err)
{
    struct err ignored;
    int code;
    bool ok = role_command(admin, "createRole", db_name, &code, err);

    if (code == ROLE_EXISTS) {
        err_clear(err);
        ok = role_command(admin, "updateRole", db_name, &code, err);
    }
    if (ok)
        ok = user_command(admin, "createUser", db_name, password, &code, err);
    if (code == USER_EXISTS) {
        err_clear(err);
        ok = user_command(admin, "updateUser", db_name, password, &code, err);
    }
    *refused = !ok && is_refusal(code);
    if (!*refused)
        return ok;
    err_clear(err);
    err_init(&ignored);
    dbuser_drop(admin, db_name, &ignored);
    err_release(&ignored);
    return false;
}

static bool drop(struct scope *admin, const char *verb, const char *db_name, int missing,
                 struct err *err)
{
    char name[DBUSER_SIZE];
    bson_t *command;
    int code;
    bool ok;

    dbuser_name(db_name, name);
    command = BCON_NEW(verb, BCON_UTF8(name));
    ok = run(admin, command, &code, err);
    bson_destroy(command);
    if (ok || code != missing)
        return ok;
    err_clear(err);
    return true;
}

bool dbuser_drop(struct scope *admin, const char *db_name, struct err *err)
{
    return drop(admin, "dropUser", db_name, USER_NOT_FOUND, err) &&
           drop(admin, "dropRole", db_name, ROLE_NOT_FOUND, err);
}
