/* The error struct and its catalogue. Knows nothing about HTTP but the status number; what makes
 * a reply of it is the edge. */
#include "base.h"
#include "core/err.h"
#include "core/log.h"

static const struct err_info infos[] = {
    [ERR_NONE] = {"ok", "OK", 200},
#define E(name, http, text, heading) [ERR_##name] = {text, heading, http},
#include "core/errors.def"
#undef E
};

static_assert(ARRAY_LEN(infos) == ERR_COUNT, "a row for each error");

/* vsnprintf that, where it must cut, cuts between characters. */
static void ERP_PRINTF(3, 0) print(char *out, size_t cap, const char *fmt, va_list args)
{
    int len = vsnprintf(out, cap, fmt, args);
    size_t end = cap - 1;

    if (len < 0)
        out[0] = '\0';
    if (len < 0 || (size_t)len < cap)
        return;
    while (end > 0 && ((unsigned char)out[end - 1] & 0xc0) == 0x80)
        end--;
    /* Before `end` stands a lead byte or ASCII; drop the lead byte only if its tail was cut. */
    if (end > 0 && (unsigned char)out[end - 1] >= 0xc0) {
        unsigned char lead = (unsigned char)out[end - 1];
        size_t want = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

        if (end - 1 + want > cap - 1)
            out[end - 1] = '\0';
    }
}

void err_init(struct err *err)
{
    memset(err, 0, sizeof *err);
}

void err_release(struct err *err)
{
    free(err->fields);
    memset(err, 0, sizeof *err);
}

void err_clear(struct err *err)
{
    err->code = ERR_NONE;
    err->retry_after = 0;
    err->detail[0] = '\0';
    err->n_fields = err->n_more = 0;
}

static void ERP_PRINTF(4, 0)
    set(struct err *err, enum err_code code, int seconds, const char *fmt, va_list args)
{
    if (err_is_set(err))
        return;
    err->code = code;
    err->retry_after = seconds;
    print(err->detail, sizeof err->detail, fmt, args);
}

bool err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    set(err, code, 0, fmt, args);
    va_end(args);
    return false;
}

bool err_set_retry(struct err *err, enum err_code code, int seconds, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    set(err, code, seconds, fmt, args);
    va_end(args);
    return false;
}

/* By steps: in a batch there is an error a row, most of one field. */
static void grow(struct err *err)
{
    size_t room = err->room ? err->room * 4 : 2;

    room = room < ERR_FIELDS_MAX ? room : ERR_FIELDS_MAX;
    err->fields = realloc(err->fields, room * sizeof *err->fields);
    if (!err->fields)
        die("out of memory: field errors");
    err->room = room;
}

bool err_field(struct err *err, const char *path, const char *code, const char *fmt, ...)
{
    struct err_field *field;
    va_list args;

    err_set(err, ERR_VALIDATION, "The request has fields that cannot be accepted.");
    if (err->code != ERR_VALIDATION)
        return false;
    if (err->n_fields == ERR_FIELDS_MAX) {
        err->n_more++;
        return false;
    }
    if (err->n_fields == err->room)
        grow(err);
    field = &err->fields[err->n_fields++];
    field->line = 0;
    snprintf(field->path, sizeof field->path, "%s", path);
    snprintf(field->code, sizeof field->code, "%s", code);
    va_start(args, fmt);
    print(field->detail, sizeof field->detail, fmt, args);
    va_end(args);
    return false;
}

const struct err_info *err_info(enum err_code code)
{
    assert(code < ERR_COUNT);
    return &infos[code];
}

void die(const char *fmt, ...)
{
    char detail[512];
    va_list args;

    va_start(args, fmt);
    print(detail, sizeof detail, fmt, args);
    va_end(args);
    log_event(LOG_LVL_ERROR, "die", "detail", detail, NULL);
    abort();
}
