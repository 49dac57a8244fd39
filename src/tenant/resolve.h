/* slug + tenant_id -> a scope on the tenant's own database, or a refusal. Fails closed.
 *
 * Both values come from a verified token and must match the registry entry; the status must be
 * active; the database is the entry's db_name on its db_uri. Legacy users get the shared database,
 * filtered by their tenant_id, unless that is switched off.
 */
#ifndef ERP_TENANT_RESOLVE_H
#define ERP_TENANT_RESOLVE_H

#include "tenant/registry.h"

struct resolver {
    const struct conf *conf;
    struct board *board;
    struct registry *registry;
    struct clients *clients;
};

/* *tenant is a copy in the arena, without db_uri (""): it and the scope live as long as the
 * request. Errors: ERR_TENANT_NOT_FOUND, ERR_TENANT_MISMATCH (also for an entry that has no
 * tenant_id yet), ERR_TENANT_INACTIVE (the detail says which status), ERR_DB_NOT_CONFIGURED (also
 * for an entry that names the platform's own databases), ERR_REGISTRY_UNAVAILABLE,
 * ERR_DB_UNAVAILABLE when the cluster's breaker is open (with Retry-After). The scope reports to
 * the breaker by itself. The scope's branch_id is left NULL. */
bool resolve_tenant(const struct resolver *resolver, const char *slug, const char *tenant_id,
                    struct arena *arena, int64_t deadline_us, const struct tenant **tenant,
                    struct scope *scope, struct err *err);

/* The shared database for a user who has no tenant. `tenant` is filled in by the caller's memory
 * (slug "default", db_uri ""). ERR_LEGACY_OFF, ERR_TENANT_REQUIRED when tenant_id is empty,
 * ERR_TENANT_MISMATCH when a registry entry has this tenant_id: its data is elsewhere. */
bool resolve_legacy(const struct resolver *resolver, const char *tenant_id, struct arena *arena,
                    int64_t deadline_us, struct tenant *tenant, struct scope *scope,
                    struct err *err);

/* Refuses a tenant that may not be used now, with the sentence for its status. */
bool tenant_usable(const struct tenant *tenant, struct err *err);

#endif
