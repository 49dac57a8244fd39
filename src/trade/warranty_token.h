/* What stands in the code on a customer's receipt: a text that names one warranty of one business.
 *
 * base64url(JSON {guid, tenant_slug, tenant_id, warranty_id, issued_at}) "." base64url(HMAC-SHA-256
 * of the first part). The key is derived from SECRET_KEY by a label that holds the business's
 * tenant_id, so what is signed for one is worth nothing for another. It never expires, and is valid
 * only while the record holds this very text.
 */
#ifndef ERP_TRADE_WARRANTY_TOKEN_H
#define ERP_TRADE_WARRANTY_TOKEN_H

#include "http/req.h"

#define WARRANTY_TOKEN_MAX 1024 /* bytes; ours have about 400 */

/* A fresh one for a warranty of the request's business, arena-owned. */
const char *warranty_token_make(const struct req *req, const char *warranty_id);

struct warranty_token {
    char tenant_slug[SLUG_MAX + 1];
    char tenant_id[64], warranty_id[64];
};

/* Reads one whose signature holds: ERR_FORBIDDEN for any other text. */
bool warranty_token_open(const struct conf *conf, const char *text, struct warranty_token *token,
                         struct err *err);

/* Opens it and enters its business, as a signed-in user's request does (http/gate.h): afterwards
 * the request has that tenant and scope, and no principal. */
bool warranty_token_enter(struct req *req, const char *text, struct warranty_token *token);

#endif
