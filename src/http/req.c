/* Reading what the client sent: query strings, preferences and JSON bodies, all with limits.
 *
 * Text becomes usable here or is refused with a sentence that says where and why; nothing is
 * repaired or guessed. Called by the gate before any handler runs.
 */
#include "base.h"
#include "http/req.h"
#include "http/route.h"

#define JSON_DEPTH_MAX  16
#define JSON_VALUES_MAX 10000

static const char *pair_find(const struct pair *pairs, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(pairs[i].name, name) == 0)
            return pairs[i].value;
    return NULL;
}

const char *req_query(const struct req *req, const char *name)
{
    return pair_find(req->query, req->n_query, name);
}

bool req_flag(struct req *req, const char *name, bool *out)
{
    const char *text = req_query(req, name);

    *out = text && strcmp(text, "true") == 0;
    if (!text || *out || strcmp(text, "false") == 0)
        return true;
    return err_set(req->err, ERR_BAD_QUERY, "%s: must be true or false", name);
}

const char *req_param(const struct req *req, const char *name)
{
    return pair_find(req->params, req->n_params, name);
}

/* ---- what is wanted ---- */

/* The rank of a media type in Accept, in thousandths; -1: it is not named. */
static int rank_of(const char *accept, const char *type)
{
    size_t type_len = strlen(type);

    while (accept && *accept) {
        size_t len, name_len;
        const char *q;

        accept += strspn(accept, " \t");
        len = strcspn(accept, ",");
        name_len = strcspn(accept, ",; \t");
        q = strstr(accept, "q=");
        if (name_len == type_len && strncasecmp(accept, type, name_len) == 0)
            return q && q < accept + len && q[2] == '0' ? (int)(strtod(q + 2, NULL) * 1000) : 1000;
        accept += len;
        accept += *accept == ',';
    }
    return -1;
}

bool req_wants(const struct req *req, const char *type)
{
    int rank = rank_of(req->accept, type);

    return rank > 0 && rank >= rank_of(req->accept, "application/json");
}

const char *req_type(const struct req *req)
{
    const char *best = NULL;
    int most = 0;

    for (const char *const *type = req->route->types; type != NULL && *type != NULL; type++) {
        int rank = rank_of(req->accept, *type);

        if (rank > most && req_wants(req, *type)) {
            most = rank;
            best = *type;
        }
    }
    return best;
}

/* ---- query string ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* One decoded component in the arena; NULL with `err` set. */
static char *form_decode(struct arena *arena, const char *text, size_t len, struct err *err)
{
    char *out = arena_alloc(arena, len + 1);
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int hi = i + 2 < len ? hex_digit(text[i + 1]) : -1;
            int lo = hi >= 0 ? hex_digit(text[i + 2]) : -1;

            if (lo < 0) {
                err_set(err, ERR_BAD_QUERY, "The query string holds a %% without two hex digits.");
                return NULL;
            }
            c = (char)(hi << 4 | lo);
            i += 2;
        }
        out[n++] = c;
    }
    if (!utf8_valid(out, n)) {
        err_set(err, ERR_BAD_QUERY, "The query string is not UTF-8 text without NUL.");
        return NULL;
    }
    return out;
}

static bool query_add(struct req *req, const char *text, size_t len, struct err *err)
{
    const char *eq = memchr(text, '=', len);
    size_t name_len = eq ? (size_t)(eq - text) : len;
    const char *name = form_decode(req->arena, text, name_len, err);
    const char *value;

    if (!name)
        return false;
    value = eq ? form_decode(req->arena, eq + 1, len - name_len - 1, err) : "";
    if (!value)
        return false;
    if (!*name)
        return err_set(err, ERR_BAD_QUERY, "A query parameter has no name.");
    if (req_query(req, name))
        return err_set(err, ERR_BAD_QUERY, "Query parameter \"%.60s\" is given twice.", name);
    if (req->n_query == REQ_QUERY_MAX)
        return err_set(err, ERR_BAD_QUERY, "More than %d query parameters.", REQ_QUERY_MAX);
    req->query[req->n_query++] = (struct pair){name, value};
    return true;
}

bool req_parse_query(struct req *req, const char *text, struct err *err)
{
    while (*text) {
        size_t len = strcspn(text, "&");

        if (len > 0 && !query_add(req, text, len, err))
            return false;
        text += len;
        if (*text == '&')
            text++;
    }
    return true;
}

