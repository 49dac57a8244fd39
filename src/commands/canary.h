/* What `tenant verify-isolation` plants, and takes away again: in every tenant's database an empty
 * collection whose name is unmistakable, and a short-lived user whose token walks the routes. */
#ifndef ERP_COMMANDS_CANARY_H
#define ERP_COMMANDS_CANARY_H

#include "auth/token.h"
#include "commands/platform.h"

struct canary {
    struct tenant *tenant;
    const char *marker;  /* the name of the collection */
    const char *user_id; /* of the short-lived user */
    const char *token;
    bool planted;
};

/* All texts live in ctl->arena. */
bool canary_plant(struct ctl *ctl, const struct token_keys *keys, struct tenant *tenant,
                  struct canary *canary);
/* Takes away what an earlier run that was killed has left too. A failure is a ctl_warn. */
void canary_remove(struct ctl *ctl, const struct canary *canary);

/* The id of some record of the tenant in a collection, in the arena; *id NULL when there is
 * none. */
bool canary_sample(struct ctl *ctl, const struct canary *canary, const char *collection,
                   const char **id);

#endif
