/* Carries what changes at the source of a copy over to its target, from a change stream.
 *
 * Begin with a place taken before the copy: then nothing is missed, and what comes twice is the
 * same again. Remembers which documents it touched, so that a comparison of everything needs to be
 * repeated only for them.
 */
#ifndef ERP_PLATFORM_COPY_FOLLOW_H
#define ERP_PLATFORM_COPY_FOLLOW_H

#include "platform/copy.h"

struct copy_follow;

/* `place` NULL: from now on. `job` and `pair` are borrowed. */
struct copy_follow *copy_follow_new(const struct job *job, const struct copy_pair *pair,
                                    const bson_t *place);
void copy_follow_free(struct copy_follow *follow);

/* ERR_STATE when the place is lost: the copy has to begin again. */
bool copy_follow_open(struct copy_follow *follow);
const bson_t *copy_follow_place(const struct copy_follow *follow); /* borrowed */

/* Writes a mark into the source and carries over everything up to it. */
bool copy_follow_catch_up(struct copy_follow *follow);

/* Only looks at what was written up to now (removals aside), and carries nothing over. *collection
 * is one that was written to, of the arena of `job`; NULL: none was. */
bool copy_follow_look(struct copy_follow *follow, const char **collection);

/* The documents touched since the last call that found them the same. *differ: how many are not
 * the same on both sides; those stay on the list. */
void copy_follow_touch(void *follow, const char *collection, const bson_t *key);
bool copy_follow_check(struct copy_follow *follow, size_t *differ);
size_t copy_follow_touched(const struct copy_follow *follow);

#endif
