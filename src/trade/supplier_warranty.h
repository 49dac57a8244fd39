/* What a supplier answers for of the things that were bought of him.
 *
 * They begin on a day that is said, or else with the purchase, and end after calendar months where
 * the business is. "expired" is not stored: an active one after its end is shown so. Round trips:
 * to make one 7 (purchase with the term, counter, record, purchase, two audit entries, commit), to
 * claim 4.
 */
#ifndef ERP_TRADE_SUPPLIER_WARRANTY_H
#define ERP_TRADE_SUPPLIER_WARRANTY_H

#include "engine/lapse.h"
#include "engine/state.h"
#include "http/req.h"

#define SUPPLIER_WARRANTIES     "supplier_warranties"
#define SUPPLIER_WARRANTIES_MAX 500 /* of one purchase */

extern const struct states supplier_warranty_states;
extern const struct lapse supplier_warranty_lapse;
extern const char *const supplier_warranty_status_names[]; /* then a NULL */

/* Before any transaction below: indexes; nothing after the first time. */
bool supplier_warranty_prepare(struct req *req);

/* Makes one for the purchase of the request's path, of the checked members `in` of
 * SupplierWarrantyCreate, in the caller's transaction. ERR_NOT_FOUND; ERR_VALIDATION for a product
 * that the purchase does not have; ERR_CONFLICT beyond SUPPLIER_WARRANTIES_MAX. */
bool supplier_warranty_make(struct req *req, struct scope *scope, const bson_t *in,
                            const bson_t **record, struct err *err);

/* Notes that it was claimed of the supplier, with the checked members `in` of SupplierClaim.
 * ERR_NOT_FOUND; ERR_STATE when it was. */
bool supplier_warranty_claim(struct req *req, struct scope *scope, const bson_t *in,
                             const bson_t **record, struct err *err);

#endif
