/* Members of a body that are read one by one, and passwords in it. */
#ifndef ERP_ACTIONS_BODY_H
#define ERP_ACTIONS_BODY_H

#include "http/req.h"

/* A text member of the body; NULL with a field error when it is absent, no text or too long. */
const char *body_text(struct req *req, const char *name, size_t max, size_t *len);

/* Why something is done: "reason" in the query, as earlier clients have it, or in the body; NULL
 * when it is not said. At most 500 characters. */
bool body_reason(struct req *req, const char **reason);

/* Passwords leave no copy behind in memory that is used again: wipes the bytes of the body now, the
 * member when the request ends. */
void body_wipe(struct req *req, const char *name);

/* Takes a password out of the body, which may then be handed to those who copy it: a text of no
 * meaning stands in its place. NULL when there is none; with a field error when it is no text. */
const char *body_password(struct req *req, const char *name, size_t *len);

#endif
