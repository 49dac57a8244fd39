/* Settings: one table gives parsing, checks, --help and the man page section.
 *
 * Values come from the environment; a secret NAME also from the file that NAME_FILE names, or
 * from $CREDENTIALS_DIRECTORY/NAME (systemd.exec(5)). A wrong value ends the process at start-up
 * with one line that names the setting. Nothing here has a default secret.
 */
#ifndef ERP_CORE_CONF_H
#define ERP_CORE_CONF_H

#include "base.h"

#define CONF_KEYS_MAX 8

struct conf {
    /* where data is */
    char *admin_mongo_url;   /* ADMIN_MONGO_URL, else MONGO_URL */
    char *mongo_url;         /* MONGO_URL */
    char *default_mongo_url; /* DEFAULT_MONGO_URL, else MONGO_URL */
    char *admin_db_name;     /* ADMIN_DB_NAME */
    char *db_name;           /* DB_NAME */
    /* secrets */
    char *secret_key;                     /* SECRET_KEY: root of every derived key */
    char *jwt_secret_key;                 /* JWT_SECRET_KEY as given */
    char *jwt_keys[CONF_KEYS_MAX];        /* its values, split at white space, newest first */
    size_t n_jwt_keys;
    char *seal_key;                 /* ERP_SEAL_KEY as given; NULL when absent */
    char *seal_keys[CONF_KEYS_MAX]; /* its values, newest first */
    size_t n_seal_keys;
    /* behaviour: see the table in conf.c for names, units and ranges */
    int64_t jwt_expiry_s;
    int64_t bcrypt_cost;
    int64_t delete_grace_s;
    int64_t client_cache;
    int64_t tenant_ttl_s;
    int64_t tenant_share_pct;
    int64_t db_patience_ms;
    int64_t body_limit;
    int64_t recycle_requests;
    int64_t recycle_bytes;
    int64_t watchdog_s;
    bool legacy;        /* ERP_LEGACY */
    bool signup;        /* ERP_SIGNUP */
    bool server_timing; /* ERP_SERVER_TIMING */
    char *log_level;
    char *board_path;
    char *files_dir;    /* ERP_FILES_DIR */
    char *fonts;        /* ERP_FONTS: paths, separated by spaces */
    char *watch_state;  /* empty: beside the board */
    int64_t audit_delay_s;
    char *cors_origins; /* exact origins, separated by spaces; empty = CORS off */
    char *public_url;   /* base of links in replies, e.g. https://shop.example */
    char *currency;     /* ISO 4217, for tenants that name none */
};

/* Fills `conf` from the environment. On failure prints one line on standard error that names the
 * setting, and returns false. `need_secrets` false (for --help, --routes, --openapi) accepts
 * missing secrets and URLs. The strings live until conf_release. */
bool conf_load(struct conf *conf, bool need_secrets);
void conf_release(struct conf *conf); /* wipes the secrets */

/* The settings as text for --help, and as a man(7) section. */
void conf_print_help(FILE *out);
void conf_print_man(FILE *out);

/* The 32-byte key for one purpose ("cursor", "warranty", "seal", …), derived from SECRET_KEY by
 * HMAC-SHA-256 over the label. */
void conf_derive_key(const struct conf *conf, const char *label, uint8_t out[static 32]);
/* The same from another secret. */
void conf_derive_from(const char *secret, const char *label, uint8_t out[static 32]);

#endif
