/* Users as the operator sees them: add, list, link, disable, enable, password. */
#include "base.h"
#include "commands/platform.h"
#include "commands/secret.h"
#include "db/own.h"
#include "platform/accounts.h"
#include "tenant/audit.h"

/* --- add ------------------------------------------------------------------------------------- */

static const struct command_option add_options[] = {
    {"role", "ROLE",
     "super_admin, tenant_admin, head_office, branch_manager, staff, cashier or "
     "technician",
     true},
    {"name", "TEXT", "full name", true},
    {"tenant", "SLUG", "the user's business; only a super_admin has none", false},
    {"branch", "ID", "the user's branch: needed by roles that see one branch", false},
    SECRET_OPTIONS,
    {NULL},
};

/* What is to be made, and for whom. */
struct new_user {
    const char *email;
    enum role role;
    struct account_place place;
};

static bool find_place(struct ctl *ctl, struct job *job, struct new_user *user)
{
    const char *slug = ctl_option(ctl, "tenant");
    struct tenant *tenant = NULL;

    if (slug && (!platform_tenant(ctl, slug, &tenant) || !platform_complete(ctl, tenant)))
        return false;
    return accounts_place(job, tenant ? tenant->tenant_id : NULL, &user->place);
}

static bool store(struct ctl *ctl, struct job *job, struct new_user *user,
                  const struct secret *secret)
{
    const char *branch = ctl_option(ctl, "branch"), *id;
    char hash[PASSWORD_HASH_SIZE];
    struct account_fields fields = {.hash = hash};
    bson_t *set = own_bson(ctl->arena);

    BSON_APPEND_UTF8(set, "email", user->email);
    BSON_APPEND_UTF8(set, "full_name", ctl_option(ctl, "name"));
    BSON_APPEND_UTF8(set, "role", role_name(user->role));
    if (branch)
        BSON_APPEND_UTF8(set, "branch_id", branch);
    fields.set = set;
    secret_hash(ctl, secret, hash);
    if (!accounts_create(job, &user->place, &fields, &id))
        return false;
    platform_log(ctl, user->place.slug, user->email);
    if (user->place.slug && !branch && !role_all_branches(user->role))
        ctl_progress(ctl, "a %s without --branch may do nothing that belongs to a branch",
                     role_name(user->role));
    return true;
}

static void report_added(const struct ctl *ctl, const struct new_user *user,
                         const struct secret *secret)
{
    print_result(ctl,
                 json_pack("{s:s, s:s, s:s*}", "email", user->email, "role", role_name(user->role),
                           "password", secret->generated ? secret->text : NULL),
                 "Added %s%s%s", user->email, secret->generated ? ", password " : "",
                 secret->generated ? secret->text : "");
}

static int run_add(struct ctl *ctl)
{
    struct new_user user = {.email = platform_email(ctl, ctl->args[0])};
    struct secret secret = {.len = 0};
    struct job job = ctl_job(ctl);
    bool ok;

    if (!user.email)
        return ctl_usage(ctl, "%s is no email address", print_clean(ctl, ctl->args[0]));
    if (!role_parse(ctl_option(ctl, "role"), &user.role))
        return ctl_usage(ctl, "there is no role %s", print_clean(ctl, ctl_option(ctl, "role")));
    if ((user.role == ROLE_SUPER_ADMIN) == (ctl_option(ctl, "tenant") != NULL))
        return ctl_usage(ctl, "a super_admin has no --tenant, every other role needs one");
    ok = registry_ensure_indexes(ctl->registry, &ctl->err) && find_place(ctl, &job, &user) &&
         secret_read(ctl, user.email, &secret) && store(ctl, &job, &user, &secret);
    if (ok)
        report_added(ctl, &user, &secret);
    secret_wipe(&secret);
    return ok ? ctl_done(ctl) : ctl_fail(ctl);
}

const struct command cmd_user_add = {
    .name = "user add",
    .args = "EMAIL",
    .min_args = 1,
    .max_args = 1,
    .summary = "make a user",
    .details = "The password is read from standard input, a file, or made up.",
    .options = add_options,
    .needs = NEEDS_PLATFORM,
    .run = run_add,
};

/* --- list ------------------------------------------------------------------------------------ */

