/* Making, changing and removing accounts: each is one transaction, begun with the guard. */
#include "base.h"
#include "platform/accounts.h"
#include "core/clock.h"
#include "core/id.h"
#include "db/doc.h"
#include "db/own.h"
#include "db/txn.h"
#include "tenant/audit.h"
#include "tenant/limit.h"

struct write {
    struct job *job;
    struct account_place *place;
    const char *action, *id;
    const struct account_fields *fields; /* NULL when removing */
    bool missing;
};

/* ---- the record ---- */

/* The members that may be set, as the record keeps them. */
static void append_members(const struct account_fields *fields, bson_t *out)
{
    static const char *const names[] = {"email",     "username",       "full_name", "role",
                                        "branch_id", "allowed_routes", "is_active"};
    bson_iter_t it;

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (bson_iter_init_find(&it, fields->set, names[i]))
            bson_append_iter(out, names[i], -1, &it);
    if (bson_iter_init_find(&it, fields->set, "is_active"))
        BSON_APPEND_BOOL(out, "disabled", !bson_iter_bool(&it));
    if (fields->hash)
        BSON_APPEND_UTF8(out, "hashed_password", fields->hash);
    BSON_APPEND_DATE_TIME(out, "updated_at", clock_ms());
}

static bson_t *new_record(const struct write *w)
{
    const struct account_place *place = w->place;
    bson_t *doc = own_bson(w->job->arena);

    BSON_APPEND_UTF8(doc, "id", w->id);
    if (place->tenant_id)
        BSON_APPEND_UTF8(doc, "tenant_id", place->tenant_id);
    if (place->slug) {
        BSON_APPEND_UTF8(doc, "tenant_slug", place->slug);
        BSON_APPEND_DATE_TIME(doc, "tenant_linked_at", clock_ms());
    }
    BSON_APPEND_DATE_TIME(doc, "created_at", clock_ms());
    append_members(w->fields, doc);
    return doc;
}

/* ---- what must hold ---- */

/* Those who may sign in, with one role (NULL: any), but for the account of this write. */
static bson_t *active_filter(const struct write *w, const struct scope *scope, const char *role)
{
    bson_t *filter = own_bson(w->job->arena);

    scope_filter(scope, NULL, filter);
    if (role)
        BSON_APPEND_UTF8(filter, "role", role);
    else
        BCON_APPEND(filter, "role", "{", "$ne", BCON_UTF8(role_name(ROLE_SUPER_ADMIN)), "}");
    BCON_APPEND(filter, "disabled", "{", "$ne", BCON_BOOL(true), "}", "is_active", "{", "$ne",
                BCON_BOOL(false), "}", "id", "{", "$ne", BCON_UTF8(w->id), "}");
    accounts_of_people(filter);
    return filter;
}

static bool check_room(const struct write *w, struct scope *scope, struct err *err)
{
    return limit_room(scope, ACCOUNTS, active_filter(w, scope, NULL), w->place->max_users, err);
}

/* Somebody has to be left who can let others in. */
static bool check_admin_left(const struct write *w, struct scope *scope, enum role role,
                             struct err *err)
{
    int64_t others = 0;

    if (role != ROLE_TENANT_ADMIN && role != ROLE_SUPER_ADMIN)
        return true;
    if (!scope_count(scope, ACCOUNTS, active_filter(w, scope, role_name(role)), 1, &others, err))
        return false;
    return others > 0 || err_set(err, ERR_LAST_ADMIN,
                                 "This is the last %s: make another one first.", role_name(role));
}

/* Usernames are a business's own; emails, by which people sign in, the platform's (an index). */
static bool check_username(const struct write *w, struct scope *scope, struct err *err)
{
    const char *name = doc_text(w->fields->set, "username");
    bson_t *filter = own_bson(w->job->arena), *opts = own_bson(w->job->arena);
    const bson_t *doc;

    if (!name || !*name)
        return true;
    scope_filter(scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "username", name);
    BCON_APPEND(filter, "id", "{", "$ne", BCON_UTF8(w->id), "}");
    registry_fold_emails(opts);
    if (!scope_find_one(scope, ACCOUNTS, filter, opts, &doc, err))
        return false;
    return !doc || err_set(err, ERR_DUPLICATE, "username already exists");
}

