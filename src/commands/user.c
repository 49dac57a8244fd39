/* Users as the operator sees them: add, list, disable, enable, password. */
#include "base.h"
#include "commands/platform.h"
#include "commands/secret.h"

/* --- add ------------------------------------------------------------------------------------- */

static const struct command_option add_options[] = {
    {"role", "ROLE", "super_admin, tenant_admin, head_office, branch_manager, staff, cashier or "
                     "technician", true},
    {"name", "TEXT", "full name", true},
    {"tenant", "SLUG", "the user's business; only a super_admin has none", false},
    {"branch", "ID", "the user's branch: needed by roles that see one branch", false},
    SECRET_OPTIONS,
    {NULL},
};

static bool store(struct ctl *ctl, struct new_account *account, const struct secret *secret)
{
    const char *slug = ctl_option(ctl, "tenant");
    char hash[PASSWORD_HASH_SIZE];
    struct tenant *tenant = NULL;

    if (slug != NULL && !platform_tenant(ctl, slug, &tenant))
        return false;
    account->tenant = tenant;
    account->hash = hash;
    secret_hash(ctl, secret, hash);
    if (!registry_ensure_indexes(ctl->registry, &ctl->err) || !platform_add_account(ctl, account))
        return false;
    if (tenant != NULL)
        platform_audit(ctl, tenant, "user_add", ACCOUNTS, account->email);
    platform_log(ctl, slug, account->email);
    return true;
}

static int run_add(struct ctl *ctl)
{
    struct new_account account = {.full_name = ctl_option(ctl, "name"),
                                  .branch_id = ctl_option(ctl, "branch")};
    struct secret secret;
    int code;

    account.email = platform_email(ctl, ctl->args[0]);
    if (account.email == NULL)
        return ctl_usage(ctl, "%s is no email address", ctl->args[0]);
    if (!role_parse(ctl_option(ctl, "role"), &account.role))
        return ctl_usage(ctl, "there is no role %s", ctl_option(ctl, "role"));
    if ((account.role == ROLE_SUPER_ADMIN) == (ctl_option(ctl, "tenant") != NULL))
        return ctl_usage(ctl, "a super_admin has no --tenant, every other role needs one");
    code = secret_read(ctl, account.email, &secret) && store(ctl, &account, &secret) ? EXIT_OK
                                                                                      : EXIT_FAILED;
    if (code == EXIT_OK)
        print_result(ctl,
                     json_pack("{s:s, s:s, s:s*}", "email", account.email, "role",
                               role_name(account.role), "password",
                               secret.generated ? secret.text : NULL),
                     "Added %s%s%s", account.email, secret.generated ? ", password " : "",
                     secret.generated ? secret.text : "");
    secret_wipe(&secret);
    return code == EXIT_OK ? ctl_done(ctl) : ctl_fail(ctl);
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

static json_t *account_json(const bson_t *doc)
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
    BSON_APPEND_DOCUMENT_BEGIN(&either, "1", &item);
    BSON_APPEND_UTF8(&item, "tenant_id", tenant->tenant_id);
    bson_append_document_end(&either, &item);
    bson_append_array_end(filter, &either);
    return true;
}

static bool read_accounts(struct ctl *ctl, json_t *rows)
{
    bson_t *opts = BCON_NEW("sort", "{", "email", BCON_INT32(1), "}", "projection", "{",
                            "hashed_password", BCON_INT32(0), "}");
    struct scope scope;
    mongoc_cursor_t *cursor;
    const bson_t *doc = NULL;
    bson_t filter;
    bool ok = list_filter(ctl, &filter) && platform_users(ctl, &scope);

    if (ok) {
        cursor = scope_find(&scope, ACCOUNTS, &filter, opts);
        while ((ok = scope_next(&scope, cursor, &doc, &ctl->err)) && doc != NULL)
            json_array_append_new(rows, account_json(doc));
    }
    bson_destroy(opts);
    bson_destroy(&filter);
    return ok;
}

static int run_list(struct ctl *ctl)
{
    static const struct print_column columns[] = {
        {"email", "EMAIL"},       {"full_name", "NAME"},   {"role", "ROLE"},
        {"tenant_slug", "TENANT"}, {"branch_id", "BRANCH"}, {"disabled", "DISABLED"},
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

static void note_change(struct ctl *ctl, const struct user *user, const char *action)
{
    struct tenant *tenant;

    platform_log(ctl, *user->tenant_slug ? user->tenant_slug : NULL, user->email);
    if (!*user->tenant_slug)
        return;
    if (platform_tenant(ctl, user->tenant_slug, &tenant))
        platform_audit(ctl, tenant, action, ACCOUNTS, user->id);
    else
        ctl_warn(ctl, "done, but there is no audit entry: %s", ctl->err.detail);
}

static int set_disabled(struct ctl *ctl, bool disabled, const char *done)
{
    struct user *user;

    if (!find_user(ctl, &user) ||
        !users_set_disabled(ctl->users, user->id, disabled, &ctl->err))
        return ctl_fail(ctl);
    note_change(ctl, user, disabled ? "user_disable" : "user_enable");
    print_result(ctl, json_pack("{s:s, s:b}", "email", user->email, "disabled", (int)disabled),
                 "%s: %s", user->email, done);
    return ctl_done(ctl);
}

static int run_disable(struct ctl *ctl)
{
    return set_disabled(ctl, true, "disabled; all its tokens have ended");
}

static int run_enable(struct ctl *ctl)
{
    return set_disabled(ctl, false, "may sign in again");
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
