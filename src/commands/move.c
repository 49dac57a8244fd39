/* erpctl tenant move: a tenant's data goes to another server while the tenant works. */
#include "base.h"
#include "commands/migrate.h"
#include "commands/platform.h"
#include "tenant/uri.h"

static bool plan_move(struct ctl *ctl, struct work *work, struct migration *m, bool dry)
{
    struct tenant *tenant;

    if (!platform_tenant(ctl, ctl->args[0], &tenant))
        return false;
    if (tenant->status == TENANT_PROVISIONING)
        return err_set(&ctl->err, ERR_STATE, "%s is still being set up", tenant->slug);
    if (!platform_complete(ctl, tenant) ||
        (!dry && !work_begin(ctl, work, tenant->tenant_id)) ||
        !work_find(ctl, tenant->tenant_id, m, false))
        return false;
    if (m->slug && m->stage != MIGRATE_FINISHED && !m->move)
        return err_set(&ctl->err, ERR_STATE, "A migration of it is not finished");
    if (m->slug && m->stage != MIGRATE_FINISHED)
        return true;
    if (m->slug && !dry && !migration_remove(&work->job, m))
        return false;
    *m = (struct migration){.tenant_id = tenant->tenant_id,
                            .slug = tenant->slug,
                            .move = true,
                            .from_uri = tenant->db_uri,
                            .from_db = tenant->db_name,
                            .from_strong = ctl_option(ctl, "from-uri"),
                            .to_uri = ctl_option(ctl, "uri"),
                            .to_db = ctl_option(ctl, "db-name")};
    if (!uri_allowed(m->to_uri, &ctl->err) ||
        (m->from_strong && !uri_allowed(m->from_strong, &ctl->err)) ||
        !migrate_check(&work->job, m))
        return false;
    return dry || migration_add(&work->job, m);
}

static int run_move(struct ctl *ctl)
{
    struct work work = {.job = ctl_job(ctl)};
    bool dry = ctl_flag(ctl, "dry-run");
    struct migration m;
    int code;

    if (!plan_move(ctl, &work, &m, dry))
        code = ctl_fail(ctl);
    else
        code = dry ? work_show(ctl, &m) : work_go(ctl, &work.job, &m);
    work_release(&work);
    return code;
}

static const struct command_option move_options[] = {
    {"uri", "URI", "the server to move to, with an account that may make users", true, true},
    {"db-name", "NAME", "the database there; the same name by default", false},
    {"from-uri", "URI",
     "an account that may hold, read and remove at the old server; ours on the same servers by "
     "default", false, true},
    {"dry-run", NULL, "say what would happen, and change nothing", false},
    {NULL, NULL, NULL, false},
};

const struct command cmd_tenant_move = {
    .name = "tenant move",
    .args = "SLUG",
    .min_args = 1,
    .max_args = 1,
    .summary = "move a tenant's data to another server, while it works",
    .details = "Works like `migrate run`, of which verify, finish and rollback (with the tenant's "
               "id) are for moves too.",
    .options = move_options,
    .needs = NEEDS_PLATFORM,
    .run = run_move,
};