static bool check_branch(struct write *w)
{
    const char *branch = doc_text(w->fields->set, "branch_id");
    struct scope *data = &w->place->data;
    bson_t *filter = own_bson(w->job->arena);
    int64_t count = 0;

    if (!branch || !*branch)
        return true;
    if (!w->place->tenant_id)
        return err_field(w->job->err, "branch_id", "reference", "A super_admin has no branch");
    scope_filter(data, NULL, filter);
    BSON_APPEND_UTF8(filter, "id", branch);
    if (!scope_count(data, "branches", filter, 1, &count, w->job->err))
        return false;
    return count > 0 ||
           err_field(w->job->err, "branch_id", "reference", "There is no branch with this id");
}

/* An account of the shared database with the address of a business's administrator would be taken
 * for that administrator at its first sign-in. */
static bool check_no_admin(struct write *w, const char *email)
{
    const struct tenant *tenant = NULL;

    if (!w->place->tenant_id || w->place->slug)
        return true;
    return registry_by_admin_email(w->job->registry, email, &tenant, w->job->err) &&
           (!tenant || err_set(w->job->err, ERR_DUPLICATE, "email already exists"));
}

/* The database would refuse it too, but with a sentence about an index. */
static bool check_email(struct write *w)
{
    const char *email = doc_text(w->fields->set, "email");
    struct user *other = arena_alloc(w->job->arena, sizeof *other);
    bool found;

    if (!email)
        return true;
    if (!users_by_email(w->job->users, email, other, &found, w->job->err))
        return false;
    if (found)
        return strcmp(other->id, w->id) == 0 ||
               err_set(w->job->err, ERR_DUPLICATE, "email already exists");
    return check_no_admin(w, email);
}

/* ---- the transactions ---- */

static bool audit(const struct write *w, struct scope *scope, const bson_t *before,
                  const bson_t *after, struct err *err)
{
    const struct audit_entry entry = {.kind = w->job->request_id ? AUDIT_ACCESS : AUDIT_OPERATOR,
                                      .action = w->action,
                                      .collection = ACCOUNTS,
                                      .record_id = w->id,
                                      .actor = w->job->actor,
                                      .impersonated_by = w->job->impersonated_by,
                                      .request_id = w->job->request_id,
                                      .before = before,
                                      .after = after};
    struct scope *log = &w->place->data;
    mongoc_client_session_t *session = log->session;
    bool ok;

    if (log->client == scope->client)
        log->session = scope->session;
    ok = audit_add(log, &entry, err);
    if (!ok && log->session)
        scope_adopt_failure(scope, log);
    log->session = session;
    return ok;
}

static bool create_body(struct scope *scope, void *data, struct err *err)
{
    const struct write *w = data;
    const bson_t *doc = new_record(w);

    return limit_guard(scope, ACCOUNTS, err) && check_room(w, scope, err) &&
           check_username(w, scope, err) && scope_insert(scope, ACCOUNTS, doc, err) &&
           audit(w, scope, NULL, doc, err);
}

static bson_t *one(const struct write *w, const struct scope *scope)
{
    bson_t *filter = own_bson(w->job->arena);

    scope_filter(scope, NULL, filter);
    BSON_APPEND_UTF8(filter, "id", w->id);
    return filter;
}

/* The record as it is; `missing` when there is none that can be used. */
static bool find_old(struct write *w, struct scope *scope, const bson_t **old, struct user *user,
                     struct err *err)
{
    if (!limit_guard(scope, ACCOUNTS, err) ||
        !scope_find_one(scope, ACCOUNTS, one(w, scope), NULL, old, err))
        return false;
    w->missing = !*old || !user_from_bson(*old, user);
    return true;
}

/* Where the account stands after the change. */
static void outcome(const struct write *w, const struct user *old, enum role *role, bool *active)
{
    const char *text = doc_text(w->fields->set, "role");
    bson_iter_t it;

    *role = old->role;
    if (text)
        role_parse(text, role);
    *active = !old->disabled;
    if (bson_iter_init_find(&it, w->fields->set, "is_active"))
        *active = bson_iter_bool(&it);
}

