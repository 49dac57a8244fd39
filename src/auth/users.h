/* Users (erp_database.users) and this process's cache of them, by id.
 *
 * The record, not the token, says what a user may do now: role, branch, disabled, token version.
 * Cached for the TTL (5 s without a watcher) or until the board's epoch of "user:<id>" moves.
 */
#ifndef ERP_AUTH_USERS_H
#define ERP_AUTH_USERS_H

#include "core/str.h"
#include "auth/perm.h"
#include "tenant/registry.h"

#define USER_REVOKED_MAX 32 /* single tokens signed out; one more ends all of them */
#define USER_ROUTES_MAX  64

struct user {
    char id[64];
    char email[256];
    char full_name[256];
    char tenant_id[64];     /* "" when none */
    char tenant_slug[41];   /* "" when none */
    char branch_id[64];     /* "" when none */
    char password_hash[64]; /* "" when unusable; never leaves auth/ */
    enum role role;
    bool disabled;
    bool had_tenant; /* a link exists or existed: never legacy */
    bool legacy;     /* users_by_id only: has a tenant_id, had no link, and the registry knows
                        neither its email nor its tenant_id */
    int64_t token_version;
    size_t n_revoked;
    char revoked[USER_REVOKED_MAX][37]; /* jti of signed-out tokens that have not expired */
    size_t n_allowed;                   /* allowed_routes: modules; 0 = no narrowing */
    char allowed[USER_ROUTES_MAX][32];
};

struct users;

struct users *users_new(const struct conf *conf, struct board *board, struct registry *registry);
void users_free(struct users *users);

/* By id, cached, borrowed until the next users call. ERR_TOKEN_REVOKED when there is no such user
 * (its tokens are worthless), ERR_DB_UNAVAILABLE when the database is away. */
bool users_by_id(struct users *users, const char *id, const struct user **user, struct err *err);

/* By email (without the case of ASCII letters), never cached, into the caller's struct; *found
 * false when unknown, when two records match, and when the record is unusable. */
bool users_by_email(struct users *users, const char *email, struct user *user, bool *found,
                    struct err *err);

/* The registry entry that a user belongs to: by its own slug, else as the entry's admin_email, else
 * by tenant_id, else through an administrator of the same tenant_id whose entry has none yet.
 * *tenant NULL when there is none of them; borrowed until the next registry call. Doubt is
 * ERR_TENANT_MISMATCH. */
bool users_tenant(struct users *users, const struct user *user, const struct tenant **tenant,
                  struct err *err);

/* The record for replies: the user's document without its hash and other secrets, as JSON text
 * appended to `out` ({"id":…,"email":…}); `extra` (may be NULL) is JSON members appended inside. */
bool users_render(struct users *users, const char *id, const char *extra, struct str *out,
                  struct err *err);

/* Reads a document; false, with a line in the log, when a field has a wrong type or is too long:
 * such a record is never used in part. `legacy` is left false. */
bool user_from_bson(const bson_t *doc, struct user *user);

/* The same reply of a document at hand; nothing is appended and false when it is unusable. */
bool users_show(const bson_t *doc, const char *extra, struct str *out);

/* Writes; each bumps the board's epoch of the user after the database has it. */
bool users_set_password(struct users *users, const char *id, const char *hash, bool end_tokens,
                        struct err *err);
/* The same password hashed again: only if the hash is still `old_hash`; no error otherwise. */
bool users_rehash(struct users *users, const char *id, const char *old_hash, const char *hash,
                  struct err *err);
bool users_end_tokens(struct users *users, const char *id, struct err *err);
bool users_revoke_token(struct users *users, const char *id, const char *jti, int64_t exp_s,
                        struct err *err);
bool users_set_disabled(struct users *users, const char *id, bool disabled, struct err *err);

/* The users of a branch of a business: at most `max` of their ids, in the users' own arena until
 * the next call. */
bool users_of_branch(struct users *users, const char *tenant_id, const char *branch_id,
                     const char **ids, size_t max, size_t *n, struct err *err);

/* Links a user to its tenant, for good (tenant_slug, tenant_id, tenant_linked_at). A user who
 * already has another one is ERR_TENANT_MISMATCH. */
bool users_link_tenant(struct users *users, const char *id, const struct tenant *tenant,
                       struct err *err);

#endif
