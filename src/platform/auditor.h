/* The auditor: chains the audit entries of all businesses by hash, one process across all hosts.
 *
 * Entries are inserted by the businesses' own transactions, which know nothing of it, so chaining
 * costs no write anything. An entry is chained ERP_AUDIT_DELAY seconds after it was made; one whose
 * transaction took longer is found by looking back (CHAIN_LOOKBACK_MS). A business whose database
 * does not answer is logged and left for later.
 */
#ifndef ERP_PLATFORM_AUDITOR_H
#define ERP_PLATFORM_AUDITOR_H

#include "platform/audit_target.h"

struct auditor;

/* Borrows the job, of which the arena is reset at every step. */
struct auditor *auditor_new(const struct job *job);
/* Gives the lease back. */
void auditor_free(struct auditor *auditor);

struct audit_round {
    bool held;        /* we have the lease; nothing else was done without it */
    uint64_t chained; /* entries */
    size_t failed;    /* businesses that were left for later */
    bool more;        /* some had more entries than one round takes */
};

/* Goes once over all businesses; ends early when *stop becomes true. False when the registry's
 * database fails. `fresh`: read the list of businesses anew, and look back in every one. */
bool auditor_round(struct auditor *auditor, bool fresh, const volatile sig_atomic_t *stop,
                   struct audit_round *round);

#endif
