/* One step of the auditor in one business. */
#ifndef ERP_PLATFORM_AUDIT_STEP_H
#define ERP_PLATFORM_AUDIT_STEP_H

#include "platform/audit_target.h"
#include "tenant/chain.h"

struct chain_head {
    int64_t seq; /* 0: no record yet */
    char hash[SHA256_HEX_SIZE];
    struct chain_place upto;
};

struct audit_follow {
    struct audit_target *target;
    struct chain_head head;
    bool known; /* `head` is that of the database */
    bool away;  /* said so in the log */
    int64_t looked_back_ms; /* 0: never, or not far enough */
};

/* Chains the next entries up to `horizon_ms`: at most CHAIN_ITEMS_MAX; *n says how many. */
bool audit_step_due(const struct job *job, struct audit_follow *follow, int64_t horizon_ms,
                    size_t *n);

/* Chains entries that came to light behind the head, at most CHAIN_ITEMS_MAX. */
bool audit_step_late(const struct job *job, struct audit_follow *follow, size_t *n);

#endif
