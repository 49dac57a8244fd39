/* The policy of a business: what its registry entry allows. Each change is one transaction with the
 * platform's audit entry, and the workers are told after it.
 */
#ifndef ERP_PLATFORM_POLICY_H
#define ERP_PLATFORM_POLICY_H

#include "platform/job.h"

/* What a licence gives where nothing else is said; -1: no limit. */
struct licence {
    const char *name;
    int32_t max_users, max_branches;
};

/* NULL: there is no such licence. */
const struct licence *licence_find(const char *name);

struct policy_change {
    const char *business_name, *business_type, *billing_contact, *notes; /* NULL: stays */
    const struct licence *licence;                       /* NULL: stays; its limits come with it */
    int64_t max_users, max_branches; /* -1: no limit; POLICY_STAYS */
    const json_t *features;          /* array of names of modules; NULL: stays */
};

#define POLICY_STAYS (-2)

/* ERR_TENANT_NOT_FOUND; ERR_STATE for a deleted one; a field error for no module or type. */
bool policy_change(struct job *job, const char *slug, const struct policy_change *change);

/* Switches a module of a business on when it was off, and off when it was on. ERR_BAD_QUERY for
 * one that is none or that everybody has. *on is its new state; `out` gets the list of modules as a
 * JSON array. */
bool policy_toggle(struct job *job, const char *tenant_id, const char *module, bool *on,
                   struct str *out);

#endif
