/* The file that keeps the places of the watcher's streams over its end. Used by tenant/watch.c.
 *
 * A place is good for the very collection that it was taken from: it is stored with the cluster and
 * the database, and read only for the same ones. The file is replaced as a whole, and one that
 * cannot be read is the same as none.
 */
#ifndef ERP_TENANT_WATCH_STATE_H
#define ERP_TENANT_WATCH_STATE_H

#include "tenant/stream.h"

enum { WATCH_REGISTRY, WATCH_USERS, WATCH_STREAMS };

struct watch_state {
    const char *names[WATCH_STREAMS]; /* borrowed */
    char sources[WATCH_STREAMS][96];
    bool unwritable; /* said so in the log */
};

/* Says where stream `i` reads. `name` is borrowed. */
void watch_state_source(struct watch_state *state, size_t i, const char *name, uint64_t cluster,
                        const char *db_name);

/* Gives the streams the places that the file has for them. A file that is there and of no use is
 * logged. */
void watch_state_load(const struct watch_state *state, const char *path,
                      struct stream *const streams[static WATCH_STREAMS]);

/* Stores the places. A failure is logged once, and costs no more than a start from anew. */
void watch_state_save(struct watch_state *state, const char *path,
                      struct stream *const streams[static WATCH_STREAMS]);

#endif
