/* The time zone of a business: where its days and months begin.
 *
 * A setting, by its IANA name. All arithmetic with it is the database's, which brings the rules of
 * every zone; so is the check that a name is one.
 */
#ifndef ERP_TRADE_ZONE_H
#define ERP_TRADE_ZONE_H

#include "engine/resource.h"

#define ZONE_FIELD "time_zone"
/* Of a business that says nothing: that of the usual currency and of the wallets at the till. */
#define ZONE_USUAL "Asia/Dhaka"

/* `written` of the settings: a name that is none is ERR_VALIDATION. One round trip when another
 * zone than the usual one is set. */
bool zone_written(struct scope *scope, const struct written *records, size_t n, struct err *err);

#endif
