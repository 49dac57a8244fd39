/* The version of tenants' data that this program works with: the number of the last step of
 * platform/upgrade_steps.c. A registry entry has its tenant's in `schema_version` (int32; absent
 * means 0: whatever an earlier system left). An older tenant is served as it is; what is written
 * to a newer one might be wrong there, and is refused by the gate. */
#ifndef ERP_TENANT_SCHEMA_H
#define ERP_TENANT_SCHEMA_H

#include "base.h"

#define SCHEMA_CURRENT 7

/* What a new tenant's entry gets. */
static inline int32_t schema_current(void)
{
    return SCHEMA_CURRENT;
}

#endif