/* ---- preferences ---- */

static bool token_is(const char *text, size_t len, const char *token)
{
    while (len > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        len--;
    }
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
        text++;
        len -= 2;
    }
    return len == strlen(token) && strncasecmp(text, token, len) == 0;
}

bool req_prefers(const struct req *req, const char *name, const char *value)
{
    const char *text = req->prefer ? req->prefer : "";

    while (*text) {
        size_t len = strcspn(text, ",");
        size_t own = strcspn(text, ",;"); /* without the preference's parameters */
        const char *eq = memchr(text, '=', own);
        size_t name_len = eq ? (size_t)(eq - text) : own;

        if (token_is(text, name_len, name) &&
            (!value || (eq && token_is(eq + 1, own - name_len - 1, value))))
            return true;
        text += len;
        if (*text == ',')
            text++;
    }
    return false;
}

/* ---- JSON ---- */

struct place {
    size_t line, column; /* both from 1; columns are bytes */
};

static struct place place_of(const char *text, size_t pos)
{
    struct place place = {1, 1};

    for (size_t i = 0; i < pos; i++) {
        place.column++;
        if (text[i] == '\n') {
            place.line++;
            place.column = 1;
        }
    }
    return place;
}

/* Where the string that opens at `pos` closes; `len` when it does not. */
static size_t string_end(const char *text, size_t len, size_t pos)
{
    for (pos++; pos < len && text[pos] != '"'; pos++)
        if (text[pos] == '\\')
            pos++;
    return pos < len ? pos : len;
}

/* The parser builds a tree of about 80 times the text's size, so depth and number of values are
 * judged before it runs, on the punctuation alone. */
static bool json_limits(const char *text, size_t len, size_t values_max, struct err *err)
{
    size_t depth = 0, values = 1;

    for (size_t i = 0; i < len; i++) {
        switch (text[i]) {
        case '"':
            i = string_end(text, len, i);
            continue;
        case '{':
        case '[':
            depth++;
            values++;
            break;
        case '}':
        case ']':
            depth -= depth > 0;
            continue;
        case ',':
            values++;
            break;
        default:
            continue;
        }
        if (depth > JSON_DEPTH_MAX || values > values_max) {
            struct place at = place_of(text, i);

            if (depth > JSON_DEPTH_MAX)
                return err_set(err, ERR_BAD_JSON,
                               "Nested deeper than %d levels, line %zu column %zu.", JSON_DEPTH_MAX,
                               at.line, at.column);
            return err_set(err, ERR_BAD_JSON, "More than %d values, line %zu column %zu.",
                           (int)values_max, at.line, at.column);
        }
    }
    return true;
}

static const char *json_sentence(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_premature_end_of_input:
        return "The text ends too early";
    case json_error_end_of_input_expected:
        return "Something follows the JSON value";
    case json_error_invalid_utf8:
        return "Not UTF-8 text";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "NUL characters are not allowed";
    case json_error_duplicate_key:
        return "The same key is there twice in one object";
    case json_error_numeric_overflow:
        return "A number is too large";
    case json_error_stack_overflow:
        return "Nested too deep";
    default:
        return "Not valid JSON";
    }
}

/* Rows of many records take more values. */
static size_t values_max(const struct req *req)
{
    return req->route != NULL && req->route->body_values > 0 ? req->route->body_values
                                                             : JSON_VALUES_MAX;
}

static void json_release(void *data)
{
    json_decref(data);
}

bool req_parse_json(struct req *req, struct err *err)
{
    const char *text = req->body_bytes;
    size_t len = req->body_len;
    json_error_t error;
    json_t *body;

    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        return err_set(err, ERR_BAD_JSON,
                       "The text begins with a byte order mark; send it without.");
    if (!json_limits(text, len, values_max(req), err))
        return false;
    body = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!body)
        return err_set(err, ERR_BAD_JSON, "%s, line %d column %d.", json_sentence(&error),
                       error.line, error.column);
    arena_defer(req->arena, json_release, body);
    if (!json_is_object(body)) {
        err_set(err, ERR_VALIDATION, "The body must be a JSON object.");
        return err_field(err, "", "type", "Must be a JSON object.");
    }
    req->body = body;
    return true;
}
