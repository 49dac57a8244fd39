/* Whose notification is whose: what one user sees of those of the business.
 *
 * Administrators see all. Others see those for themselves, those for everybody (no user, no
 * branch), and those for their own branch without a user.
 */
#ifndef ERP_TRADE_INBOX_H
#define ERP_TRADE_INBOX_H

#include "engine/resource.h"
#include "trade/notify.h"

/* The records: private, since whose they are is more than a branch. */
extern const struct resource notices_resource;

#endif
