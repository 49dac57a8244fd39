/* From a verified slug and tenant_id to a scope on that tenant's own database, or a refusal with a
 * sentence that people can act on. There is no default and no second try with other values.
 * Called by the gate and by sign-in. */
#include "base.h"
#include "tenant/resolve.h"
#include "core/money.h"
#include "tenant/audit.h"

static char no_uri[] = "";

bool tenant_usable(const struct tenant *tenant, struct err *err)
{
    static const char *const sentences[] = {
        [TENANT_ACTIVE] = NULL,
        [TENANT_PROVISIONING] =
            "This tenant is still being set up. Please try again in a few minutes.",
        [TENANT_SUSPENDED] = "This tenant is suspended. Please contact support.",
        [TENANT_INACTIVE] = "This tenant is inactive. Please contact support.",
        [TENANT_DELETED] = "This tenant has been deleted. Please contact support.",
    };
    const char *sentence = sentences[tenant->status];

    return sentence ? err_set(err, ERR_TENANT_INACTIVE, "%s", sentence) : true;
}

static bool has_database(const struct conf *conf, const struct tenant *tenant, struct err *err)
{
    if (!tenant->db_uri[0])
        return err_set(err, ERR_DB_NOT_CONFIGURED, "No database URI configured for this tenant");
    if (!tenant->db_name[0])
        return err_set(err, ERR_DB_NOT_CONFIGURED, "No database name configured for this tenant");
    /* Users, registry and audit logs live there: no entry may hand them to a tenant. Names that
     * differ in case alone are one database on some systems. */
    if (strcasecmp(tenant->db_name, conf->admin_db_name) == 0 ||
        strcasecmp(tenant->db_name, conf->db_name) == 0 || audit_db_is(tenant->db_name))
        return err_set(err, ERR_DB_NOT_CONFIGURED,
                       "The database configured for this tenant is the platform's own");
    return true;
}

bool resolve_tenant(const struct resolver *resolver, const char *slug, const char *tenant_id,
                    struct arena *arena, int64_t deadline_us, const struct tenant **tenant,
                    struct scope *scope, struct err *err)
{
    const struct tenant *entry;
    struct tenant *copy;

    if (!slug || !slug[0])
        return err_set(err, ERR_TENANT_NOT_FOUND, "Tenant not found");
    if (!registry_by_slug(resolver->registry, slug, &entry, err))
        return false;
    /* An entry that has no id yet matches nobody. */
    if (!tenant_id || !entry->tenant_id[0] || strcmp(entry->tenant_id, tenant_id) != 0)
        return err_set(err, ERR_TENANT_MISMATCH, "The token does not belong to this tenant");
    if (!tenant_usable(entry, err) || !has_database(resolver->conf, entry, err))
        return false;
    if (!clients_scope(resolver->clients, entry->db_uri, entry->db_name, entry->tenant_id, arena,
                       deadline_us, scope, err))
        return false;
    copy = arena_alloc(arena, sizeof *copy);
    *copy = *entry;
    copy->db_uri = no_uri;
    *tenant = copy;
    return true;
}

bool resolve_legacy(const struct resolver *resolver, const char *tenant_id, struct arena *arena,
                    int64_t deadline_us, struct tenant *tenant, struct scope *scope,
                    struct err *err)
{
    const struct conf *conf = resolver->conf;
    bool has;

    if (!conf->legacy)
        return err_set(err, ERR_LEGACY_OFF,
                       "Accounts without a tenant of their own are not served any more");
    if (!tenant_id || !tenant_id[0] || strlen(tenant_id) >= sizeof tenant->tenant_id)
        return err_set(err, ERR_TENANT_REQUIRED, "This account belongs to no tenant");
    if (!registry_has_tenant_id(resolver->registry, tenant_id, &has, err))
        return false;
    if (has)
        return err_set(err, ERR_TENANT_MISMATCH,
                       "This tenant has a database of its own. Please sign in again.");
    if (!clients_scope(resolver->clients, conf->default_mongo_url, conf->db_name, tenant_id, arena,
                       deadline_us, scope, err))
        return false;
    memset(tenant, 0, sizeof *tenant);
    memcpy(tenant->slug, "default", sizeof "default");
    memcpy(tenant->tenant_id, tenant_id, strlen(tenant_id));
    memcpy(tenant->license_type, "free", sizeof "free");
    snprintf(tenant->db_name, sizeof tenant->db_name, "%s", conf->db_name);
    snprintf(tenant->currency, sizeof tenant->currency, "%s", conf->currency);
    tenant->decimals = currency_decimals(tenant->currency);
    tenant->status = TENANT_ACTIVE;
    tenant->max_users = tenant->max_branches = -1;
    tenant->db_uri = no_uri;
    return true;
}
