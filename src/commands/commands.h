/* The subcommands of erpctl: what a row says, and what a running command may use.
 *
 * To add one: 1. src/commands/<name>.c with one `const struct command cmd_<name>` (its options
 * are a table in the same file); 2. its declaration at the end of this header; 3. its line in
 * commands[] of src/erpctl.c; 4. its file in Makefile.am. Parsing, --help, `erpctl help` and the
 * manual page follow from the row.
 */
#ifndef ERP_COMMANDS_COMMANDS_H
#define ERP_COMMANDS_COMMANDS_H

#include <jansson.h>
#include "auth/users.h"
#include "core/arena.h"
#include "core/board.h"
#include "core/conf.h"
#include "core/err.h"
#include "engine/index.h"
#include "platform/job.h"
#include "tenant/resolve.h"

/* What erpctl answers to its caller. exit_codes in frame.c documents every one. */
enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1,       /* refused, or found faults */
    EXIT_PARTLY = 2,       /* done, but something beside it failed */
    EXIT_USAGE = 64,       /* wrong arguments: nothing was tried */
    EXIT_UNAVAILABLE = 69, /* a database does not answer */
    EXIT_BOARD = 73,       /* the board cannot be opened or made */
    EXIT_CONFIG = 78       /* a setting is missing or wrong */
};

enum command_needs {
    NEEDS_NOTHING = 0,
    NEEDS_SETTINGS, /* the settings are loaded */
    NEEDS_BOARD,    /* and the board is open */
    NEEDS_PLATFORM  /* and registry, users and clients are there */
};

struct ctl;

struct command_option {
    const char *name;    /* without its dashes; NULL ends the table */
    const char *value;   /* what stands for its value in --help; NULL: a flag */
    const char *summary; /* begins in lower case, no full stop */
    bool required;
    bool secret; /* its value may hold a password: blanked in the list of processes */
};

#define COMMAND_OPTIONS_MAX 20

struct command {
    const char *name; /* "cache clear": one or two words */
    const char *args; /* how the positional arguments are shown: "SLUG"; NULL: none */
    size_t min_args, max_args;
    const char *summary;                  /* one line, as an option's */
    const char *details;                  /* a paragraph for help and manual; NULL: none */
    const struct command_option *options; /* NULL: only --json and --help */
    enum command_needs needs;
    int (*run)(struct ctl *ctl); /* returns an exit code */
};

/* How it ended, for whoever reads JSON: a failure without a result is an object as well. */
struct ctl_outcome {
    bool printed;     /* a JSON value is on standard output */
    char detail[320]; /* what was said on standard error; "" when nothing was */
    char code[40];    /* the error's stable name; "" when it has none */
    json_t *fields;   /* refused fields; NULL when there are none */
};

/* A command that runs. Everything here is owned by erpctl's main and released after the run. */
struct ctl {
    const struct command *const *commands; /* every row, ended by NULL */
    const struct command *command;
    struct route_table *(*routes)(void); /* builds the service's table; the caller frees it */
    const char *values[COMMAND_OPTIONS_MAX]; /* by row of the options; NULL: not given */
    char **args;                             /* positional arguments */
    size_t n_args;
    bool json;
    char *hidden[2]; /* copies of values that are secret */
    struct ctl_outcome *outcome;
    struct arena *arena;
    struct err err;
    bool partly; /* ctl_warn was called */
    /* as far as the command needs them */
    struct conf conf;
    struct board *board;
    struct clients *clients;
    struct registry *registry;
    struct users *users;
    struct index_cache *indexes;
    struct resolver resolver;
};

/* frame.c: the command line. */

/* Finds the row for argv[1] (and argv[2]) and parses what follows into `ctl`. Returns EXIT_OK, or
 * the exit code after having said why on standard error. *help is true when --help was given. */
int frame_parse(struct ctl *ctl, int argc, char **argv, bool *help);
/* The row of a name of one word or two (`second` may be NULL); *words says how many were used. */
const struct command *frame_find(const struct command *const *commands, const char *first,
                                 const char *second, int *words);
void frame_print_help(FILE *out, const struct command *command);
void frame_print_overview(FILE *out, const struct command *const *commands);
/* The commands and exit codes as sections of a man(7) page. */
void frame_print_man(FILE *out, const struct command *const *commands);

/* Wipes what frame_parse has copied. */
void frame_release(struct ctl *ctl);

