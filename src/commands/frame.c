/* The command line: from the option tables to parsed values, help text and manual sections, so
 * that the three cannot disagree. */
#include "base.h"
#include "commands/commands.h"

#include <getopt.h>

#define WIDTH 79

static const struct {
    enum exit_code code;
    const char *text;
} exit_codes[] = {
    {EXIT_OK, "Done."},
    {EXIT_FAILED, "Refused, or faults were found; standard error says which."},
    {EXIT_PARTLY, "Done, but something beside it failed, such as the audit entry in the database "
                  "of a tenant that is away."},
    {EXIT_USAGE, "Wrong arguments; nothing was tried."},
    {EXIT_UNAVAILABLE, "A database does not answer; nothing was changed, or the message says "
                       "what was."},
    {EXIT_BOARD, "The board (ERP_BOARD) cannot be opened."},
    {EXIT_CONFIG, "A setting is missing or wrong."},
};

/* Every command has these. */
static const struct command_option common[] = {
    {"json", NULL, "print JSON for programs", false},
    {"help", NULL, "say how the command is used", false},
};

static size_t option_count(const struct command *command)
{
    size_t n = 0;

    while (command->options && command->options[n].name)
        n++;
    assert(n <= COMMAND_OPTIONS_MAX);
    return n;
}

void ctl_note(const struct ctl *ctl, const char *code, const char *fmt, va_list args)
{
    struct ctl_outcome *outcome = ctl->outcome;

    snprintf(outcome->code, sizeof outcome->code, "%s", code);
    vsnprintf(outcome->detail, sizeof outcome->detail, fmt, args);
}

int ctl_usage(const struct ctl *ctl, const char *fmt, ...)
{
    const char *name = ctl->command->name;
    va_list args;

    va_start(args, fmt);
    ctl_note(ctl, "usage", fmt, args);
    va_end(args);
    fprintf(stderr, "erpctl %s: ", name);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "\nTry: erpctl help %s\n", name);
    return EXIT_USAGE;
}

static size_t option_index(const struct command *command, const char *name)
{
    for (size_t i = 0; command->options && command->options[i].name; i++)
        if (strcmp(command->options[i].name, name) == 0)
            return i;
    die("command %s has no option %s", command->name, name);
}

const char *ctl_option(const struct ctl *ctl, const char *name)
{
    return ctl->values[option_index(ctl->command, name)];
}

bool ctl_flag(const struct ctl *ctl, const char *name)
{
    return ctl_option(ctl, name) != NULL;
}

bool ctl_option_int(const struct ctl *ctl, const char *name, int64_t min, int64_t max, int64_t *out)
{
    const char *text = ctl_option(ctl, name);
    long long value;
    char *end;

    if (!text)
        return true;
    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < min || value > max) {
        ctl_usage(ctl, "--%s takes a whole number from %" PRId64 " to %" PRId64, name, min, max);
        return false;
    }
    *out = value;
    return true;
}

json_t *ctl_option_list(const struct ctl *ctl, const char *name)
{
    const char *list = ctl_option(ctl, name);
    json_t *out = list ? json_array() : NULL;

    while (list && *list) {
        size_t len = strcspn(list, ",");

        if (len > 0)
            json_array_append_new(out, json_stringn(list, len));
        list += len;
        list += *list == ',';
    }
    return out;
}

const struct command *frame_find(const struct command *const *commands, const char *first,
                                 const char *second, int *words)
{
    size_t len = strlen(first);

    for (size_t i = 0; commands[i]; i++) {
        const char *name = commands[i]->name;

        if (strncmp(name, first, len) != 0)
            continue;
        *words = 1;
        if (!name[len])
            return commands[i];
        *words = 2;
        if (name[len] == ' ' && second && strcmp(name + len + 1, second) == 0)
            return commands[i];
    }
    return NULL;
}