/* What the log calls it: the most that happened. */
static const char *name_change(const struct write *w, const struct user *old, bool active)
{
    if (active == old->disabled)
        return active ? "user_enable" : "user_disable";
    return w->fields->hash ? "user_password" : "user_change";
}

static bool check_change(struct write *w, struct scope *scope, const struct user *old,
                         bool *ends_tokens, struct err *err)
{
    enum role role;
    bool active;

    outcome(w, old, &role, &active);
    w->action = name_change(w, old, active);
    *ends_tokens = w->fields->hash || (!active && !old->disabled);
    if ((role == ROLE_SUPER_ADMIN) != (old->role == ROLE_SUPER_ADMIN))
        return err_field(err, "role", "value", "A super_admin belongs to no business: that is "
                                               "another account");
    if (active && old->disabled && !check_room(w, scope, err))
        return false;
    if (!old->disabled && (role != old->role || !active) &&
        !check_admin_left(w, scope, old->role, err))
        return false;
    return check_username(w, scope, err);
}

static bson_t *build_update(const struct write *w, const struct user *old, bool ends_tokens)
{
    bson_t *update = own_bson(w->job->arena);
    bson_t set, none;

    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    append_members(w->fields, &set);
    if (ends_tokens) {
        BSON_APPEND_INT64(&set, "token_version", old->token_version + 1);
        BSON_APPEND_ARRAY_BEGIN(&set, "revoked_tokens", &none);
        bson_append_array_end(&set, &none);
    }
    bson_append_document_end(update, &set);
    return update;
}

static bool change_body(struct scope *scope, void *data, struct err *err)
{
    struct write *w = data;
    const bson_t *old, *after = NULL;
    struct user user;
    bool ends_tokens;

    if (!find_old(w, scope, &old, &user, err))
        return false;
    if (w->missing)
        return true;
    return check_change(w, scope, &user, &ends_tokens, err) &&
           scope_find_and_update(scope, ACCOUNTS, one(w, scope),
                                 build_update(w, &user, ends_tokens), true, false, NULL, &after,
                                 err) &&
           audit(w, scope, old, after, err);
}

static bool remove_body(struct scope *scope, void *data, struct err *err)
{
    struct write *w = data;
    const bson_t *old;
    struct user user;
    int64_t deleted;

    if (!find_old(w, scope, &old, &user, err))
        return false;
    if (w->missing)
        return true;
    return (user.disabled || check_admin_left(w, scope, user.role, err)) &&
           scope_delete_one(scope, ACCOUNTS, one(w, scope), &deleted, err) &&
           audit(w, scope, old, NULL, err);
}

/* ---- the doors ---- */

/* The epoch moves also after an error: the database may have the change all the same. */
static bool run(struct write *w, txn_body *body)
{
    struct job *job = w->job;
    struct scope scope;
    bool ok;

    if (!job_users(job, &scope))
        return false;
    scope.tenant_id = w->place->tenant_id;
    ok = txn_run(&scope, body, w, job->err);
    if (job->board)
        board_bump(job->board, arena_printf(job->arena, "user:%s", w->id));
    if (ok && w->missing)
        return err_set(job->err, ERR_NOT_FOUND, "User not found");
    return ok;
}

bool accounts_create(struct job *job, struct account_place *place,
                     const struct account_fields *fields, const char **id)
{
    char *fresh = arena_alloc(job->arena, ID_SIZE);
    struct write w = {.job = job, .place = place, .action = "user_add", .id = fresh,
                      .fields = fields};

    id_new(fresh);
    *id = fresh;
    return check_email(&w) && check_branch(&w) && run(&w, create_body);
}

bool accounts_change(struct job *job, struct account_place *place, const char *id,
                     const struct account_fields *fields)
{
    struct write w = {.job = job, .place = place, .id = id, .fields = fields};

    return check_email(&w) && check_branch(&w) && run(&w, change_body);
}

bool accounts_remove(struct job *job, struct account_place *place, const char *id)
{
    struct write w = {.job = job, .place = place, .action = "user_remove", .id = id};

    return run(&w, remove_body);
}
