/* The daily look at every business in its own morning (trade/reminders.h), as a job of
 * `erpctl jobs`: once a day from nine o'clock on, by the time zone in its settings.
 *
 * When a business is to be looked at next is kept in the registry's database (DAILY_RUNS, one
 * record a business), so whichever host is at it, and however often, it happens once; killed before
 * that is noted it happens again, and tells of nothing twice. Businesses that are suspended or
 * lapsed, whose writes are held or whose data is newer than this program are left for later.
 * Businesses of the shared database have no entry, and so no morning: their clients ask.
 *
 * Round trips: one for all that are not due; of one that is, 2 to 13 and the note.
 */
#ifndef ERP_TRADE_DAILY_H
#define ERP_TRADE_DAILY_H

#include "platform/jobs.h"

#define DAILY_RUNS "daily_runs" /* in ADMIN_DB_NAME: {_id: tenant_id, next} */
#define DAILY_HOUR 9

extern const struct jobs_more daily_jobs;

#endif