/* The table as getopt_long wants it; the values are the rows' numbers, the common ones after. */
static void make_long(const struct command *command, struct option *out)
{
    size_t n = option_count(command);

    for (size_t i = 0; i < n; i++)
        out[i] = (struct option){command->options[i].name,
                                 command->options[i].value ? required_argument : no_argument, NULL,
                                 (int)i + 1};
    for (size_t i = 0; i < ARRAY_LEN(common); i++)
        out[n + i] = (struct option){common[i].name, no_argument, NULL, (int)(n + i) + 1};
    out[n + ARRAY_LEN(common)] = (struct option){0};
}

/* The list of processes is for everybody to read: what may hold a password goes from it. */
static const char *hide(struct ctl *ctl, char *value)
{
    for (size_t i = 0; i < ARRAY_LEN(ctl->hidden); i++) {
        if (ctl->hidden[i])
            continue;
        if (!(ctl->hidden[i] = strdup(value)))
            die("out of memory: an argument");
        memset(value, 'x', strlen(value));
        return ctl->hidden[i];
    }
    return value;
}

void frame_release(struct ctl *ctl)
{
    for (size_t i = 0; i < ARRAY_LEN(ctl->hidden); i++) {
        if (ctl->hidden[i])
            explicit_bzero(ctl->hidden[i], strlen(ctl->hidden[i]));
        free(ctl->hidden[i]);
        ctl->hidden[i] = NULL;
    }
}

