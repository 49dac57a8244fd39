/* Tenants' data from the version that it has to the current one, step by step.
 *
 * To add a step: 1. a function and a row at the end of the table in upgrade_steps.c; 2. raise
 * SCHEMA_CURRENT (tenant/schema.h); 3. a case in t/0490-upgrade.t. A step may be broken off
 * anywhere and begins anew then; workers of this version and of the one before serve the tenant
 * meanwhile. Steps that are out in the world never change.
 */
#ifndef ERP_PLATFORM_UPGRADE_H
#define ERP_PLATFORM_UPGRADE_H

#include "platform/job.h"

/* The most that one command of a step may take: the clients have to be patient enough
 * (clients_set_patience, before the first of them is made). */
#define UPGRADE_COMMAND_MS INT32_C(600000)

struct upgrade_step {
    int32_t number; /* from 1, without gaps: the version that a tenant has after it */
    const char *name;
    bool (*run)(const struct job *job, const struct tenant *tenant, struct scope *scope);
};

/* The row that brings a tenant to a version, 1 … schema_current(). */
const struct upgrade_step *upgrade_step(int32_t number);

/* Step 3 (upgrade_sales.c). */
bool upgrade_sale_names(const struct job *job, const struct tenant *tenant, struct scope *scope);
/* Steps 4 to 7 (upgrade_dues.c). */
bool upgrade_payments(const struct job *job, const struct tenant *tenant, struct scope *scope);
bool upgrade_owed(const struct job *job, const struct tenant *tenant, struct scope *scope);
bool upgrade_branches(const struct job *job, const struct tenant *tenant, struct scope *scope);
bool upgrade_lapses(const struct job *job, const struct tenant *tenant, struct scope *scope);

struct upgrade_result {
    int32_t from, to; /* equal: there was nothing to do */
};

/* Upgrades one tenant, whatever its status; the entry keeps the version after each step and, until
 * the end, that an upgrade is under way (`schema_upgrade`: to, started_at; error after a failure).
 * ERR_SCHEMA_NEWER for one that is newer than we know. */
bool upgrade_tenant(const struct job *job, const char *slug, struct upgrade_result *result);

#endif
