/* Every setting of erpd and erpctl.
 *
 * To add one: 1. a field in struct conf; 2. a row here, beside its kin, with a sentence of help;
 * 3. a row in t/unit/conf_test.c. --help and the man pages follow by themselves.
 */
#include "base.h"
#include "core/conf_table.h"
#include "core/conf.h"

#define AT(field) offsetof(struct conf, field)

const struct conf_row conf_table[] = {
    {.name = "MONGO_URL", .kind = CONF_URL, .required = true, .offset = AT(mongo_url),
     .help = "The MongoDB server of the users and of everything that names no server of its own."},
    {.name = "ADMIN_MONGO_URL", .kind = CONF_URL, .fallback = "MONGO_URL",
     .offset = AT(admin_mongo_url), .help = "The server of the tenant registry."},
    {.name = "DEFAULT_MONGO_URL", .kind = CONF_URL, .fallback = "MONGO_URL",
     .offset = AT(default_mongo_url),
     .help = "The server of the shared database, for users who belong to no tenant."},
    {.name = "ADMIN_DB_NAME", .kind = CONF_DB_NAME, .text = "admin_hub",
     .offset = AT(admin_db_name), .help = "The database of the tenant registry."},
    {.name = "DB_NAME", .kind = CONF_DB_NAME, .text = "erp_database", .offset = AT(db_name),
     .help = "The database of the users, and the shared database."},

    {.name = "SECRET_KEY", .kind = CONF_SECRET, .required = true, .min = 32, .max = 1,
     .offset = AT(secret_key),
     .help = "Root of every derived key: cursors, warranty codes, sealed database URIs."},
    {.name = "JWT_SECRET_KEY", .kind = CONF_SECRET, .required = true, .min = 32,
     .max = CONF_KEYS_MAX, .offset = AT(jwt_secret_key),
     .help = "Keys of the tokens, newest first: the first signs, all of them verify."},
    {.name = "JWT_EXPIRY", .kind = CONF_SECONDS, .text = "604800", .min = 60, .max = 2592000,
     .offset = AT(jwt_expiry_s), .help = "Lifetime of a token."},
    {.name = "ERP_BCRYPT_COST", .kind = CONF_INT, .text = "12", .min = 10, .max = 14,
     .offset = AT(bcrypt_cost),
     .help = "Cost of password hashes: each step doubles the time of a login. Below 12 is for "
             "tests."},

    {.name = "ERP_CLIENT_CACHE", .kind = CONF_INT, .text = "256", .min = 1, .max = 4096,
     .offset = AT(client_cache),
     .help = "Database clients that a worker keeps; each has a connection to every member of its "
             "replica set."},
    {.name = "ERP_TENANT_TTL", .kind = CONF_SECONDS, .text = "60", .min = 1, .max = 3600,
     .offset = AT(tenant_ttl_s),
     .help = "How long a registry entry is cached while the watcher runs; changes are seen at "
             "once. Without a watcher it is at most 5."},
    {.name = "ERP_TENANT_SHARE", .kind = CONF_INT, .text = "50", .min = 1, .max = 100,
     .offset = AT(tenant_share_pct),
     .help = "Percentage of the workers of a host that one tenant may hold at a time."},
    {.name = "ERP_LEGACY", .kind = CONF_BOOL, .text = "on", .offset = AT(legacy),
     .help = "Whether users who belong to no tenant work in the shared database."},
    {.name = "ERP_CURRENCY", .kind = CONF_CURRENCY, .text = "BDT", .offset = AT(currency),
     .help = "ISO 4217 code of the currency of tenants that name none."},

    {.name = "ERP_BODY_LIMIT", .kind = CONF_BYTES, .text = "1048576", .min = 1024, .max = 67108864,
     .offset = AT(body_limit), .help = "Largest request body."},
    {.name = "ERP_CORS_ORIGINS", .kind = CONF_ORIGINS, .text = "", .offset = AT(cors_origins),
     .help = "Exact origins of browsers that may call from elsewhere, separated by spaces; none "
             "when empty."},
    {.name = "ERP_PUBLIC_URL", .kind = CONF_LINK, .text = "", .offset = AT(public_url),
     .help = "Base of the links in replies, as in https://shop.example; empty for relative links."},
    {.name = "ERP_SERVER_TIMING", .kind = CONF_BOOL, .text = "off", .offset = AT(server_timing),
     .help = "Whether replies carry a Server-Timing header."},

    {.name = "ERP_LOG_LEVEL", .kind = CONF_ENUM, .text = "info",
     .choices = "debug info warn error ", .offset = AT(log_level),
     .help = "The least severe events that are logged."},
    {.name = "ERP_BOARD", .kind = CONF_STRING, .text = "/run/erp/board", .offset = AT(board_path),
     .help = "The shared-memory file of the workers of a host."},
    {.name = "ERP_RECYCLE_REQUESTS", .kind = CONF_INT, .text = "20000", .min = 1, .max = 100000000,
     .offset = AT(recycle_requests),
     .help = "Requests after which a worker ends and is replaced, give or take a fifth."},
    {.name = "ERP_RECYCLE_MEMORY", .kind = CONF_BYTES, .text = "268435456", .min = 16777216,
     .max = INT64_C(1099511627776), .offset = AT(recycle_bytes),
     .help = "Resident memory at which a worker ends and is replaced."},
    {.name = "ERP_WATCHDOG", .kind = CONF_SECONDS, .text = "25", .min = 1, .max = 600,
     .offset = AT(watchdog_s), .help = "Time after which a worker that hangs in a request is ended."},
};

const size_t conf_table_rows = ARRAY_LEN(conf_table);
