/* erpctl: the operator's command. Finds the row, makes what it needs, runs it, cleans up. */
#include "base.h"
#include "commands/commands.h"
#include "routes.h"

#include <sys/resource.h>

/* How to add one stands at the top of commands/commands.h. The order is that of the help. */
static const struct command *const commands[] = {
    &cmd_seed,
    &cmd_tenant_add,
    &cmd_tenant_list,
    &cmd_tenant_show,
    &cmd_tenant_set,
    &cmd_tenant_suspend,
    &cmd_tenant_activate,
    &cmd_tenant_upgrade,
    &cmd_tenant_verify_isolation,
    &cmd_tenant_export,
    &cmd_tenant_verify,
    &cmd_tenant_import,
    &cmd_tenant_restore,
    &cmd_tenant_delete,
    &cmd_tenant_undelete,
    &cmd_tenant_purge,
    &cmd_backup,
    &cmd_tenant_move,
    &cmd_migrate_plan,
    &cmd_migrate_run,
    &cmd_migrate_verify,
    &cmd_migrate_finish,
    &cmd_migrate_rollback,
    &cmd_user_add,
    &cmd_user_list,
    &cmd_user_link,
    &cmd_user_disable,
    &cmd_user_enable,
    &cmd_user_password,
    &cmd_seal,
    &cmd_rekey,
    &cmd_cache_clear,
    &cmd_status,
    &cmd_log,
    &cmd_watch,
    &cmd_jobs,
    &cmd_stock_reconcile,
    &cmd_sales_totals,
    &cmd_audit_chain,
    &cmd_audit_verify,
    &cmd_check,
    &cmd_indexes,
    &cmd_help,
    NULL,
};

static bool is(const char *arg, const char *option)
{
    return arg && strcmp(arg, option) == 0;
}

/* Was --json given somewhere, though the rest is no command? */
static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (is(argv[i], "--json"))
            return true;
    return false;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
    bool help = false;
    int code = frame_parse(ctl, argc, argv, &help);

    if (code != EXIT_OK) {
        ctl->json = wants_json(argc, argv);
        print_failure(ctl, code);
        return code;
    }
    if (help) {
        frame_print_help(stdout, ctl->command);
        return EXIT_OK;
    }
    code = ctl_open(ctl, ctl->command->needs);
    if (code == EXIT_OK)
        code = ctl->command->run(ctl);
    print_failure(ctl, code);
    ctl_release(ctl);
    return code;
}

int main(int argc, char **argv)
{
    struct ctl_outcome outcome = {0};
    struct ctl ctl = {.commands = commands, .routes = routes_build, .outcome = &outcome};
    int code = EXIT_OK;

    /* What holds addresses with passwords leaves no image of itself behind. */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (argc < 2) {
        frame_print_overview(stderr, commands);
        return EXIT_USAGE;
    }
    if (is(argv[1], "--help") || is(argv[1], "-h"))
        frame_print_overview(stdout, commands);
    else if (is(argv[1], "--version"))
        printf("erpctl %s\n", PACKAGE_VERSION);
    else if (is(argv[1], "--man-commands"))
        frame_print_man(stdout, commands);
    else
        code = run(&ctl, argc, argv);
    frame_release(&ctl);
    json_decref(outcome.fields);
    /* A full disk or a closed pipe must not look like success. */
    if (fflush(stdout) != 0 && code == EXIT_OK) {
        fprintf(stderr, "erpctl: cannot write the output: %s\n", strerror(errno));
        code = EXIT_FAILED;
    }
    return code;
}