static json_t *account_json(struct ctl *ctl ERP_UNUSED, const bson_t *doc)
{
    static const char *const keys[] = {"id",          "email",     "full_name", "role",
                                       "tenant_slug", "tenant_id", "branch_id", "created_at"};
    bool off = doc_bool(doc, "disabled") ||
               (bson_has_field(doc, "is_active") && !doc_bool(doc, "is_active"));
    json_t *row = json_object();

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        json_object_set_new(row, keys[i], doc_json(doc, keys[i]));
    json_object_set_new(row, "disabled", json_boolean(off));
    return row;
}

/* Users of a tenant carry its slug, or, made by hand, only its id. */
static bool list_filter(struct ctl *ctl, bson_t *filter)
{
    const char *slug = ctl_option(ctl, "tenant");
    struct tenant *tenant;
    bson_t either, item;

    bson_init(filter);
    if (slug == NULL)
        return true;
    if (!platform_tenant(ctl, slug, &tenant))
        return false;
    BSON_APPEND_ARRAY_BEGIN(filter, "$or", &either);
    BSON_APPEND_DOCUMENT_BEGIN(&either, "0", &item);
    BSON_APPEND_UTF8(&item, "tenant_slug", slug);
    bson_append_document_end(&either, &item);
    if (*tenant->tenant_id) {
        BSON_APPEND_DOCUMENT_BEGIN(&either, "1", &item);
        BSON_APPEND_UTF8(&item, "tenant_id", tenant->tenant_id);
        bson_append_document_end(&either, &item);
    }
    bson_append_array_end(filter, &either);
    return true;
}

static bool read_accounts(struct ctl *ctl, json_t *rows)
{
    struct scope scope;
    bson_t filter;
    bool ok = list_filter(ctl, &filter) && platform_users(ctl, &scope) &&
              platform_rows(ctl, &scope, ACCOUNTS, &filter, "email", "hashed_password",
                            account_json, rows);

    bson_destroy(&filter);
    return ok;
}

static int run_list(struct ctl *ctl)
{
    static const struct print_column columns[] = {{"email", "EMAIL"},
                                                  {"full_name", "NAME"},
                                                  {"role", "ROLE"},
                                                  {"tenant_slug", "TENANT"},
                                                  {"branch_id", "BRANCH"},
                                                  {"disabled", "DISABLED"},
                                                  {NULL, NULL}};
    json_auto_t *rows = json_array();

    if (!read_accounts(ctl, rows))
        return ctl_fail(ctl);
    print_rows(ctl, rows, columns);
    return EXIT_OK;
}

static const struct command_option list_options[] = {
    {"tenant", "SLUG", "only the users of this business", false},
    {NULL},
};

const struct command cmd_user_list = {
    .name = "user list",
    .summary = "list users",
    .options = list_options,
    .needs = NEEDS_PLATFORM,
    .run = run_list,
};

/* --- changes to one user --------------------------------------------------------------------- */

static bool find_user(struct ctl *ctl, struct user **user)
{
    bool found;

    *user = arena_alloc(ctl->arena, sizeof(**user));
    if (!users_by_email(ctl->users, ctl->args[0], *user, &found, &ctl->err))
        return false;
    return found || err_set(&ctl->err, ERR_NOT_FOUND, "There is no user %s", ctl->args[0]);
}

/* To the log of the business that the account belongs to; a super_admin's, and that of a business
 * which cannot be had, to the platform's. */
static void note_change(struct ctl *ctl, const struct user *user, const char *action)
{
    const struct audit_entry entry = {.kind = AUDIT_OPERATOR,
                                      .action = action,
                                      .collection = ACCOUNTS,
                                      .record_id = user->id,
                                      .actor = "erpctl"};
    bool super = user->role == ROLE_SUPER_ADMIN || !*user->tenant_id;
    struct job job = ctl_job(ctl);
    struct account_place place;

    platform_log(ctl, *user->tenant_slug ? user->tenant_slug : NULL, user->email);
    if (accounts_place(&job, super ? NULL : user->tenant_id, &place) &&
        audit_add(&place.data, &entry, &ctl->err))
        return;
    ctl_warn(ctl, "done, but the audit log of the business has no entry of it: %s",
             ctl->err.detail);
    err_clear(&ctl->err);
    platform_audit(ctl, NULL, action, ACCOUNTS, user->id);
}

