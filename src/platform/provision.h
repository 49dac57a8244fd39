/* Setting up a tenant: registry entry, MongoDB account, settings, administrator, in steps that are
 * each harmless to repeat.
 *
 * The entry comes first, in the state "provisioning", in which it serves nobody. It holds all that
 * the later steps need, the sealed address with the account's new password too. So whoever asks for
 * the same again after a crash goes on where it stopped, and nothing is left over. While somebody
 * works on an entry nobody else does: see claim.c.
 */
#ifndef ERP_PLATFORM_PROVISION_H
#define ERP_PLATFORM_PROVISION_H

#include "platform/entry.h"

struct provision {
    /* What is asked for; texts are borrowed. `entry.db_uri` is an address whose account may make
     * users there; tenant_id and status are set here. */
    struct new_entry entry;
    const char *admin_name;
    const char *hash;   /* of the administrator's password; NULL: a link is made */
    bool given_account; /* the tenant works with the account of entry.db_uri itself */

    /* What came out, in the job's arena. */
    const char *link;      /* to set the password with; NULL: there is a password */
    const char *admin_id;
    bool linked;           /* the administrator was there, and keeps the password */
    bool resumed;          /* this went on with what an earlier run had begun */
    bool own_account;      /* the tenant has a MongoDB account of its own */
    bool audited;          /* the tenant's audit log has an entry of it */

    char claim[33]; /* ours */
};

/* Everything that can refuse it, before anything is changed: names, licence, the database is
 * nobody else's and answers, the address is no other account's. Also finds the user who works in
 * the shared database and becomes the administrator (p->linked). ERR_VALIDATION with fields,
 * ERR_DUPLICATE, ERR_IN_USE, ERR_CONFLICT (somebody else is at it). */
bool provision_check(struct job *job, struct provision *p);

/* Checks, then does all steps. After a failure in a step the entry stays "provisioning" and the
 * same again goes on. */
bool provision_run(struct job *job, struct provision *p);

/* claim.c: takes a stored entry that is provisioning over from a run that has died or is silent for
 * a minute; ERR_CONFLICT when it still works. */
bool provision_take(struct job *job, struct provision *p, const bson_t *doc);
/* The member of a new entry that says who works on it. */
void provision_claim(struct provision *p, bson_t *more);
/* Lets go of it, after a failure. */
void provision_let_go(struct job *job, const struct provision *p);
/* Matches the entry as long as it is ours. */
void provision_filter(const struct provision *p, bson_t *filter);

#endif
