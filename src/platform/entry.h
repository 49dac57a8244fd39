/* Registry entries as those who set up tenants write them. What the service does with them is in
 * tenant/registry.h. */
#ifndef ERP_PLATFORM_ENTRY_H
#define ERP_PLATFORM_ENTRY_H

#include "platform/job.h"

/* What a new registry entry says. Texts are borrowed; NULL and -1 leave a member out. */
struct new_entry {
    const char *slug, *tenant_id, *business_name, *business_type, *db_uri, *db_name;
    const char *admin_email, *license_type, *billing_contact, *notes;
    const json_t *features; /* array of names of modules; NULL: those of its type */
    int64_t max_users, max_branches;
    enum tenant_status status;
    bool unversioned;    /* with data from before: tenant upgrade has to look at it */
    bool seeded;         /* demo data: `erpctl seed` may touch it again */
    const bson_t *more;  /* further members; NULL: none */
};

/* Is this how a business type is written: 1 to 31 small letters, digits and underscores? */
bool entry_type_ok(const char *type);

/* Are these names of modules? Else a field error of `field`, the first that is none named. */
bool entry_features_ok(const json_t *features, const char *field, struct err *err);

/* Seals its db_uri. ERR_DUPLICATE when slug or tenant_id are there already. */
bool entry_add(const struct job *job, const struct new_entry *entry);

/* The sealed form of an address for the entry of a slug, in the arena. ERR_DB_NOT_CONFIGURED when
 * there is no key. */
bool entry_seal(const struct job *job, const char *slug, const char *uri, const char **sealed);

/* The entry of a slug as it is stored; *doc NULL when there is none. */
bool entry_find(const struct job *job, const char *slug, const bson_t **doc);

/* Reads a stored entry into the arena. */
bool entry_read(const struct job *job, const bson_t *doc, struct tenant **tenant);

/* Tells the workers of this host that the entry is another now. */
void entry_changed(const struct job *job, const char *slug, const char *tenant_id);

#endif
