/* What erpctl migrate and erpctl tenant move share. Failures fill ctl->err. */
#ifndef ERP_COMMANDS_MIGRATE_H
#define ERP_COMMANDS_MIGRATE_H

#include "commands/commands.h"
#include "platform/lease.h"
#include "platform/migrate.h"

/* What one of several who move the same tenant does at a time. */
struct work {
    struct job job;
    struct lease lease;
    json_t *features;                /* of --features; owned */
    int64_t max_users, max_branches; /* -1: not said */
};

/* ERR_CONFLICT when somebody else is at it. */
bool work_begin(struct ctl *ctl, struct work *work, const char *tenant_id);
void work_release(struct work *work);

/* What is known of a tenant's migration. Without one m->slug is NULL or, if it must be there, it is
 * ERR_NOT_FOUND. */
bool work_find(struct ctl *ctl, const char *tenant_id, struct migration *m, bool must);

/* Says how much there is to do, or does it and says how it went; an exit code. */
int work_show(struct ctl *ctl, const struct migration *m);
int work_go(struct ctl *ctl, const struct job *job, struct migration *m);

#endif
