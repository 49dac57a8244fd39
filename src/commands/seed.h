/* Demo data: what `erpctl seed` (seed.c) makes of one file (seed_tenant.c). */
#ifndef ERP_COMMANDS_SEED_H
#define ERP_COMMANDS_SEED_H

#include "commands/platform.h"

struct seed_count {
    json_int_t created, there;
};

/* Makes what a file says and is not there yet: the tenant of a slug with its users and records, or
 * (slug NULL) users of the platform. The file is used up. A tenant of this
 * slug that was not seeded is left alone, with a warning. */
bool seed_content(struct ctl *ctl, const char *slug, json_t *file, struct seed_count *made);

#endif
