/* How a business stands with its subscription at an instant, from the copy in its registry entry.
 *
 * The copy is written by platform/subscription.c and by the sweep of `erpctl jobs`; what is due is
 * due at its instant, whether or not the sweep has run. Entries made by hand may have a status and
 * a date alone.
 */
#ifndef ERP_TENANT_STANDING_H
#define ERP_TENANT_STANDING_H

#include "tenant/registry.h"

#define DAY_MS             INT64_C(86400000)
#define STANDING_GRACE_MS  (3 * DAY_MS) /* where the entry says nothing else */
#define STANDING_NOTICE_MS (7 * DAY_MS) /* how long before its end a subscription speaks of it */

struct standing {
    const char *status; /* trial, active, grace, suspended, cancelled, or as stored; "": none */
    int64_t ends_ms;    /* when requests begin to be refused; 0: never */
    bool allowed;       /* its records may be used */
    bool notice;        /* people should be told of status and end */
};

/* `status` is borrowed from the tenant or static. A status that nobody knows is not allowed. */
struct standing standing_at(const struct tenant *tenant, int64_t now_ms);

#endif