/* The value of an option of the running command; NULL when it was not given. Asking for an
 * option that its table lacks is a bug and aborts. */
const char *ctl_option(const struct ctl *ctl, const char *name);
bool ctl_flag(const struct ctl *ctl, const char *name);
/* A whole number within min..max; *out is untouched when the option was not given. False, and the
 * mistake is said, when it is no such number. */
bool ctl_option_int(const struct ctl *ctl, const char *name, int64_t min, int64_t max,
                    int64_t *out);
/* The values of an option that takes several, separated by commas: an array, empty ones left out;
 * a new reference, NULL when the option was not given. */
json_t *ctl_option_list(const struct ctl *ctl, const char *name);
/* Keeps for print_failure what was said, in place of what was kept before. `code` may be "". */
void ctl_note(const struct ctl *ctl, const char *code, const char *fmt, va_list args)
    ERP_PRINTF(3, 0);
/* Says what is wrong with the arguments. Always EXIT_USAGE. */
int ctl_usage(const struct ctl *ctl, const char *fmt, ...) ERP_PRINTF(2, 3);

/* ctl.c: what a command stands on. */

/* Makes what `needs` says; on failure says why and returns the exit code, else EXIT_OK. */
int ctl_open(struct ctl *ctl, enum command_needs needs);
void ctl_release(struct ctl *ctl);

/* Prints ctl->err with its fields on standard error and returns the exit code for it. */
int ctl_fail(const struct ctl *ctl);
/* Says that something beside the work failed; the command then ends with EXIT_PARTLY. */
void ctl_warn(struct ctl *ctl, const char *fmt, ...) ERP_PRINTF(2, 3);
/* Progress of long work, for people: on standard error. */
void ctl_progress(const struct ctl *ctl, const char *fmt, ...) ERP_PRINTF(2, 3);
/* EXIT_PARTLY after a ctl_warn, else EXIT_OK. */
int ctl_done(const struct ctl *ctl);

/* The command as the platform room sees it; progress goes to standard error. */
struct job ctl_job(struct ctl *ctl);

/* Set by SIGTERM and SIGINT once ctl_catch_stop() was called: what runs on ends then. */
extern volatile sig_atomic_t ctl_stopping;
void ctl_catch_stop(void);

/* When the time of one database operation of a command is over. */
int64_t ctl_deadline(void);

/* print.c: results, as text for people or JSON for programs. Stored text is shown without control
 * characters. */

struct print_column {
    const char *key;     /* member of the row */
    const char *heading; /* NULL ends the list */
};

/* An array of objects: a table of the columns, or with --json everything. */
void print_rows(const struct ctl *ctl, const json_t *rows, const struct print_column *columns);
/* One object: a line a member, or with --json everything. */
void print_record(const struct ctl *ctl, const json_t *record);
/* With --json the object, else the sentence. Steals `result` in every case. */
void print_result(const struct ctl *ctl, json_t *result, const char *fmt, ...) ERP_PRINTF(3, 4);
/* With --json, when there is no result: {"error": {"exit", "code", "detail", "fields"}}. */
void print_failure(const struct ctl *ctl, int exit_code);
/* Text with control characters replaced, arena-owned. */
const char *print_clean(const struct ctl *ctl, const char *text);

extern const struct command cmd_tenant_add, cmd_tenant_list, cmd_tenant_show, cmd_tenant_suspend,
    cmd_tenant_activate, cmd_tenant_upgrade, cmd_tenant_verify_isolation;
extern const struct command cmd_tenant_export, cmd_tenant_verify, cmd_tenant_import,
    cmd_tenant_restore, cmd_tenant_delete, cmd_tenant_undelete, cmd_tenant_purge,
    cmd_backup;
extern const struct command cmd_user_add, cmd_user_list, cmd_user_link, cmd_user_disable,
    cmd_user_enable, cmd_user_password;
extern const struct command cmd_seed, cmd_cache_clear, cmd_status, cmd_log, cmd_watch, cmd_check,
    cmd_audit_chain, cmd_audit_verify, cmd_indexes, cmd_help, cmd_seal, cmd_rekey,
    cmd_migrate_plan, cmd_migrate_run, cmd_migrate_verify, cmd_migrate_finish,
    cmd_migrate_rollback, cmd_tenant_move;
extern const struct command cmd_jobs, cmd_tenant_set, cmd_stock_reconcile, cmd_sales_totals;

#endif