static int parse_options(struct ctl *ctl, int argc, char **argv, bool *help)
{
    struct option options[COMMAND_OPTIONS_MAX + ARRAY_LEN(common) + 1];
    size_t n = option_count(ctl->command);
    int found;

    make_long(ctl->command, options);
    opterr = 0;
    optind = 1;
    while ((found = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (found == ':')
            return ctl_usage(ctl, "%s needs a value", argv[optind - 1]);
        if (found == '?')
            return ctl_usage(ctl, "unknown option %s", argv[optind - 1]);
        if (found == 'h' || (size_t)found == n + 2)
            *help = true;
        else if ((size_t)found == n + 1)
            ctl->json = true;
        else if (optarg && ctl->command->options[found - 1].secret)
            ctl->values[found - 1] = hide(ctl, optarg);
        else
            ctl->values[found - 1] = optarg ? optarg : "";
    }
    ctl->args = argv + optind;
    ctl->n_args = (size_t)(argc - optind);
    return EXIT_OK;
}

static int check_arguments(const struct ctl *ctl)
{
    const struct command *command = ctl->command;

    if (ctl->n_args < command->min_args)
        return ctl_usage(ctl, "%s is missing", command->args);
    if (ctl->n_args > command->max_args)
        return ctl_usage(ctl, "too many arguments: %s", ctl->args[command->max_args]);
    for (size_t i = 0; i < option_count(command); i++)
        if (command->options[i].required && !ctl->values[i])
            return ctl_usage(ctl, "--%s is missing", command->options[i].name);
    return EXIT_OK;
}

int frame_parse(struct ctl *ctl, int argc, char **argv, bool *help)
{
    int words = 1;
    int code;

    ctl->command = frame_find(ctl->commands, argv[1], argc > 2 ? argv[2] : NULL, &words);
    if (!ctl->command) {
        fprintf(stderr, "erpctl: no command %s%s%s\nTry: erpctl help\n", argv[1],
                words == 2 && argc > 2 ? " " : "", words == 2 && argc > 2 ? argv[2] : "");
        return EXIT_USAGE;
    }
    code = parse_options(ctl, argc - words, argv + words, help);
    if (code != EXIT_OK || *help)
        return code;
    return check_arguments(ctl);
}

/* Words of `text` from column `at` on, broken at WIDTH and indented by `indent`. */
static void print_wrapped(FILE *out, const char *text, int at, int indent)
{
    const char *gap = "";

    while (*text) {
        int len = (int)strcspn(text, " ");

        if (*gap && at + 1 + len > WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            at = indent;
            gap = "";
        }
        fprintf(out, "%s%.*s", gap, len, text);
        at += len + (*gap ? 1 : 0);
        gap = " ";
        text += len;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

static void print_option(FILE *out, const struct command_option *option)
{
    int at = fprintf(out, "  --%s%s%s", option->name, option->value ? "=" : "",
                     option->value ? option->value : "");

    fprintf(out, "%*s", at < 26 ? 28 - at : 2, "");
    at = at < 26 ? 28 : at + 2;
    if (option->required)
        at += fprintf(out, "(required) ");
    print_wrapped(out, option->summary, at, 28);
}

void frame_print_help(FILE *out, const struct command *command)
{
    size_t n = option_count(command);

    fprintf(out, "Usage: erpctl %s%s%s [options]\n\n", command->name, command->args ? " " : "",
            command->args ? command->args : "");
    fputc(toupper((unsigned char)command->summary[0]), out);
    print_wrapped(out, command->summary + 1, 1, 0);
    if (command->details) {
        fputc('\n', out);
        print_wrapped(out, command->details, 0, 0);
    }
    fputs("\nOptions:\n", out);
    for (size_t i = 0; i < n; i++)
        print_option(out, &command->options[i]);
    for (size_t i = 0; i < ARRAY_LEN(common); i++)
        print_option(out, &common[i]);
}

void frame_print_overview(FILE *out, const struct command *const *commands)
{
    fputs("Usage: erpctl COMMAND [arguments] [options]\n\nCommands:\n", out);
    for (size_t i = 0; commands[i]; i++) {
        int at = fprintf(out, "  %s%s%s", commands[i]->name, commands[i]->args ? " " : "",
                         commands[i]->args ? commands[i]->args : "");

        fprintf(out, "%*s", at < 26 ? 28 - at : 2, "");
        print_wrapped(out, commands[i]->summary, at < 26 ? 28 : at + 2, 28);
    }
    fputs("\nEvery command takes --json and --help. Exit codes:\n", out);
    for (size_t i = 0; i < ARRAY_LEN(exit_codes); i++) {
        fprintf(out, "  %2d  ", exit_codes[i].code);
        print_wrapped(out, exit_codes[i].text, 6, 6);
    }
    fputs("\nSettings come from the environment: see `erpd --help` and erpd(8).\n", out);
}

/* Text for troff: backslashes and leading dots are not commands, dashes are dashes. */
static void print_roff(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", out);
    for (; *text; text++) {
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            fputc(*text, out);
    }
}

static void print_man_option(FILE *out, const struct command_option *option)
{
    fputs(".RS\n.TP\n.B \\-\\-", out);
    print_roff(out, option->name);
    if (option->value)
        fprintf(out, "=\\fI%s\\fP", option->value);
    fputs("\n", out);
    print_roff(out, option->summary);
    fprintf(out, "%s.\n.RE\n", option->required ? " (required)" : "");
}

void frame_print_man(FILE *out, const struct command *const *commands)
{
    fputs(".SH COMMANDS\n", out);
    for (size_t i = 0; commands[i]; i++) {
        const struct command *command = commands[i];

        fprintf(out, ".TP\n.B %s%s%s%s\n", command->name, command->args ? " \\fI" : "",
                command->args ? command->args : "", command->args ? "\\fP" : "");
        fputc(toupper((unsigned char)command->summary[0]), out);
        print_roff(out, command->summary + 1);
        fputs(".\n", out);
        if (command->details) {
            print_roff(out, command->details);
            fputc('\n', out);
        }
        for (size_t j = 0; j < option_count(command); j++)
            print_man_option(out, &command->options[j]);
    }
    fputs(".SH EXIT STATUS\n", out);
    for (size_t i = 0; i < ARRAY_LEN(exit_codes); i++) {
        fprintf(out, ".TP\n.B %d\n", exit_codes[i].code);
        print_roff(out, exit_codes[i].text);
        fputc('\n', out);
    }
}
