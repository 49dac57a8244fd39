/* erpctl migrate: a tenant of the shared database gets one of its own while it works. Its verify,
 * finish and rollback are for moves (move.c) too. */
#include "base.h"
#include "commands/migrate.h"
#include "commands/platform.h"
#include "tenant/uri.h"

static json_t *describe(const struct migration *m)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s?}", "tenant_id", m->tenant_id,
                     "slug", m->slug, "stage", migrate_stage_name(m->stage), "from_database",
                     m->from_db, "to_database", m->to_db, "kind", m->move ? "move" : "migrate",
                     "held", m->held, "late", m->late);
}

bool work_find(struct ctl *ctl, const char *tenant_id, struct migration *m, bool must)
{
    struct job job = ctl_job(ctl);
    bool found;

    if (!migration_load(&job, tenant_id, m, &found))
        return false;
    if (!found && must)
        return err_set(&ctl->err, ERR_NOT_FOUND, "There is no migration of %s", tenant_id);
    if (!found)
        m->slug = NULL;
    return true;
}

bool work_begin(struct ctl *ctl, struct work *work, const char *tenant_id)
{
    work->job = ctl_job(ctl);
    if (!lease_open(&work->job, &work->lease, arena_printf(ctl->arena, "migrate:%s", tenant_id)))
        return false;
    work->job.lease = &work->lease;
    return true;
}

void work_release(struct work *work)
{
    if (work->job.lease)
        lease_close(&work->job, &work->lease);
    json_decref(work->features);
}

/* What the options say of a migration that is not planned yet. */
static bool wish(struct ctl *ctl, struct work *work, struct migration *m)
{
    m->slug = ctl_option(ctl, "slug");
    m->business_name = ctl_option(ctl, "name");
    m->business_type = ctl_option(ctl, "type");
    m->admin_email = ctl_option(ctl, "admin-email");
    m->to_uri = ctl_option(ctl, "uri");
    m->to_db = ctl_option(ctl, "db-name");
    m->license_type = ctl_option(ctl, "license");
    m->max_users = work->max_users;
    m->max_branches = work->max_branches;
    m->features = work->features;
    if (!m->slug)
        return err_set(&ctl->err, ERR_STATE, "Nothing is planned for %s yet: give --slug",
                       m->tenant_id);
    return !m->to_uri || uri_allowed(m->to_uri, &ctl->err);
}

int work_show(struct ctl *ctl, const struct migration *m)
{
    struct job job = ctl_job(ctl);
    struct migrate_size size;
    json_t *result;

    if (!migrate_size(&job, m, &size))
        return ctl_fail(ctl);
    result = describe(m);
    json_object_set_new(result, "collections", json_integer((json_int_t)size.collections));
    json_object_set_new(result, "documents", json_integer(size.documents));
    json_object_set_new(result, "users", json_integer(size.users));
    json_object_set_new(result, "dry_run", json_boolean(ctl_flag(ctl, "dry-run")));
    print_result(ctl, result,
                 "%s %s: %zu collections with %" PRId64 " documents go from %s to %s; %" PRId64
                 " users %s",
                 m->move ? "move of" : "migration of", m->slug, size.collections, size.documents,
                 m->from_db, m->to_db, size.users, m->move ? "stay linked" : "are linked to it");
    return ctl_done(ctl);
}

/* Loads what is planned, or plans; *m ready to run. `dry`: nothing is stored. */
static bool plan(struct ctl *ctl, struct work *work, struct migration *m, bool dry)
{
    if (!work_find(ctl, ctl->args[0], m, false))
        return false;
    if (m->slug && m->stage != MIGRATE_FINISHED)
        return true;
    if (m->slug && !m->move)
        return err_set(&ctl->err, ERR_STATE, "%s was migrated: it is the tenant %s now",
                       m->tenant_id, m->slug);
    if (!wish(ctl, work, m) || !migrate_check(&work->job, m))
        return false;
    if (dry)
        return true;
    if (!migration_add(&work->job, m))
        return false;
    job_step(&work->job, "planned");
    return true;
}

/* Told where it is found, and whenever somebody asks how both sides are. */
static void warn_late(struct ctl *ctl, const struct migration *m)
{
    if (m->late)
        ctl_warn(ctl, "%s was written in %s past the service during the switch, and not carried "
                      "over: bring it over by hand, then finish with --force",
                 m->late, m->from_db);
}

