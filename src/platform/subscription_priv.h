/* Between the files that write subscriptions; for nobody else. */
#ifndef ERP_PLATFORM_SUBSCRIPTION_PRIV_H
#define ERP_PLATFORM_SUBSCRIPTION_PRIV_H

#include "platform/subscription.h"

/* Where a cycle that begins at `from_ms` ends; 0: never. */
int64_t cycle_end(const char *cycle, int64_t from_ms);

/* Writes the copy of a subscription into its business's registry entry. `limits`: a plan whose
 * licence and limits the business has from now on; NULL: they stay. */
bool subscription_copy(struct job *job, struct scope *scope, const struct subscription *sub,
                       const bson_t *limits, struct err *err);

#endif
