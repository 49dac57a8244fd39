/* The platform's records as commands write them: registry entries and users.
 *
 * What the service itself does with them is in tenant/ and auth/; here is only what nobody but
 * the operator does. Failures fill ctl->err. Scopes and documents live in ctl->arena.
 */
#ifndef ERP_COMMANDS_PLATFORM_H
#define ERP_COMMANDS_PLATFORM_H

#include "commands/commands.h"
#include "db/doc.h"

/* Fresh scopes on the two databases, with the time of one operation. */
bool platform_registry(struct ctl *ctl, struct scope *scope);
bool platform_users(struct ctl *ctl, struct scope *scope);
/* A fresh scope on a tenant's own database, whatever its status: for audit entries and checks of
 * the operator, who also works on suspended tenants. */
bool platform_tenant_scope(struct ctl *ctl, const struct tenant *tenant, struct scope *scope);

/* Appends what `row` makes of every match, in the order of `key`. The member `secret` (NULL: none)
 * is left in the database. */
bool platform_rows(struct ctl *ctl, struct scope *scope, const char *collection,
                   const bson_t *filter, const char *key, const char *secret,
                   json_t *(*row)(struct ctl *ctl, const bson_t *doc), json_t *rows);

/* Appends {slug: …} to a filter. */
void platform_by_slug(bson_t *filter, const char *slug);
/* The entry of a slug as it is stored; *doc NULL when there is none. */
bool platform_find(struct ctl *ctl, const char *slug, const bson_t **doc);
/* The entry of a slug, read and checked, in the arena; ERR_TENANT_NOT_FOUND. */
bool platform_tenant(struct ctl *ctl, const char *slug, struct tenant **tenant);
/* Gives an entry without tenant_id that of its admin user, or a new one when there is no such
 * user: before anything is written for the tenant. */
bool platform_complete(struct ctl *ctl, struct tenant *tenant);

/* The plain form of an entry's db_uri, sealed or not, in the arena; NULL when it has none. False
 * when it does not open. */
bool platform_uri(struct ctl *ctl, const bson_t *doc, const char **uri);
bool platform_open_uri(struct ctl *ctl, const char *slug, const char *stored, const char **uri);
/* The sealed form for the entry of a slug, in the arena. */
bool platform_seal_uri(struct ctl *ctl, const char *slug, const char *uri, const char **sealed);
/* The id of the key that seals (SEAL_ID_SIZE bytes); ERR_DB_NOT_CONFIGURED when there is none. */
bool platform_seal_key(struct ctl *ctl, char *id);

/* Sets the status unless the entry is deleted or still being set up (what is half there serves
 * nobody), and tells every worker of this host. `reason` may be NULL. ERR_STATE otherwise. */
bool platform_set_status(struct ctl *ctl, const char *slug, enum tenant_status status,
                         const char *reason);

struct new_account {
    const char *id;    /* NULL: a new one */
    const char *email; /* stored in lower case */
    const char *full_name, *hash;
    const char *branch_id;       /* NULL: none */
    const struct tenant *tenant; /* NULL: none */
    enum role role;
    bool seeded;
};

/* ERR_DUPLICATE when the email is taken. */
bool platform_add_account(struct ctl *ctl, const struct new_account *account);

/* Adds the audit entry of a change by this command to the tenant's log, or (NULL) the platform's.
 * The change stands whether or not this works: a failure is a ctl_warn. */
void platform_audit(struct ctl *ctl, const struct tenant *tenant, const char *action,
                    const char *collection, const char *record_id);

/* One log line for a change: who ran it, what, on what. */
void platform_log(const struct ctl *ctl, const char *slug, const char *subject);

/* An email in lower case, arena-owned; NULL when it is none (one @, no spaces, at most 254). */
const char *platform_email(struct ctl *ctl, const char *text);

/* A document's member as JSON (dates as RFC 3339 text); a new reference, null when absent. */
json_t *doc_json(const bson_t *doc, const char *key);

#endif