int work_go(struct ctl *ctl, const struct job *job, struct migration *m)
{
    int64_t held_us;
    json_t *result;

    if (!migrate_run(job, m, &held_us))
        return ctl_fail(ctl);
    if (!job_audit(job, NULL, m->move ? "tenant_move" : "tenant_migrate", ENTRIES, m->tenant_id))
        ctl_warn(ctl, "done, but the platform's audit log has no entry of it");
    platform_log(ctl, m->slug, m->to_db);
    warn_late(ctl, m);
    result = describe(m);
    json_object_set_new(result, "held_ms", json_integer(held_us / 1000));
    print_result(ctl, result,
                 "%s is served from %s now; its writes were held for %" PRId64
                 " ms. `erpctl migrate rollback %s` goes back, `erpctl migrate finish %s` removes "
                 "what was left behind",
                 m->slug, m->to_db, held_us / 1000, m->tenant_id, m->tenant_id);
    return ctl_done(ctl);
}

static int plan_and(struct ctl *ctl, bool run)
{
    struct work work = {.job = ctl_job(ctl), .max_users = -1, .max_branches = -1};
    bool dry = ctl_flag(ctl, "dry-run");
    struct migration m;
    int code;

    if (!ctl_option_int(ctl, "max-users", 1, 1000000, &work.max_users) ||
        !ctl_option_int(ctl, "max-branches", 1, 1000000, &work.max_branches))
        return EXIT_USAGE;
    work.features = ctl_option_list(ctl, "features");
    if ((!dry && !work_begin(ctl, &work, ctl->args[0])) || !plan(ctl, &work, &m, dry))
        code = ctl_fail(ctl);
    else
        code = run && !dry ? work_go(ctl, &work.job, &m) : work_show(ctl, &m);
    work_release(&work);
    return code;
}

static int run_plan(struct ctl *ctl)
{
    return plan_and(ctl, false);
}

static int run_run(struct ctl *ctl)
{
    return plan_and(ctl, true);
}

/* ---- verify ---- */

static void tell(void *data, const char *collection, const struct copy_check *check)
{
    json_t *row = json_pack("{s:s, s:I, s:I, s:I, s:s, s:s, s:b}", "collection", collection,
                            "source", check->from, "target", check->to, "differ", check->differ,
                            "source_sha256", check->from_sha256, "target_sha256", check->to_sha256,
                            "same", strcmp(check->from_sha256, check->to_sha256) == 0);

    json_array_append_new(data, row);
}

static const struct print_column verify_columns[] = {
    {"collection", "COLLECTION"}, {"source", "SOURCE"}, {"target", "TARGET"},
    {"differ", "DIFFER"},         {"same", "SAME"},     {NULL, NULL},
};

static int run_verify(struct ctl *ctl)
{
    json_auto_t *rows = json_array();
    struct job job = ctl_job(ctl);
    struct migration m;
    bool same;

    if (!work_find(ctl, ctl->args[0], &m, true) || !migrate_compare(&job, &m, tell, rows, &same))
        return ctl_fail(ctl);
    print_rows(ctl, rows, verify_columns);
    warn_late(ctl, &m);
    return same ? ctl_done(ctl) : EXIT_FAILED;
}

/* ---- the ends ---- */

static int do_end(struct ctl *ctl, const struct job *job, bool back)
{
    struct migration m;
    int64_t n = 0;
    json_t *result;

    if (!work_find(ctl, ctl->args[0], &m, true))
        return ctl_fail(ctl);
    if (ctl_flag(ctl, "dry-run"))
        return work_show(ctl, &m);
    if (!(back ? migrate_rollback(job, &m, &n)
               : migrate_finish(job, &m, ctl_flag(ctl, "force"), &n)))
        return ctl_fail(ctl);
    if (!job_audit(job, NULL, back ? "migrate_rollback" : "migrate_finish", ENTRIES, m.tenant_id))
        ctl_warn(ctl, "done, but the platform's audit log has no entry of it");
    platform_log(ctl, m.slug, back ? "rollback" : "finish");
    result = describe(&m);
    json_object_set_new(result, "documents", json_integer(n));
    print_result(ctl, result,
                 back ? "%s is served from %s as before; %" PRId64 " documents were carried back"
                      : "%s: what was left in %s is removed, %" PRId64 " documents",
                 m.slug, m.from_db, n);
    return ctl_done(ctl);
}

