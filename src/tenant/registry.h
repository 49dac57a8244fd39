/* The tenant registry (admin_hub.tenants_registry) and its cache.
 *
 * Entries are cached by slug, positively and negatively, for the TTL (5 s when no watcher lives)
 * or until the board's epoch of the slug moves. Entries made by hand, with any optional field
 * absent, work. Nothing here falls back to another database.
 */
#ifndef ERP_TENANT_REGISTRY_H
#define ERP_TENANT_REGISTRY_H

#include "core/arena.h"
#include "core/board.h"
#include "core/conf.h"
#include "core/err.h"
#include "db/scope.h"
#include "tenant/clients.h"

#define SLUG_MAX 40

enum tenant_status {
    TENANT_ACTIVE,
    TENANT_PROVISIONING,
    TENANT_SUSPENDED,
    TENANT_INACTIVE,
    TENANT_DELETED
};

#define TENANT_FEATURES_MAX 64

struct tenant {
    char slug[SLUG_MAX + 1];
    char tenant_id[64]; /* "" when the entry has none yet */
    char business_name[256];
    char business_type[32];
    char db_name[64];
    char admin_email[256];
    char license_type[32]; /* "free" when absent */
    char currency[4];
    char subscription_status[16]; /* "" when absent */
    char subscription_plan[32];
    char write_hold[64]; /* why nothing may be written now; "" when absent */
    int64_t subscription_expires_ms; /* 0 when absent */
    int64_t subscription_ends_ms;    /* grace included; 0 when absent (tenant/standing.h) */
    enum tenant_status status;
    int32_t max_users;      /* -1 when absent: no limit */
    int32_t max_branches;   /* -1 when absent */
    int decimals;           /* of its currency */
    int32_t schema_version; /* of its data (tenant/schema.h); 0 when absent */
    bool features_given;    /* else its type decides (tenant/modules.h) */
    size_t n_features;
    char features[TENANT_FEATURES_MAX][32];
    char *db_uri; /* "" when absent; owned by the cache */
};

struct registry;

struct registry *registry_new(const struct conf *conf, struct board *board,
                              struct clients *clients);
void registry_free(struct registry *registry);

/* The entry of a slug, borrowed until the next registry call. ERR_TENANT_NOT_FOUND,
 * ERR_REGISTRY_UNAVAILABLE. Status is not judged here. */
bool registry_by_slug(struct registry *registry, const char *slug, const struct tenant **tenant,
                      struct err *err);

/* Uncached look-ups for sign-in; *tenant NULL when there is no entry. Emails compare case-folded.
 * More than one entry for an email or id is doubt: ERR_TENANT_MISMATCH. */
bool registry_by_admin_email(struct registry *registry, const char *email,
                             const struct tenant **tenant, struct err *err);
bool registry_by_tenant_id(struct registry *registry, const char *tenant_id,
                           const struct tenant **tenant, struct err *err);

/* Gives an entry without tenant_id the one of its admin user, atomically: true also when another
 * process just stored the same id; ERR_TENANT_MISMATCH when a different one is there. */
bool registry_claim_tenant_id(struct registry *registry, const char *slug, const char *tenant_id,
                              struct err *err);

/* Is there an entry with this tenant_id? Cached like an entry, under the board's key
 * "id:<tenant_id>": what keeps a shared-database user out once the tenant has its own. */
bool registry_has_tenant_id(struct registry *registry, const char *tenant_id, bool *has,
                            struct err *err);

/* Forgets one entry (or all, slug NULL) in this process; other processes follow the board. */
void registry_forget(struct registry *registry, const char *slug);

/* A scope on admin_hub / erp_database with the request's arena and deadline, tenant_id NULL. */
bool registry_admin_scope(struct registry *registry, struct arena *arena, int64_t deadline_us,
                          struct scope *scope, struct err *err);
bool registry_users_scope(struct registry *registry, struct arena *arena, int64_t deadline_us,
                          struct scope *scope, struct err *err);

/* Appends {"collation": {locale, strength 2}} to find options: how emails are compared. */
void registry_fold_emails(bson_t *opts);

/* Fills `tenant` from a registry document; a slug that is none, strings that are too long or of a
 * wrong type, numbers that are not whole or an unknown status make the entry unusable
 * (ERR_TENANT_MISMATCH), nothing is shortened or guessed. Absent and null are the same. An entry
 * without status is inactive. `db_uri` is malloc'd ("" when absent) and plain, though it may be
 * stored sealed: one that does not open is ERR_DB_NOT_CONFIGURED. `conf` gives the currency of
 * entries without one, and the keys. On failure there is nothing to release. */
bool tenant_from_bson(const bson_t *doc, const struct conf *conf, struct tenant *tenant,
                      struct err *err);
void tenant_release(struct tenant *tenant); /* wipes db_uri; may be repeated */

bool slug_valid(const char *slug);       /* ^[a-z0-9][a-z0-9-]{0,38}[a-z0-9]$, 2–40 */
bool db_name_valid(const char *db_name); /* ^[A-Za-z0-9_-]{1,63}$, not admin, config, local */
const char *tenant_status_name(enum tenant_status status);
bool tenant_status_parse(const char *text, enum tenant_status *out);

/* Makes the platform's indexes (unique slug, unique tenant_id, admin_email; unique email of users,
 * case-folded, user id; login_attempts that expire at `expires_at`) if they are not there. One
 * that cannot be made is logged by name, the others are made all the same; false then. Called by
 * erpctl, and by a worker's first start. Emails are searched with PLATFORM_LOCALE and strength 2,
 * or the index is of no use. */
#define PLATFORM_LOCALE "en"
bool registry_ensure_indexes(struct registry *registry, struct err *err);

#endif
