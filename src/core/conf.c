/* Settings: loading and checking. Never prints a value, since it may be a secret that was put
 * under the wrong name; secrets leave the environment as soon as all settings are good. */
#include "base.h"
#include "core/conf.h"
#include "core/conf_table.h"
#include "core/money.h"
#include "core/str.h"

#include <sodium.h>

#define FILE_MAX ((size_t)64 * 1024)

static const char white_space[] = " \t\r\n";

static ERP_PRINTF(2, 3) bool refuse(const struct conf_row *row, const char *fmt, ...)
{
    char reason[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    fprintf(stderr, "setting %s: %s\n", row->name, reason);
    return false;
}

static void *field(const struct conf *conf, const struct conf_row *row)
{
    return (char *)(uintptr_t)conf + row->offset;
}

static char *copy(const char *text)
{
    char *result = strdup(text);

    if (!result)
        abort();
    return result;
}

static void wipe(char *text)
{
    if (text)
        sodium_memzero(text, strlen(text));
    free(text);
}

/* The file's text in *value. A file that is absent leaves NULL there, which only `optional`
 * accepts. */
static bool read_file(const struct conf_row *row, const char *path, bool optional, char **value)
{
    char *text = NULL;
    size_t len = 0;
    ssize_t got = 1;
    bool good = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return (optional && errno == ENOENT) ||
               refuse(row, "cannot read its file: %s", strerror(errno));
    text = calloc(1, FILE_MAX + 1);
    if (!text)
        abort();
    while (len < FILE_MAX && got > 0) {
        got = read(fd, text + len, FILE_MAX - len);
        if (got > 0)
            len += (size_t)got;
    }
    if (got < 0)
        refuse(row, "cannot read its file: %s", strerror(errno));
    else if (got > 0)
        refuse(row, "its file is larger than %zu bytes", FILE_MAX - 1);
    else if (strlen(text) != len)
        refuse(row, "its file contains a NUL byte");
    else
        good = true;
    if (good)
        *value = copy(text);
    sodium_memzero(text, FILE_MAX);
    free(text);
    close(fd);
    return good;
}

/* Where a secret comes from: NAME, else NAME_FILE, else the credential NAME. */
static bool find_secret(const struct conf_row *row, char **value)
{
    const char *text = getenv(row->name), *path, *directory;
    char name[64], file[PATH_MAX];

    snprintf(name, sizeof name, "%s_FILE", row->name);
    path = getenv(name);
    if (text && *text && path && *path)
        return refuse(row, "%s is set as well; keep one of them", name);
    if (text && *text) {
        *value = copy(text);
    } else if (path && *path) {
        if (!read_file(row, path, false, value))
            return false;
    } else if ((directory = getenv("CREDENTIALS_DIRECTORY")) != NULL) {
        snprintf(file, sizeof file, "%s/%s", directory, row->name);
        if (!read_file(row, file, true, value))
            return false;
    }
    if (*value) {
        size_t len = strlen(*value);

        while (len > 0 && ((*value)[len - 1] == '\n' || (*value)[len - 1] == '\r'))
            (*value)[--len] = '\0';
    }
    return true;
}

static bool check_key(const struct conf_row *row, const char *key, size_t len)
{
    size_t same = 1;

    if (len < (size_t)row->min)
        return refuse(row, "too weak: %zu bytes, at least %" PRId64 " are needed", len, row->min);
    while (same < len && key[same] == key[0])
        same++;
    return same < len || refuse(row, "too weak: one byte repeated");
}

static bool check_secret(const struct conf_row *row, const char *text)
{
    int64_t n = 0;

    if (row->max == 1)
        return check_key(row, text, strlen(text));
    for (const char *p = text + strspn(text, white_space); *p; p += strspn(p, white_space)) {
        size_t len = strcspn(p, white_space);

        if (++n > row->max)
            return refuse(row, "more than %" PRId64 " values", row->max);
        if (!check_key(row, p, len))
            return false;
        p += len;
    }
    return n > 0 || refuse(row, "missing");
}

static const char *after_scheme(const char *text)
{
    if (strncmp(text, "https://", 8) == 0)
        return text + 8;
    return strncmp(text, "http://", 7) == 0 ? text + 7 : NULL;
}

static bool check_origins(const struct conf_row *row, const char *text)
{
    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        size_t len = strcspn(text, " ");
        const char *host = after_scheme(text);

        if (!host || host >= text + len ||
            host + strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-.:[]") != text + len)
            return refuse(row, "each value must be an origin in lower case, as in "
                               "https://shop.example");
        text += len;
    }
    return true;
}

static bool check_db_name(const struct conf_row *row, const char *text)
{
    static const char *const reserved[] = {"admin", "config", "local"};
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

    for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
        if (strcasecmp(text, reserved[i]) == 0)
            return refuse(row, "names a database of the server itself");
    return (len > 0 && len <= 63 && text[len] == '\0') ||
           refuse(row, "must be 1 to 63 letters, digits, \"_\" or \"-\"");
}

static bool check_choice(const struct conf_row *row, const char *text)
{
    size_t len = strlen(text);

    for (const char *p = row->choices; *p; p += strcspn(p, " ") + 1)
        if (strcspn(p, " ") == len && strncmp(p, text, len) == 0)
            return true;
    return refuse(row, "must be one of %.*s", (int)strlen(row->choices) - 1, row->choices);
}

static bool check_text(const struct conf_row *row, const char *text)
{
    for (const char *p = text; *p; p++)
        if (row->kind != CONF_SECRET && ((unsigned char)*p < ' ' || *p == 0x7f))
            return refuse(row, "contains a control character");
    switch (row->kind) {
    case CONF_SECRET:
        return check_secret(row, text);
    case CONF_URL:
        return strncmp(text, "mongodb://", 10) == 0 || strncmp(text, "mongodb+srv://", 14) == 0 ||
               refuse(row, "must start with mongodb:// or mongodb+srv://");
    case CONF_LINK:
        return *text == '\0' || after_scheme(text) ||
               refuse(row, "must start with http:// or https://");
    case CONF_ORIGINS:
        return check_origins(row, text);
    case CONF_DB_NAME:
        return check_db_name(row, text);
    case CONF_CURRENCY:
        return currency_decimals(text) >= 0 || refuse(row, "is not a known ISO 4217 code");
    case CONF_ENUM:
        return check_choice(row, text);
    default:
        return true;
    }
}

static bool set_bool(const struct conf_row *row, const char *text, bool *out)
{
    static const char *const words[][2] = {
        {"off", "on"}, {"false", "true"}, {"no", "yes"}, {"0", "1"}};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        for (int value = 0; value < 2; value++)
            if (strcasecmp(text, words[i][value]) == 0) {
                *out = value;
                return true;
            }
    return refuse(row, "must be on or off");
}

static bool set_int(const struct conf_row *row, const char *text, int64_t *out)
{
    size_t digits = strspn(text, "0123456789");

    errno = 0;
    *out = strtoll(text, NULL, 10);
    if (digits == 0 || text[digits] != '\0' || errno != 0 || *out < row->min || *out > row->max)
        return refuse(row, "must be a whole number from %" PRId64 " to %" PRId64, row->min,
                      row->max);
    return true;
}

static bool load_row(struct conf *conf, const struct conf_row *row, bool need_secrets)
{
    char *text = NULL;

    if (conf_is_secret(row)) {
        if (!find_secret(row, &text))
            return false;
    } else {
        const char *value = getenv(row->name);

        text = copy(value && *value ? value : row->text);
    }
    if (!text || (!*text && conf_is_secret(row))) {
        wipe(text);
        return !row->required || !need_secrets || refuse(row, "missing");
    }
    if (conf_is_text(row)) {
        *(char **)field(conf, row) = text;
        return check_text(row, text);
    }
    bool good = row->kind == CONF_BOOL ? set_bool(row, text, field(conf, row))
                                       : set_int(row, text, field(conf, row));
    free(text);
    return good;
}

static void fill_fallbacks(struct conf *conf)
{
    for (size_t i = 0; i < conf_table_rows; i++) {
        const struct conf_row *row = &conf_table[i];

        if (!row->fallback || *(char **)field(conf, row))
            continue;
        for (size_t k = 0; k < conf_table_rows; k++) {
            char *other;

            if (strcmp(conf_table[k].name, row->fallback) != 0)
                continue;
            other = *(char **)field(conf, &conf_table[k]);
            *(char **)field(conf, row) = other ? copy(other) : NULL;
        }
    }
}

/* load_row has counted them. */
static void split_keys(const char *p, char **keys, size_t *n)
{
    if (!p)
        return;
    for (p += strspn(p, white_space); *p; p += strspn(p, white_space)) {
        size_t len = strcspn(p, white_space);
        char *key = strndup(p, len);

        if (!key)
            abort();
        keys[(*n)++] = key;
        p += len;
    }
}

static void forget_environment(void)
{
    for (size_t i = 0; i < conf_table_rows; i++) {
        char *value;

        if (!conf_is_secret(&conf_table[i]))
            continue;
        /* Over the old bytes too: they stay readable in /proc/self/environ. */
        value = getenv(conf_table[i].name);
        if (value)
            sodium_memzero(value, strlen(value));
        unsetenv(conf_table[i].name);
    }
}

bool conf_load(struct conf *conf, bool need_secrets)
{
    memset(conf, 0, sizeof *conf);
    if (sodium_init() < 0) {
        fputs("libsodium cannot be initialised\n", stderr);
        return false;
    }
    for (size_t i = 0; i < conf_table_rows; i++)
        if (!load_row(conf, &conf_table[i], need_secrets)) {
            conf_release(conf);
            return false;
        }
    fill_fallbacks(conf);
    split_keys(conf->jwt_secret_key, conf->jwt_keys, &conf->n_jwt_keys);
    split_keys(conf->seal_key, conf->seal_keys, &conf->n_seal_keys);
    forget_environment();
    return true;
}

void conf_release(struct conf *conf)
{
    for (size_t i = 0; i < conf_table_rows; i++)
        if (conf_is_text(&conf_table[i]))
            wipe(*(char **)field(conf, &conf_table[i]));
    for (size_t i = 0; i < conf->n_jwt_keys; i++)
        wipe(conf->jwt_keys[i]);
    for (size_t i = 0; i < conf->n_seal_keys; i++)
        wipe(conf->seal_keys[i]);
    sodium_memzero(conf, sizeof *conf);
}

void conf_derive_from(const char *secret, const char *label, uint8_t out[static 32])
{
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)label, strlen(label));
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof state);
}

void conf_derive_key(const struct conf *conf, const char *label, uint8_t out[static 32])
{
    assert(conf->secret_key);
    conf_derive_from(conf->secret_key, label, out);
}