/* For who worked in the shared database, or was written by hand. */
static int run_link(struct ctl *ctl)
{
    const char *slug = ctl_option(ctl, "tenant");
    struct tenant *tenant;
    struct user *user;

    if (!find_user(ctl, &user) || !platform_tenant(ctl, slug, &tenant) ||
        !platform_complete(ctl, tenant) ||
        !users_link_tenant(ctl->users, user->id, tenant, &ctl->err))
        return ctl_fail(ctl);
    platform_audit(ctl, tenant, "user_link", ACCOUNTS, user->id);
    platform_log(ctl, slug, user->email);
    print_result(ctl, json_pack("{s:s, s:s}", "email", user->email, "tenant_slug", slug),
                 "%s: belongs to %s", user->email, slug);
    return ctl_done(ctl);
}

static const struct command_option link_options[] = {
    {"tenant", "SLUG", "the business that the user belongs to", true},
    {NULL},
};

const struct command cmd_user_link = {
    .name = "user link",
    .args = "EMAIL",
    .min_args = 1,
    .max_args = 1,
    .summary = "tie a user who has no business, or only its tenant_id, to a business for good",
    .details = "This is what moves the users of the shared database to the tenant's own. The "
               "tenant_id of user and entry must be the same.",
    .options = link_options,
    .needs = NEEDS_PLATFORM,
    .run = run_link,
};

static int report_disabled(struct ctl *ctl, const struct user *user, bool disabled,
                           const char *done)
{
    print_result(ctl, json_pack("{s:s, s:b}", "email", user->email, "disabled", (int)disabled),
                 "%s: %s", user->email, done);
    return ctl_done(ctl);
}

/* Also the last administrator of a business: an operator may have to. */
static int run_disable(struct ctl *ctl)
{
    struct user *user;

    if (!find_user(ctl, &user) || !users_set_disabled(ctl->users, user->id, true, &ctl->err))
        return ctl_fail(ctl);
    note_change(ctl, user, "user_disable");
    return report_disabled(ctl, user, true, "disabled; all its tokens have ended");
}

/* Takes a place of the licence, like a new user. */
static int run_enable(struct ctl *ctl)
{
    struct job job = ctl_job(ctl);
    struct account_fields fields = {.hash = NULL};
    bson_t *set = own_bson(ctl->arena);
    struct account_place place;
    struct user *user;

    BSON_APPEND_BOOL(set, "is_active", true);
    fields.set = set;
    if (!find_user(ctl, &user) ||
        !accounts_place(&job, user->role == ROLE_SUPER_ADMIN ? NULL : user->tenant_id, &place) ||
        !accounts_change(&job, &place, user->id, &fields))
        return ctl_fail(ctl);
    platform_log(ctl, place.slug, user->email);
    return report_disabled(ctl, user, false, "may sign in again");
}

const struct command cmd_user_disable = {
    .name = "user disable",
    .args = "EMAIL",
    .min_args = 1,
    .max_args = 1,
    .summary = "end a user's tokens and refuse its sign-ins",
    .needs = NEEDS_PLATFORM,
    .run = run_disable,
};

const struct command cmd_user_enable = {
    .name = "user enable",
    .args = "EMAIL",
    .min_args = 1,
    .max_args = 1,
    .summary = "let a disabled user sign in again",
    .needs = NEEDS_PLATFORM,
    .run = run_enable,
};

static int run_password(struct ctl *ctl)
{
    char hash[PASSWORD_HASH_SIZE];
    struct secret secret = {.len = 0};
    struct user *user;
    bool ok = find_user(ctl, &user) && secret_read(ctl, user->email, &secret);

    if (ok) {
        secret_hash(ctl, &secret, hash);
        ok = users_set_password(ctl->users, user->id, hash, true, &ctl->err);
    }
    if (ok) {
        note_change(ctl, user, "user_password");
        print_result(ctl,
                     json_pack("{s:s, s:s*}", "email", user->email, "password",
                               secret.generated ? secret.text : NULL),
                     "%s: new password set, older tokens have ended%s%s", user->email,
                     secret.generated ? "; it is " : "", secret.generated ? secret.text : "");
    }
    secret_wipe(&secret);
    return ok ? ctl_done(ctl) : ctl_fail(ctl);
}

static const struct command_option password_options[] = {
    SECRET_OPTIONS,
    {NULL},
};

const struct command cmd_user_password = {
    .name = "user password",
    .args = "EMAIL",
    .min_args = 1,
    .max_args = 1,
    .summary = "set a user's password and end its tokens",
    .options = password_options,
    .needs = NEEDS_PLATFORM,
    .run = run_password,
};
