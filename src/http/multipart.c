/* The delimiter is searched with the line end before it, so the bytes of a part are exactly those
 * between the empty line and that line end. Nothing is copied but names. */
#include "base.h"
#include "http/multipart.h"
#include "core/str.h"

#define PADDING_MAX 32 /* blanks after a delimiter (RFC 2046 allows them) */

#define SILENT (-1) /* a step that is nobody's event */

enum state { FIRST, DELIMITED, HEADER, BODY, OVER, BROKEN };

static bool boundary_char(char c)
{
    return isalnum((unsigned char)c) || (c != '\0' && strchr("'()+_,-./:=? ", c) != NULL);
}

/* --- the media type -------------------------------------------------------------------------- */

/* The value of a parameter at `text`: a token or a quoted string. Returns what follows it, NULL
 * when it is neither or does not fit. */
static const char *read_value(const char *text, char *out, size_t size)
{
    size_t n = 0;

    if (*text != '"') {
        n = strcspn(text, "; \t\r\n\"");
        if (n == 0 || n >= size)
            return NULL;
        memcpy(out, text, n);
        out[n] = '\0';
        return text + n;
    }
    for (text++; *text != '"'; text++) {
        if (*text == '\\' && (text[1] == '"' || text[1] == '\\'))
            text++;
        if (*text == '\0' || *text == '\r' || *text == '\n' || n + 1 >= size)
            return NULL;
        out[n++] = *text;
    }
    out[n] = '\0';
    return text + 1;
}

bool multipart_boundary(const char *content_type, char out[static MULTIPART_BOUNDARY_MAX + 1])
{
    static const char type[] = "multipart/form-data";
    const char *p = content_type ? content_type : "";
    size_t len;

    *out = '\0';
    if (strncasecmp(p, type, sizeof type - 1) != 0)
        return false;
    for (p += sizeof type - 1; *p;) {
        char value[MULTIPART_BOUNDARY_MAX + 1];
        bool named;

        p += strspn(p, " \t");
        if (*p++ != ';')
            return false;
        p += strspn(p, " \t");
        named = strncasecmp(p, "boundary=", 9) == 0;
        p += strcspn(p, "=;");
        if (*p != '=' || !(p = read_value(p + 1, value, sizeof value)) || (named && *out))
            return false;
        if (named)
            memcpy(out, value, sizeof value);
        p += strspn(p, " \t");
    }
    len = strlen(out);
    for (size_t i = 0; i < len; i++)
        if (!boundary_char(out[i]))
            return false;
    return len > 0 && out[len - 1] != ' ';
}

/* --- the header of a part -------------------------------------------------------------------- */

static enum multipart_event bad(struct multipart *m, struct err *err, const char *why)
{
    m->state = BROKEN;
    err_set(err, ERR_BAD_REQUEST, "The form cannot be read: %s.", why);
    return MULTIPART_BAD;
}

static enum multipart_event large(struct multipart *m, struct err *err, const char *what,
                                  size_t limit)
{
    m->state = BROKEN;
    err_set(err, ERR_TOO_LARGE, "%s; at most %zu bytes are accepted here.", what, limit);
    return MULTIPART_BAD;
}

/* Browsers of long ago sent the whole path of a file; only its name is anyone's business. */
static void strip_folders(char *filename)
{
    char *last = filename;

    for (char *p = filename; *p; p++)
        if (*p == '/' || *p == '\\')
            last = p + 1;
    memmove(filename, last, strlen(last) + 1);
}

static const char *read_disposition(struct multipart *m, const char *text)
{
    if (m->name[0] || strncasecmp(text, "form-data", 9) != 0)
        return "a part has no Content-Disposition of form-data, or two";
    text += 9;
    while (*text) {
        char skipped[MULTIPART_FILENAME_MAX + 1];
        bool name, filename;

        text += strspn(text, " \t");
        if (*text++ != ';')
            return "a Content-Disposition is malformed";
        text += strspn(text, " \t");
        name = strncasecmp(text, "name=", 5) == 0;
        filename = strncasecmp(text, "filename=", 9) == 0;
        if ((name && m->name[0]) || (filename && m->is_file))
            return "a Content-Disposition says something twice";
        text += strcspn(text, "=;");
        if (*text++ != '=')
            return "a Content-Disposition is malformed";
        text = name       ? read_value(text, m->name, sizeof m->name)
               : filename ? read_value(text, m->filename, sizeof m->filename)
                          : read_value(text, skipped, sizeof skipped);
        if (!text)
            return "a Content-Disposition is malformed, or a name in it is too long";
        m->is_file |= filename;
        text += strspn(text, " \t");
    }
    strip_folders(m->filename);
    return NULL;
}

static bool encoding_ok(const char *text)
{
    return strcasecmp(text, "binary") == 0 || strcasecmp(text, "8bit") == 0 ||
           strcasecmp(text, "7bit") == 0;
}

