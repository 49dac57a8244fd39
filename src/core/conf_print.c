/* The settings table as text: for --help and for the man pages. */
#include "base.h"
#include "core/conf.h"
#include "core/conf_table.h"

#define HELP_WIDTH 76

/* What a value must be: "60..3600 seconds", "on or off". */
static void describe(char *out, size_t cap, const struct conf_row *row)
{
    const char *unit = row->kind == CONF_SECONDS ? " seconds"
                       : row->kind == CONF_BYTES ? " bytes"
                                                 : "";

    switch (row->kind) {
    case CONF_SECRET:
        if (row->max > 1)
            snprintf(out, cap,
                     "secret: up to %" PRId64 " values of %" PRId64 " bytes or more, "
                     "separated by white space",
                     row->max, row->min);
        else
            snprintf(out, cap, "secret: %" PRId64 " bytes or more", row->min);
        break;
    case CONF_URL:
        snprintf(out, cap, "mongodb:// or mongodb+srv://");
        break;
    case CONF_ENUM:
        snprintf(out, cap, "one of %.*s", (int)strlen(row->choices) - 1, row->choices);
        break;
    case CONF_BOOL:
        snprintf(out, cap, "on or off");
        break;
    case CONF_INT:
    case CONF_SECONDS:
    case CONF_BYTES:
        snprintf(out, cap, "%" PRId64 " to %" PRId64 "%s", row->min, row->max, unit);
        break;
    default:
        out[0] = '\0';
    }
}

/* "Required", "default 60", "default: that of MONGO_URL", or nothing. */
static void describe_default(char *out, size_t cap, const struct conf_row *row)
{
    if (row->required)
        snprintf(out, cap, "required");
    else if (row->fallback)
        snprintf(out, cap, "default: that of %s", row->fallback);
    else
        snprintf(out, cap, "default %s", *row->text ? row->text : "empty");
}

static void details(char *out, size_t cap, const struct conf_row *row)
{
    char what[160], otherwise[80];

    describe(what, sizeof what, row);
    describe_default(otherwise, sizeof otherwise, row);
    snprintf(out, cap, "%s%s%s", what, *what ? "; " : "", otherwise);
}

static void print_wrapped(FILE *out, const char *text, int indent)
{
    int column = HELP_WIDTH + 1;

    while (*text) {
        size_t len = strcspn(text, " ");

        if (column + 1 + (int)len > HELP_WIDTH) {
            fprintf(out, "%s%*s", column > HELP_WIDTH ? "" : "\n", indent, "");
            column = indent;
        } else {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", (int)len, text);
        column += (int)len;
        text += len;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

void conf_print_help(FILE *out)
{
    char text[256];

    fputs("Settings, from the environment. A URL or secret NAME may come from the file that\n"
          "NAME_FILE names, or from NAME in $CREDENTIALS_DIRECTORY, instead.\n",
          out);
    for (size_t i = 0; i < conf_table_rows; i++) {
        const struct conf_row *row = &conf_table[i];

        details(text, sizeof text, row);
        fprintf(out, "\n  %s\n", row->name);
        print_wrapped(out, row->help, 6);
        fprintf(out, "      (%s)\n", text);
    }
}

/* Text for troff: a minus that can be copied, no accidental requests. */
static void print_roff(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '-')
            fputs("\\-", out);
        else if (*text == '\\')
            fputs("\\e", out);
        else
            fputc(*text, out);
    }
}

void conf_print_man(FILE *out)
{
    char text[256];

    fputs(".SH ENVIRONMENT\n"
          "A URL or secret\n.I NAME\nmay come from the file that\n.IR NAME _FILE\n"
          "names, or from\n.I NAME\nin\n.IR $CREDENTIALS_DIRECTORY ,\n"
          "instead; see\n.BR systemd.exec (5).\n",
          out);
    for (size_t i = 0; i < conf_table_rows; i++) {
        const struct conf_row *row = &conf_table[i];

        details(text, sizeof text, row);
        fprintf(out, ".TP\n.B %s\n", row->name);
        print_roff(out, row->help);
        fputs("\n(", out);
        print_roff(out, text);
        fputs(")\n", out);
    }
}
