/* Claims, by whoever holds the code of a warranty: there is no account behind them, so the record
 * must hold the very code, and everything has a limit. The request has entered the business
 * (trade/warranty_token.h); each function but the second is one transaction. */
#ifndef ERP_TRADE_WARRANTY_CLAIM_H
#define ERP_TRADE_WARRANTY_CLAIM_H

#include "trade/warranty.h"

struct warranty_claim {
    const char *token, *issue;
    const bson_t *body; /* the checked members of ClaimCreate */
};

/* Reads and checks a body of the form ClaimCreate: ERR_VALIDATION. Asks no database. */
bool warranty_claim_read(struct req *req, struct warranty_claim *claim);

/* The record that a code is of: ERR_NOT_FOUND, ERR_FORBIDDEN. One round trip. */
bool warranty_of_token(struct req *req, const char *text, const char *id, const bson_t **record);

/* Claims a warranty that is active or expired: it becomes `claimed`, or `under_inspection` when it
 * ended more than WARRANTY_GRACE_MS ago. ERR_NOT_FOUND, ERR_FORBIDDEN, ERR_STATE; ERR_VALIDATION
 * for pictures that were not uploaded for it. */
bool warranty_claim(struct req *req, struct scope *scope, const struct warranty_claim *claim,
                    const char *id, const bson_t **record, struct err *err);

struct warranty_image {
    const char *name, *url; /* of the stored file */
    int64_t size;
};

/* Adds a stored picture: ERR_TOO_MANY beyond WARRANTY_IMAGES, ERR_STATE when it is decided. */
bool warranty_image(struct req *req, struct scope *scope, const char *token, const char *id,
                    const struct warranty_image *image, struct err *err);

#endif
