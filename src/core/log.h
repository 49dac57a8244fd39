/* The log: one line an event on standard error, logfmt (key=value), read by the journal.
 *
 * Values are quoted and escaped, so a line cannot be forged. Secrets never come here: no token,
 * no password, no URI; log_uri_host() names a server without its credentials.
 */
#ifndef ERP_CORE_LOG_H
#define ERP_CORE_LOG_H

#include "base.h"

enum log_level { LOG_LVL_DEBUG, LOG_LVL_INFO, LOG_LVL_WARN, LOG_LVL_ERROR };

void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/* From now on everything is logged, and lines of level debug carry the request's id, which is
 * borrowed until NULL ends it. */
void log_verbose(const char *request_id);
bool log_level_parse(const char *text, enum log_level *out);

/* Emits `level=… event=… key=value …`: pairs of `const char *`, ended by NULL. A NULL value
 * leaves its pair out. */
void log_event(enum log_level level, const char *event, ...) __attribute__((sentinel));

/* The host list of a MongoDB URI without user, password and options, in `out`. */
void log_uri_host(char *out, size_t cap, const char *uri);

#endif
