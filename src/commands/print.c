/* Results of commands: one JSON value, shown as text for people or as itself for programs. */
#include "base.h"
#include "commands/commands.h"
#include "core/str.h"

/* Stored text comes from people who may not be trusted with the operator's terminal. */
const char *print_clean(const struct ctl *ctl, const char *text)
{
    char *copy = arena_strdup(ctl->arena, text);

    for (unsigned char *p = (unsigned char *)copy; *p; p++) {
        if (*p < ' ' || *p == 0x7f)
            *p = ' ';
        else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
            *p = p[1] = ' ';
    }
    return copy;
}

static void dump(const struct ctl *ctl, const json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2));
    putchar('\n');
    ctl->outcome->printed = true;
}

/* Arguments may be of any bytes, and JSON may not. */
static void make_text(char *text)
{
    if (utf8_valid(text, strlen(text)))
        return;
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80)
            *text = '?';
}

void print_failure(const struct ctl *ctl, int exit_code)
{
    struct ctl_outcome *outcome = ctl->outcome;
    json_t *error;

    if (!ctl->json || outcome->printed || exit_code == EXIT_OK)
        return;
    make_text(outcome->detail);
    error = json_pack(
        "{s:{s:i, s:s?, s:s, s:O?}}", "error", "exit", exit_code, "code",
        *outcome->code ? outcome->code : NULL, "detail",
        *outcome->detail ? outcome->detail : "standard error says what went wrong", "fields",
        outcome->fields);
    dump(ctl, error);
    json_decref(error);
}

static const char *join(const struct ctl *ctl, const json_t *list);

static const char *text_of(const struct ctl *ctl, const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_STRING:
        return print_clean(ctl, json_string_value(value));
    case JSON_INTEGER:
        return arena_printf(ctl->arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_TRUE:
        return "yes";
    case JSON_FALSE:
        return "no";
    case JSON_ARRAY:
        return join(ctl, value);
    default:
        return "-";
    }
}

static const char *join(const struct ctl *ctl, const json_t *list)
{
    const char *text = "";
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item) text =
        arena_printf(ctl->arena, "%s%s%s", text, i ? ", " : "", text_of(ctl, item));
    return *text ? text : "-";
}

#define COLUMNS_MAX 12

static void print_row(const char *const *cells, const size_t *widths, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = utf8_count(cells[i], strlen(cells[i]));

        fputs(cells[i], stdout);
        if (i + 1 < n)
            printf("%*s", (int)(widths[i] - len) + 2, "");
    }
    putchar('\n');
}

void print_rows(const struct ctl *ctl, const json_t *rows, const struct print_column *columns)
{
    size_t widths[COLUMNS_MAX] = {0};
    const char *cells[COLUMNS_MAX];
    size_t n = 0;
    const json_t *row;
    size_t at;

    if (ctl->json) {
        dump(ctl, rows);
        return;
    }
    for (; columns[n].heading; n++) {
        assert(n < COLUMNS_MAX);
        cells[n] = columns[n].heading;
        widths[n] = strlen(columns[n].heading);
        json_array_foreach(rows, at, row)
        {
            const char *text = text_of(ctl, json_object_get(row, columns[n].key));
            size_t len = utf8_count(text, strlen(text));

            widths[n] = len > widths[n] ? len : widths[n];
        }
    }
    print_row(cells, widths, n);
    json_array_foreach(rows, at, row)
    {
        for (size_t i = 0; i < n; i++)
            cells[i] = text_of(ctl, json_object_get(row, columns[i].key));
        print_row(cells, widths, n);
    }
}

void print_record(const struct ctl *ctl, const json_t *record)
{
    const char *key;
    json_t *value;

    if (ctl->json) {
        dump(ctl, record);
        return;
    }
    /* The macro wants a mutable object, and changes nothing. */
    json_object_foreach((json_t *)(uintptr_t)record, key, value)
        printf("%-18s%s\n", key, text_of(ctl, value));
}

void print_result(const struct ctl *ctl, json_t *result, const char *fmt, ...)
{
    va_list args;

    if (ctl->json) {
        dump(ctl, result);
    } else {
        va_start(args, fmt);
        vprintf(fmt, args);
        va_end(args);
        putchar('\n');
    }
    json_decref(result);
}
