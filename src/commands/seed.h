/* Demo data: what `erpctl seed` (seed.c) makes of one file: tenant, users and records
 * (seed_tenant.c), and what users did with them (seed_requests.c). */
#ifndef ERP_COMMANDS_SEED_H
#define ERP_COMMANDS_SEED_H

#include "commands/platform.h"
#include "engine/kind.h"

struct seed_count {
    json_int_t created, there;
};

/* A file in hand. */
struct seed {
    struct ctl *ctl;
    const char *slug;      /* names are unique within it */
    struct tenant *tenant; /* NULL for the platform's own file */
    struct scope scope;    /* on the tenant's database */
    struct kind_env env;
    struct seed_count count;
    json_t *made; /* ids of what requests made, by their keys */
};

/* The id of a record, or a request's Idempotency-Key, from its name; arena-owned. */
const char *seed_id(struct seed *seed, const char *collection, const char *key);
/* "@collection/key" becomes the id of that record, "@requests/key" of what that request made,
 * wherever it stands in the value. */
void seed_resolve(struct seed *seed, json_t *value);
/* Returns false, with the error set. */
bool seed_broken(struct seed *seed, const char *what);
void seed_counted(struct seed *seed, bool created);

/* Sends the requests of a file in order, each as the user that it names. Which were sent before
 * are answered by what is stored. */
bool seed_requests(struct seed *seed, const json_t *requests);

/* Makes what a file says and is not there yet: the tenant of a slug with its users and records, or
 * (slug NULL) users of the platform. The file is used up. A tenant of this
 * slug that was not seeded is left alone, with a warning. */
bool seed_content(struct ctl *ctl, const char *slug, json_t *file, struct seed_count *made);

#endif
