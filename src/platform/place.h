/* Whose database is it? A database belongs to one tenant, and none to the platform itself. */
#ifndef ERP_PLATFORM_PLACE_H
#define ERP_PLATFORM_PLACE_H

#include "platform/job.h"

/* Is this database neither the platform's nor that of another entry than own_slug's? ERR_IN_USE.
 * Goes through the whole registry. An entry with this name of a database whose address does not
 * open might be on the same server, so it is a failure. */
bool database_free(const struct job *job, const char *uri, const char *db_name,
                   const char *own_slug);

#endif
