/* Memory of one request: allocate freely, free nothing, reset once.
 *
 * Blocks are kept between requests up to a small reserve, so that a warm worker does not call
 * malloc for an ordinary request. Out of memory aborts: the supervisor restarts the worker.
 */
#ifndef ERP_CORE_ARENA_H
#define ERP_CORE_ARENA_H

#include "base.h"

struct arena;

/* A new arena, owned by the caller; `limit` is the most bytes that live in it at once: passing
 * it is a bug of ours (input is limited before it gets here) and aborts. */
struct arena *arena_new(size_t limit);

/* Runs the deferred calls, newest first, then frees everything. NULL is accepted. */
void arena_free(struct arena *arena);

/* Runs the deferred calls, newest first, and makes the memory available again. */
void arena_reset(struct arena *arena);

/* `size` zeroed bytes, aligned for any type, valid until the next reset. Never NULL. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((malloc, returns_nonnull));

/* Copies; the result is NUL-terminated. arena_strdup(NULL) is NULL. */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t len);
char *arena_printf(struct arena *arena, const char *fmt, ...) ERP_PRINTF(2, 3);

/* Calls `fn(data)` at reset: how bson, cursors and tokens die with the request. */
void arena_defer(struct arena *arena, void (*fn)(void *data), void *data);

/* Bytes handed out since the last reset. */
size_t arena_used(const struct arena *arena);

#endif
