/* The plans that businesses subscribe to: kept in the registry's database, seeded from a table. */
#ifndef ERP_PLATFORM_PLAN_H
#define ERP_PLATFORM_PLAN_H

#include "platform/billing.h"

/* Stores the plans of the table that are not there yet; changed ones stay as they are. */
bool plans_ensure(struct job *job);

/* The plan's record; ERR_NOT_FOUND. */
bool plan_find(struct job *job, const char *id, const bson_t **plan);

/* `set`: checked members of UpdatePlanRequest; members of quotas that are left out stay. */
bool plan_change(struct job *job, const char *id, const bson_t *set, const bson_t **plan);

/* The licence that goes with a plan of the table: free, pro or enterprise; "pro" for others. */
const char *plan_licence(const char *id);

/* One number of a plan's quotas, or of a snapshot's; -1: no limit. */
int64_t plan_quota(const bson_t *plan, const char *name);

#endif
