/* The log. A line is built on the stack and leaves in one write(2) of at most PIPE_BUF bytes, so
 * lines of several workers never mix; what does not fit is cut and marked. Allocates nothing: it
 * must still work when memory is out. */
#include "base.h"
#include "core/log.h"
#include "core/clock.h"
#include "core/str.h"

#define LINE_MAX_BYTES ((size_t)PIPE_BUF)
#define CUT            "..."
#define BARE_MAX       ((size_t)256) /* longer values are quoted, because only those can be cut */

static const char *const level_names[] = {
    [LOG_LVL_DEBUG] = "debug",
    [LOG_LVL_INFO] = "info",
    [LOG_LVL_WARN] = "warn",
    [LOG_LVL_ERROR] = "error",
};

static enum log_level threshold = LOG_LVL_INFO;
static const char *verbose_id; /* of the request that is logged in detail; NULL: none */

struct line {
    char p[LINE_MAX_BYTES];
    size_t len;
    bool full;
};

/* All or nothing, leaving room for the mark, a closing quote and the newline. */
static void add(struct line *line, const char *bytes, size_t len)
{
    if (line->full || line->len + len + sizeof CUT + 2 > sizeof line->p) {
        line->full = true;
        return;
    }
    memcpy(line->p + line->len, bytes, len);
    line->len += len;
}

static void addz(struct line *line, const char *text)
{
    add(line, text, strlen(text));
}

static bool needs_quotes(const char *value)
{
    size_t len = strlen(value);

    if (len == 0 || len > BARE_MAX)
        return true;
    for (const char *p = value; *p; p++)
        if (*p <= ' ' || *p >= 0x7f || *p == '"' || *p == '=' || *p == '\\')
            return true;
    return false;
}

/* Bytes of the well-formed character at `p` that may stand as it is; 0 when it may not. */
static size_t printable(const char *p)
{
    unsigned char c = (unsigned char)*p;
    size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    if (c < ' ' || c == 0x7f || c == '"' || c == '\\')
        return 0;
    if (strnlen(p, len) < len || !utf8_valid(p, len))
        return 0;
    /* U+0080 to U+009F steer terminals, U+2028 and U+2029 break lines. */
    if ((c == 0xc2 && (unsigned char)p[1] < 0xa0) || strncmp(p, "\xe2\x80\xa8", 3) == 0 ||
        strncmp(p, "\xe2\x80\xa9", 3) == 0)
        return 0;
    return len;
}

/* False when not even its head fits. */
static bool add_value(struct line *line, const char *value)
{
    if (!needs_quotes(value)) {
        addz(line, value);
        return !line->full;
    }
    add(line, "\"", 1);
    if (line->full)
        return false;
    while (*value && !line->full) {
        size_t len = printable(value);
        char escaped[8];

        if (len > 0) {
            add(line, value, len);
            value += len;
            continue;
        }
        if (*value == '\n')
            addz(line, "\\n");
        else if (*value == '"' || *value == '\\')
            add(line, (const char[]){'\\', *value}, 2);
        else
            add(line, escaped,
                (size_t)snprintf(escaped, sizeof escaped, "\\x%02x", (unsigned char)*value));
        value++;
    }
    if (line->full) {
        memcpy(line->p + line->len, CUT, sizeof CUT - 1);
        line->len += sizeof CUT - 1;
    }
    line->p[line->len++] = '"';
    return true;
}

void log_set_level(enum log_level level)
{
    threshold = level;
}

void log_verbose(const char *request_id)
{
    verbose_id = request_id;
}

bool log_enabled(enum log_level level)
{
    return level >= threshold || verbose_id;
}

bool log_level_parse(const char *text, enum log_level *out)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++)
        if (strcmp(text, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    return false;
}

void log_event(enum log_level level, const char *event, ...)
{
    struct line line = {.len = 0};
    char now[CLOCK_TEXT_SIZE];
    const char *key;
    va_list args;
    int saved = errno;

    if (!log_enabled(level))
        return;
    clock_format(now, clock_ms());
    addz(&line, "ts=");
    addz(&line, now);
    addz(&line, " level=");
    addz(&line, level_names[level]);
    addz(&line, " event=");
    add_value(&line, event);
    if (verbose_id && level == LOG_LVL_DEBUG) {
        addz(&line, " request_id=");
        add_value(&line, verbose_id);
    }
    va_start(args, event);
    while (!line.full && (key = va_arg(args, const char *)) != NULL) {
        const char *value = va_arg(args, const char *);
        size_t before = line.len;

        if (!value)
            continue;
        add(&line, " ", 1);
        addz(&line, key);
        add(&line, "=", 1);
        if (!add_value(&line, value))
            line.len = before;
    }
    va_end(args);
    line.p[line.len++] = '\n';
    /* Nowhere to report that the log itself cannot be written. */
    while (write(STDERR_FILENO, line.p, line.len) < 0 && errno == EINTR)
        ;
    errno = saved;
}

void log_uri_host(char *out, size_t cap, const char *uri)
{
    const char *host = strstr(uri, "://");
    size_t len;

    host = host ? host + 3 : uri;
    len = strcspn(host, "/?#");
    /* A password with a bare "/", "?" or "#" would make its head look like the host: an "@"
     * after the host list means that we cannot tell them apart, and show nothing. */
    if (strchr(host + len, '@')) {
        snprintf(out, cap, "?");
        return;
    }
    for (size_t i = len; i > 0; i--)
        if (host[i - 1] == '@') {
            host += i;
            len -= i;
            break;
        }
    snprintf(out, cap, "%.*s", (int)len, host);
}
