/* The proof that what is removed at the end of a migration is what was carried over.
 *
 * At the switch both sides are the same, and from then on the service writes nothing at the source
 * (tenant/hold.h). So right after it counts and hashes of the source are noted; when they are still
 * the same at the end, nobody has written there by other ways, and nothing that is removed is
 * missing at the target. What was written by other ways between the two is found in the source's
 * change stream, and its collection noted (m->late). Collections whose documents expire by
 * themselves are left out.
 */
#ifndef ERP_PLATFORM_MIGRATE_PROOF_H
#define ERP_PLATFORM_MIGRATE_PROOF_H

#include "platform/migrate_state.h"

/* Notes it, once. Reads the source as a whole. */
bool migrate_note_source(const struct job *job, struct migration *m);

/* Is the source as it was noted? *what is a collection that is not, in the arena; NULL: all are. */
bool migrate_source_same(const struct job *job, const struct migration *m, const char **what);

#endif
