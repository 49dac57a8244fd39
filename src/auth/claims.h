/* The payload of a token: claims as JSON and back. For token.c alone. */
#ifndef ERP_AUTH_CLAIMS_H
#define ERP_AUTH_CLAIMS_H

#include <jansson.h>
#include "auth/token.h"

/* Appends the payload as JSON text. */
void claims_write(struct str *s, const struct claims *claims);

/* Reads a payload into the arena; false, with a word for the log in *why, when a claim is missing,
 * of a wrong type, or contradicts another. */
bool claims_read(const json_t *payload, struct arena *arena, struct claims *claims,
                 const char **why);

#endif
