/* One registry entry: from its document to a struct, strictly. Hand-made entries lack fields,
 * which is fine; a field of a wrong kind is doubt, and doubt refuses the entry. Knows nothing of
 * caches and connections. */
#include "base.h"
#include "tenant/registry.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/money.h"
#include "core/str.h"
#include "tenant/seal.h"

static const char *const status_names[] = {
    [TENANT_ACTIVE] = "active",       [TENANT_PROVISIONING] = "provisioning",
    [TENANT_SUSPENDED] = "suspended", [TENANT_INACTIVE] = "inactive",
    [TENANT_DELETED] = "deleted",
};

const char *tenant_status_name(enum tenant_status status)
{
    return status_names[status];
}

bool tenant_status_parse(const char *text, enum tenant_status *out)
{
    for (size_t i = 0; i < ARRAY_LEN(status_names); i++) {
        if (strcmp(text, status_names[i]) == 0) {
            *out = (enum tenant_status)i;
            return true;
        }
    }
    return false;
}

static bool slug_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool slug_valid(const char *slug)
{
    size_t len = strlen(slug);

    if (len < 2 || len > SLUG_MAX || !slug_char(slug[0]) || !slug_char(slug[len - 1]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!slug_char(slug[i]) && slug[i] != '-')
            return false;
    return true;
}

bool db_name_valid(const char *db_name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    static const char *const reserved[] = {"admin", "config", "local"};
    size_t len = strlen(db_name);

    if (len < 1 || len > 63 || strspn(db_name, allowed) != len)
        return false;
    /* Names that differ in case alone cannot stand side by side on a server. */
    for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
        if (strcasecmp(db_name, reserved[i]) == 0)
            return false;
    return true;
}

static bool unusable(const char *field, struct err *err)
{
    log_event(LOG_LVL_ERROR, "registry_entry_unusable", "field", field, NULL);
    return err_set(err, ERR_TENANT_MISMATCH,
                   "The registry entry of this tenant cannot be used. Please contact support.");
}

/* Finds a field; false also when it is null. */
static bool present(const bson_t *doc, const char *field, bson_iter_t *iter)
{
    return bson_iter_init_find(iter, doc, field) && !BSON_ITER_HOLDS_NULL(iter);
}

static bool copy_text(const bson_iter_t *iter, char *out, size_t cap)
{
    uint32_t len;
    const char *text;

    if (!BSON_ITER_HOLDS_UTF8(iter))
        return false;
    text = bson_iter_utf8(iter, &len);
    if (len >= cap || !utf8_valid(text, len))
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

/* Whole numbers of any kind, at least -1 (no limit). */
static bool read_limit(const bson_iter_t *iter, int32_t *out)
{
    int64_t value;

    if (BSON_ITER_HOLDS_INT32(iter)) {
        value = bson_iter_int32(iter);
    } else if (BSON_ITER_HOLDS_INT64(iter)) {
        value = bson_iter_int64(iter);
    } else if (BSON_ITER_HOLDS_DOUBLE(iter)) {
        double real = bson_iter_double(iter);

        if (!(real >= -1 && real <= INT32_MAX) || real != (double)(int64_t)real)
            return false;
        value = (int64_t)real;
    } else {
        return false;
    }
    if (value < -1 || value > INT32_MAX)
        return false;
    *out = (int32_t)value;
    return true;
}

/* A date, or the text of one, as earlier systems store it. */
static bool read_instant(const bson_iter_t *iter, int64_t *out)
{
    uint32_t len;
    const char *text;

    if (BSON_ITER_HOLDS_DATE_TIME(iter)) {
        *out = bson_iter_date_time(iter);
        return true;
    }
    if (!BSON_ITER_HOLDS_UTF8(iter))
        return false;
    text = bson_iter_utf8(iter, &len);
    return clock_parse(text, len, out);
}

static bool read_features(const bson_iter_t *iter, struct tenant *tenant)
{
    bson_iter_t feature;

    if (!BSON_ITER_HOLDS_ARRAY(iter) || !bson_iter_recurse(iter, &feature))
        return false;
    tenant->features_given = true;
    while (bson_iter_next(&feature)) {
        if (tenant->n_features == TENANT_FEATURES_MAX ||
            !copy_text(&feature, tenant->features[tenant->n_features], sizeof tenant->features[0]))
            return false;
        tenant->n_features++;
    }
    return true;
}

static bool read_texts(const bson_t *doc, struct tenant *tenant, struct err *err)
{
    const struct {
        const char *field;
        char *out;
        size_t cap;
    } texts[] = {
        {"slug", tenant->slug, sizeof tenant->slug},
        {"tenant_id", tenant->tenant_id, sizeof tenant->tenant_id},
        {"business_name", tenant->business_name, sizeof tenant->business_name},
        {"business_type", tenant->business_type, sizeof tenant->business_type},
        {"db_name", tenant->db_name, sizeof tenant->db_name},
        {"admin_email", tenant->admin_email, sizeof tenant->admin_email},
        {"license_type", tenant->license_type, sizeof tenant->license_type},
        {"currency", tenant->currency, sizeof tenant->currency},
        {"subscription_status", tenant->subscription_status, sizeof tenant->subscription_status},
        {"subscription_plan", tenant->subscription_plan, sizeof tenant->subscription_plan},
        {"write_hold", tenant->write_hold, sizeof tenant->write_hold},
    };
    bson_iter_t iter;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (present(doc, texts[i].field, &iter) && !copy_text(&iter, texts[i].out, texts[i].cap))
            return unusable(texts[i].field, err);
    if (!slug_valid(tenant->slug))
        return unusable("slug", err);
    if (tenant->db_name[0] && !db_name_valid(tenant->db_name))
        return unusable("db_name", err);
    return true;
}

static bool read_status(const bson_t *doc, struct tenant *tenant, struct err *err)
{
    char text[16];
    bson_iter_t iter;

    tenant->status = TENANT_INACTIVE;
    if (!present(doc, "status", &iter))
        return true;
    if (!copy_text(&iter, text, sizeof text) || !tenant_status_parse(text, &tenant->status))
        return unusable("status", err);
    return true;
}

static bool read_rest(const bson_t *doc, struct tenant *tenant, struct err *err)
{
    bson_iter_t iter;

    tenant->max_users = tenant->max_branches = -1;
    if (present(doc, "max_users", &iter) && !read_limit(&iter, &tenant->max_users))
        return unusable("max_users", err);
    if (present(doc, "max_branches", &iter) && !read_limit(&iter, &tenant->max_branches))
        return unusable("max_branches", err);
    if (present(doc, "schema_version", &iter) &&
        (!read_limit(&iter, &tenant->schema_version) || tenant->schema_version < 0))
        return unusable("schema_version", err);
    if (present(doc, "subscription_expires_at", &iter) &&
        !read_instant(&iter, &tenant->subscription_expires_ms))
        return unusable("subscription_expires_at", err);
    if (present(doc, "subscription_ends_at", &iter) &&
        !read_instant(&iter, &tenant->subscription_ends_ms))
        return unusable("subscription_ends_at", err);
    if (present(doc, "features_enabled", &iter) && !read_features(&iter, tenant))
        return unusable("features_enabled", err);
    tenant->decimals = currency_decimals(tenant->currency);
    if (tenant->decimals < 0)
        return unusable("currency", err);
    return true;
}

/* Last, so that a refused entry leaves nothing to free. */
static bool read_uri(const bson_t *doc, const struct conf *conf, struct tenant *tenant,
                     struct err *err)
{
    const char *text = "";
    uint32_t len = 0;
    bson_iter_t iter;

    if (present(doc, "db_uri", &iter)) {
        if (!BSON_ITER_HOLDS_UTF8(&iter))
            return unusable("db_uri", err);
        text = bson_iter_utf8(&iter, &len);
        if (!utf8_valid(text, len))
            return unusable("db_uri", err);
    }
    if (seal_is_sealed(text)) {
        tenant->db_uri = seal_open(conf, tenant->slug, "db_uri", text, err);
        return tenant->db_uri != NULL;
    }
    tenant->db_uri = strndup(text, len);
    if (!tenant->db_uri)
        die("out of memory: a registry entry");
    return true;
}

bool tenant_from_bson(const bson_t *doc, const struct conf *conf, struct tenant *tenant,
                      struct err *err)
{
    memset(tenant, 0, sizeof *tenant);
    memcpy(tenant->license_type, "free", sizeof "free");
    snprintf(tenant->currency, sizeof tenant->currency, "%s", conf->currency);
    return read_texts(doc, tenant, err) && read_status(doc, tenant, err) &&
           read_rest(doc, tenant, err) && read_uri(doc, conf, tenant, err);
}

void tenant_release(struct tenant *tenant)
{
    if (tenant->db_uri)
        explicit_bzero(tenant->db_uri, strlen(tenant->db_uri));
    free(tenant->db_uri);
    tenant->db_uri = NULL;
}