/* One line, terminated. NULL, or what is wrong with it. */
static const char *read_line(struct multipart *m, char *line)
{
    size_t name_len = strcspn(line, ":");
    char *value = line + name_len;

    if (*value != ':' || name_len == 0 || strcspn(line, " \t") < name_len)
        return "a header line is malformed";
    *value++ = '\0';
    value += strspn(value, " \t");
    for (size_t len = strlen(value); len > 0 && strchr(" \t", value[len - 1]); len--)
        value[len - 1] = '\0';
    if (strcasecmp(line, "Content-Disposition") == 0)
        return read_disposition(m, value);
    if (strcasecmp(line, "Content-Transfer-Encoding") == 0)
        return encoding_ok(value) ? NULL : "a Content-Transfer-Encoding is not understood";
    if (strcasecmp(line, "Content-Type") != 0)
        return NULL;
    if (m->type[0] || strlen(value) > MULTIPART_TYPE_MAX)
        return "a part has two types, or one that is too long";
    memcpy(m->type, value, strlen(value) + 1);
    return NULL;
}

/* `text` holds the lines with their line ends; it is taken apart. */
static const char *read_header(struct multipart *m, char *text)
{
    m->name[0] = m->filename[0] = m->type[0] = '\0';
    m->is_file = false;
    while (*text) {
        size_t len = strcspn(text, "\r\n");
        const char *fault;

        if (text[len] != '\r' || text[len + 1] != '\n')
            return "a header line does not end with CR LF";
        text[len] = '\0';
        fault = read_line(m, text);
        if (fault)
            return fault;
        text += len + 2;
    }
    if (!m->name[0])
        return "a part has no name";
    if (!utf8_valid(m->name, strlen(m->name)) || !utf8_valid(m->filename, strlen(m->filename)))
        return "a name is not UTF-8";
    return NULL;
}

/* --- the states ------------------------------------------------------------------------------ */

static const char *find(const char *bytes, size_t len, const char *what, size_t what_len)
{
    const char *end = bytes + len;

    for (const char *p = bytes; (size_t)(end - p) >= what_len; p++) {
        p = memchr(p, what[0], (size_t)(end - p) - what_len + 1);
        if (!p)
            return NULL;
        if (memcmp(p, what, what_len) == 0)
            return p;
    }
    return NULL;
}

/* The body begins with the delimiter, without the line end that others have before it. */
static int at_first(struct multipart *m, const char *bytes, size_t len,
                                     size_t *used, struct err *err)
{
    size_t want = m->delimiter_len - 2;

    if (memcmp(bytes, m->delimiter + 2, len < want ? len : want) != 0)
        return bad(m, err, "it does not begin with its boundary");
    if (len < want)
        return MULTIPART_MORE;
    *used = want;
    m->state = DELIMITED;
    return SILENT;
}

static int at_delimiter(struct multipart *m, const char *bytes, size_t len,
                                         size_t *used, struct err *err)
{
    size_t blanks = 0;

    if (len >= 2 && bytes[0] == '-' && bytes[1] == '-') {
        *used = 2;
        m->state = OVER;
        return m->n_parts > 0 ? MULTIPART_ENDS : bad(m, err, "it has no parts");
    }
    while (blanks < len && (bytes[blanks] == ' ' || bytes[blanks] == '\t'))
        blanks++;
    if (blanks > PADDING_MAX)
        return bad(m, err, "a boundary is followed by too many blanks");
    if (len < blanks + 2)
        return MULTIPART_MORE;
    if (bytes[blanks] != '\r' || bytes[blanks + 1] != '\n')
        return bad(m, err, "a boundary is not followed by a line end");
    if (m->n_parts++ >= m->limits.parts)
        return bad(m, err, "it has too many parts");
    *used = blanks + 2;
    m->state = HEADER;
    return SILENT;
}

static int at_header(struct multipart *m, const char *bytes, size_t len,
                                      size_t *used, struct err *err)
{
    const char *end = find(bytes, len, "\r\n\r\n", 4), *fault;
    struct str text;

    if (!end && len < m->limits.header + 4)
        return MULTIPART_MORE;
    if (!end || (size_t)(end - bytes) > m->limits.header)
        return large(m, err, "The header of a part is too long", m->limits.header);
    if (memchr(bytes, '\0', (size_t)(end - bytes)))
        return bad(m, err, "a header holds a NUL");
    str_init(&text);
    str_add(&text, bytes, (size_t)(end - bytes) + 2);
    fault = read_header(m, text.p);
    str_release(&text);
    if (fault)
        return bad(m, err, fault);
    *used = (size_t)(end - bytes) + 4;
    /* An empty part has its delimiter right there: the line end before it is the header's. */
    *used -= 2;
    m->part_len = 0;
    m->state = BODY;
    return MULTIPART_PART;
}

