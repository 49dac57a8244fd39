/* Secrets of registry entries at rest: text sealed for one field of one tenant.
 *
 * The stored form is "sealed:1:<key id>:<base64url(nonce | ciphertext)>", XChaCha20-Poly1305 with
 * the slug, the field and the key id as associated data: what is copied to another tenant or field
 * does not open. Keys come from ERP_SEAL_KEY, newest first: the first seals, all of them open. The
 * key that SECRET_KEY gives stands last, so it seals as long as there is no other. Opens nothing
 * without a key, and never gives back text that did not authenticate.
 */
#ifndef ERP_TENANT_SEAL_H
#define ERP_TENANT_SEAL_H

#include "core/conf.h"
#include "core/err.h"

#define SEAL_ID_SIZE 9 /* of a key: 8 hex digits of its SHA-256, and a NUL */

/* Whether stored text claims to be sealed, soundly or not. */
bool seal_is_sealed(const char *text);

/* The id of the key that seals now. False when there is no key at all. */
bool seal_newest_id(const struct conf *conf, char id[static SEAL_ID_SIZE]);

/* The id of the key that sealed this text. False when the text is not of the form above. */
bool seal_id_of(const char *text, char id[static SEAL_ID_SIZE]);

/* The sealed form, malloc'd; the caller frees it. NULL when there is no key at all. */
char *seal_close(const struct conf *conf, const char *slug, const char *field, const char *text);

/* The text that was sealed, malloc'd; the caller wipes and frees it. NULL, and
 * ERR_DB_NOT_CONFIGURED, when its key is not here or it does not open; logged with slug and key
 * id. */
char *seal_open(const struct conf *conf, const char *slug, const char *field, const char *sealed,
                struct err *err);

#endif
