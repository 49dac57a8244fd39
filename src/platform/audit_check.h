/* Compares the audit entries of one business with their chain. Reads only. */
#ifndef ERP_PLATFORM_AUDIT_CHECK_H
#define ERP_PLATFORM_AUDIT_CHECK_H

#include "platform/audit_target.h"
#include "tenant/chain.h"

#define AUDIT_FAULTS_MAX 1000 /* named ones; all are counted */

struct audit_report {
    int64_t entries; /* that are there */
    int64_t pending; /* of them not chained yet */
    int64_t records; /* of the chain */
    int64_t faults;
    char hash[SHA256_HEX_SIZE]; /* of the last record; "" when there is none */
    json_t *list; /* [{fault, id | seq, detail}]: "changed", "removed", "inserted", "broken" */
};

/* Fills a report, whose list the caller releases. About 100 bytes of memory an entry. False when a
 * database does not answer. */
bool audit_check(const struct job *job, const struct audit_target *target,
                 struct audit_report *report);

#endif