static int at_body(struct multipart *m, const char *bytes, size_t len,
                                    size_t *used, struct err *err)
{
    size_t limit = m->is_file ? m->limits.file : m->limits.field;
    size_t skip = m->part_len == 0 ? 2 : 0; /* the line end that at_header left */
    const char *end = find(bytes, len, m->delimiter, m->delimiter_len);
    size_t safe = len >= m->delimiter_len ? len - m->delimiter_len + 1 : 0;
    size_t n = end ? (size_t)(end - bytes) : safe;

    if (end && n <= skip) {
        *used = n + m->delimiter_len;
        m->state = DELIMITED;
        return MULTIPART_PART_ENDS;
    }
    if (n <= skip)
        return MULTIPART_MORE;
    if (m->part_len + n - 2 > limit)
        return large(m, err, m->is_file ? "The file is too large" : "A field is too long", limit);
    m->data = bytes + skip;
    m->data_len = n - skip;
    m->part_len += n;
    *used = n;
    return MULTIPART_DATA;
}

void multipart_init(struct multipart *m, const char *boundary,
                    const struct multipart_limits *limits)
{
    *m = (struct multipart){.limits = *limits, .state = FIRST};
    m->delimiter_len = (size_t)snprintf(m->delimiter, sizeof m->delimiter, "\r\n--%s", boundary);
}

enum multipart_event multipart_next(struct multipart *m, const char *bytes, size_t len,
                                    size_t *used, struct err *err)
{
    static int (*const steps[])(struct multipart *, const char *, size_t, size_t *,
                                struct err *) = {
        [FIRST] = at_first, [DELIMITED] = at_delimiter, [HEADER] = at_header, [BODY] = at_body};
    int event = SILENT;

    for (*used = 0; event == SILENT;) {
        size_t step = 0;

        if (m->state == OVER)
            return MULTIPART_ENDS;
        if (m->state == BROKEN)
            return MULTIPART_BAD;
        event = steps[m->state](m, bytes + *used, len - *used, &step, err);
        *used += step;
    }
    return (enum multipart_event)event;
}

/* --- a whole body ---------------------------------------------------------------------------- */

const struct multipart_part *multipart_find(const struct multipart_form *form, const char *name)
{
    for (size_t i = 0; form && i < form->n; i++)
        if (strcmp(form->parts[i].name, name) == 0)
            return &form->parts[i];
    return NULL;
}

static bool begin_part(const struct multipart *m, struct arena *arena, struct multipart_form *out,
                       struct err *err)
{
    if (multipart_find(out, m->name))
        return err_set(err, ERR_BAD_REQUEST, "The form has two parts named \"%s\".", m->name);
    out->parts[out->n++] = (struct multipart_part){
        .name = arena_strdup(arena, m->name),
        .filename = m->is_file ? arena_strdup(arena, m->filename) : NULL,
        .type = arena_strdup(arena, m->type),
        .bytes = "",
    };
    return true;
}

static bool end_part(struct multipart_form *out, struct err *err)
{
    struct multipart_part *part = &out->parts[out->n - 1];

    if (part->filename && !part->filename[0] && part->len == 0)
        out->n--;
    else if (!part->filename && !utf8_valid(part->bytes, part->len))
        return err_set(err, ERR_BAD_REQUEST, "The field \"%s\" is not UTF-8 text without NUL.",
                       part->name);
    return true;
}

bool multipart_read(const char *content_type, const char *body, size_t len,
                    const struct multipart_limits *limits, struct arena *arena,
                    struct multipart_form *out, struct err *err)
{
    char boundary[MULTIPART_BOUNDARY_MAX + 1];
    size_t at = 0, used = 0;
    struct multipart m;
    bool ok = true;

    assert(limits->parts <= MULTIPART_PARTS_MAX);
    out->n = 0;
    if (!multipart_boundary(content_type, boundary))
        return err_set(err, ERR_MEDIA_TYPE,
                       "The body must be multipart/form-data with a boundary.");
    multipart_init(&m, boundary, limits);
    for (; ok; at += used) {
        switch (multipart_next(&m, body + at, len - at, &used, err)) {
        case MULTIPART_MORE:
            return err_set(err, ERR_BAD_REQUEST, "The form ends before its last boundary.");
        case MULTIPART_PART:
            ok = begin_part(&m, arena, out, err);
            break;
        case MULTIPART_DATA: /* the body is there whole, so a part is one piece */
            out->parts[out->n - 1].bytes = m.data;
            out->parts[out->n - 1].len = m.data_len;
            break;
        case MULTIPART_PART_ENDS:
            ok = end_part(out, err);
            break;
        case MULTIPART_ENDS:
            return true;
        case MULTIPART_BAD:
            return false;
        }
    }
    return false;
}
