/* The watcher: follows the changes of the registry and the users, and bumps the board's epochs, so
 * that the workers of this host read anew what others changed.
 *
 * The heartbeat beats only while both streams are open and were read to their end within two
 * seconds. Their places are kept in a file and every bump precedes the place behind it, so that
 * nothing is left out however the process ends; what cannot be told apart, or may have been missed,
 * drops everything cached.
 */
#ifndef ERP_TENANT_WATCH_H
#define ERP_TENANT_WATCH_H

#include "core/board.h"
#include "core/conf.h"
#include "tenant/clients.h"

struct watch;

struct watch_counts {
    uint64_t events; /* read */
    uint64_t drops;  /* times that everything was dropped */
};

/* Reads the places from `state_path`, if they are of these collections; opens nothing yet. All
 * arguments are borrowed. */
struct watch *watch_new(const struct conf *conf, struct board *board, struct clients *clients,
                        const char *state_path);
/* Stores the places a last time. */
void watch_free(struct watch *watch);

/* One look at both streams, which waits a fraction of a second for something to happen; longer only
 * when a server fails, which is tried again at a later turn. False: not both streams are open, and
 * the caller should pause. */
bool watch_turn(struct watch *watch);

struct watch_counts watch_counts(const struct watch *watch);

#endif
