/* erpctl tenant set: the licence, the limits and the modules of a business. */
#include "base.h"
#include "commands/platform.h"
#include "core/str.h"
#include "platform/policy.h"

static const struct command_option set_options[] = {
    {"name", "TEXT", "name of the business", false},
    {"type", "TYPE", "kind of business, such as pharmacy or computer_shop", false},
    {"license", "TYPE", "free, pro or enterprise; its limits come with it", false},
    {"max-users", "N", "how many users it may have; -1: no limit", false},
    {"max-branches", "N", "how many branches it may have; -1: no limit", false},
    {"features", "LIST", "its modules beside the core, separated by commas", false},
    {"billing-contact", "TEXT", "whom to write to about bills", false},
    {"notes", "TEXT", "what else there is to know", false},
    {NULL},
};

static bool text_ok(const char *text)
{
    return !text || (*text && strlen(text) < 256 && utf8_valid(text, strlen(text)));
}

static int read_change(struct ctl *ctl, struct policy_change *change)
{
    const char *license = ctl_option(ctl, "license");

    change->business_name = ctl_option(ctl, "name");
    change->business_type = ctl_option(ctl, "type");
    change->billing_contact = ctl_option(ctl, "billing-contact");
    change->notes = ctl_option(ctl, "notes");
    if (!text_ok(change->business_name) || !text_ok(change->billing_contact) ||
        !text_ok(change->notes))
        return ctl_usage(ctl, "texts have 1 to 255 bytes");
    if (license && !(change->licence = licence_find(license)))
        return ctl_usage(ctl, "--license takes free, pro or enterprise");
    if (!ctl_option_int(ctl, "max-users", -1, 1000000, &change->max_users) ||
        !ctl_option_int(ctl, "max-branches", -1, 1000000, &change->max_branches))
        return EXIT_USAGE;
    for (const struct command_option *option = set_options; option->name; option++)
        if (ctl_option(ctl, option->name))
            return EXIT_OK;
    return ctl_usage(ctl, "say what to set");
}

static int run_set(struct ctl *ctl)
{
    struct policy_change change = {.max_users = POLICY_STAYS, .max_branches = POLICY_STAYS};
    const char *slug = ctl->args[0];
    json_auto_t *list = ctl_option_list(ctl, "features");
    struct job job = ctl_job(ctl);
    int code = read_change(ctl, &change);

    if (code != EXIT_OK)
        return code;
    change.features = list;
    if (!policy_change(&job, slug, &change))
        return ctl_fail(ctl);
    platform_log(ctl, slug, "policy");
    print_result(ctl, json_pack("{s:s}", "slug", slug), "%s: set", slug);
    return ctl_done(ctl);
}

const struct command cmd_tenant_set = {
    .name = "tenant set",
    .args = "SLUG",
    .min_args = 1,
    .max_args = 1,
    .summary = "change name, type, licence, limits or modules of a tenant",
    .details = "What is not named stays. A licence brings its limits (free: 2 users and 1 branch, "
               "pro: 25 and 10, enterprise: none) unless they are given too. Another type brings "
               "other modules only to an entry that lists none. Workers follow at "
               "once; what is there beyond a new limit stays.",
    .options = set_options,
    .needs = NEEDS_PLATFORM,
    .run = run_set,
};
