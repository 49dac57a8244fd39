/* Helpers of tests that need a MongoDB server (ERP_TEST_MONGO_URL, a replica set), and a way to
 * make it misbehave without touching it: a forwarder in a process of its own, which breaks
 * connections at chosen commands, freezes, dies and comes back. */
#ifndef ERP_TEST_LIVE_H
#define ERP_TEST_LIVE_H

#include "base.h"
#include "core/board.h"
#include "db/scope.h"

/* Run first in main: -1 when there is a server, else what main returns. Without a server the test
 * is skipped in so many words, and fails when ERP_TEST_REQUIRE_LIVE=1. */
int live_missing(void);

/* The server's URL, and one through a forwarder. Static memory, overwritten by the next call of
 * the same function. */
const char *live_url(void);

struct proxy;

/* Before the first use of the driver in this process. Ends the test program on failure. */
struct proxy *proxy_start(void);
void proxy_stop(struct proxy *proxy);
const char *proxy_url(const struct proxy *proxy); /* owned by the proxy */

void proxy_kill(struct proxy *proxy);   /* open connections break, new ones are refused */
void proxy_revive(struct proxy *proxy); /* after a kill, on the same port */
void proxy_freeze(struct proxy *proxy); /* connections open but nothing answers */
void proxy_thaw(struct proxy *proxy);

/* Breaks the connections of the next `times` messages to the server that contain `text`: before
 * the server sees them, or after it but before its reply comes back. */
void proxy_break(struct proxy *proxy, const char *text, int times, bool after);

/* A board in a temporary file, claimed. */
struct board *live_board(void);
void live_board_end(struct board *board);

#endif
