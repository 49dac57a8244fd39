/* One change stream of one collection that knows its place.
 *
 * The place (resume token) is copied after every event, so a stream that breaks goes on where it
 * was, however often. A server that does not answer is told apart from a place that is gone: after
 * the first nothing was missed, after the second anything may have been.
 */
#ifndef ERP_TENANT_STREAM_H
#define ERP_TENANT_STREAM_H

#include "tenant/clients.h"

enum stream_result {
    STREAM_EVENT,   /* one event */
    STREAM_DRAINED, /* nothing more, after having waited for some */
    STREAM_AWAY,    /* closed: the server does not answer; the place is kept */
    STREAM_LOST     /* closed: what happened since the last event cannot be had any more */
};

struct stream;

/* Closed, without a place. `collection` NULL: the whole database. `name` is for the log; all text
 * and `pipeline` (stages as an array document, which must leave the events their _id) are borrowed.
 * Opened, it waits `wait_ms` at most for events. */
struct stream *stream_new(struct clients *clients, const char *name, const char *uri,
                          const char *db_name, const char *collection, const bson_t *pipeline,
                          int32_t wait_ms);
void stream_free(struct stream *stream);

bool stream_is_open(const struct stream *stream);

/* The place, borrowed until the next call; NULL: none, the next opening begins with now. */
const bson_t *stream_place(const struct stream *stream);
void stream_set_place(struct stream *stream, const bson_t *place); /* copied */

/* Opens a closed stream at its place, or at now. STREAM_DRAINED is success. STREAM_LOST means that
 * the place was no good: it is forgotten, and the stream is closed still. */
enum stream_result stream_open(struct stream *stream);

/* The next event of an open stream, borrowed until the next call. */
enum stream_result stream_next(struct stream *stream, const bson_t **event);

/* The collection was dropped or renamed: closes the stream and forgets the place. */
void stream_abandon(struct stream *stream);

#endif