static int end(struct ctl *ctl, bool back)
{
    struct work work = {.features = NULL};
    int code;

    if (!work_begin(ctl, &work, ctl->args[0]))
        return ctl_fail(ctl);
    code = do_end(ctl, &work.job, back);
    work_release(&work);
    return code;
}

static int run_finish(struct ctl *ctl)
{
    return end(ctl, false);
}

static int run_rollback(struct ctl *ctl)
{
    return end(ctl, true);
}

/* ---- the rows ---- */

static const struct command_option plan_options[] = {
    {"slug", "SLUG", "the tenant's slug from then on", false},
    {"name", "TEXT", "name of the business; by default its administrator's", false},
    {"type", "TYPE", "type of the business; by default its administrator's", false},
    {"admin-email", "EMAIL", "whose entry it is; the eldest tenant_admin's by default", false},
    {"uri", "URI",
     "the new database's server, with an account that may make users; DEFAULT_MONGO_URL by default",
     false, true},
    {"db-name", "NAME", "the new database; TYPE_SLUG_db by default", false},
    {"license", "TYPE", "free, pro or enterprise; free by default", false},
    {"max-users", "N", "how many users it may have; no limit by default", false},
    {"max-branches", "N", "how many branches it may have; no limit by default", false},
    {"features", "LIST", "modules, with commas; those of its type by default", false},
    {"dry-run", NULL, "say what would happen, and change nothing", false},
    {NULL, NULL, NULL, false},
};

static const struct command_option finish_options[] = {
    {"force", NULL, "although the source was written since the switch", false},
    {"dry-run", NULL, "say what would happen, and change nothing", false},
    {NULL, NULL, NULL, false},
};

static const struct command_option end_options[] = {
    {"dry-run", NULL, "say what would happen, and change nothing", false},
    {NULL, NULL, NULL, false},
};

const struct command cmd_migrate_plan = {
    .name = "migrate plan",
    .args = "TENANT_ID",
    .min_args = 1,
    .max_args = 1,
    .summary = "plan to give a tenant of the shared database one of its own",
    .details = "Checks that slug and database are free and that there is an administrator, stores "
               "the plan, and says how much there is to copy.",
    .options = plan_options,
    .needs = NEEDS_PLATFORM,
    .run = run_plan,
};

const struct command cmd_migrate_run = {
    .name = "migrate run",
    .args = "TENANT_ID",
    .min_args = 1,
    .max_args = 1,
    .summary = "copy, verify and switch a tenant of the shared database, while it works",
    .details = "The tenant reads and writes during the copy. Writes are answered with 503 "
               "tenant_moving only while the last of them are carried over; how long is printed. "
               "Stopped at any moment, the same command goes on. The tenant works with a MongoDB "
               "user of its own then, which may touch nothing else. Users sign in again "
               "afterwards.",
    .options = plan_options,
    .needs = NEEDS_PLATFORM,
    .run = run_run,
};

const struct command cmd_migrate_verify = {
    .name = "migrate verify",
    .args = "TENANT_ID",
    .min_args = 1,
    .max_args = 1,
    .summary = "compare both sides of a migration or move: counts and hashes",
    .details = "Exits with 1 when they differ. A tenant that works changes one side: then the "
               "difference is what was written since. What was written at the source during the "
               "switch, past the service, is told too (exit code 2).",
    .needs = NEEDS_PLATFORM,
    .run = run_verify,
};

const struct command cmd_migrate_finish = {
    .name = "migrate finish",
    .args = "TENANT_ID",
    .min_args = 1,
    .max_args = 1,
    .summary = "remove what a migration or move left at the source",
    .details = "Refused when the source is not as it was at the switch: counts and hashes were "
               "noted then. Of the shared database the tenant's documents go, and its audit log "
               "stays; after a move both databases and the MongoDB user at the old server go. "
               "There is no way back afterwards. Stopped at any moment, the same command goes on.",
    .options = finish_options,
    .needs = NEEDS_PLATFORM,
    .run = run_finish,
};

const struct command cmd_migrate_rollback = {
    .name = "migrate rollback",
    .args = "TENANT_ID",
    .min_args = 1,
    .max_args = 1,
    .summary = "go back to the source, with everything that was written since the switch",
    .details = "Writes are held while what was written since the switch is carried back. Before "
               "the switch it only removes the copy. Stopped at any moment, the same command goes "
               "on.",
    .options = end_options,
    .needs = NEEDS_PLATFORM,
    .run = run_rollback,
};
