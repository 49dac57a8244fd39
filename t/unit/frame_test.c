/* The command line of erpctl: which row is found, what is parsed, what is refused. */
#include "base.h"
#include "commands/commands.h"

#include <setjmp.h>
#include <cmocka.h>

static const struct command_option add_options[] = {
    {"name", "TEXT", "a name", true},
    {"count", "N", "a number", false},
    {"force", NULL, "a flag", false},
    {NULL},
};
static const struct command thing_add = {
    .name = "thing add", .args = "SLUG", .min_args = 1, .max_args = 1, .options = add_options};
static const struct command thing_list = {.name = "thing list"};
static const struct command check = {.name = "check", .args = "[SLUG]", .max_args = 1};
static const struct command *const rows[] = {&thing_add, &thing_list, &check, NULL};

#define PARSE(...) parse((char *[]){"erpctl", __VA_ARGS__, NULL})

static struct ctl ctl;
static struct ctl_outcome outcome;
static bool help;

static int parse(char **argv)
{
    int argc = 0;

    while (argv[argc])
        argc++;
    outcome = (struct ctl_outcome){0};
    ctl = (struct ctl){.commands = rows, .outcome = &outcome};
    help = false;
    return frame_parse(&ctl, argc, argv, &help);
}

static void test_rows(void **state ERP_UNUSED)
{
    assert_int_equal(PARSE("check"), EXIT_OK);
    assert_ptr_equal(ctl.command, &check);
    assert_int_equal(PARSE("check", "shop"), EXIT_OK);
    assert_string_equal(ctl.args[0], "shop");
    assert_int_equal(PARSE("thing", "list", "--json"), EXIT_OK);
    assert_ptr_equal(ctl.command, &thing_list);
    assert_true(ctl.json);
    assert_int_equal(PARSE("thing"), EXIT_USAGE);
    assert_int_equal(PARSE("thing", "remove"), EXIT_USAGE);
    assert_int_equal(PARSE("thi", "list"), EXIT_USAGE);
    assert_int_equal(PARSE(""), EXIT_USAGE);
}

static void test_options(void **state ERP_UNUSED)
{
    int64_t n = -1;

    assert_int_equal(PARSE("thing", "add", "--name=x y", "slug", "--force", "--count", "7"),
                     EXIT_OK);
    assert_int_equal(ctl.n_args, 1);
    assert_string_equal(ctl.args[0], "slug");
    assert_string_equal(ctl_option(&ctl, "name"), "x y");
    assert_true(ctl_flag(&ctl, "force"));
    assert_true(ctl_option_int(&ctl, "count", 1, 7, &n));
    assert_int_equal(n, 7);
    assert_false(ctl_option_int(&ctl, "count", 1, 6, &n));
    assert_int_equal(PARSE("thing", "add", "slug", "--name", "x", "--count", "7x"), EXIT_OK);
    assert_false(ctl_option_int(&ctl, "count", 0, 100, &n));
    assert_false(ctl_flag(&ctl, "force"));
}

static void test_refused(void **state ERP_UNUSED)
{
    assert_int_equal(PARSE("thing", "add", "slug"), EXIT_USAGE);
    assert_int_equal(PARSE("thing", "add", "--name", "x"), EXIT_USAGE);
    assert_int_equal(PARSE("thing", "add", "--name", "x", "a", "b"), EXIT_USAGE);
    assert_int_equal(PARSE("thing", "add", "slug", "--name"), EXIT_USAGE);
    assert_int_equal(PARSE("thing", "add", "slug", "--name", "x", "--force=yes"), EXIT_USAGE);
    assert_int_equal(PARSE("thing", "list", "extra"), EXIT_USAGE);
    assert_int_equal(PARSE("thing", "list", "--name", "x"), EXIT_USAGE);
    assert_int_equal(PARSE("check", "-x"), EXIT_USAGE);
}

static void test_help(void **state ERP_UNUSED)
{
    assert_int_equal(PARSE("thing", "add", "--help"), EXIT_OK);
    assert_true(help);
    assert_int_equal(PARSE("check", "-h"), EXIT_OK);
    assert_true(help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_help),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
