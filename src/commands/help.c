/* Help, and the list of indexes: what needs no setting at all. */
#include "base.h"
#include "commands/commands.h"

static int run_help(struct ctl *ctl)
{
    const struct command *command;
    int words = 1;

    if (ctl->n_args == 0) {
        frame_print_overview(stdout, ctl->commands);
        return EXIT_OK;
    }
    command =
        frame_find(ctl->commands, ctl->args[0], ctl->n_args > 1 ? ctl->args[1] : NULL, &words);
    if (command == NULL)
        return ctl_usage(ctl, "there is no such command");
    frame_print_help(stdout, command);
    return EXIT_OK;
}

const struct command cmd_help = {
    .name = "help",
    .args = "[COMMAND]",
    .max_args = 2,
    .summary = "list the commands, or say how one is used",
    .run = run_help,
};

/* The lines of index_print as an array of objects. */
static void print_indexes_json(const struct ctl *ctl)
{
    static const struct print_column none[] = {{NULL, NULL}};
    json_auto_t *rows = json_array();
    char *text = NULL, *line, *rest;
    size_t len = 0;
    FILE *memory = open_memstream(&text, &len);

    if (memory == NULL)
        die("out of memory: the list of indexes");
    index_print(memory);
    fclose(memory);
    rest = text;
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *collection = strsep(&line, "\t");

        if (line != NULL)
            json_array_append_new(rows,
                                  json_pack("{s:s, s:s}", "collection", collection, "name", line));
    }
    free(text);
    print_rows(ctl, rows, none);
}

static int run_indexes(struct ctl *ctl)
{
    if (ctl->json)
        print_indexes_json(ctl);
    else
        index_print(stdout);
    return EXIT_OK;
}

const struct command cmd_indexes = {
    .name = "indexes",
    .summary = "print every collection's indexes, a line each, separated by tabs",
    .run = run_indexes,
};
